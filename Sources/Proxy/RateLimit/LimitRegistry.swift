import Base
import Configuration
import Plugins
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
/// A limit is found again by its identity, the names on the way to where it is defined. As long as it counts by the
/// same key, it keeps its buckets: as they are, or, when its law changes, each as full in proportion. Requests that
/// still run by the old configuration charge the new buckets from the moment when they take over, so that no request is
/// counted in neither.
package final class LimitRegistry {
    /// Hashes the keys of all limits, the same way for the life of the process.
    let hash: KeyedHash
    /// What is served now, by identity.
    package private(set) var tables: [String: LimitTable] = [:]
    private let start: MonotonicTime

    /// - Parameters:
    ///   - hash: with a key that nobody can guess.
    ///   - start: no later than any request.
    package init(hash: KeyedHash, start: MonotonicTime) {
        self.hash = hash
        self.start = start
    }

    /// The tables for a configuration: those that are kept, and new ones, still empty.
    package func prepare(_ configuration: GatewayConfiguration) -> [String: LimitTable] {
        var uses: [String: (definition: RateLimitDefinition, routes: [String])] = [:]
        for domain in configuration.domains {
            for route in domain.routes where route.hasPlugins {
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

    /// How one key of a limit stands now, by the process's own buckets. Nil when there is no such limit, or the texts
    /// are no key of it; a key that nobody has used lately has a full bucket.
    /// - Parameter key: a text for each part of the limit's key, in its order; those that are fixed by the
    ///   configuration included.
    package func standing(of identity: String, key: [String], now: MonotonicTime) -> LimitStanding? {
        guard let limit = tables[identity], let hashed = limit.definition.hashedKey(hash).hash(of: key) else {
            return nil
        }
        let law = limit.table.law
        let found = limit.table.buckets.standing(of: hashed, now: now)
        return LimitStanding(
            remaining: found?.remaining ?? law.burst, timeToFull: found?.timeToFull ?? .zero,
            // A bucket that has filled up again is as good as none.
            isInUse: (found?.timeToFull ?? .zero) > .zero)
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
    package func commit(_ new: [String: LimitTable], now: MonotonicTime) {
        for (identity, old) in tables {
            guard let successor = new[identity], old.definition.countsAs(successor.definition) else { continue }
            old.table.hand(over: successor.table, now: now)
        }
        tables = new
    }
}

/// How one key of a limit stands.
package struct LimitStanding: Sendable, Equatable {
    package let remaining: Int
    package let timeToFull: TimeAmount
    /// Whether the key has a bucket of its own that isn't full.
    package let isInUse: Bool
}

/// Why texts are no key of a limit.
package enum LimitKeyProblem: Equatable, Sendable {
    /// There are not as many as the key has parts.
    case count
    /// No request has the one at this place.
    case empty(part: Int)
    /// The one at this place is none of those that the configuration gives to it.
    case unknown(part: Int, expected: [String])
}

extension LimitTable {
    /// What is wrong with a key as people write it; nil for a key that requests may have.
    package func problem(with key: [String]) -> LimitKeyProblem? {
        guard key.count == definition.key.value.count else { return .count }
        for (index, part) in definition.key.value.enumerated() {
            var expected: [String]?
            switch part {
            case .gateway: expected = ["gateway"]
            case .route: expected = routes
            case .domain: expected = Array(Set(routes.compactMap { $0.split(separator: "/").first.map(String.init) }))
            case .clientAddress, .spiffeID, .tenant, .claim, .header, .pathParameter: break
            }
            if let expected, !expected.contains(key[index]) {
                return .unknown(part: index, expected: expected.sorted())
            }
            if key[index].isEmpty { return .empty(part: index) }
        }
        return nil
    }
}

extension RateLimitDefinition {
    /// What a key's hash is made from, given its texts.
    fileprivate func hashedKey(_ hash: KeyedHash) -> RateLimitKey {
        let parts = key.value.map { part -> RateLimitKey.Part in
            if case .clientAddress = part { return .client(ipv6Prefix: ipv6Prefix.value) }
            return .fixed(ByteView())
        }
        return RateLimitKey(parts, missing: .refuse, hash: hash)
    }

    /// The configuration has seen to it that there is one.
    var law: TokenBucketLaw {
        let period = TimeAmount.seconds(Int64(rate.value.period.seconds))
        guard let law = TokenBucketLaw(count: rate.value.count, period: period, burst: burst.value) else {
            preconditionFailure("check lets in only rates and bursts that make a law")
        }
        return law
    }

    /// Whether a bucket of the one has counted what the other's of the same hash will count. With another
    /// `ipv6_prefix` that of a network goes on for the other network that begins with it, and those of all other
    /// networks begin full: keys without an IPv6 address are what they were.
    func countsAs(_ other: RateLimitDefinition) -> Bool { key == other.key }

    /// Keys that a table has to have room for: what the configuration alone decides can't be more than its routes.
    func capacity(routeCount: Int) -> Int {
        if key.value == [.gateway] { return 1 }
        return key.value.allSatisfy(\.isFixed) ? min(max(routeCount, 1), keysMax.value) : keysMax.value
    }
}
