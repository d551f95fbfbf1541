import Base
import Traffic

/// How many requests are under way: a place at the route's gate, then one at the upstream's, kept to the end.
extension Exchange: ConcurrencyWaiter {
    /// The place of adaptive limits, and of shedding by tier, is here, before the gates.
    func admit(in snapshot: Snapshot) -> StepOutcome {
        guard snapshot.hasGates else { return .next(.state) }
        if !places.route, let gate = withRoute({ $0.gate }) {
            switch worker.gates.enter(self, gate) {
            case .entered: places.route = true
            case .queued(let ticket): return wait(ticket, at: gate)
            case .refused: return .respond(.concurrencyLimit)
            }
        }
        if !places.upstream, let gate = cluster?.gate {
            switch worker.gates.enter(self, gate) {
            case .entered: places.upstream = true
            case .queued(let ticket): return wait(ticket, at: gate)
            case .refused: return .respond(.concurrencyLimit)
            }
        }
        return .next(.state)
    }

    private func wait(_ ticket: UInt64, at gate: ConcurrencyGate) -> StepOutcome {
        gateTicket = ticket
        waitingGate = gate
        return .parked
    }

    /// Whether the exchange waits for a place.
    var isQueued: Bool { gateTicket != 0 }

    /// It has a place at the gate at which it waited.
    func placeGranted() {
        if places.route || withRoute({ $0.gate }) !== waitingGate {
            places.upstream = true
        } else {
            places.route = true
        }
        stopWaiting()
        resume(with: .next(.admit))
    }

    /// It has waited as long as it may.
    /// - Parameter leaving: whether the gate doesn't know of that yet.
    func waitedTooLong(leaving: Bool = false) {
        if leaving, let waitingGate { worker.gates.cancel(gateTicket, at: waitingGate) }
        stopWaiting()
        answer(.concurrencyWait)
    }

    private func stopWaiting() {
        gateTicket = 0
        waitingGate = nil
    }

    /// The exchange is over.
    func leaveGates() {
        if gateTicket != 0, let waitingGate {
            worker.gates.cancel(gateTicket, at: waitingGate)
            stopWaiting()
        }
        if places.upstream, let gate = cluster?.gate { worker.gates.leave(gate) }
        if places.route, let gate = withRoute({ $0.gate }) { worker.gates.leave(gate) }
        places = HeldPlaces()
    }
}
