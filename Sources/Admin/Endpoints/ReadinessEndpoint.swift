import Observability
import Proxy

/// `/readyz`: whether traffic should come. A rejected reload or an issuer that is down change nothing about that, but
/// the detail tells of them.
final class ReadinessEndpoint: LocalHandler {
    /// Error texts shown of a rejected reload; `portcullis check` has more.
    private static let errorsShownMax = 20
    private let state: AdminState
    private let gateway: Gateway

    init(state: AdminState, gateway: Gateway) {
        self.state = state
        self.gateway = gateway
    }

    func respond(to request: LocalRequest) -> LocalAnswer {
        .json(detail, status: state.isDraining || state.served == nil ? 503 : 200)
    }

    private var status: String {
        if state.isDraining { return "draining" }
        guard state.served != nil else { return "starting" }
        if case .rejected = state.lastReload { return "serving, last reload failed" }
        return "serving"
    }

    private var detail: JSONOutput {
        var members: [(String, JSONOutput)] = [
            ("status", .string(status)), ("started", .string(state.startTime.timestamp)),
        ]
        if let served = state.served {
            members.append(
                ("configuration", ["digest": .string(served.digest), "since": .string(served.since.timestamp)]))
        }
        if let reload = state.lastReload { members.append(("last_reload", Self.json(reload))) }
        let issuers = gateway.issuers.status
        if !issuers.isEmpty {
            members.append(
                (
                    "issuers",
                    [
                        "without_keys": .strings(issuers.filter { $0.readiness == .missing }.map(\.name)),
                        "with_stale_keys": .strings(issuers.filter { $0.readiness == .stale }.map(\.name)),
                    ]
                ))
        }
        return .object(members)
    }

    private static func json(_ reload: AdminState.Reload) -> JSONOutput {
        switch reload {
        case .applied(let time): ["result": "applied", "at": .string(time.timestamp)]
        case .unchanged(let time): ["result": "unchanged", "at": .string(time.timestamp)]
        case .rejected(let time, let errors, let count):
            [
                "result": "rejected", "at": .string(time.timestamp), "error_count": .integer(count),
                "errors": .strings(errors.prefix(errorsShownMax)),
            ]
        }
    }
}
