import Base
import Configuration
import Linux
import Proxy

/// `POST /upstreams/DOMAIN/NAME/reset`: closes the circuit breakers of an upstream and of its targets.
final class BreakerResetEndpoint: LocalHandler {
    static let path = "/upstreams/{domain}/{upstream}/reset"
    private let gateway: Gateway

    init(gateway: Gateway) { self.gateway = gateway }

    func respond(to request: LocalRequest) -> LocalAnswer {
        let parts = request.path.split(separator: "/")
        guard parts.count == 4 else { return .text("no such upstream\n", status: 404) }
        let name = "\(parts[1])/\(parts[2])"
        guard let health = gateway.health.health(of: name) else { return .text("no such upstream\n", status: 404) }
        let now = SystemClock.monotonic()
        var closed: [JSONOutput] = []
        if health.breaker.state != .closed { closed.append(.string(name)) }
        health.breaker.reset(now: now)
        for target in health.allTargets {
            if target.breaker.state != .closed { closed.append(.string(target.target)) }
            target.breaker.reset(now: now)
        }
        return .json(["upstream": .string(name), "closed": .array(closed)])
    }
}
