import Configuration
import Proxy

/// All routes by rank, best first, in the words of the configuration: for `/routes` and `portcullis routes`.
package struct RouteListing {
    /// One route.
    package struct Row {
        package let identity: String
        package let listeners: [String]
        package let hosts: [String]
        /// Empty for any.
        package let methods: [String]
        /// The template; a prefix says that it is one.
        package let path: String
        package let conditions: [String]
        package let action: String
        /// `file:line:column`.
        package let place: String
        /// How much the route matters, 1 most; nil when not given.
        package let tier: Int?
    }

    package let rows: [Row]
    private let digest: String

    package init(_ blueprint: Blueprint) {
        let configuration = blueprint.configuration
        digest = configuration.digest
        rows =
            Self.published(configuration)
            + blueprint.table.indicesInRankOrder.map { index in
                let route = blueprint.routes[index]
                return Row(
                    identity: route.identity,
                    listeners: route.match.listeners.map(\.value.name),
                    hosts: route.match.hosts.map { configuration.shown($0.value.description, $0.origin) },
                    methods: route.match.methods.map(\.value),
                    path: configuration.shown(route.match.pathText, route.match.path.origin),
                    conditions: route.match.conditionTexts(in: configuration),
                    action: ActionText(route.action, configuration).text,
                    place: configuration.files.describe(route.location),
                    tier: route.tier?.value)
            }
    }

    /// The paths of the gateway's keys, which come before all routes.
    private static func published(_ configuration: GatewayConfiguration) -> [Row] {
        guard let tokens = configuration.internalTokens, let publication = tokens.publication else { return [] }
        return KeyDocument.allCases.map { document in
            let path = publication.path(of: document)
            return Row(
                identity: document.identity, listeners: publication.listeners.map(\.value.name), hosts: ["*"],
                methods: ["GET"], path: configuration.shown(path.value, path.origin), conditions: [],
                action: document.action, place: configuration.files.describe(path.origin.location ?? tokens.location),
                tier: nil)
        }
    }

    package var json: JSONOutput {
        [
            "digest": .string(digest),
            "routes": .array(
                rows.map { row in
                    var members: [(String, JSONOutput)] = [
                        ("route", .string(row.identity)), ("listeners", .strings(row.listeners)),
                        ("hosts", .strings(row.hosts)), ("methods", .strings(row.methods)),
                        ("path", .string(row.path)), ("conditions", .strings(row.conditions)),
                        ("action", .string(row.action)), ("place", .string(row.place)),
                    ]
                    if let tier = row.tier { members.append(("tier", .integer(tier))) }
                    return .object(members)
                }),
        ]
    }
}

extension KeyDocument {
    fileprivate var action: String {
        switch self {
        case .keySet: "the gateway's keys as a JWK set"
        case .bundle: "the gateway's keys as a SPIFFE bundle"
        }
    }
}

extension RouteMatch {
    /// The template as written; a prefix says that it is one.
    package var pathText: String {
        path.value.isPrefix ? "\(path.value) (prefix)" : path.value.description
    }

    /// Conditions on headers, then on query parameters.
    package func conditionTexts(in configuration: GatewayConfiguration) -> [String] {
        headers.map { "header \($0.text(in: configuration))" } + query.map { "query \($0.text(in: configuration))" }
    }
}

extension FieldCondition {
    /// The condition without saying of what.
    package func text(in configuration: GatewayConfiguration) -> String {
        switch test {
        case .exact(let value): "\(name) = \(configuration.shown(value, .file(location)))"
        case .prefix(let value): "\(name) begins with \(configuration.shown(value, .file(location)))"
        case .present: "\(name) present"
        case .absent: "\(name) absent"
        }
    }
}

/// What a route does, on one line.
package struct ActionText {
    package let text: String

    package init(_ action: RouteAction, _ configuration: GatewayConfiguration) {
        switch action {
        case .proxy(let proxy):
            let sides = proxy.split?.sides.map { "\($0.upstreamName) \($0.weight.value)" }.joined(separator: ", ")
            text =
                (sides.map { "split \($0)" } ?? "upstream \(proxy.upstreamName)")
                + Self.rewrite(proxy.rewrite, configuration)
        case .redirect(let redirect):
            text = "redirect \(redirect.status.value) to \(Self.target(redirect.target, configuration))"
        case .respond(let response): text = "respond \(response.status.value)"
        }
    }

    private static func rewrite(_ rewrite: Rewrite, _ configuration: GatewayConfiguration) -> String {
        var text = ""
        switch rewrite.path.value {
        case .keep: break
        case .stripSegments(let count): text += ", \(count) path segment\(count == 1 ? "" : "s") stripped"
        case .replace(let template): text += ", path \(configuration.shown(template.description, rewrite.path.origin))"
        }
        if let host = rewrite.host { text += ", host \(configuration.shown(host.value, host.origin))" }
        return text
    }

    private static func target(_ target: RedirectTarget, _ configuration: GatewayConfiguration) -> String {
        switch target {
        case .location(let template):
            return configuration.shown(template.value.description, template.origin)
        case .parts(let scheme, let host, let port, let path):
            var parts: [String] = []
            if let scheme { parts.append("scheme \(scheme.value)") }
            if let host { parts.append("host \(configuration.shown(host.value, host.origin))") }
            if let port { parts.append("port \(port.value)") }
            if let path { parts.append("path \(configuration.shown(path.value.description, path.origin))") }
            return parts.joined(separator: ", ")
        }
    }
}

extension GatewayConfiguration {
    /// The text, or a mask when the value came out of the environment or a file.
    package func shown(_ text: String, _ origin: Origin) -> String {
        if let place = origin.location, secrets.contains(place) { return EffectiveConfiguration.mask }
        return text
    }
}
