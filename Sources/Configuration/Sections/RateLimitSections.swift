import Base

/// The keys of the plugin `rate_limit`, and of the named limits `rate_limits`.
enum RateLimitSections {
    static let plugin = Section(
        "How many requests are let through. Either the keys of one limit, or `limits`: several by name, all of which must let a request through. A limit's buckets belong to the place that says what it counts: routes that take it over from their file or from gateway.yaml's `defaults` share them.",
        draft: { RateLimitPluginDraft() },
        keys: [
            Key("enabled", .boolean, default: "true", "`false` turns off what a place further away turned on.") {
                $0.enabled = $1
            },
            .part(
                "limits", .named(limit, countMax: RateLimitSettings.countMax),
                "Several limits, by name. A name that a place further away gives, too, is merged key by key."
            ) { draft, value, _, _ in draft.named = value },
            Key(
                "headers", .choice, default: RateLimitHeaders.draft.rawValue,
                "Which fields of every answer tell clients how they stand: `draft` is `RateLimit` and `RateLimit-Policy`, `legacy` is `X-RateLimit-*`."
            ) { $0.headers = $1 },
        ] + keys(of: \RateLimitPluginDraft.own))

    fileprivate static let limit = Section(
        "A limit of a route: keys of its own, or `shared`.", draft: { RateLimitDraft() },
        keys: [
            Key("enabled", .boolean, default: "true", "`false` takes off the limit that a place further away gave.") {
                $0.enabled = $1
            }
        ] + keys(of: \RateLimitDraft.self))

    /// A limit of `rate_limits`.
    static let shared = Section(
        "A limit that routes share: they name it with `shared`.", draft: { RateLimitDraft() },
        keys: buckets(of: \RateLimitDraft.self, rate: "How many tokens come.") + use(of: \RateLimitDraft.self))

    private static func keys<Draft>(of path: WritableKeyPath<Draft, RateLimitDraft> & Sendable) -> [Key<Draft>] {
        buckets(of: path, rate: "How many tokens come: needed, but for `shared`.") + [
            Key(
                "shared", .name,
                "Instead of `rate` and the other keys of buckets: a limit of `rate_limits`, of the file or else of gateway.yaml. What gateway.yaml names is gateway.yaml's."
            ) { $0[keyPath: path].shared = $1 }
        ] + use(of: path)
    }

    /// What says which buckets there are.
    private static func buckets<Draft>(
        of path: WritableKeyPath<Draft, RateLimitDraft> & Sendable, rate doc: String
    ) -> [Key<Draft>] {
        [
            Key("rate", .requestRate, doc) {
                $0[keyPath: path].rate = $1
            },
            Key(
                "burst", .integer(1...RateLimitText.burstMax), default: "what comes in a second, at least 1",
                "The most tokens that wait for requests: as many may come at once."
            ) { $0[keyPath: path].burst = $1 },
            Key(
                "key", .oneOrList(.rateLimitKeyPart, countMax: 8), default: "client_address",
                "What has a bucket of its own, or a list: then each combination has one. `gateway` is one for all."
            ) { draft, value in
                draft[keyPath: path].key = Setting(value: value.value.map(\.value), origin: value.origin)
            },
            Key(
                "ipv6_prefix", .integer(1...128), default: "\(Defaults.rateLimitIPv6Prefix)",
                "IPv6 clients whose addresses begin with the same bits count as one. IPv4 clients count by address."
            ) { $0[keyPath: path].ipv6Prefix = $1 },
            Key(
                "missing_key", .choice, default: MissingKey.refuse.rawValue,
                "A request that lacks something of its key: `refuse` answers 400, `skip` lets it pass uncounted, `shared` gives all such requests one bucket."
            ) { $0[keyPath: path].missingKey = $1 },
            Key(
                "keys_max", .integer(1...RateLimitText.keysMax), default: "\(Defaults.rateLimitKeysMax)",
                "Buckets in use at a time, 40 to 80 bytes each. With more keys in use, a new one takes over the fullest of a few buckets as it stands: some are limited sooner, none later."
            ) { $0[keyPath: path].keysMax = $1 },
            Key(
                "store", .name, default: "the process itself",
                "The store of gateway.yaml's `stores` that has the buckets, so that replicas share them."
            ) { $0[keyPath: path].store = $1 },
            Key(
                "on_failure", .choice, default: StoreFailureDecision.local.rawValue,
                "What becomes of requests when the store gives no answer: `local` counts by the process's own buckets, `allow` lets through, `refuse` answers 503."
            ) { $0[keyPath: path].onFailure = $1 },
            Key(
                "batch", .integer(1...100_000), default: "1",
                "Tokens that an event loop takes from the store at once, and holds for a second: for rates beyond what a store answers one by one. Each loop may let through that many more, less one, and waste as many."
            ) { $0[keyPath: path].batch = $1 },
        ]
    }

