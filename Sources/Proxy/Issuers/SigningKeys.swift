import Base
import Configuration
import EventLoop
import Identity
import Linux

/// The gateway's own keys over time. Lives on the control thread; what holds is posted to the loops.
final class SigningKeys: EventHandler {
    /// Called on the control thread whenever another key signs, or other keys are published.
    var onChange: ((SigningState) -> Void)?

    /// All keys that verifiers may still know, with their ages: what new ones are checked against.
    private(set) var ring = SigningKeyRing()
    private let loop: EventLoop
    private var registration = Registration.none
    private var generation = 0

    init(loop: EventLoop) {
        self.loop = loop
        registration = loop.add(self)
    }

    /// What holds now; nil when the gateway issues no tokens.
    var state: SigningState? { ring.state }

    /// Takes the keys of a configuration. Without `tokens` nothing is signed any more; what loops have they give up
    /// with the last request that needs it.
    /// - Throws: what `ring.check` throws; then nothing has changed.
    func update(_ keys: [SigningKeyEntry], by tokens: InternalTokens?) throws(SigningKeyProblem) {
        guard let tokens else {
            ring.retire(now: now)
            return report()
        }
        let policy = SigningPolicy(
            publishBeforeSigning: tokens.publishBeforeSigning.value.nanoseconds / 1_000_000_000,
            tokenLifetimeMaximum: tokens.lifetimeMax.value.nanoseconds / 1_000_000_000)
        try ring.update(keys, policy: policy, now: now)
        report()
    }

    func handle(_ events: EventSet) {}

    func timerFired() {
        _ = ring.advance(now: now)
        report()
    }

    private var now: Int64 { SystemClock.wallNanoseconds() / 1_000_000_000 }

    private func report() {
        if let state = ring.state, state.generation != generation {
            generation = state.generation
            onChange?(state)
        }
        guard let next = ring.nextChange(now: now) else { return }
        loop.wake(registration, at: SystemClock.monotonic() + .seconds(min(max(next - now, 1), 3_600)))
    }
}
