import Base
import Observability
import Synchronization
import Traffic

/// How many client connections there are, in the whole process and from each client.
///
/// Asked when a connection is accepted and told when it closes, never for a request: so a counter that all loops share
/// and a short lock cost nothing that matters.
package final class ConnectionLimits: Sendable {
    private let total = BoundedCount()
    private let totalMax: Atomic<Int>
    private let perClientMax: Atomic<Int>
    /// Connections by client, in parts so that loops rarely meet.
    private let clients: [ClientCounts]

    private final class ClientCounts: Sendable {
        let counts = Lock<[IPAddress: Int]>([:])
    }

    package init(totalMax: Int, perClientMax: Int) {
        self.totalMax = Atomic(totalMax)
        self.perClientMax = Atomic(perClientMax)
        clients = (0..<16).map { _ in ClientCounts() }
    }

    /// A reload may change the limits; connections beyond them live on.
    package func set(totalMax: Int, perClientMax: Int) {
        self.totalMax.store(totalMax, ordering: .relaxed)
        self.perClientMax.store(perClientMax, ordering: .relaxed)
    }

    /// Client connections now.
    package var count: Int { total.value }

    /// Counts a connection in.
    /// - Parameter isExempt: whether the peer is a trusted proxy, behind which are many clients.
    /// - Returns: the limit that it exceeds, if any; it isn't counted then.
    package func refusal(
        of client: IPAddress, isExempt: Bool, listener: ListenerCount, settings: ListenerSettings
    ) -> ConnectionLimit? {
        guard total.take(below: totalMax.load(ordering: .relaxed)) else { return .process }
        guard listener.open.take(below: settings.connectionsMax) else {
            total.giveBack()
            return .listener
        }
        if isExempt || admit(client) { return nil }
        total.giveBack()
        listener.open.giveBack()
        return .client
    }

    /// Counts a connection out.
    package func release(_ client: IPAddress, isExempt: Bool, listener: ListenerCount) {
        total.giveBack()
        listener.open.giveBack()
        if isExempt { return }
        part(of: client).counts.withLock { counts in
            guard let count = counts[client] else { return }
            counts[client] = count > 1 ? count - 1 : nil
        }
    }

    private func admit(_ client: IPAddress) -> Bool {
        let limit = perClientMax.load(ordering: .relaxed)
        return part(of: client).counts.withLock { counts in
            let count = counts[client, default: 0]
            guard count < limit else { return false }
            counts[client] = count + 1
            return true
        }
    }

    private func part(of client: IPAddress) -> ClientCounts {
        let mixed = (client.high ^ client.low) &* 0x9e37_79b9_7f4a_7c15
        return clients[Int(mixed >> 60)]
    }
}

/// How many connections a listener has on all loops.
package final class ListenerCount: Sendable {
    let open = BoundedCount()

    package init() {}
}
