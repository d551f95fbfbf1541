import Proxy

/// `/issuers`: whose tokens are accepted, with which keys, and when those were last fetched.
final class IssuersEndpoint: LocalHandler {
    private let gateway: Gateway

    init(gateway: Gateway) { self.gateway = gateway }

    var grows: Bool { true }

    func respond(to request: LocalRequest) -> LocalAnswer {
        .json(IssuerListing(gateway.issuers.status, gateway.blueprint.configuration).json)
    }
}
