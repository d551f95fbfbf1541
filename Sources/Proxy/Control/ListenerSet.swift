import Base
import Configuration
import HTTP
import Linux

/// The listeners of the process over all reloads: which are open, and how many connections each has. A listener is
/// known by the address that its configuration gives; its sockets are never closed by a reload that keeps it.
package struct ListenerSet {
    fileprivate struct Open {
        let endpoint: IPEndpoint
        let count: ListenerCount
    }

    /// What tells one listener from another over reloads. Port 0 is another port for each that asks for it, so there
    /// the name counts too.
    fileprivate struct Identity: Hashable {
        let address: IPEndpoint
        let name: String?

        init(name: String, address: IPEndpoint) {
            self.address = address
            self.name = address.port == 0 ? name : nil
        }
    }

    fileprivate var open: [Identity: Open] = [:]

    /// No listener is open.
    package init() {}

    /// What one change of configuration does to the listeners.
    package struct Plan {
        /// For each worker, its listeners.
        package var byWorker: [[ListenerPlan]]
        fileprivate var open: [Identity: Open]
        /// Where the listeners really are (port 0 has become a real one), by name.
        package var endpoints: [String: IPEndpoint]
    }

    /// Opens the sockets that are missing. Nothing changes yet: an error leaves everything as it was.
    func plan(_ listeners: [Listener], workerCount: Int) throws(ListenFailure) -> Plan {
        try plan(
            listeners.map { (name: $0.name, address: $0.address.value, settings: ListenerSettings($0)) },
            workerCount: workerCount)
    }

    /// The same for the gateway's own service, which has one listener or none.
    func plan(local address: IPEndpoint?) throws(ListenFailure) -> Plan {
        let settings = ListenerSettings(name: ByteView("admin"))
        return try plan(address.map { [(name: "admin", address: $0, settings: settings)] } ?? [], workerCount: 1)
    }

    /// The same for listeners by name, address and settings.
    package func plan(
        _ wishes: [(name: String, address: IPEndpoint, settings: ListenerSettings)], workerCount: Int
    ) throws(ListenFailure) -> Plan {
        var plan = Plan(byWorker: Array(repeating: [], count: workerCount), open: [:], endpoints: [:])
        for (index, listener) in wishes.enumerated() {
            let wanted = listener.address
            let identity = Identity(name: listener.name, address: wanted)
            let known = open[identity]
            var sockets: [ListenerSocket] = []
            if known == nil {
                do throws(Errno) {
                    sockets = try openSockets(at: wanted, count: workerCount)
                } catch {
                    throw ListenFailure(listener: listener.name, endpoint: wanted, error: error)
                }
            }
            let entry = known ?? Open(endpoint: sockets.first?.endpoint ?? wanted, count: ListenerCount())
            plan.open[identity] = entry
            plan.endpoints[listener.name] = entry.endpoint
            for worker in 0..<workerCount {
                plan.byWorker[worker].append(
                    ListenerPlan(
                        index: index, settings: listener.settings, endpoint: entry.endpoint,
                        count: entry.count, socket: known == nil ? sockets[worker].take() : nil))
            }
        }
        return plan
    }

    /// The plan is carried out.
    package mutating func commit(_ plan: Plan) { open = plan.open }

    private func openSockets(at endpoint: IPEndpoint, count: Int) throws(Errno) -> [ListenerSocket] {
        guard count > 1 else { return [ListenerSocket(try .listening(at: endpoint, isShared: false))] }
        // A shared port would be shared with another process of the same user, unnoticed: ask for it alone first.
        let probe = ListenerSocket(try .listening(at: endpoint, isShared: false))
        let actual = probe.endpoint
        _ = probe.take()
        var sockets: [ListenerSocket] = []
        for _ in 0..<count { sockets.append(ListenerSocket(try .listening(at: actual, isShared: true))) }
        return sockets
    }
}

/// A listening socket on its way to its loop.
private final class ListenerSocket {
    let endpoint: IPEndpoint
    private var socket: ListeningSocket?

    init(_ socket: consuming ListeningSocket) {
        endpoint = socket.endpoint
        self.socket = consume socket
    }

    func take() -> ListeningSocket? {
        let taken = socket.take()
        return taken
    }
}

/// A listener's address can't be listened on.
package struct ListenFailure: Error, CustomStringConvertible {
    package let listener: String
    package let endpoint: IPEndpoint
    package let error: Errno

    package var description: String { "listener \(listener): can't listen on \(endpoint): \(error)" }

    /// The same during a reload, where the port may be held by a listener of the running configuration.
    package func description(reloading running: GatewayConfiguration) -> String {
        guard error == .addressInUse else { return description }
        var holders = running.listeners.map { (name: "listener \($0.name)", address: $0.address.value, $0.location) }
        if let admin = running.admin { holders.append(("admin listener", admin.address.value, admin.location)) }
        guard let holder = holders.first(where: { $0.address.overlaps(endpoint) }) else { return description }
        return "\(description): the running gateway's own \(holder.name) (\(running.files.describe(holder.2))) has "
            + "\(holder.address) and can't let go of it while it reloads; take that one away in a reload of its own "
            + "first"
    }
}
