import Base
import EventLoop
import Linux
import Traffic

/// One loop's gates, and when their queues move: at the end of the turn in which a place became free, on this loop or,
/// by letter, on another one; and when somebody has waited long enough.
final class GateKeeper: EventHandler {
    /// Tells another loop that there may be a place: its `letterCame` is to be called.
    typealias Tell = @Sendable (_ seat: Int, _ limit: ConcurrencyLimit) -> Void

    private unowned(unsafe) let loop: EventLoop
    private let seat: Int
    private let tell: Tell
    private var registration = Registration.none
    private var gates: [ObjectIdentifier: ConcurrencyGate] = [:]
    /// Gates at which somebody may wait.
    private var listed: [ConcurrencyGate] = []
    /// Gates at which there may be a place.
    private var due: [ConcurrencyGate] = []

    init(loop: EventLoop, seat: Int, tell: @escaping Tell) {
        self.loop = loop
        self.seat = seat
        self.tell = tell
    }

    /// The loop's gate to `limit`: one and the same for as long as anybody may have a place there.
    func gate(for limit: ConcurrencyLimit) -> ConcurrencyGate {
        if let known = gates[ObjectIdentifier(limit)] { return known }
        if registration == .none {
            registration = loop.add(self)
            loop.onTurnEnd = { [unowned self] in turnEnded() }
        }
        let gate = ConcurrencyGate(limit, seat: seat)
        gates[ObjectIdentifier(limit)] = gate
        return gate
    }

    /// After a reload: forgets what nobody will ask for again, and looks at those whose limit may be higher, or whose
    /// wait may be shorter, now.
    func reloaded() {
        gates = gates.filter { !$0.value.limit.isRetired || $0.value.waitingCount > 0 }
        for gate in listed {
            gate.shortenWaits(now: loop.now)
            if let deadline = gate.deadline { loop.wake(registration, at: deadline) }
            wake(gate)
        }
    }

    // MARK: What exchanges ask for

    func enter(_ exchange: Exchange, _ gate: ConcurrencyGate) -> ConcurrencyGate.Admission {
        let admission = gate.enter(exchange, now: loop.now)
        if case .queued = admission {
            if !gate.isListed {
                gate.isListed = true
                listed.append(gate)
            }
            if let deadline = gate.deadline { loop.wake(registration, at: deadline) }
            wake(gate)
        }
        return admission
    }

    func leave(_ gate: ConcurrencyGate) {
        gate.leave()
        wake(gate)
    }

    func cancel(_ ticket: UInt64, at gate: ConcurrencyGate) {
        gate.cancel(ticket)
        wake(gate)
    }

    /// Another loop has told of a place.
    func letterCame(_ limit: ConcurrencyLimit) {
        let gate = gate(for: limit)
        gate.letterCame()
        markDue(gate)
        // Mail is read behind the turn's events, and before its end.
    }

    private func wake(_ gate: ConcurrencyGate) {
        switch gate.wake() {
        case .nobody: break
        case .here: markDue(gate)
        case .loop(let other): tell(other, gate.limit)
        }
    }

    private func markDue(_ gate: ConcurrencyGate) {
        guard !gate.isDue else { return }
        gate.isDue = true
        due.append(gate)
    }

    // MARK: Moving on

    private func turnEnded() {
        // Whoever goes on may be done at once, and leave a place to the next.
        while let gate = due.popLast() {
            gate.isDue = false
            while let waiter = gate.next() { unsafeDowncast(waiter, to: Exchange.self).placeGranted() }
            wake(gate)
        }
    }

    func timerFired() {
        for gate in listed {
            while let waiter = gate.nextExpired(now: loop.now) {
                unsafeDowncast(waiter, to: Exchange.self).waitedTooLong()
            }
            wake(gate)
        }
        listed.removeAll { gate in
            guard gate.waitingCount == 0 else { return false }
            gate.isListed = false
            return true
        }
        for gate in listed {
            if let deadline = gate.deadline { loop.wake(registration, at: deadline) }
        }
    }

    func handle(_ events: EventSet) {}
}
