import Base
import EventLoop
import Linux
import Observability
import Upstream

/// The addresses of all targets that are named rather than numbered. Lives on the control thread.
///
/// The system's resolver blocks, so every look-up has a thread of its own, which ends with it; there are 16 at most,
/// and other names wait. When a name is asked for and what an answer or a failure means is `NameResolution`'s to say.
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
    /// Who waits for new names.
    private var waiting: Waiting?

    private struct Waiting {
        /// Those that haven't been answered yet.
        var names: Set<String>
        let end: MonotonicTime
        let done: () -> Void
    }

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

    /// Looks up the names that are new, before those that are refreshed. Answers that come later than `limit` are known
    /// by `onChange`.
    /// - Parameters:
    ///   - interval: how often the new names are looked up again.
    ///   - done: called when all have been answered, or after `limit`; at once when none is new. Nobody else may be
    ///     waiting.
    package func addNames(
        _ wanted: Set<String>, refreshedEvery interval: TimeAmount, waitingAtMost limit: TimeAmount,
        then done: @escaping () -> Void
    ) {
        let now = SystemClock.monotonic()
        let new = wanted.filter { names[$0] == nil }
        if new.isEmpty { return done() }
        for name in new {
            names[name] = NameResolution(schedule: NameResolution.Schedule(refreshInterval: interval), now: now)
        }
        waiting = Waiting(names: new, end: now + limit, done: done)
        lookUpWhatIsDue(now: now)
        schedule()
    }

    package func handle(_ events: EventSet) {}

    package func timerFired() {
        lookUpWhatIsDue(now: loop.now)
        if let waiting, waiting.end <= loop.now { stopWaiting() }
        schedule()
    }

    /// As many as may be under way; new names first.
    private func lookUpWhatIsDue(now: MonotonicTime) {
        if let waiting { lookUp(waiting.names, dueAt: now) }
        lookUp(names.keys, dueAt: now)
    }

    private func lookUp(_ some: some Sequence<String>, dueAt now: MonotonicTime) {
        for name in some where lookupCount < Self.lookupsMax {
            guard names[name]?.tick(now: now) == .resolve else { continue }
            lookUp(name)
        }
    }

    private func settle(_ name: String, _ answer: Answer) {
        guard var resolution = names[name] else { return }
        let now = SystemClock.monotonic()
        switch answer {
        case .success(let addresses) where !addresses.isEmpty:
            let change = resolution.answered(addresses, now: now, random: random.next())
            names[name] = resolution
            if change == .changed { onChange?(name, resolution.addresses) }
        case .success: failed(name, &resolution, .noAddress, now: now)
        case .failure(let failure): failed(name, &resolution, failure, now: now)
        }
    }

    private func failed(
        _ name: String, _ resolution: inout NameResolution, _ failure: LookUpFailure, now: MonotonicTime
    ) {
        resolution.failed(now: now, random: random.next())
        names[name] = resolution
        registry.countResolutionFailure()
        log.warning("a name could not be resolved") { line in
            line.field("name", name)
            line.field("error", failure.description)
        }
    }

    private func schedule() {
        // While no more look-ups may be made, the end of one is what is waited for.
        let mayLookUp = lookupCount < Self.lookupsMax
        let due = mayLookUp ? names.values.lazy.compactMap(\.nextTick).min() : nil
        let next = min(due ?? .distantFuture, waiting?.end ?? .distantFuture)
        if next < .distantFuture { loop.wake(registration, at: max(next, loop.now)) }
    }

    /// Why a name's addresses aren't known.
    private enum LookUpFailure: Error, CustomStringConvertible {
        case resolver(ResolverError)
        /// The resolver knows the name, but no address of it.
        case noAddress
        case noThread(Errno)

        var description: String {
            switch self {
            case .resolver(let error): error.description
            case .noAddress: "the name has no address"
            case .noThread(let error): "no thread for the look-up: \(error)"
            }
        }
    }

    private typealias Answer = Result<[IPAddress], LookUpFailure>

    private func lookUp(_ name: String) {
        lookupCount += 1
        let mailbox = loop.mailbox
        let resolve = resolve
        let directory = LoopBound(self)
        let report: @Sendable (Answer) -> Void = { answer in
            mailbox.post { directory.value.lookedUp(name, answer) }
        }
        do throws(Errno) {
            try Thread.start(name: "resolver") {
                do throws(ResolverError) {
                    report(.success(try resolve(name)))
                } catch {
                    report(.failure(.resolver(error)))
                }
            }
        } catch {
            report(.failure(.noThread(error)))
        }
    }

    /// A look-up is over.
    private func lookedUp(_ name: String, _ answer: Answer) {
        lookupCount -= 1
        settle(name, answer)
        waiting?.names.remove(name)
        if let waiting, waiting.names.isEmpty { stopWaiting() }
        lookUpWhatIsDue(now: SystemClock.monotonic())
        schedule()
    }

    private func stopWaiting() {
        let done = waiting?.done
        waiting = nil
        done?()
    }
}
