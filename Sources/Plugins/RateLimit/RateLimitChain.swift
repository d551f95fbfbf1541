import Base
import HTTP
import Observability
import Routing
import Traffic

/// The limits of one route, in their order. All of them are asked; a request that one refuses gets back what it took of
/// the others, those of the earlier phase included.
package final class RateLimitChain {
    package let rules: [RateLimitRule]
    /// The same uncounted: the chain keeps them alive.
    private let uncounted: UnsafeMutablePointer<Unmanaged<RateLimitRule>>
    let count: Int
    /// Which fields tell clients how they stand.
    package let fields: RateLimitFields
    /// The store that limits are in, by its place among the configuration's; -1 for none.
    package let store: Int
    private let hasAnonymous: Bool
    private let hasIdentified: Bool

    /// - Parameter rules: at most eight.
    package init(_ rules: [RateLimitRule], fields: RateLimitFields) {
        precondition(rules.count <= 8)
        self.rules = rules
        count = rules.count
        uncounted = .allocate(capacity: max(rules.count, 1))
        for (index, rule) in rules.enumerated() {
            (uncounted + index).initialize(to: .passUnretained(rule))
        }
        self.fields = fields
        var store = -1
        for rule in rules { if case .shared(let limit) = rule.backing { store = limit.store } }
        self.store = store
        hasAnonymous = rules.contains { !$0.needsIdentity }
        hasIdentified = rules.contains { $0.needsIdentity }
    }

    deinit { uncounted.deallocate() }

    /// Calls `body` with a rule, without counting a reference.
    @inline(__always)
    func withRule<Result>(_ index: Int, _ body: (RateLimitRule) -> Result) -> Result {
        uncounted[index]._withUnsafeGuaranteedRef(body)
    }

    /// Whether the phase has any limit.
    @inline(__always)
    package func isActive(in phase: RateLimitPhase) -> Bool {
        switch phase {
        case .anonymous: hasAnonymous
        case .identified: hasIdentified
        }
    }

    /// Holds a request to the limits of a phase.
    /// - Parameters:
    ///   - client: whom the request is attributed to; nil when nobody knows.
    ///   - identity: who sends it; nil if nobody said.
    ///   - inquiry: takes up limits that are in a store; without it their own process's buckets are asked.
    ///   - now: as fresh as can be: a token that has come since the loop's turn began may be this request's.
    package func check(
        _ phase: RateLimitPhase, _ request: borrowing RequestHead, parameters: RouteMatch,
        client: IPAddress?, identity: RouteIdentity?, inquiry: SharedInquiry? = nil, now: MonotonicTime,
        state: RateLimitState
    ) -> RateLimitVerdict {
        let asked = Asked(
            isIdentified: phase == .identified, client: client, identity: identity, inquiry: inquiry, now: now)
        var isKeyMissing = false
        for index in 0..<count {
            withRule(index) { rule in
                check(rule, index, asked, request, parameters, &isKeyMissing, state)
            }
        }
        if state.refused == 0, !isKeyMissing {
            guard let inquiry, !inquiry.isEmpty else { return .proceed }
            return .ask
        }
        giveBack(request, state)
        return state.refused == 0 ? .keyMissing : .refuse
    }

    /// What all rules of a phase are asked with.
    private struct Asked {
        let isIdentified: Bool
        let client: IPAddress?
        let identity: RouteIdentity?
        let inquiry: SharedInquiry?
        let now: MonotonicTime
    }

    @inline(__always)
    private func check(
        _ rule: RateLimitRule, _ index: Int, _ asked: borrowing Asked, _ request: borrowing RequestHead,
        _ parameters: RouteMatch, _ isKeyMissing: inout Bool, _ state: RateLimitState
    ) {
        guard rule.needsIdentity == asked.isIdentified else { return }
        let cost = rule.cost.cost(of: request)
        if cost == 0 || rule.exemption.cover(request, client: asked.client, identity: asked.identity) {
            return rule.metrics.count(.exempt)
        }
        let key = rule.key.hash(request, parameters: parameters, client: asked.client, identity: asked.identity)
        guard let key else {
            rule.metrics.count(.keyMissing)
            if rule.key.missing == .refuse, !rule.isShadow { isKeyMissing = true }
            return
        }
        guard let inquiry = asked.inquiry, case .shared(let limit) = rule.backing else {
            return take(cost, of: rule, index, key: key, now: asked.now, state: state)
        }
        if takeFromStock(cost, of: rule, limit, index, key: key, now: asked.now, state: state) { return }
        let batch = limit.stock?.tokensToAsk(cost, key: key, now: asked.now) ?? cost
        let part = SharedInquiry.Part(rule: index, key: key, cost: cost, batch: batch)
        ask(limit, part, inquiry, request, parameters: parameters, client: asked.client, identity: asked.identity)
    }

    @inline(__always)
    func take(
        _ cost: Int, of rule: RateLimitRule, _ index: Int, key: UInt64, now: MonotonicTime,
        state: RateLimitState
    ) {
        let standing = rule.buckets.take(cost, key: key, now: now)
        if standing.isAllowed {
            state.taken |= 1 << UInt8(truncatingIfNeeded: index)
            state.keys[index] = key
        }
        note(standing, of: rule, index, state: state)
    }

    /// What a limit has said.
    @inline(__always)
    func note(_ standing: BucketStanding, of rule: RateLimitRule, _ index: Int, state: RateLimitState) {
        let bit: UInt8 = 1 << UInt8(truncatingIfNeeded: index)
        if rule.isShadow {
            rule.metrics.count(standing.isAllowed ? .allowed : .shadowRefused)
            return
        }
        rule.metrics.count(standing.isAllowed ? .allowed : .refused)
        state.standings[index] = RateLimitStanding(standing)
        state.told |= bit
        if !standing.isAllowed { state.refused |= bit }
    }

    /// The request goes no further: it leaves no trace in the limits that let it through.
    func giveBack(_ request: borrowing RequestHead, _ state: RateLimitState) {
        for index in 0..<count where state.taken & 1 << UInt8(index) != 0 {
            let rule = rules[index]
            let cost = rule.cost.cost(of: request)
            if state.stocked & 1 << UInt8(index) != 0, case .shared(let limit) = rule.backing {
                limit.stock?.giveBack(cost, key: state.keys[index])
                state.standings[index].remaining = min(state.standings[index].remaining + cost, rule.law.burst)
            } else {
                rule.buckets.giveBack(cost, key: state.keys[index])
                raise(index, by: cost, state)
            }
        }
        state.taken = 0
    }

    /// The bucket of a limit has got tokens back. Limits that share it and were asked later had found it without them.
    func raise(_ index: Int, by cost: Int, _ state: RateLimitState) {
        for later in index..<count where state.told & 1 << UInt8(later) != 0 {
            let rule = rules[later]
            guard rule.identity == rules[index].identity else { continue }
            state.standings[later].giveBack(
                cost, by: rule.law, isRefused: state.refused & 1 << UInt8(later) != 0)
        }
    }
}
