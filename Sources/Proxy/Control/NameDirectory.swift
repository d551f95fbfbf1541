import Base
import EventLoop
import Linux
import Observability
import Upstream

/// The addresses of all targets that are named rather than numbered. Lives on the control thread.
///
/// The system's resolver blocks, so every look-up has a thread of its own, which ends with it. When a name is asked for
/// and what an answer or a failure means is `NameResolution`'s to say.
package final class NameDirectory: EventHandler {
    /// Called on the control thread when a name's addresses have changed.
    package var onChange: ((String, [IPAddress]) -> Void)?

    private var names: [String: NameResolution] = [:]
    private var lookupCount = 0
    private var random = RandomSource(seed: systemEntropy())
    private let loop: EventLoop
    private let log: ErrorLog
    private let registry: MetricsRegistry
    private let resolve: Resolver
    private var registration = Registration.none
    /// Look-ups under way at a time.
    private static let lookupsMax = 16

    /// Asks for a name's addresses, and may block: each call has a thread of its own.
    package typealias Resolver = @Sendable (String) throws(ResolverError) -> [IPAddress]

    package init(
        loop: EventLoop, log: ErrorLog, registry: MetricsRegistry, resolve: @escaping Resolver = resolveAddresses
    ) {
        self.loop = loop
        self.log = log
        self.registry = registry
        self.resolve = resolve
        registration = loop.add(self)
    }

    package func addresses(of name: String) -> [IPAddress] { names[name]?.addresses ?? [] }

    /// Forgets the names that are in use no more.
    func keepOnly(_ wanted: Set<String>) {
        for name in names.keys where !wanted.contains(name) { names[name] = nil }
    }

    /// All names are looked up again at this interval, those included that are here already.
    package func setRefreshInterval(_ interval: TimeAmount) {
        let now = SystemClock.monotonic()
        for name in names.keys { names[name]?.setRefreshInterval(interval, now: now) }
        schedule()
    }

    /// Looks up the names that are new, all at once, and waits for the answers for `limit` at most; later answers come
    /// through `onChange`.
    ///
    /// - Parameter interval: how often the new names are looked up again.
    package func addNames(_ wanted: Set<String>, refreshedEvery interval: TimeAmount, waitingAtMost limit: TimeAmount) {
        let answers = Answers()
        var waitingFor = 0
        for name in wanted where names[name] == nil {
            var resolution = NameResolution(
                schedule: NameResolution.Schedule(refreshInterval: interval), now: SystemClock.monotonic())
            _ = resolution.tick(now: SystemClock.monotonic())
            names[name] = resolution
            waitingFor += 1
            lookUp(name) { answers.add(name, $0) }
        }
        let end = SystemClock.monotonic() + limit
        for _ in 0..<waitingFor where !answers.arrived.wait(atMost: end - SystemClock.monotonic()) { break }
        for (name, answer) in answers.close() { settle(name, answer) }
        schedule()
    }

    package func handle(_ events: EventSet) {}

    package func timerFired() {
        for name in names.keys where lookupCount < Self.lookupsMax {
            guard names[name]?.tick(now: loop.now) == .resolve else { continue }
            let answers = Answers()
            _ = answers.close()
            lookUp(name) { answers.add(name, $0) }
        }
        schedule()
    }

    private func settle(_ name: String, _ answer: Answer) {
        guard var resolution = names[name] else { return }
        let now = SystemClock.monotonic()
        switch answer {
        case .success(let addresses):
            let change = resolution.answered(addresses, timeToLive: nil, now: now, random: random.next())
            names[name] = resolution
            if change == .changed { onChange?(name, resolution.addresses) }
        case .failure(let error):
            resolution.failed(now: now, random: random.next())
            names[name] = resolution
            registry.countResolutionFailure()
            log.warning("a name could not be resolved") { line in
                line.field("name", name)
                line.field("error", error.description)
            }
        }
    }

    private func schedule() {
        guard let next = names.values.compactMap(\.nextTick).min() else { return }
        loop.wake(registration, at: max(next, loop.now))
    }

    typealias Answer = Result<[IPAddress], ResolverError>

    private func lookUp(_ name: String, _ done: @escaping @Sendable (Answer) -> Bool) {
        lookupCount += 1
        let mailbox = loop.mailbox
        let resolve = resolve
        let directory = LoopBound(self)
        let report: @Sendable (Answer) -> Void = { answer in
            let isTaken = done(answer)
            mailbox.post { directory.value.lookedUp(name, isTaken ? nil : answer) }
        }
        do throws(Errno) {
            try Thread.start(name: "resolver") {
                do throws(ResolverError) {
                    report(.success(try resolve(name)))
                } catch {
                    report(.failure(error))
                }
            }
        } catch {
            log.error("a thread could not be started") { $0.field("error", error.description) }
            report(.success([]))
        }
    }

    /// A look-up is over. - Parameter answer: nil when whoever waited for it has it already.
    private func lookedUp(_ name: String, _ answer: Answer?) {
        lookupCount -= 1
        if let answer { settle(name, answer) }
        schedule()
    }

    /// What look-ups have found while somebody waits for them.
    private final class Answers: Sendable {
        private struct State {
            var isOpen = true
            var found: [String: Answer] = [:]
        }

        let arrived = CountingSemaphore()
        private let state = Lock(State())

        /// - Returns: whether somebody still waits.
        func add(_ name: String, _ answer: Answer) -> Bool {
            let isOpen = state.withLock { state in
                if state.isOpen { state.found[name] = answer }
                return state.isOpen
            }
            arrived.signal()
            return isOpen
        }

        /// Nobody waits any more.
        func close() -> [String: Answer] {
            state.withLock { state in
                state.isOpen = false
                return state.found
            }
        }
    }
}

/// Carries a reference to a letter that runs on the very thread that the reference belongs to.
package struct LoopBound<Value: AnyObject>: @unchecked Sendable {
    // Sendable because only the owner's thread opens it.
    package let value: Value
    package init(_ value: Value) { self.value = value }
}
