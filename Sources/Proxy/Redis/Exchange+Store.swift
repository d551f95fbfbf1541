import Base
import Plugins
import Redis

/// Rate limits whose buckets are in a shared store: the exchange is parked until the store has answered, or isn't asked
/// any more.
extension Exchange: StoreWaiter {
    /// Where limits of a phase that are in a store put what they want to know; nil when none is.
    func takeInquiry(_ limits: RateLimitChain, _ phase: RateLimitPhase) -> SharedInquiry? {
        guard limits.store >= 0 else { return nil }
        let taken = inquiry ?? SharedInquiry()
        inquiry = taken
        taken.begin(phase)
        return taken
    }

    /// Asks the limits' store.
    func askStore(_ limits: RateLimitChain) -> StepOutcome {
        guard let snapshot, let inquiry else { return .respond(.rateLimitUnavailable) }
        if limits.store < snapshot.stores.count, snapshot.stores[limits.store].check(self) { return .parked }
        return outcome(without: inquiry, limits)
    }

    package func ask(_ session: inout StoreSession, into output: inout IOBuffer) {
        if let inquiry { session.ask(inquiry.question, into: &output) }
    }

    package func canHave(_ answer: BucketAnswer) -> Bool { inquiry?.question.canHave(answer) ?? false }

    package func storeAnswered(_ answer: BucketAnswer) {
        guard let inquiry, let limits = route.rateLimits else { return }
        let verdict = limits.settle(answer, to: inquiry, request, now: bucketTime, state: rateLimits)
        resume(with: outcome(of: verdict, then: following(inquiry)))
    }

    package func storeFailed() {
        guard let inquiry, let limits = route.rateLimits else { return }
        resume(with: outcome(without: inquiry, limits))
    }

    /// The request's time is over: where its limits would let it through without an answer, there is none left for it.
    func storeTookTooLong() {
        storeTicket = 0
        guard let inquiry, let limits = route.rateLimits else { return answer(.rateLimitUnavailable) }
        if case .respond(let refusal) = outcome(without: inquiry, limits) { return answer(refusal) }
        giveBackToStore()
        answer(.rateLimitUnavailable)
    }

    private func outcome(without inquiry: SharedInquiry, _ limits: RateLimitChain) -> StepOutcome {
        let verdict = limits.settle(withoutAnswerTo: inquiry, request, now: bucketTime, state: rateLimits)
        return outcome(of: verdict, then: following(inquiry))
    }

    /// A limit refuses the request: what others took in the store before goes back there.
    func giveBackToStore() {
        guard rateLimits.isCharged, let snapshot, let inquiry, let limits = route.rateLimits,
            limits.store < snapshot.stores.count
        else { return }
        snapshot.stores[limits.store].tell(inquiry.returns)
        limits.chargesGivenBack(request, rateLimits)
    }

    private func following(_ inquiry: SharedInquiry) -> RequestStep {
        inquiry.phase == .anonymous ? .authenticate : .act
    }
}

extension GatewayAnswer {
    /// The store that limits share gives no answer, and the limit says to refuse then.
    package static var rateLimitUnavailable: GatewayAnswer {
        GatewayAnswer(
            503, "rate-limit-unavailable", "Requests can't be counted at the moment.", by: .rateLimit,
            retryAfterSeconds: 1)
    }
}
