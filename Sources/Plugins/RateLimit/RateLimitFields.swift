import Base
import HTTP
import Traffic

/// The fields that tell clients how they stand: `RateLimit` and `RateLimit-Policy`
/// (draft-ietf-httpapi-ratelimit-headers, in the syntax of RFC 9651), and what was usual before.
package struct RateLimitFields {
    package enum Form: Sendable { case draft, legacy, both, none }

    private let isDraft: Bool
    private let isLegacy: Bool
    /// The value of `RateLimit-Policy`: every limit with its burst and the time in which that comes.
    private let policy: ByteView

    /// - Parameter policy: as `appendPolicy` makes it; must live as long as this.
    package init(_ form: Form, policy: ByteView) {
        isDraft = form == .draft || form == .both
        isLegacy = form == .legacy || form == .both
        self.policy = policy
    }

    /// Appends a limit's member of `RateLimit-Policy`: in every `w` seconds at least `q` tokens come, and as many may
    /// be taken at once.
    fileprivate static func appendPolicy(name: ByteView, law: TokenBucketLaw, to buffer: inout IOBuffer) {
        if !buffer.isEmpty { buffer.append(", ") }
        buffer.append("\"")
        buffer.append(name)
        buffer.append("\";q=")
        buffer.append(decimal: law.burst)
        buffer.append(";w=")
        buffer.append(decimal: max(law.timeToFill.secondsUp, 1))
    }

    /// Appends the fields for a request. The draft's are lists: an upstream's own members stay beside them.
    fileprivate func append(_ state: RateLimitState, of chain: RateLimitChain, to fields: inout HeaderList) {
        if isDraft {
            if !policy.isEmpty { fields.append(name: ByteView("RateLimit-Policy"), value: policy, known: .other) }
            appendStandings(state, of: chain, to: &fields)
        }
        if isLegacy { appendLegacy(state, of: chain, to: &fields) }
    }

    private func appendStandings(
        _ state: RateLimitState, of chain: RateLimitChain, to fields: inout HeaderList
    ) {
        fields.beginValue(name: ByteView("RateLimit"), known: .other)
        var isFirst = true
        for index in 0..<chain.count where state.told & 1 << UInt8(index) != 0 {
            let standing = state.standings[index]
            fields.appendToValue(isFirst ? "\"" : ", \"")
            fields.appendToValue(chain.withRule(index) { $0.name })
            fields.appendToValue("\";r=")
            fields.appendToValue(decimal: UInt64(max(standing.remaining, 0)))
            let next = standing.next
            if next > 0 {
                fields.appendToValue(";t=")
                fields.appendToValue(decimal: UInt64(next))
            }
            isFirst = false
        }
        fields.finishValue()
    }

    /// Of the limit that refused, or else of the one with the least left.
    private func appendLegacy(
        _ state: RateLimitState, of chain: RateLimitChain, to fields: inout HeaderList
    ) {
        let candidates = state.refused != 0 ? state.refused : state.told
        var tightest = -1
        for index in 0..<chain.count where candidates & 1 << UInt8(index) != 0 {
            if tightest < 0 || state.standings[index].remaining < state.standings[tightest].remaining {
                tightest = index
            }
        }
        guard tightest >= 0 else { return }
        set("X-RateLimit-Limit", chain.withRule(tightest) { $0.law.burst }, in: &fields)
        set("X-RateLimit-Remaining", state.standings[tightest].remaining, in: &fields)
        set("X-RateLimit-Reset", state.standings[tightest].full, in: &fields)
    }

    private func set(_ name: StaticString, _ value: Int, in fields: inout HeaderList) {
        fields.removeAll(named: ByteView(name))
        fields.beginValue(name: ByteView(name), known: .other)
        fields.appendToValue(decimal: UInt64(max(value, 0)))
        fields.finishValue()
    }
}

extension RateLimitRule {
    /// Appends the rule's member of `RateLimit-Policy`; nothing for a limit that clients aren't told of.
    package func appendPolicy(to buffer: inout IOBuffer) {
        if !isShadow { RateLimitFields.appendPolicy(name: name, law: law, to: &buffer) }
    }
}

extension RateLimitChain {
    /// Appends the fields that tell a client how it stands.
    package func appendFields(_ state: RateLimitState, to list: inout HeaderList) {
        fields.append(state, of: self, to: &list)
    }

    /// Appends members of the problem details of a refusal, each with a comma before it: the names of the limits.
    package func appendViolations(_ state: RateLimitState, to buffer: inout IOBuffer) {
        buffer.append(",\"violated-policies\":[")
        var isFirst = true
        for index in 0..<count where state.refused & 1 << UInt8(index) != 0 {
            buffer.append(isFirst ? "\"" : ",\"")
            buffer.append(withRule(index) { $0.name })
            buffer.append("\"")
            isFirst = false
        }
        buffer.append("]")
    }

    /// The first limit that refused; empty for none.
    package func refuser(_ state: RateLimitState) -> ByteView {
        for index in 0..<count where state.refused & 1 << UInt8(index) != 0 {
            return withRule(index) { $0.identity }
        }
        return ByteView()
    }
}
