import Configuration
import Observability
import Proxy

/// All issuers with their keys, for people and programs. Nothing in it is secret: keys are public ones, and only named.
package struct IssuerListing {
    package let json: JSONOutput

    /// - Parameter configuration: says which texts came out of the environment or a file: they are masked.
    package init(_ issuers: [IssuerStatus], _ configuration: GatewayConfiguration) {
        var settings: [String: Issuer] = [:]
        for issuer in configuration.issuers { settings[issuer.name] = issuer }
        json = ["issuers": .array(issuers.map { Self.json($0, settings[$0.name], configuration) })]
    }

    private static func json(
        _ issuer: IssuerStatus, _ settings: Issuer?, _ configuration: GatewayConfiguration
    ) -> JSONOutput {
        func shown(_ text: String, _ origin: Origin?) -> String { origin.map { configuration.shown(text, $0) } ?? text }
        let source = shown(issuer.source, settings?.keys.origin)
        var members: [(String, JSONOutput)] = [
            ("name", .string(issuer.name)),
            ("issuer", .string(shown(issuer.issuer, settings?.issuer.origin))), ("source", .string(source)),
            ("status", .string(issuer.readiness.rawValue)),
            ("keys", .array(issuer.keys.map { json($0) })),
            ("last_success", .optional(issuer.lastSuccess?.timestamp)),
        ]
        if let problem = issuer.problem {
            // The text says where; that is no secret's way out.
            let text = source == issuer.source ? problem.text : EffectiveConfiguration.mask
            members.append(("last_error", ["error": .string(text), "at": .string(problem.at.timestamp)]))
        } else {
            members.append(("last_error", .null))
        }
        members.append(("next_refresh", .optional(issuer.nextFetch?.timestamp)))
        return .object(members)
    }

    private static func json(_ key: IssuerStatus.Key) -> JSONOutput {
        [
            "kid": .optional(key.id), "type": .string(key.type), "alg": .optional(key.algorithm),
            "thumbprint": .string(key.thumbprint),
        ]
    }
}

extension IssuerSample {
    /// What the metrics tell of an issuer.
    package init(_ status: IssuerStatus) {
        self.init(name: status.name)
        keyCount = status.keys.count
        isReady = status.readiness == .ready
        lastSuccess = status.lastSuccess
        refreshesSucceeded = status.counts.succeeded
        refreshesFailed = status.counts.failed
        lookUpsFetched = status.counts.lookUpsFetched
        lookUpsJoined = status.counts.lookUpsJoined
        lookUpsRefused = status.counts.lookUpsRefused
    }
}
