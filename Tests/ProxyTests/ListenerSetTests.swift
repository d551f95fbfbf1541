import Base
import Linux
import Proxy
import Testing

private typealias Wish = (name: String, address: IPEndpoint, settings: ListenerSettings)

private func wish(_ name: String, _ address: IPEndpoint) -> Wish { (name, address, ListenerSettings(name: ByteView())) }

/// Whether the plan brings its worker a new socket; it is closed then.
private func bringsSocket(_ plan: ListenerPlan) -> Bool {
    guard let _ = plan.takeSocket() else { return false }
    return true
}

@Suite("The set of listeners over reloads")
struct ListenerSetTests {
    private let anyPort = IPEndpoint(address: IPAddress(ipv4: 0x7f00_0001), port: 0)

    /// An address on which nobody listens at the moment.
    private func free() throws -> IPEndpoint {
        try ListeningSocket.listening(at: anyPort, isShared: false).endpoint
    }

    @Test("each worker gets a socket of its own, once; they share one count", arguments: [1, 3])
    func opening(workers: Int) throws {
        var set = ListenerSet()
        let address = try free()
        let plan = try set.plan([wish("a", address)], workerCount: workers)
        #expect(plan.endpoints == ["a": address])
        #expect(plan.byWorker.count == workers)
        for worker in plan.byWorker { #expect(worker.count == 1 && worker[0].endpoint == address) }
        #expect(Set(plan.byWorker.map { ObjectIdentifier($0[0].count) }).count == 1)
        set.commit(plan)
        let next = try set.plan([wish("a", address)], workerCount: workers)
        for worker in next.byWorker { #expect(!bringsSocket(worker[0])) }
        #expect(next.byWorker[0][0].count === plan.byWorker[0][0].count)
        for worker in plan.byWorker {
            #expect(bringsSocket(worker[0]))
            #expect(!bringsSocket(worker[0]))
        }
    }

    @Test("a plan that isn't carried out changes nothing, and its sockets are closed")
    func droppedPlan() throws {
        let set = ListenerSet()
        let address = try free()
        do { _ = try set.plan([wish("a", address)], workerCount: 2) }
        let again = try set.plan([wish("a", address)], workerCount: 1)
        #expect(bringsSocket(again.byWorker[0][0]))
    }

    @Test("a port that another one has is refused by name, and nothing is opened", arguments: [1, 2])
    func inUse(workers: Int) throws {
        let set = ListenerSet()
        let taken = try ListeningSocket.listening(at: anyPort, isShared: false)
        let first = try free()
        do {
            _ = try set.plan([wish("a", first), wish("b", taken.endpoint)], workerCount: workers)
            Issue.record("the port was given twice")
        } catch {
            #expect(error.listener == "b" && error.endpoint == taken.endpoint && error.error == .addressInUse)
            #expect(error.description.contains("listener b"))
        }
        // The first one's socket is gone with the plan.
        let socket = try ListeningSocket.listening(at: first, isShared: false)
        #expect(socket.endpoint == first)
    }

    @Test("a renamed listener keeps its sockets; one that comes back after it was removed gets new ones")
    func renaming() throws {
        var set = ListenerSet()
        let address = try free()
        let first = try set.plan([wish("a", address)], workerCount: 1)
        set.commit(first)
        let renamed = try set.plan([wish("b", address)], workerCount: 1)
        #expect(!bringsSocket(renamed.byWorker[0][0]))
        #expect(renamed.endpoints == ["b": address])
        #expect(bringsSocket(first.byWorker[0][0]))
        set.commit(try set.plan([], workerCount: 1))
        #expect(bringsSocket(try set.plan([wish("a", address)], workerCount: 1).byWorker[0][0]))
    }

    @Test("two listeners on port 0 have two ports, and keep them over a reload")
    func anyPorts() throws {
        var set = ListenerSet()
        let wishes = [wish("a", anyPort), wish("b", anyPort)]
        let plan = try set.plan(wishes, workerCount: 2)
        #expect(plan.endpoints.count == 2)
        #expect(plan.endpoints["a"] != plan.endpoints["b"])
        #expect(plan.endpoints.values.allSatisfy { $0.port != 0 })
        set.commit(plan)
        let next = try set.plan(wishes, workerCount: 2)
        #expect(next.endpoints == plan.endpoints)
        for worker in 0..<2 {
            for index in 0..<2 {
                let (before, after) = (plan.byWorker[worker][index], next.byWorker[worker][index])
                #expect(after.endpoint == before.endpoint && after.count === before.count)
                #expect(!bringsSocket(after))
            }
        }
    }
}
