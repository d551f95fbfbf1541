import Configuration
import Routing

/// Says in the words and places of the configuration's files what the router found wrong with a set of routes.
struct RouteDiagnostics {
    /// All routes; the problems' indices are into these.
    let routes: [ConfiguredRoute]
    let files: SourceFiles

    func all(_ problems: [RouteProblem]) -> [Diagnostic] {
        // One pair of routes may meet on many hosts: once is enough to read.
        var seen = Set<Pair>()
        return problems.compactMap { problem in
            if case .conflict(let first, let second, _) = problem,
                !seen.insert(Pair(first: first, second: second)).inserted
            {
                return nil
            }
            return diagnostic(problem)
        }
    }

    /// Routes whose every request goes to the gateway's keys.
    func hidden(by publication: KeyPublication, in tokens: InternalTokens) -> [Diagnostic] {
        routes.compactMap { route in
            let path = route.match.path.value
            guard !path.isPrefix else { return nil }
            let documents = route.match.listeners.map {
                publication.document(at: path.description, listener: $0.value.index)
            }
            guard let first = documents.first, let document = first, documents.allSatisfy({ $0 == document }) else {
                return nil
            }
            let place = publication.path(of: document).origin.location ?? tokens.location
            return Diagnostic(
                .warning, at: route.location, path: self.path(route, ""),
                "the route can never be reached: `\(path)` shows the gateway's keys (`internal_tokens.publish`)",
                suggestion: "give the route another path, or publish the keys elsewhere",
                related: .init(location: place, note: "the keys' path"))
        }
    }

    private struct Pair: Hashable {
        let first: Int
        let second: Int
    }

    private func diagnostic(_ problem: RouteProblem) -> Diagnostic {
        let route = routes[problem.route]
        switch problem {
        case .conflict(let first, _, let host):
            let other = routes[first]
            return Diagnostic(
                .error, at: route.location, path: path(route, ".match"),
                "the routes `\(other.identity)` and `\(route.identity)` can match the same request on \(hostText(host))",
                expected: "of two routes that can match one request, one that is more specific",
                suggestion: "tell them apart by host, path, method, header or query",
                related: .init(location: other.location, note: "the route `\(other.identity)`"))
        case .unreachable(_, let shadows): return unreachable(route, shadows.map { routes[$0] })
        case .repeatedCondition(_, let name):
            return Diagnostic(
                .error, at: route.match.location, path: path(route, ".match"), "two conditions for `\(name)`",
                expected: "one condition for each name")
        case .tooManyConditions:
            return Diagnostic(
                .error, at: route.match.location, path: path(route, ".match"), "too many conditions",
                expected: "at most \(RouteTable.conditionLimit) conditions on headers and query together")
        case .conditionTooLong(_, let name):
            return Diagnostic(
                .error, at: route.match.location, path: path(route, ".match"),
                "the condition for `\(name)` is too long",
                expected: "names and values of at most \(RouteTable.textLimit) bytes")
        case .tooManyMethods:
            return Diagnostic(
                .error, at: route.match.location, path: path(route, ".match.methods"),
                "all routes together name too many methods beyond the standard ones",
                expected: "at most \(RouteTable.extensionMethodLimit) different ones")
        }
    }

    private func unreachable(_ route: ConfiguredRoute, _ shadows: [ConfiguredRoute]) -> Diagnostic {
        let named = shadows.prefix(3).map { "`\($0.identity)` (\(files.describe($0.location)))" }
        let more = shadows.count > 3 ? " and \(shadows.count - 3) more" : ""
        return Diagnostic(
            .warning, at: route.location, path: path(route, ""),
            "the route can never be reached: everything that it matches goes to \(named.joined(separator: ", "))\(more)",
            suggestion: "remove it, or make it more specific than the other",
            related: shadows.first.map { .init(location: $0.location, note: "the route `\($0.identity)`") })
    }

    private func path(_ route: ConfiguredRoute, _ rest: String) -> String { "routes.\(route.name)\(rest)" }

    private func hostText(_ host: Routing.HostPattern) -> String {
        switch host {
        case .exact(let name): "host `\(name)`"
        case .wildcard(let suffix): "hosts `*.\(suffix)`"
        case .any: "any host"
        }
    }
}
