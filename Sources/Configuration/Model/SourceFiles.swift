/// The files of one load. A `SourceLocation` counts them.
package struct SourceFiles: Sendable, Equatable {
    /// gateway.yaml's index: it comes first.
    static let gatewayFile: UInt32 = 0

    /// As given to people: the folder's path and the file's name.
    package let names: [String]

    package init(names: [String]) { self.names = names }

    /// `file:line:column`, ready for an editor to jump to.
    package func describe(_ location: SourceLocation) -> String {
        "\(name(of: location)):\(location.line):\(location.column)"
    }

    /// `file:line:column`, or `built in`.
    package func describe(_ origin: Origin) -> String {
        switch origin {
        case .builtIn: "built in"
        case .file(let location): describe(location)
        }
    }

    package func name(of location: SourceLocation) -> String {
        let index = Int(location.file)
        return index < names.count ? names[index] : "?"
    }
}
