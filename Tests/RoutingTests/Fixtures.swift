import Base
import HTTP
import Routing

/// A request as tests write it.
struct Sample: Sendable, CustomStringConvertible {
    var method = "GET"
    var host = "a.example.com"
    var path = "/"
    var query = ""
    var headers: [(String, String)] = []
    var listener = 0

    var description: String { "\(method) \(host)\(path)?\(query) \(headers) on \(listener)" }
}

/// A match with its captures as text.
struct Matched: Equatable {
    var outcome: RouteMatch.Outcome
    var captures: [String] = []
}

extension Sample {
    func with<Result>(_ body: (RouteRequest, borrowing HeaderList) -> Result) -> Result {
        var fields = HeaderList()
        for (name, value) in headers {
            name.withByteView { name in value.withByteView { fields.append(name: name, value: $0) } }
        }
        return host.withByteView { host in
            path.withByteView { path in
                query.withByteView { query in
                    method.withByteView { token in
                        let request = RouteRequest(
                            listener: listener, host: host, path: path, method: Method(token: token),
                            methodToken: token, query: query)
                        return body(request, fields)
                    }
                }
            }
        }
    }
}

extension RouteTable {
    func match(_ sample: Sample) -> Matched {
        sample.with { request, fields in
            let match = RouteMatch()
            self.match(request, fields: fields, into: match)
            let captures = (0..<match.captureCount).map { match.capture($0, in: request.path).string }
            return Matched(outcome: match.outcome, captures: captures)
        }
    }

    /// The id of the route that a request gets, or what happens instead.
    func answer(_ sample: Sample) -> String {
        switch match(sample).outcome {
        case .route(let index): return definitions[index].id
        case .notFound: return "404"
        case .misdirected: return "421"
        case .methodNotAllowed(let methods):
            var buffer = IOBuffer()
            appendAllow(methods, to: &buffer)
            return "405 " + buffer.readable.string
        }
    }
}

/// A route in one line: `METHOD,… host path`, with `*` for all methods and for any host; `path/...` for a prefix.
func route(
    _ text: String, headers: [RouteCondition] = [], queries: [RouteCondition] = [], listeners: UInt64 = 1
) throws -> RouteDefinition {
    let parts = text.split(separator: " ").map(String.init)
    let isPrefix = parts[2].hasSuffix("/...")
    let path =
        isPrefix
        ? try PathPattern(prefix: parts[2] == "/..." ? "/" : String(parts[2].dropLast(4)))
        : try PathPattern(template: parts[2])
    return RouteDefinition(
        id: text, place: 0, listeners: listeners,
        hosts: try parts[1] == "*" ? [] : parts[1].split(separator: ",").map { try HostPattern(text: String($0)) },
        path: path, methods: parts[0] == "*" ? [] : parts[0].split(separator: ",").map(String.init), headers: headers,
        queries: queries)
}
