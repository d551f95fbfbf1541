import Base
import Configuration
import Linux
import Proxy

/// `/upstreams`: all targets, where their names lead, what is open to them, and where their breakers and checks stand.
final class UpstreamsEndpoint: LocalHandler {
    private let gateway: Gateway

    init(gateway: Gateway) { self.gateway = gateway }

    var grows: Bool { true }

    func respond(to request: LocalRequest) -> LocalAnswer {
        let now = SystemClock.monotonic()
        return .json(
            UpstreamListing(
                gateway.blueprint.configuration, connections: gateway.registry.targetConnections,
                endpoints: gateway.endpoints(of:),
                budget: { self.gateway.retryBudget(of: $0)?.json(now: now) }, now: now,
                health: { self.gateway.health.health(of: $0) }
            ).json)
    }
}
