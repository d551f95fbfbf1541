import Base
import HTTP
import Linux
import Plugins

/// Rate limits in an exchange: those that need no identity before anybody asks for a token, the others behind.
extension Exchange {
    /// - Parameter following: what comes next when the limits let the request through.
    @inline(__always)
    func applyRateLimits(_ phase: RateLimitPhase, then following: RequestStep) -> StepOutcome {
        guard let limits = withRoute({ $0.uncountedLimits }) else { return .next(following) }
        return limits._withUnsafeGuaranteedRef { check($0, phase, then: following) }
    }

    private func check(_ limits: RateLimitChain, _ phase: RateLimitPhase, then following: RequestStep) -> StepOutcome {
        guard limits.isActive(in: phase) else { return .next(following) }
        let verdict = limits.check(
            phase, request, parameters: match, client: client, identity: caller.identity,
            inquiry: takeInquiry(limits, phase), now: bucketTime, state: rateLimits)
        if case .ask = verdict { return askStore(limits) }
        return outcome(of: verdict, then: following)
    }

    /// Tokens are taken and put at the time that it is, not at that of the loop's turn: other loops charge the same
    /// buckets, and would be ahead of this one; and a token that has come since the turn began may be this request's.
    var bucketTime: MonotonicTime { SystemClock.monotonic() }

    /// What the limits' verdict means for the request.
    func outcome(of verdict: RateLimitVerdict, then following: RequestStep) -> StepOutcome {
        if verdict != .proceed { giveBackToStore() }
        switch verdict {
        case .proceed: return .next(following)
        case .refuse: return .respond(.tooManyRequests(retryAfterSeconds: rateLimits.retryAfter))
        case .keyMissing: return .respond(.rateLimitKeyMissing)
        case .ask, .unavailable: return .respond(.rateLimitUnavailable)
        }
    }

    /// Tells the client how it stands, with whatever answer it gets.
    @inline(__always)
    func appendRateLimitFields() {
        guard rateLimits.hasStandings, let limits = withRoute({ $0.uncountedLimits }) else { return }
        limits._withUnsafeGuaranteedRef { $0.appendFields(rateLimits, to: &responseHead.fields) }
    }

    /// What a refusal by limits says beyond other refusals: by which limits. The body is open in the worker's scratch
    /// buffer.
    func appendRateLimitRefusal() {
        guard rateLimits.refused != 0 else { return }
        withRoute { route in route.rateLimits?.appendViolations(rateLimits, to: &worker.scratch) }
    }

    /// The limit that refused the request, for the log; empty for none.
    var refusingLimit: ByteView {
        guard rateLimits.refused != 0 else { return ByteView() }
        return withRoute { $0.rateLimits?.refuser(rateLimits) ?? ByteView() }
    }
}

extension GatewayAnswer {
    /// RFC 6585 section 4, with the problem type of draft-ietf-httpapi-ratelimit-headers.
    package static func tooManyRequests(retryAfterSeconds: Int) -> GatewayAnswer {
        var answer = GatewayAnswer(
            429, "rate-limited", "Too many requests: try again when Retry-After has passed.", by: .rateLimit,
            retryAfterSeconds: retryAfterSeconds)
        answer.type = "https://iana.org/assignments/http-problem-types#quota-exceeded"
        return answer
    }

    package static var rateLimitKeyMissing: GatewayAnswer {
        GatewayAnswer(
            400, "rate-limit-key-missing", "The request lacks what its rate limit is counted by.", by: .rateLimit)
    }
}
