import Base
import EventLoop
import Linux
import Observability
import Synchronization

/// The addresses of all targets that are named rather than numbered. Lives on the control thread.
///
/// The system's resolver blocks, so every look-up has a thread of its own, which ends with it. A name keeps its last
/// good answer for as long as looking it up again fails.
final class NameDirectory: EventHandler {
    private struct Entry {
        var addresses: [IPAddress] = []
        var refreshTime = MonotonicTime.zero
        var isLookingUp = false
    }

    /// Called on the control thread when a name's addresses have changed.
    var onChange: ((String, [IPAddress]) -> Void)?
    var refreshInterval = TimeAmount.seconds(30)

    private var entries: [String: Entry] = [:]
    private let loop: EventLoop
    private let log: ErrorLog
    private let registry: MetricsRegistry
    private var registration = Registration.none
    private static let lookupsMax = 16

    init(loop: EventLoop, log: ErrorLog, registry: MetricsRegistry) {
        self.loop = loop
        self.log = log
        self.registry = registry
        registration = loop.add(self)
    }

    func addresses(of name: String) -> [IPAddress] { entries[name]?.addresses ?? [] }

    /// Looks up the names that are new, all at once, and waits for the answers for `limit` at most. Later answers come
    /// through `onChange`. Names that are in use no more are forgotten.
    func setNames(_ names: Set<String>, waitingAtMost limit: TimeAmount) {
        for name in entries.keys where !names.contains(name) { entries[name] = nil }
        let fresh = names.filter { entries[$0] == nil }
        guard !fresh.isEmpty else { return schedule() }
        let answers = Answers()
        for name in fresh {
            entries[name] = Entry(isLookingUp: true)
            lookUp(name) { answers.add(name, $0) }
        }
        let end = SystemClock.monotonic() + limit
        for _ in fresh where !answers.arrived.wait(atMost: end - SystemClock.monotonic()) { break }
        for (name, result) in answers.take() { settle(name, result) }
        schedule()
    }

    func handle(_ events: EventSet) {}

    func timerFired() {
        var underWay = entries.values.count { $0.isLookingUp }
        for (name, entry) in entries where !entry.isLookingUp && entry.refreshTime <= loop.now {
            guard underWay < Self.lookupsMax else { break }
            underWay += 1
            entries[name]?.isLookingUp = true
            let mailbox = loop.mailbox
            let box = UncheckedBox(self)
            lookUp(name) { result in mailbox.post { box.value.settleLater(name, result) } }
        }
        schedule()
    }

    private func settleLater(_ name: String, _ result: Result<[IPAddress], ResolverError>) {
        guard let before = entries[name]?.addresses else { return }
        settle(name, result)
        let after = entries[name]?.addresses ?? []
        if after != before { onChange?(name, after) }
        schedule()
    }

    private func settle(_ name: String, _ result: Result<[IPAddress], ResolverError>) {
        guard entries[name] != nil else { return }
        entries[name]?.isLookingUp = false
        entries[name]?.refreshTime = SystemClock.monotonic() + refreshInterval
        switch result {
        case .success(let addresses): if !addresses.isEmpty { entries[name]?.addresses = addresses }
        case .failure(let error):
            registry.countResolutionFailure()
            log.warning("a name could not be resolved") { line in
                line.field("name", name)
                line.field("error", error.description)
            }
        }
    }

    private func schedule() {
        guard let next = entries.values.lazy.filter({ !$0.isLookingUp }).map(\.refreshTime).min() else { return }
        loop.wake(registration, at: max(next, loop.now))
    }

    private func lookUp(_ name: String, _ done: @escaping @Sendable (Result<[IPAddress], ResolverError>) -> Void) {
        do throws(Errno) {
            try Thread.start(name: "resolver") {
                do throws(ResolverError) {
                    done(.success(try resolveAddresses(of: name)))
                } catch {
                    done(.failure(error))
                }
            }
        } catch {
            log.error("a thread could not be started") { $0.field("error", error.description) }
            done(.success([]))
        }
    }

    /// What look-ups that are waited for have found.
    private final class Answers: Sendable {
        let arrived = CountingSemaphore()
        private let found = Mutex<[String: Result<[IPAddress], ResolverError>]>([:])

        func add(_ name: String, _ result: Result<[IPAddress], ResolverError>) {
            found.withLock { $0[name] = result }
            arrived.signal()
        }

        func take() -> [String: Result<[IPAddress], ResolverError>] { found.withLock { $0 } }
    }
}

/// Carries a reference to a letter that runs on the very thread that the reference belongs to.
struct UncheckedBox<Value: AnyObject>: @unchecked Sendable {
    // Sendable because only the owner's thread opens it.
    let value: Value
    init(_ value: Value) { self.value = value }
}
