/// The floors of the house, as Package.swift declares them.
struct LayerTable {
    struct Target {
        let floor: Int
        let dependencies: [String]
    }

    /// Targets of Sources/ by name.
    private(set) var targets: [String: Target] = [:]

    /// Reads the manifest's own form: a `// Floor N` comment above `floor("Name", [...])`, `.systemLibrary(name:)` and
    /// `.executableTarget(name:dependencies:)`.
    init(manifest: String) {
        var floor = 0
        // The table begins where the manifest's `targets:` does; above are only its helper functions.
        guard let start = manifest.firstRange(of: "targets: [")?.upperBound else { return }
        var rest = manifest[start...]
        let entry =
            #/// Floor (?<floor>\d+)|(?:floor\(\s*|\.systemLibrary\(\s*name: |\.executableTarget\(\s*name: )"(?<name>\w+)"/#
        while let match = rest.firstMatch(of: entry) {
            rest = rest[match.range.upperBound...]
            if let number = match.output.floor {
                floor = Int(number) ?? floor
            } else if let name = match.output.name {
                let isLibrary = match.output.0.hasPrefix(".systemLibrary")
                targets[String(name)] = Target(floor: floor, dependencies: isLibrary ? [] : Self.list(rest))
            }
        }
    }

    /// The strings of the list that directly follows the target's name.
    private static func list(_ text: Substring) -> [String] {
        guard let list = text.prefixMatch(of: #/\s*,\s*(?:dependencies:\s*)?\[(?<names>[^\]]*)\]/#) else { return [] }
        return list.output.names.matches(of: #/"(\w+)"/#).map { String($0.output.1) }
    }
}
