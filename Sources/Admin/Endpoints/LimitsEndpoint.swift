import Base
import HTTP
import Linux
import Proxy

/// `/limits`: all rate limits and concurrency limits, with what shares them and what they said; with `?limit=IDENTITY`
/// one of them, and with `key=VALUE`, once for each part of its key, how that key stands.
final class LimitsEndpoint: LocalHandler {
    private let gateway: Gateway

    init(gateway: Gateway) { self.gateway = gateway }

    var grows: Bool { true }

    func respond(to request: LocalRequest) -> LocalAnswer {
        let question = LimitQuestion(request.query)
        let listing = LimitListing(
            gateway.rateLimits.tables, counts: gateway.registry.limitCounts, gateway.blueprint.configuration,
            concurrency: gateway.concurrencyReports.map { $0.json }, now: SystemClock.monotonic())
        guard let limit = question.limit else {
            if !question.key.isEmpty { return .json(Self.problem("a key is one of a limit: add limit="), status: 400) }
            return .json(listing.json)
        }
        guard let found = gateway.rateLimits.tables[limit] else {
            return .json(Self.problem("there is no such limit"), status: 404)
        }
        if question.key.isEmpty { return .json(listing.entry(found)) }
        let parts = found.definition.key.value.map(\.text)
        let problem = found.problem(with: question.key)
        guard problem == nil,
            let standing = gateway.rateLimits.standing(of: limit, key: question.key, now: SystemClock.monotonic())
        else { return .json(Self.problem(Self.text(problem, parts)), status: 400) }
        return .json(LimitListing.entry(standing, of: found, key: question.key))
    }

    private static func text(_ problem: LimitKeyProblem?, _ parts: [String]) -> String {
        switch problem {
        case .empty(let part): return "no request has an empty \(parts[part])"
        case .unknown(let part, let expected):
            let most = expected.prefix(10).joined(separator: ", ")
            return "the limit has no such \(parts[part]): it is \(most)\(expected.count > 10 ? ", ..." : "")"
        case .count, nil:
            return "the limit's key is \(parts.joined(separator: ", ")): give key= once for each of them"
        }
    }

    private static func problem(_ text: String) -> JSONOutput { ["error": .string(text)] }
}

/// What `/limits` is asked.
struct LimitQuestion {
    private(set) var limit: String?
    private(set) var key: [String] = []

    init(_ query: String) {
        query.withByteView { view in
            var pairs = QueryPairs(view)
            while let pair = pairs.next() {
                var value = IOBuffer()
                QueryPairs.appendDecoded(pair.value, to: &value)
                if pair.name == "limit" { limit = value.readable.string }
                if pair.name == "key" { key.append(value.readable.string) }
            }
        }
    }
}
