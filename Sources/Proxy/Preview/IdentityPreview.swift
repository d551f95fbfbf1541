import Base
import Configuration
import HTTP
import Identity
import JOSE
import Linux
import Plugins
import Routing

/// What the identity plugins of a route would decide about a request: the same compiler, the same checks and the same
/// mint as the server's, on keys that are at hand.
package struct IdentityPreview {
    package let trace: IdentityTrace
    /// Claims that were put in beside those that somebody gave.
    package let addedClaims: [String]
    /// Of the token's issuer, why its keys are not at hand; nil when they are.
    package let missingKeys: String?

    /// Nil when the route asks for no token.
    /// - Parameter claims: what the route's other plugins read.
    init?(
        _ request: inout RequestHead, parameters: Routing.RouteMatch, route: ConfiguredRoute,
        _ question: CallerQuestion, claims: ClaimSlots, in blueprint: Blueprint
    ) {
        let texts = TextArena()
        let definitions = blueprint.configuration.issuerDefinitions
        let compiler = IdentityCompiler(
            texts: texts, configuration: blueprint.configuration, issuers: definitions, number: { 1 })
        guard let settings = route.plugins.jwt, let chain = compiler.compile(route.plugins, claims: claims) else {
            return nil
        }
        let issuers = definitions.map { $0.makeKeys() }
        var missing: [Int: String] = [:]
        for index in chain.jwt.issuers {
            missing[index] = Self.load(into: issuers[index], definitions[index], question)
        }
        var random = RandomSource(seed: systemEntropy())
        let identity = LoopIdentity(random: &random)
        if let state = Self.signingState(blueprint, now: question.now) { try? identity.mint.adopt(state) }

        var presented: [UInt8]?
        var added: [String] = []
        var isAssumed = false
        switch question.credential {
        case .none: break
        case .token(let token): presented = token
        case .claims(let claims):
            let named = question.issuer.flatMap { name in definitions.firstIndex { $0.name == name } }
            let index = named ?? Self.issuer(of: claims, among: chain.jwt.issuers, issuers) ?? chain.jwt.issuers[0]
            let token = AssumedToken(
                claims, by: issuers[index], algorithm: definitions[index].firstAlgorithm,
                routeAudiences: settings.audiences.map(\.value), now: question.now.seconds)
            presented = token.bytes
            added = token.added
            isAssumed = true
        }
        // The compiled chain's views are of the arena, too.
        defer { withExtendedLifetime(texts) {} }
        trace = identity.trace(
            &request, parameters: parameters,
            TracedRequest(
                chain: chain, issuers: issuers, now: question.now,
                presented: presented.map { $0.withView { texts.keep($0) } }, isSignatureAssumed: isAssumed))
        addedClaims = added
        missingKeys = isAssumed ? nil : trace.issuerIndex.flatMap { missing[$0] }
    }

    /// Loads what can be had without asking anybody. - Returns: why there are no keys, or nil.
    private static func load(
        into keys: IssuerKeys, _ definition: IssuerDefinition, _ question: CallerQuestion
    ) -> String? {
        guard let source = definition.source?.source else { return nil }
        guard case .file(let path) = source else {
            guard let given = question.keys, question.issuer == nil || question.issuer == definition.name else {
                return "keys are not fetched here; --jwks FILE has them read from a file"
            }
            keys.adopt(given)
            return nil
        }
        do throws(IssuerProblem) {
            keys.adopt(try IssuerSource.read(path))
            return nil
        } catch {
            return error.text(hidesPlace: true)
        }
    }

    /// The issuer that the claims themselves name.
    private static func issuer(of claims: [UInt8], among believed: [Int], _ issuers: [IssuerKeys]) -> Int? {
        let document = JSONDocument()
        return claims.withView { text in
            guard let name = (try? document.read(text, limits: .claims))?.member("iss")?.text else { return nil }
            return believed.first { issuers[$0].policy.issuer == name }
        }
    }

    /// What a gateway that starts now would sign with.
    private static func signingState(_ blueprint: Blueprint, now: WallTime) -> SigningState? {
        guard let tokens = blueprint.configuration.internalTokens else { return nil }
        var ring = SigningKeyRing()
        let policy = SigningPolicy(
            publishBeforeSigning: tokens.publishBeforeSigning.value.nanoseconds / 1_000_000_000,
            tokenLifetimeMaximum: tokens.lifetimeMax.value.nanoseconds / 1_000_000_000)
        try? ring.update(blueprint.signingKeys, policy: policy, now: now.seconds)
        return ring.state
    }
}

extension IssuerDefinition {
    fileprivate var firstAlgorithm: String {
        guard case .configured(let issuer) = kind, let first = issuer.algorithms.first else { return "HS256" }
        return first.value.rawValue
    }
}
