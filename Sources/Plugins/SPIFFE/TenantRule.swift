import Base
import HTTP
import Identity
import JOSE
import Routing

/// Where a token's tenant comes from.
package enum TenantRule {
    /// This text, which must live as long as the rule.
    case fixed(ByteView)
    /// A claim, which the token must have then.
    case claim(ClaimPath)
    /// What the token's issuer says. A token without is in no tenant, unless one is required.
    case issuer(isRequired: Bool)
    /// Fixed parts around one claim or issuer's tenant, which must be there.
    indirect case between(before: ByteView, TenantRule, after: ByteView)

    /// The longest tenant, in bytes.
    package static let lengthMaximum = 255

    /// Appends the tenant of a token to `buffer`.
    /// - Parameter issuerTenant: by the issuer's configuration; empty for none.
    package func append(claims: JSONValue, issuerTenant: ByteView, to buffer: inout IOBuffer) -> TenantMapping {
        let found: ClaimText
        switch self {
        case .fixed(let text): found = .text(text)
        case .claim(let path): found = ClaimText(path.value(in: claims))
        case .issuer(let isRequired):
            if issuerTenant.isEmpty { return isRequired ? .refused(.claim(.missing)) : .none }
            found = .text(issuerTenant)
        case .between(let before, let middle, let after):
            return append(before, middle, after, claims: claims, issuerTenant: issuerTenant, to: &buffer)
        }
        switch found {
        case .refused(let problem): return .refused(.claim(problem))
        case .text(let tenant):
            if let problem = Self.problem(in: tenant) { return .refused(problem) }
            buffer.append(tenant)
            return .tenant
        }
    }

    private func append(
        _ before: ByteView, _ middle: TenantRule, _ after: ByteView, claims: JSONValue, issuerTenant: ByteView,
        to buffer: inout IOBuffer
    ) -> TenantMapping {
        var inner = IOBuffer()
        switch middle.append(claims: claims, issuerTenant: issuerTenant, to: &inner) {
        case .refused(let refusal): return .refused(refusal)
        case .none: return .refused(.claim(.missing))
        case .tenant: break
        }
        if before.count + inner.readableCount + after.count > Self.lengthMaximum { return .refused(.tooLong) }
        buffer.append(before)
        buffer.append(inner.readable)
        buffer.append(after)
        return .tenant
    }

    /// A tenant is text for people and logs as well: short, and without control characters.
    package static func problem(in tenant: ByteView) -> TenantRefusal? {
        if tenant.isEmpty { return .claim(.empty) }
        if tenant.count > lengthMaximum { return .tooLong }
        var index = 0
        while index < tenant.count {
            guard tenant[index] >= ASCII.space, tenant[index] != ASCII.delete else { return .controlCharacter }
            index += 1
        }
        return nil
    }
}

/// What became of a token's tenant.
package enum TenantMapping: Sendable, Equatable {
    /// It was appended.
    case tenant
    /// The token belongs to no tenant.
    case none
    case refused(TenantRefusal)
}

/// Why a token is refused for its tenant: 403.
package enum TenantRefusal: Error, Sendable, Equatable {
    /// The tenant's claim has no text.
    case claim(ClaimTextProblem)
    /// Over 255 bytes.
    case tooLong
    /// A tenant with a control character.
    case controlCharacter
    /// The token's tenant isn't the route's: the tenant boundary.
    case foreign

    /// For logs, metrics and the audit line: stable, kebab-case, from a fixed list.
    package var code: StaticString {
        switch self {
        case .claim(.missing), .claim(.null), .claim(.empty): "tenant-missing"
        case .claim, .tooLong, .controlCharacter: "tenant-invalid"
        case .foreign: "tenant-mismatch"
        }
    }

    package var message: String {
        switch self {
        case .claim(let problem): "the token's tenant \(problem.message)"
        case .tooLong: "a tenant has at most \(TenantRule.lengthMaximum) bytes"
        case .controlCharacter: "the token's tenant holds a control character"
        case .foreign: "the token's tenant is not the route's"
        }
    }

    /// The answer. It doesn't say which tenants there are.
    package var refusal: PluginRefusal {
        PluginRefusal(status: 403, code: code, detail: "This token is not for this tenant.")
    }
}

/// The tenant that a route belongs to. Asked for each request: what the path says changes with it.
package enum RouteTenantRule {
    /// This text, which must live as long as the rule.
    case fixed(ByteView)
    /// What the route's path captured at this index.
    case capture(Int)
    /// The n-th label of the request's host, counted from the left, from 1.
    case hostLabel(Int)

    /// Whether a token of `tenant` may use the route: byte by byte the same. Never for a token without a tenant.
    ///
    /// What the path captured is compared as services read it, with its escapes decoded: its escaped form may be the
    /// name of another tenant.
    /// - Parameters:
    ///   - path: the path that was matched.
    ///   - host: in lower case, without port.
    package func admits(
        _ tenant: ByteView, parameters: RouteMatch, path: ByteView, host: ByteView
    ) -> Bool {
        if tenant.isEmpty { return false }
        return switch self {
        case .fixed(let text): tenant == text
        case .capture(let index): PathEscapes.isName(parameters.capture(index, in: path), tenant)
        case .hostLabel(let number): tenant == Self.label(number, of: host)
        }
    }

    /// Appends the route's tenant, for this request, to `buffer`: nothing if there is none, which no token's is.
    func append(parameters: RouteMatch, path: ByteView, host: ByteView, to buffer: inout IOBuffer) {
        switch self {
        case .fixed(let text): buffer.append(text)
        case .capture(let index): PathEscapes.appendDecoded(parameters.capture(index, in: path), to: &buffer)
        case .hostLabel(let number): buffer.append(Self.label(number, of: host))
        }
    }

    /// Empty if the host has fewer labels.
    private static func label(_ number: Int, of host: ByteView) -> ByteView {
        var start = 0
        var left = number
        while start <= host.count {
            let end = host.firstIndex(of: ASCII.dot, from: start) ?? host.count
            left -= 1
            if left <= 0 { return host[start..<end] }
            start = end + 1
        }
        return ByteView()
    }
}
