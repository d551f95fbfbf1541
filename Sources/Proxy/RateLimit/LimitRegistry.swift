import Base
import Configuration
import Linux
import Traffic

/// A rate limit of the configuration that is served: its definition, who uses it, and its buckets.
package struct LimitTable: Sendable {
    package let definition: RateLimitDefinition
    /// `domain/route` of every route that has it, in the configuration's order.
    package let routes: [String]
    package let table: BucketTable
}

/// The buckets of all rate limits, which outlive configurations. On the control thread only; loops get the tables.
///
/// A limit is found again by its identity, the names on the way to where it is defined. As long as it counts by the same
/// key, it keeps its buckets: as they are, or, when its law changes, each as full in proportion. Requests that still run
/// by the old configuration charge the new buckets from the moment when they take over, so that no request is counted in
/// neither.
package final class LimitRegistry {
    /// Hashes the keys of all limits, the same way for the life of the process.
    let hash: KeyedHash
    /// What is served now, by identity.
    package private(set) var tables: [String: LimitTable] = [:]
    private let start: MonotonicTime

    init(hash: KeyedHash, start: MonotonicTime) {
        self.hash = hash
        self.start = start
    }

    /// The tables for a configuration: those that are kept, and new ones, still empty.
    func prepare(_ configuration: GatewayConfiguration) -> [String: LimitTable] {
        var uses: [String: (definition: RateLimitDefinition, routes: [String])] = [:]
        for domain in configuration.domains {
            for route in domain.routes {
                for limit in route.plugins.rateLimit?.limits ?? [] {
                    uses[limit.definition.identity, default: (limit.definition, [])].routes.append(route.identity)
                }
            }
        }
        return uses.mapValues { use in
            LimitTable(
                definition: use.definition, routes: use.routes,
                table: table(use.definition, capacity: use.definition.capacity(routeCount: use.routes.count)))
        }
    }

    private func table(_ definition: RateLimitDefinition, capacity: Int) -> BucketTable {
        let law = definition.law
        if let kept = tables[definition.identity], kept.definition.countsAs(definition), kept.table.law == law,
            kept.table.capacity == capacity
        {
            return kept.table
        }
        var size = capacity
        while true {
            if let table = BucketTable(law: law, capacity: size, start: start) { return table }
            // Less memory than asked for makes a limit stricter for some, never laxer.
            precondition(size > 1, "there is memory for one bucket")
            size /= 2
        }
    }

    /// Serves by `new` from now on; to be called before any loop does.
    func commit(_ new: [String: LimitTable], now: MonotonicTime) {
        for (identity, old) in tables {
            guard let successor = new[identity], old.definition.countsAs(successor.definition) else { continue }
            old.table.hand(over: successor.table, now: now)
        }
        tables = new
    }
}

extension RateLimitDefinition {
    /// The configuration has seen to it that there is one.
    var law: TokenBucketLaw {
        let period = TimeAmount.seconds(Int64(rate.value.period.seconds))
        guard let law = TokenBucketLaw(count: rate.value.count, period: period, burst: burst.value) else {
            preconditionFailure("check lets in only rates and bursts that make a law")
        }
        return law
    }

    /// Whether the keys of both are the same for every request.
    func countsAs(_ other: RateLimitDefinition) -> Bool { key == other.key && ipv6Prefix == other.ipv6Prefix }

    /// Keys that a table has to have room for: what the configuration alone decides can't be more than its routes.
    func capacity(routeCount: Int) -> Int {
        if key.value == [.gateway] { return 1 }
        return key.value.allSatisfy(\.isFixed) ? min(max(routeCount, 1), keysMax.value) : keysMax.value
    }
}
