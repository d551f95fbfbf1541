import Base
import Configuration
import HTTP
import Traffic
import Upstream

/// A route's retries and split.
extension RouteCompiler {
    func compile(_ retries: Configuration.RetryPolicy, into parts: inout CompiledRoute.Parts) {
        parts.connectRetriesMax = retries.connectFailuresMax.value
        parts.retriesStaleConnection = retries.staleConnection.value
        guard let further = retries.further else { return }
        parts.retryLaw = RetryLaw(
            attemptsMax: further.attemptsMax.value,
            causes: further.conditions.reduce(into: RetryCauses()) { $0.insert(RetryCauses($1.value)) },
            attemptTimeout: further.perTryTimeout?.value,
            backoff: Backoff(first: further.backoffBase.value, limit: further.backoffMax.value),
            bodyBytesMax: further.bodyBytesMax.value, retryAfterMax: further.retryAfterMax.value)
        parts.retryMethods = RetryMethods(further.methods.map { texts.keep($0.value) })
    }

    /// - Parameters:
    ///   - claims: where the split's claim gets its place.
    ///   - host: what the route itself makes of `Host`.
    func compile(_ split: Split, claims: ClaimSlots, host: CompiledHost?) -> CompiledSplit {
        CompiledSplit(
            upstreams: split.sides.map { upstreams.start + $0.upstream },
            hosts: split.sides.map { host ?? (upstreams.hostHeaders[$0.upstream] == .target ? .target : .preserve) },
            choice: WeightedChoice(
                split.sides.map { side in
                    WeightedChoice.Side(
                        identity: side.upstreamName.withByteView { CompiledSplit.keyHash.hash($0) },
                        weight: side.weight.value)
                }),
            key: split.key.map { key in
                switch key.value {
                case .clientAddress: .clientAddress
                case .header(let name): .header(named: texts.keep(name))
                case .cookie(let name): .cookie(texts.keep(name))
                case .spiffeID: .spiffeID
                case .tenant: .tenant
                case .claim(let path): .claim(claims.index(of: path))
                }
            })
    }
}

extension RetryCauses {
    init(_ condition: RetryCondition) {
        switch condition {
        case .connectFailure: self = .connectFailure
        case .reset: self = .reset
        case .timeout: self = .timeout
        case .status429: self = .status429
        case .status500: self = .status500
        case .status502: self = .status502
        case .status503: self = .status503
        case .status504: self = .status504
        }
    }
}
