/// The reference page of the configuration, made from the schema: `docs/reference/configuration.md`. A test holds the
/// file to it.
package enum ReferencePage {
    package static func markdown() -> String {
        var page = Page()
        page.text += introduction
        page.section("gateway.yaml", path: "", GatewaySections.root.description, level: 2)
        page.section("Domain files", path: "", RouteSections.domainFile.description, level: 2)
        return page.text
    }

    private static let introduction = """
        # Configuration reference

        Made from the schema that the loader itself uses; don't edit it by hand.

        A configuration is one folder. `gateway.yaml` belongs to the platform team; every other `*.yaml` or `*.yml` file
        belongs to one domain. Names that begin with a dot are passed over, links are followed (so a Kubernetes ConfigMap
        or Secret mount works as it is), other files are ignored. Each file holds one YAML document, at most
        \(SizeFormat.text(LoadingLimits().fileBytesMax)), nested at most \(LoadingLimits().depthMax) levels deep, without \
        tags and merge keys; keys are text, each once.
        Anchors and aliases work for whole values: at most \(LoadingLimits().anchorsMax) anchors, and aliases that stand \
        for at most \(LoadingLimits().aliasNodesMax) values.

        ## Values

        | Form | Examples | Meaning |
        |---|---|---|
        | duration | `250ms`, `10s`, `2m`, `1h` | a whole number with `us`, `ms`, `s`, `m` or `h` |
        | size | `512B`, `32KiB`, `10MiB` | a whole number with `B`, `KiB`, `MiB`, `GiB` or `TiB` |
        | truth value | `true`, `false` | nothing else |
        | network | `10.0.0.0/8`, `::1` | IPv4 or IPv6; an address alone is a network of one |
        | name | `read-account` | 1 to 63 lower-case letters, digits and hyphens |

        `${env:NAME}` stands for an environment variable, `${file:path}` for the text of a file, without its last line
        end. A path is relative to the configuration folder and may not hold `..`. In gateway.yaml it may be absolute too,
        and lead anywhere; what a domain file takes must lie in the folder, wherever links lead (all domain files can take
        what lies there, and every environment variable: neither keeps a secret of one team from another). A file may
        hold \(SizeFormat.text(LoadingLimits().referencedFileBytesMax)). Both work inside values (never in keys), are \
        replaced once, and are masked
        wherever the configuration is shown or an error is about it. Where the gateway connects to is no secret:
        addresses of targets stand in `/upstreams`, metrics and logs, wherever they came from. A missing variable or file
        is an error. `$${` stands for a plain `${`.

        Keys that name a file (`jwks_file`, `ca_file`, `keys`) take a path of the same form; the file may hold
        \(SizeFormat.text(LoadingLimits().keyFileBytesMax)). Its content is never shown, but counts as a part of the
        configuration: SIGHUP takes a changed key although no YAML file changed.

        A claim's name is split at its dots (`realm_access.roles` is `roles` within `realm_access`), at most
        \(ClaimText.namesMax) deep. A name with `://` in it is one name, dots and all. After a leading `/` it is a JSON
        Pointer (RFC 6901), which reaches any name: `/com.example~1roles/0`. Any other name with a colon and a dot has to
        be written so: `/urn:example:v1.role` is one name.

        What a route doesn't say comes from its upstream (time-outs), its domain's file, `defaults` in gateway.yaml, and
        the defaults below, in this order.


        """

    private struct Page {
        var text = ""

        mutating func section(_ title: String, path: String, _ section: SectionDescription, level: Int) {
            text += "\(String(repeating: "#", count: level)) \(title)\n\n\(section.doc)\n\n"
            let usable = section.keys.filter { !$0.isReserved }
            text += "| Key | Value | Default | Meaning |\n|---|---|---|---|\n"
            for key in usable {
                let fallback = key.isRequired ? "**required**" : key.defaultText.map { "`\($0)`" } ?? "–"
                text += "| `\(key.name)` | \(cell(key.type.cell)) | \(cell(fallback)) | \(cell(key.doc)) |\n"
            }
            text += "\n"
            let later = section.keys.filter { key in
                if case .text("reserved") = key.type { return true }
                return false
            }
            if !later.isEmpty {
                let names = later.map { "`\($0.name)`" }.joined(separator: ", ")
                text += "Reserved for later versions, an error for now: \(names).\n\n"
            }
            for key in usable {
                for (suffix, inner) in key.type.sections {
                    let place = (path.isEmpty ? "" : "\(path).") + key.name + suffix
                    self.section("`\(place)`", path: place, inner, level: min(level + 1, 3))
                }
            }
        }

        private func cell(_ text: String) -> String {
            text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
        }
    }
}

extension ValueType {
    /// What the type's column says.
    fileprivate var cell: String {
        switch self {
        case .section: "mapping, see below"
        case .map(_, .section): "mapping from names to mappings, see below"
        case .map(let key, let value): "mapping from \(key) to \(value.cell)"
        case .list(let element): "list of: \(element.cell)"
        case .either(let short, let long): "\(short.cell), or \(long.cell)"
        default: phrase
        }
    }

    /// The sections within, and how their path goes on after the key.
    fileprivate var sections: [(suffix: String, section: SectionDescription)] {
        switch self {
        case .section(let section): [("", section)]
        case .map(_, let value): value.sections.map { (".NAME" + $0.suffix, $0.section) }
        case .list(let element): element.sections.map { ("[]" + $0.suffix, $0.section) }
        case .either(let short, let long): short.sections + long.sections
        default: []
        }
    }
}
