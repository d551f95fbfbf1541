import Base
import Configuration
import Observability
import Proxy

/// All rate limits with their buckets, for people and programs.
struct LimitListing {
    private let tables: [LimitTable]
    private let counts: [String: LimitCounts]
    private let configuration: GatewayConfiguration
    private let now: MonotonicTime
    private let concurrency: [JSONOutput]

    init(
        _ tables: [String: LimitTable], counts: [String: LimitCounts], _ configuration: GatewayConfiguration,
        concurrency: [JSONOutput] = [], now: MonotonicTime
    ) {
        self.concurrency = concurrency
        self.tables = tables.values.sorted { $0.definition.identity < $1.definition.identity }
        self.counts = counts
        self.configuration = configuration
        self.now = now
    }

    var json: JSONOutput { ["limits": .array(tables.map { entry($0) }), "concurrency": .array(concurrency)] }

    /// One limit.
    func entry(_ limit: LimitTable) -> JSONOutput {
        let definition = limit.definition
        let said = counts[definition.identity] ?? LimitCounts()
        let decisions = LimitDecision.allCases.map { decision in
            (decision.label.description, JSONOutput.integer(Int(clamping: said[decision])))
        }
        return .object([
            ("limit", .string(definition.identity)),
            ("rate", .string(definition.rate.value.description)),
            ("burst", .integer(definition.burst.value)),
            ("key", .strings(definition.key.value.map(\.text))),
            ("ipv6_prefix", .integer(definition.ipv6Prefix.value)),
            ("missing_key", .string(definition.missingKey.value.rawValue)),
            ("store", .optional(definition.store?.value)),
            ("on_failure", .optional(definition.store == nil ? nil : definition.onFailure.value.rawValue)),
            ("place", .optional(definition.rate.origin.location.map { configuration.files.describe($0) })),
            ("routes", .strings(limit.routes)),
            ("keys_max", .integer(limit.table.capacity)),
            ("in", .string(Self.place(of: definition))),
            // The process's own buckets say nothing of those in a store.
            ("keys_in_use", definition.store == nil ? .integer(limit.table.buckets.inUse(now: now)) : .null),
            ("takeovers", .integer(Int(clamping: limit.table.buckets.takeovers))),
            ("bytes_max", .integer(limit.table.byteCount)),
            ("decisions", .object(decisions)),
        ])
    }

    /// How one key stands: not known of a bucket in a store, which only requests ask.
    static func entry(_ standing: LimitStanding, of limit: LimitTable, key: [String]) -> JSONOutput {
        let isHere = limit.definition.store == nil
        return [
            "limit": .string(limit.definition.identity),
            "key": .strings(key),
            "burst": .integer(limit.definition.burst.value),
            "in": .string(place(of: limit.definition)),
            "remaining": isHere ? .integer(standing.remaining) : .null,
            "full_in_ms": isHere ? .integer(Int(standing.timeToFull.milliseconds)) : .null,
            "in_use": isHere ? .boolean(standing.isInUse) : .null,
        ]
    }

    /// Where the buckets are.
    private static func place(of definition: RateLimitDefinition) -> String {
        definition.store.map { "store \($0.value)" } ?? "process"
    }
}
