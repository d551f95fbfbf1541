import Base
import Linux
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

    package func storeAnswered(_ answer: BucketAnswer) {
        guard let inquiry, let limits = route.rateLimits else { return }
        goOn(outcome(limits.settle(answer, to: inquiry, request, now: worker.loop.now, state: &rateLimits), inquiry))
    }

    package func storeFailed() {
        guard let inquiry, let limits = route.rateLimits else { return }
        goOn(outcome(without: inquiry, limits))
    }

    private func outcome(without inquiry: SharedInquiry, _ limits: RateLimitChain) -> StepOutcome {
        let verdict = limits.settle(
            withoutAnswerTo: inquiry, request, now: SystemClock.monotonic(), state: &rateLimits)
        return outcome(verdict, inquiry)
    }

    private func outcome(_ verdict: RateLimitVerdict, _ inquiry: SharedInquiry) -> StepOutcome {
        switch verdict {
        case .proceed: .next(inquiry.phase == .anonymous ? .authenticate : .act)
        case .refuse: .respond(.tooManyRequests)
        case .keyMissing: .respond(.rateLimitKeyMissing)
        case .ask, .unavailable: .respond(.rateLimitUnavailable)
        }
    }

    private func goOn(_ outcome: StepOutcome) {
        guard let snapshot else { return }
        switch outcome {
        case .next(let step): run(from: step, in: snapshot)
        case .respond(let answer): self.answer(answer)
        case .parked: break
        }
    }
}

extension GatewayAnswer {
    /// The store that limits share gives no answer, and the limit says to refuse then.
    package static var rateLimitUnavailable: GatewayAnswer {
        GatewayAnswer(
            503, "rate-limit-unavailable", "Requests can't be counted at the moment.", by: .rateLimit)
    }
}
