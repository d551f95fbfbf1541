import Base
import EventLoop
import Linux
import Observability
import Traffic

/// Checks one target at its intervals, on the control thread's loop, and writes down what it finds.
final class TargetChecker: EventHandler {
    private let key: PoolKey
    private let authority: String
    private let health: TargetHealth
    private let loop: EventLoop
    private let log: ErrorLog
    private let endpoints: () -> [IPEndpoint]
    private(set) var check: HealthCheck
    private var state = CheckState()
    private var registration = Registration.none
    private var run: CheckRun?
    private var next = MonotonicTime.zero
    private var random: RandomSource

    /// - Parameter endpoints: where the target is at the moment.
    init(
        _ check: HealthCheck, of key: PoolKey, authority: String, health: TargetHealth, loop: EventLoop, log: ErrorLog,
        seed: UInt64, endpoints: @escaping () -> [IPEndpoint]
    ) {
        self.check = check
        self.key = key
        self.authority = authority
        self.health = health
        self.loop = loop
        self.log = log
        self.endpoints = endpoints
        random = RandomSource(seed: seed)
    }

    /// The first check begins soon, see `CheckSchedule`.
    func start() {
        registration = loop.add(self)
        beginSoon()
    }

    /// Checks in another way from now on. What was found stays until checks say otherwise.
    func adopt(_ check: HealthCheck) {
        guard self.check != check else { return }
        self.check = check
        run?.cancel()
        run = nil
        beginSoon()
    }

    private func beginSoon() {
        next = SystemClock.monotonic() + check.schedule.firstPause(random: random.next())
        loop.wake(registration, at: next)
    }

    /// Ends for good; the target counts as never checked.
    func stop() {
        run?.cancel()
        run = nil
        loop.remove(registration)
        registration = .none
        health.checksEnded()
    }

    func handle(_ events: EventSet) {}

    func timerFired() {
        let now = SystemClock.monotonic()
        if now < next { return loop.wake(registration, at: next) }
        // A check that takes longer than the interval is not overtaken by the next one.
        if run == nil { begin() }
    }

    private func begin() {
        let now = SystemClock.monotonic()
        next = now + check.schedule.pause(random: random.next())
        let run = CheckRun(
            check.question, at: endpoints(), authority: authority, deadline: now + check.timeout, loop: loop
        ) { [weak self] result in self?.ended(result) }
        self.run = run
        run.start()
        if self.run != nil { loop.wake(registration, at: next) }
    }

    private func ended(_ result: CheckResult) {
        run = nil
        let before = state.standing
        state.take(
            passed: result.isPassed, healthyThreshold: check.healthyThreshold,
            unhealthyThreshold: check.unhealthyThreshold)
        let now = SystemClock.monotonic()
        health.checked(state.standing, passed: result.isPassed, result: result.text, now: now)
        if before != state.standing { tell(result) }
        loop.wake(registration, at: max(next, now))
    }

    private func tell(_ result: CheckResult) {
        func fields(_ line: inout JSONWriter) {
            line.field("upstream", key.upstream)
            line.field("target", key.target)
            line.field("check", result.text)
        }
        switch state.standing {
        case .down: log.warning("a target is down") { fields(&$0) }
        case .up: log.info("a target is up") { fields(&$0) }
        case .unknown: break
        }
    }
}