    /// What says how requests use them.
    private static func use<Draft>(of path: WritableKeyPath<Draft, RateLimitDraft> & Sendable) -> [Key<Draft>] {
        [
            Key(
                "cost", .requestCost, default: "1",
                "How many tokens a request takes; `{default: 1, POST: 5}` says it by method. 0: not counted."
            ) { $0[keyPath: path].cost = $1 },
            .part("exempt", .section(exemption), "Requests that are not counted: one condition suffices.") {
                draft, value, _, _ in
                draft[keyPath: path].exemption = RateLimitExemption(
                    networks: value.networks ?? [], claims: value.claims,
                    headers: value.headers.map { HeaderField(name: $0.name, value: $0.value) })
            },
            Key("shadow", .boolean, default: "false", "Counts, and refuses nobody: for trying a limit out.") {
                $0[keyPath: path].isShadow = $1
            },
        ]
    }

    private static let exemption = Section(
        "Requests that are not counted.", draft: { RateLimitExemptionDraft() },
        keys: [
            Key("networks", .list(.network, countMax: 1_000, emptyAllowed: true), default: "[]", "Clients.") {
                $0.networks = $1.value
            },
            .part(
                "claims", .exemptClaims, default: "{}", "Claims of the verified token, and the text that each must be."
            ) { draft, value, _, _ in draft.claims = value },
            .part(
                "headers",
                .map(HeaderText.nameForm, countMax: 16, .placed(.headerValue)) { text throws(Unfit) in
                    try HeaderText.checkReadable(text)
                }, default: "{}",
                "Request headers, and what each must be. Any client can send them: for headers that a trusted proxy sets."
            ) { draft, value, _, _ in draft.headers = value },
        ])
}

/// What a place says about the plugin. A class, so that a route without one stays small.
final class RateLimitPluginDraft {
    var place = PluginPlace()
    var enabled: Setting<Bool>?
    /// The keys of the short form.
    var own = RateLimitDraft()
    /// Several limits, as they were read, and with their places.
    var named: [Named<RateLimitDraft>] = []
    var limits: [(limit: Named<RateLimitDraft>, location: SourceLocation)] = []
    var headers: Setting<RateLimitHeaders>?
}

/// What a place says about one limit.
struct RateLimitDraft {
    var enabled: Setting<Bool>?
    var rate: Setting<RequestRate>?
    var burst: Setting<Int>?
    var key: Setting<[RateLimitKeyPart]>?
    var ipv6Prefix: Setting<Int>?
    var missingKey: Setting<MissingKey>?
    var keysMax: Setting<Int>?
    var store: Setting<String>?
    var onFailure: Setting<StoreFailureDecision>?
    var batch: Setting<Int>?
    var shared: Setting<String>?
    var cost: Setting<RequestCost>?
    var exemption: RateLimitExemption?
    var isShadow: Setting<Bool>?

    /// Where a key of buckets stands, if any does.
    var bucketPlace: SourceLocation? {
        (rate?.origin ?? burst?.origin ?? key?.origin ?? ipv6Prefix?.origin ?? missingKey?.origin ?? keysMax?.origin
            ?? store?.origin ?? onFailure?.origin ?? batch?.origin)?.location
    }

    var isEmpty: Bool {
        bucketPlace == nil && shared == nil && cost == nil && exemption == nil && isShadow == nil
    }
}

struct RateLimitExemptionDraft {
    var networks: [Setting<CIDRBlock>]?
    var claims: [RateLimitExemption.ExemptClaim] = []
    var headers: [Named<Setting<String>>] = []
}

extension ValueDecoder where Value == RateLimitPluginDraft {
    /// The plugin with its place, and whether anything in it was wrong.
    static var rateLimit: ValueDecoder {
        let section = RateLimitSections.plugin
        return ValueDecoder(.section(section.description)) { node, file in
            let errorsBefore = file.findings.errorCount
            guard let draft = section.decode(node, file) else { return nil }
            if !draft.own.isEmpty, let limits = file.key("limits", in: node) {
                file.error(
                    limits, "`limits` beside the keys of one limit", expected: "one of them",
                    suggestion: "move the keys to a limit of their own under `limits`")
            }
            draft.place = PluginPlace(
                location: file.location(node), isBroken: file.findings.errorCount > errorsBefore)
            draft.limits = draft.named.map { (limit: $0, location: file.location($0.key)) }
            return draft
        }
    }
}

extension ValueDecoder where Value == [RateLimitExemption.ExemptClaim] {
    fileprivate static var exemptClaims: ValueDecoder {
        let map = ValueDecoder<[Named<Setting<String>>]>.map(
            "a claim", countMax: 16, .placed(.text("text", bytesMax: 1_024))
        ) { text throws(Unfit) in
            _ = try ClaimText.onlyPath(text)
        }
        return ValueDecoder(map.type) { node, file in
            map.decode(node, file)?.compactMap { named in
                (try? named.name.withByteView(ClaimText.onlyPath)).map { .init(path: $0, value: named.value) }
            }
        }
    }
}
