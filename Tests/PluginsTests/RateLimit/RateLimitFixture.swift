import Base
import HTTP
import Identity
import Observability
import Plugins
import Redis
import Routing
import Testing
import Traffic

/// Limits of a route, and a clock that stands until it is moved.
final class RateLimitFixture {
    let hash = KeyedHash(first: 1, second: 2)
    let registry = MetricsRegistry(version: "1", startTime: WallTime(seconds: 0))
    let texts = TextArena()
    let hasher = SharedKeyHasher()
    let inquiry = SharedInquiry()
    private let lease: MetricsLease
    private var tables: [BucketTable] = []
    var now = MonotonicTime.zero
    /// What the last request took.
    let state = RateLimitState()

    init() { lease = registry.makeShard().lease() }

    func rule(
        _ name: String = "default", rate: Int = 1, burst: Int = 2, key: [RateLimitKey.Part] = [.client(ipv6Prefix: 64)],
        missing: RateLimitKey.Missing = .refuse, cost: RateLimitCost = RateLimitCost(usual: 1),
        exemption: RateLimitExemptions = RateLimitExemptions(), isShadow: Bool = false, needsIdentity: Bool = false,
        sharedOr failure: SharedLimit.Failure? = nil, batch: Int = 1
    ) throws -> RateLimitRule {
        let law = try #require(TokenBucketLaw(count: rate, period: .seconds(1), burst: burst))
        let table = try #require(BucketTable(law: law, capacity: 100, start: .zero))
        tables.append(table)
        return RateLimitRule(
            name: texts.keep(name), identity: texts.keep("app/\(name)"),
            backing: backing(name, law, table.buckets, isShadow, failure, batch),
            law: law,
            key: RateLimitKey(key, missing: missing, hash: hash), cost: cost, exemption: exemption, isShadow: isShadow,
            needsIdentity: needsIdentity, metrics: lease.limitMetrics(limit: name))
    }

    /// In a store, if there is something to do without it.
    private func backing(
        _ name: String, _ law: TokenBucketLaw, _ buckets: Buckets, _ isShadow: Bool, _ failure: SharedLimit.Failure?,
        _ batch: Int
    ) -> LimitBacking {
        guard let failure else { return .local(buckets) }
        let bucket = SharedBucket(
            prefix: "p:", limit: name, interval: law.intervalMicroseconds, burst: law.burst, onlyCounts: isShadow,
            texts: texts)
        return .shared(
            SharedLimit(
                store: 0, bucket: bucket, failure: failure, buckets: buckets,
                stock: batch > 1 ? TokenStock(law: law, batch: batch) : nil, hasher: hasher, form: texts.keep(name)))
    }

    func chain(_ rules: [RateLimitRule], _ form: RateLimitFields.Form = .draft) -> RateLimitChain {
        var policy = IOBuffer()
        for rule in rules { rule.appendPolicy(to: &policy) }
        return RateLimitChain(rules, fields: RateLimitFields(form, policy: texts.keep(policy.readable)))
    }

    func view(_ text: String) -> ByteView { texts.keep(text) }

    func field(_ name: String) -> RateLimitKey.Part {
        let kept = texts.keep(name)
        return .field(name: kept, known: KnownField(name: kept))
    }

    func exemption(header name: String, _ value: String) -> RateLimitExemptions {
        let kept = texts.keep(name)
        return RateLimitExemptions(fields: [(kept, KnownField(name: kept), texts.keep(value))])
    }

    /// One request through the given phases.
    func send(
        _ chain: RateLimitChain, _ phases: [RateLimitPhase] = [.anonymous], client: String? = "192.0.2.1",
        headers: [(String, String)] = [], method: String = "GET", target: String = "/a", host: String = "app.test",
        identity: RouteIdentity? = nil
    ) throws -> RateLimitVerdict {
        var decoder = RequestDecoder(limits: MessageLimits())
        var request = RequestHead()
        let lines = headers.map { "\($0): \($1)\r\n" }.joined()
        let head = "\(method) \(target) HTTP/1.1\r\nHost: \(host)\r\n\(lines)\r\n"
        let progress = try head.withByteView { (view) throws(MessageError) in
            try decoder.decodeHead(view, into: &request)
        }
        guard case .complete = progress else { throw MessageError.missingHost }
        let address = try client.map { try #require(IPAddress(text: $0)) }
        if phases.first == .anonymous { state.reset() }
        for phase in phases {
            inquiry.begin(phase)
            let verdict = chain.check(
                phase, request, parameters: RouteMatch(), client: address, identity: identity,
                inquiry: chain.store >= 0 ? inquiry : nil, now: now, state: state)
            if verdict != .proceed { return verdict }
        }
        return .proceed
    }

    /// The store's answer for the last request; nil: there is none.
    func settle(_ chain: RateLimitChain, _ answer: BucketAnswer?) -> RateLimitVerdict {
        let request = RequestHead()
        guard let answer else {
            return chain.settle(withoutAnswerTo: inquiry, request, now: now, state: state)
        }
        return chain.settle(answer, to: inquiry, request, now: now, state: state)
    }

    /// The last request's second phase.
    func go(on chain: RateLimitChain) throws -> RateLimitVerdict { try send(chain, [.identified]) }

    /// The last request goes no further, and the store is told.
    func giveBackCharges(_ chain: RateLimitChain) { chain.chargesGivenBack(RequestHead(), state) }

    /// What a client is told of the last request.
    func fields(_ chain: RateLimitChain) -> [String: String] {
        var list = HeaderList()
        chain.appendFields(state, to: &list)
        var found: [String: String] = [:]
        var index = list.firstIndex
        while index < list.endIndex {
            found[list.name(at: index).string] = list.value(at: index).string
            index = list.index(after: index)
        }
        return found
    }

    func counts(_ name: String) -> [LimitDecision: UInt64] {
        guard let counts = registry.limitCounts[name] else { return [:] }
        return Dictionary(uniqueKeysWithValues: LimitDecision.allCases.map { ($0, counts[$0]) }).filter { $0.value > 0 }
    }
}
