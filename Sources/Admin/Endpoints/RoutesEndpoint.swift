import Proxy

/// `/routes`: all routes by rank, as `portcullis routes --format json` has them.
final class RoutesEndpoint: LocalHandler {
    private let gateway: Gateway

    init(gateway: Gateway) { self.gateway = gateway }

    var grows: Bool { true }

    func respond(to request: LocalRequest) -> LocalAnswer { .json(RouteListing(gateway.blueprint).json) }
}
