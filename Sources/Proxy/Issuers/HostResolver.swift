import Base
import EventLoop
import Linux

/// Looks names up for a loop. The system's resolver blocks, so each look-up has a thread of its own, which ends with
/// it; each name has one look-up at a time, whoever asks for it.
///
/// ```
/// queued ──▶ running ──▶ ended
///                │          ▲
///                └─▶ slow ──┘
/// ```
/// Only so many are running; one that takes long is slow, and gives its place to the next: names whose servers are
/// silent must not keep others from being found. Of both together there are no more than `threadsMax`, which the
/// system's own time-outs end.
package final class HostResolver: EventHandler {
    /// As `resolveAddresses`.
    package typealias Resolver = @Sendable (_ name: String) throws(ResolverError) -> [IPAddress]
    package typealias Done = (Result<[IPAddress], KeyFetchFailure>) -> Void

    /// Look-ups that are running; further ones are queued.
    package static let runningMax = 16
    /// After so long one is slow.
    package static let patience = TimeAmount.milliseconds(500)
    /// Look-ups under way at a time, slow ones included.
    package static let threadsMax = 128

    private let loop: EventLoop
    private let resolver: Resolver
    private var registration = Registration.none
    private var underWay: [String: LookUp] = [:]
    /// Those that nobody waits for any more leave when their turn has come.
    private var queued: [LookUp] = []
    private var slowCount = 0
    private var lastTicket: UInt64 = 0

    private final class LookUp {
        let name: String
        var waiting: [(ticket: UInt64, done: Done)] = []
        /// When it becomes slow; in the distant future for one that is, or hasn't begun.
        var slowAt = MonotonicTime.distantFuture
        var isSlow = false

        init(name: String) { self.name = name }
    }

    package init(loop: EventLoop, resolver: @escaping Resolver = resolveAddresses) {
        self.loop = loop
        self.resolver = resolver
    }

    /// - Parameter done: called on the loop once, later.
    /// - Returns: what `cancel` wants.
    @discardableResult
    package func resolve(_ name: String, done: @escaping Done) -> UInt64 {
        lastTicket += 1
        if let known = underWay[name] ?? queued.first(where: { $0.name == name }) {
            known.waiting.append((lastTicket, done))
            return lastTicket
        }
        let lookUp = LookUp(name: name)
        lookUp.waiting = [(lastTicket, done)]
        queued.append(lookUp)
        startQueued()
        return lastTicket
    }

    /// Who asked doesn't wait any more: `done` isn't called. A thread that has begun goes on.
    package func cancel(_ ticket: UInt64) {
        for lookUp in underWay.values { lookUp.waiting.removeAll { $0.ticket == ticket } }
        for lookUp in queued { lookUp.waiting.removeAll { $0.ticket == ticket } }
        queued.removeAll { $0.waiting.isEmpty }
    }

    private func startQueued() {
        while !queued.isEmpty, underWay.count - slowCount < Self.runningMax, underWay.count < Self.threadsMax {
            start(queued.removeFirst())
        }
    }

    private func start(_ lookUp: LookUp) {
        let name = lookUp.name
        underWay[name] = lookUp
        lookUp.slowAt = SystemClock.monotonic() + Self.patience
        if registration == .none { registration = loop.add(self) }
        loop.wake(registration, at: lookUp.slowAt)
        let mailbox = loop.mailbox
        let resolver = resolver
        let owner = LoopBound(self)
        do throws(Errno) {
            try Thread.start(name: "resolver") {
                let result: Result<[IPAddress], KeyFetchFailure>
                do throws(ResolverError) {
                    let addresses = try resolver(name)
                    result = addresses.isEmpty ? .failure(.noAddress) : .success(addresses)
                } catch {
                    result = .failure(.unresolved(error))
                }
                mailbox.post { owner.value.ended(name, result) }
            }
        } catch {
            // Later, like every answer: who asks isn't called while it does.
            mailbox.post { owner.value.ended(name, .failure(.noThread(error))) }
        }
    }

    private func ended(_ name: String, _ result: Result<[IPAddress], KeyFetchFailure>) {
        guard let lookUp = underWay.removeValue(forKey: name) else { return }
        if lookUp.isSlow { slowCount -= 1 }
        startQueued()
        for entry in lookUp.waiting { entry.done(result) }
    }

    // MARK: Slow ones

    package func handle(_ events: EventSet) {}

    package func timerFired() {
        let now = SystemClock.monotonic()
        for lookUp in underWay.values where lookUp.slowAt <= now {
            lookUp.slowAt = .distantFuture
            lookUp.isSlow = true
            slowCount += 1
        }
        startQueued()
        if let next = underWay.values.map(\.slowAt).min(), next != .distantFuture { loop.wake(registration, at: next) }
    }
}
