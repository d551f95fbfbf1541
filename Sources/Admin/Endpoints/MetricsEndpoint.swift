import Base
import Configuration
import Identity
import Linux
import Observability
import Proxy

/// `/metrics`: everything counted, in Prometheus' text format.
final class MetricsEndpoint: LocalHandler {
    private let gateway: Gateway
    private let sample: () -> ProcessSample

    init(gateway: Gateway, sample: @escaping () -> ProcessSample) {
        self.gateway = gateway
        self.sample = sample
    }

    var grows: Bool { true }

    func respond(to request: LocalRequest) -> LocalAnswer {
        var text = IOBuffer(capacity: 64 * 1024)
        var sample = sample()
        sample.issuers = gateway.issuers.status.map { IssuerSample($0) }
        sample.stores = gateway.storeStatus.map { StoreStatus.sample($0.name, $0.loops) }
        sample.signingKeys = gateway.signingState.map { SigningKeySample($0) }
        gateway.addTraffic(to: &sample)
        for domain in gateway.blueprint.configuration.domains {
            sample.upstreams += domain.upstreams.compactMap { upstream in
                UpstreamHealthSample(upstream, gateway.health.health(of: upstream.identity(in: domain.name)))
            }
        }
        gateway.registry.scrape(sample).render(into: &text)
        return LocalAnswer(contentType: MetricsScrape.mediaType.description, body: Array(text.readable.raw))
    }
}

extension SigningKeySample {
    init(_ state: SigningState) {
        self.init()
        for key in state.keys {
            switch key.state {
            case .published: published += 1
            case .signing: signing += 1
            case .retired: retired += 1
            }
        }
    }
}

extension ProcessSample {
    /// The process as it is now.
    package static func now(
        accessLog: LogStatistics = LogStatistics(), auditLog: LogStatistics = LogStatistics(),
        errorLog: LogStatistics = LogStatistics()
    ) -> ProcessSample {
        var sample = ProcessSample()
        sample.residentBytes = ProcessResources.residentBytes
        sample.openDescriptors = ProcessResources.openDescriptorCount
        sample.accessLog = accessLog
        sample.auditLog = auditLog
        sample.errorLog = errorLog
        return sample
    }
}
