import Base
import Configuration
import Identity
import JOSE
import Plugins

/// Whose tokens routes believe: an issuer of gateway.yaml, or a secret that one route shares with somebody. What loops
/// make their `IssuerKeys` of; equal ones keep theirs over a reload.
package struct IssuerDefinition: Sendable, Equatable {
    enum Kind: Sendable, Equatable {
        case configured(ConfiguredIssuer)
        case sharedSecret(SharedSecret)
    }

    /// Unique among a configuration's.
    package let name: String
    let kind: Kind

    /// Where the keys come from; nil for a secret, which is its own key.
    var source: IssuerSettings? {
        guard case .configured(let issuer) = kind else { return nil }
        return IssuerSettings(issuer)
    }

    /// Whether keys may come that aren't there yet.
    var isFetched: Bool { source != nil }

    private var isRemote: Bool {
        switch source?.source {
        case .discovery, .jwks: true
        case .file, nil: false
        }
    }

    func makeKeys() -> IssuerKeys {
        switch kind {
        case .configured(let issuer):
            return IssuerKeys(
                name: name, policy: TokenPolicy(issuer),
                algorithms: AlgorithmSet(issuer.algorithms.compactMap { SignatureAlgorithm($0.value) }),
                isFetched: isRemote)
        case .sharedSecret(let secret):
            let keys = IssuerKeys(
                name: name, policy: TokenPolicy(secret), algorithms: AlgorithmSet(SignatureAlgorithm.hs256))
            if let key = try? VerificationKey(secret: secret.secret.value.bytes, keyID: nil) {
                keys.adopt(KeySet(keys: [key]))
            }
            return keys
        }
    }
}

extension GatewayConfiguration {
    /// The issuers of gateway.yaml, by their index there, and behind them the secrets that routes share.
    package var issuerDefinitions: [IssuerDefinition] {
        var definitions = issuers.map { IssuerDefinition(name: $0.name, kind: .configured($0)) }
        for secret in sharedSecrets {
            // No issuer of gateway.yaml can have this name: `#` is not for names.
            let name = "shared-secret#\(definitions.count - issuers.count + 1)"
            definitions.append(IssuerDefinition(name: name, kind: .sharedSecret(secret)))
        }
        return definitions
    }

    /// The different secrets of all routes.
    var sharedSecrets: [SharedSecret] {
        var secrets: [SharedSecret] = []
        for domain in domains {
            for route in domain.routes where route.hasPlugins {
                guard let secret = route.plugins.jwt?.sharedSecret, !secrets.contains(secret) else { continue }
                secrets.append(secret)
            }
        }
        return secrets
    }
}

extension TokenPolicy {
    convenience init(_ issuer: ConfiguredIssuer) {
        let texts = TextArena()
        var parts = Parts(
            subjectPath: ClaimPath(issuer.claims.subject.value),
            scopePaths: issuer.claims.scope.map { ClaimPath($0.value) },
            clientPath: ClaimPath(issuer.claims.client.value))
        parts.issuer = texts.keep(issuer.issuer.value)
        parts.audiences = issuer.audiences.map { texts.keep($0.value) }
        parts.authorizedParties = issuer.authorizedParties.map { texts.keep($0.value) }
        parts.types = issuer.types.map { texts.keep($0.value) }
        parts.allowsIDTokens = issuer.allowIDTokens.value
        parts.skew = issuer.clockSkew.value.nanoseconds / 1_000_000_000
        parts.lifetimeMax = issuer.lifetimeMax.map { $0.value.nanoseconds / 1_000_000_000 }
        parts.tenant = issuer.tenant.map { texts.keep($0.value) } ?? ByteView()
        parts.tenantPath = issuer.claims.tenant.map { ClaimPath($0.value) }
        self.init(parts, texts: texts)
    }

    convenience init(_ secret: SharedSecret) {
        let texts = TextArena()
        var parts = Parts(
            subjectPath: ClaimPath(names: ["sub"]),
            scopePaths: [ClaimPath(names: ["scope"]), ClaimPath(names: ["scp"])],
            clientPath: ClaimPath(names: ["azp"]))
        parts.issuer = texts.keep(secret.issuer.value)
        parts.audiences = secret.audiences.map { texts.keep($0.value) }
        parts.tenantPath = ClaimPath(names: ["tenant"])
        self.init(parts, texts: texts)
    }
}

extension SignatureAlgorithm {
    init?(_ algorithm: TokenAlgorithm) {
        guard let found = algorithm.rawValue.withByteView({ SignatureAlgorithm(name: $0) }) else { return nil }
        self = found
    }
}
