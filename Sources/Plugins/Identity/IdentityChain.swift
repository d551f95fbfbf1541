import Base
import HTTP
import Identity
import JOSE
import Routing

/// The identity plugins of one route, in their order: who is it, what is that here, and what do upstreams get to see.
package final class IdentityChain {
    /// Different for every chain that a process ever compiles, so that what was decided by one is never taken for
    /// another's decision.
    package let number: UInt64
    package let jwt: JWTRule
    package let spiffe: SPIFFEPlugin?
    package let internalToken: InternalTokenPlugin?
    /// The claims that plugins of the route read with each request, by index: `RouteIdentity.claim(_:)`.
    let claims: [ClaimPath]

    /// - Parameter claims: what `RenderedClaims` renders for other plugins.
    package init(
        number: UInt64, jwt: JWTRule, spiffe: SPIFFEPlugin?, internalToken: InternalTokenPlugin?,
        claims: [ClaimPath] = []
    ) {
        self.number = number
        self.jwt = jwt
        self.spiffe = spiffe
        self.internalToken = internalToken
        self.claims = claims
    }

    /// Takes the client's tokens out of what goes to the upstream, where the gateway's own takes their place.
    ///
    /// To be called before anything else writes into the request: what the route says in these places is its own.
    package func withholdTokens(in fields: inout HeaderList) {
        internalToken?.placement.clear(jwt.sources, in: &fields)
    }

    /// Appends the tenant that the route is for to `buffer`; nothing if it is for any.
    package func appendRouteTenant(
        of request: borrowing RequestHead, parameters: RouteMatch, to buffer: inout IOBuffer
    ) {
        spiffe?.routeTenant?.append(
            parameters: parameters, path: request.path, host: request.host, to: &buffer)
    }
}

/// The plugin `spiffe` of a route: the identity, its tenant, and the tenant that the route is for.
package struct SPIFFEPlugin {
    let rule: SPIFFERule
    let tenant: TenantRule
    /// Nil: tokens of every tenant, or none, are welcome.
    let routeTenant: RouteTenantRule?

    package init(rule: SPIFFERule, tenant: TenantRule, routeTenant: RouteTenantRule?) {
        self.rule = rule
        self.tenant = tenant
        self.routeTenant = routeTenant
    }
}

/// The plugin `internal_jwt` of a route: what the token says, and where it goes.
package struct InternalTokenPlugin {
    let rule: InternalTokenRule
    let placement: InternalTokenPlacement

    package init(rule: InternalTokenRule, placement: InternalTokenPlacement) {
        self.rule = rule
        self.placement = placement
    }
}

/// Where upstreams find the internal token.
package enum InternalTokenPlacement {
    /// `Authorization: Bearer …`, in place of the client's.
    case authorization
    /// A field of its own, which no client can set.
    case field(KnownField, keepsAuthorization: Bool)

    /// Removes what the client has sent in the places of tokens, `sources`: nothing of it goes further, nor anything
    /// that upstreams could take for the gateway's word.
    func clear(_ sources: [TokenSource], in fields: inout HeaderList) {
        TokenRemoval.removeFields(sources, from: &fields)
        switch self {
        case .authorization, .field(_, keepsAuthorization: false): fields.removeAll(.authorization)
        case .field(_, keepsAuthorization: true): break
        }
    }

    /// Gives the request the token, in place of the one of an earlier attempt.
    func put(_ token: ByteView, into fields: inout HeaderList) {
        switch self {
        case .authorization:
            fields.removeAll(.authorization)
            fields.beginValue(.authorization)
            fields.appendToValue("Bearer ")
            fields.appendToValue(token)
            fields.finishValue()
        case .field(let field, _): fields.set(field, value: token)
        }
    }
}
