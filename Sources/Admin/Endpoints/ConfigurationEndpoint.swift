import Configuration
import Proxy

/// `/config`: every effective value with its place; what came out of the environment or a file is masked.
final class ConfigurationEndpoint: LocalHandler {
    private let gateway: Gateway

    init(gateway: Gateway) { self.gateway = gateway }

    var grows: Bool { true }

    func respond(to request: LocalRequest) -> LocalAnswer {
        .json(EffectiveConfiguration.json(gateway.blueprint.configuration))
    }
}
