import Proxy

/// `/stores`: how each event loop stands with the stores that replicas share.
final class StoresEndpoint: LocalHandler {
    private let gateway: Gateway

    init(gateway: Gateway) { self.gateway = gateway }

    var grows: Bool { true }

    func respond(to request: LocalRequest) -> LocalAnswer {
        .json(["stores": .array(gateway.storeStatus.map { Self.json($0.name, $0.loops) })])
    }

    private static func json(_ name: String, _ loops: [StoreStatus]) -> JSONOutput {
        ["name": .string(name), "loops": .array(loops.map { json($0) })]
    }

    private static func json(_ loop: StoreStatus) -> JSONOutput {
        let server = loop.server
        let problem = loop.problem
        let counted: [(String, StoreStatus.Count)] = [
            ("answered", .answered), ("timed_out", .timedOut), ("lost", .lost), ("refused", .refused),
            ("overflowed", .overflowed), ("skipped", .skipped),
        ]
        let counts = counted.map { ($0.0, JSONOutput.integer(Int(clamping: loop.value($0.1)))) }
        return [
            "status": .string(name(of: loop.standing)), "server": .optional(server.isEmpty ? nil : server),
            "problem": .optional(problem.isEmpty ? nil : problem), "checks": .object(counts),
        ]
    }

    private static func name(of standing: StoreStatus.Standing) -> String {
        switch standing {
        case .connecting: "connecting"
        case .ready: "ready"
        case .unavailable: "unavailable"
        }
    }
}
