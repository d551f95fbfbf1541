import Base
import Identity
import JOSE

/// Maps a verified token to a SPIFFE ID, compiled for one route: cases with conditions, of which the first that holds
/// decides. A pure function of the claims; its results are kept with the verified token.
package struct SPIFFERule {
    /// One way of making an ID.
    package struct Case {
        let conditions: [ClaimCondition]
        let template: SPIFFETemplate

        /// - Parameter conditions: all must hold; none are always fulfilled.
        package init(when conditions: [ClaimCondition], template: SPIFFETemplate) {
            self.conditions = conditions
            self.template = template
        }
    }

    let cases: [Case]

    package init(_ cases: [Case]) { self.cases = cases }

    /// Appends the SPIFFE ID for a token's claims to `buffer`.
    ///
    /// The first case whose conditions hold decides. If its template can't be filled the token is refused, and no later
    /// case is tried: a caller must not get another identity by leaving a claim out.
    /// - Parameters:
    ///   - tenant: what the route's `TenantRule` found; empty for none.
    ///   - issuerTenant: by the issuer's configuration; empty for none.
    /// - Returns: the index of the case, or why there is no ID; then `buffer` holds what it held.
    package func map(
        _ claims: JSONValue, tenant: ByteView = ByteView(), issuerTenant: ByteView = ByteView(),
        into buffer: inout IOBuffer
    ) -> SPIFFEMapping {
        guard let index = cases.firstIndex(where: { $0.conditions.hold(in: claims) }) else {
            return .refused(SPIFFERefusal(.noCase, caseIndex: nil))
        }
        // Into a buffer of its own: the caller's must not be left with half an identity.
        var id = IOBuffer(capacity: 256)
        let source = SPIFFETemplate.Source(claims: claims, tenant: tenant, issuerTenant: issuerTenant)
        if let reason = cases[index].template.append(source, to: &id) {
            return .refused(SPIFFERefusal(reason, caseIndex: index))
        }
        buffer.append(id.readable)
        return .mapped(caseIndex: index)
    }
}

/// What became of a mapping.
package enum SPIFFEMapping: Sendable, Equatable {
    /// The ID was appended.
    case mapped(caseIndex: Int)
    case refused(SPIFFERefusal)
}

/// Why a verified token has no SPIFFE ID on a route: 403, because another token of the same kind would do no better.
package struct SPIFFERefusal: Error, Sendable, Equatable {
    package enum Reason: Sendable, Equatable {
        /// No case's conditions hold.
        case noCase
        /// The claim at this path has no text to be put in.
        case claim(String, ClaimTextProblem)
        /// The claim at this path holds this byte, which no segment may have.
        case notSegment(String, UInt8)
        /// The ID has the tenant in it, and the token has none.
        case tenantMissing
        /// The tenant holds this byte, which no segment may have.
        case tenantNotSegment(UInt8)
        /// More than 2,048 bytes.
        case tooLong
        /// The parts are valid, together they aren't.
        case invalid(SPIFFEIDProblem)
    }

    package let reason: Reason
    /// The case that was to decide; nil if none was found.
    package let caseIndex: Int?

    package init(_ reason: Reason, caseIndex: Int?) {
        self.reason = reason
        self.caseIndex = caseIndex
    }

    /// For logs, metrics and the audit line: stable, kebab-case, from a fixed list.
    package var code: StaticString {
        switch reason {
        case .noCase: "spiffe-no-rule"
        case .claim(_, .missing): "spiffe-claim-missing"
        case .claim(_, .null): "spiffe-claim-null"
        case .claim(_, .empty): "spiffe-claim-empty"
        case .claim(_, .boolean): "spiffe-claim-boolean"
        case .claim(_, .notInteger): "spiffe-claim-not-integer"
        case .claim(_, .array): "spiffe-claim-array"
        case .claim(_, .object): "spiffe-claim-object"
        case .notSegment: "spiffe-claim-not-segment"
        case .tenantMissing: "tenant-missing"
        case .tenantNotSegment: "spiffe-tenant-not-segment"
        case .tooLong: "spiffe-id-too-long"
        case .invalid: "spiffe-id-invalid"
        }
    }

    /// For `explain` and for operators, with the claim's name but never its value.
    package var message: String {
        switch reason {
        case .noCase: "no rule's conditions hold for this token"
        case .claim(let path, let problem): "the claim `\(path)` \(problem.message)"
        case .notSegment(let path, let byte):
            "the claim `\(path)` can't be a path segment as it is: \(SPIFFEIDProblem.segmentByte(byte).message); "
                + "`{claim.\(path)|escape}` would encode it"
        case .tenantMissing: "the token has no tenant"
        case .tenantNotSegment(let byte):
            "the tenant can't be a path segment: \(SPIFFEIDProblem.segmentByte(byte).message)"
        case .tooLong: SPIFFEIDProblem.tooLong.message
        case .invalid(let problem): problem.message
        }
    }

    /// The answer. It tells the client nothing about the rules.
    package var refusal: PluginRefusal {
        PluginRefusal(status: 403, code: code, detail: "This token's identity can't be used here.")
    }
}

extension ClaimTextProblem {
    /// Follows a claim's name in a sentence.
    var message: String {
        switch self {
        case .missing: "is missing"
        case .null: "is null"
        case .empty: "is an empty string"
        case .boolean: "is a boolean; only strings and integers identify somebody"
        case .notInteger: "is a number with a fraction or an exponent; only integers identify somebody"
        case .array: "is an array; only strings and integers identify somebody"
        case .object: "is an object; only strings and integers identify somebody"
        }
    }
}
