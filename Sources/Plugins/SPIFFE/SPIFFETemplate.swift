import Base
import Identity
import JOSE

/// A SPIFFE ID with places for claims, compiled. One that exists has a valid trust domain, the one it is bound to, and
/// gives different IDs for different values of its claims.
package struct SPIFFETemplate {
    package enum Piece {
        /// Must live as long as the template.
        case literal(ByteView)
        case claim(ClaimPath, SegmentEncoding)
        /// The tenant that the route's `TenantRule` found, as it is.
        case tenant
        /// The tenant by the issuer's configuration, as it is.
        case issuerTenant
    }

    /// What is known of a token, to fill a template with.
    struct Source {
        let claims: JSONValue
        let tenant: ByteView
        let issuerTenant: ByteView
    }

    /// The most pieces that a template may have.
    package static let pieceCountMaximum = 32

    private let pieces: [Piece]

    /// - Parameters:
    ///   - pieces: the first is a literal with scheme, trust domain and the slash behind it. A path segment may hold
    ///     one claim or tenant: with two, `{a}-{b}` would be the same for `x-y` and `z` as for `x` and `y-z`.
    ///   - trustDomain: the one that the ID must be in.
    package init(_ pieces: [Piece], trustDomain: ByteView) throws(SPIFFETemplateProblem) {
        guard pieces.count <= Self.pieceCountMaximum else { throw .tooManyPieces }
        if let problem = SPIFFEID.problem(inTrustDomain: trustDomain) { throw .grammar(problem) }
        guard case .literal(let head)? = pieces.first else { throw .trustDomainNotLiteral }
        let scheme = ByteView(SPIFFEID.scheme)
        guard head.hasPrefix(scheme) else { throw .grammar(.notSPIFFE) }
        guard let slash = head.firstIndex(of: ASCII.slash, from: scheme.count) else {
            throw pieces.count > 1 ? .trustDomainNotLiteral : .noPath
        }
        let named = head[scheme.count..<slash]
        if let problem = SPIFFEID.problem(inTrustDomain: named) { throw .grammar(problem) }
        guard named == trustDomain else { throw .foreignTrustDomain }
        var path = pieces
        path[0] = .literal(head.from(slash))
        try Self.checkPath(path)
        self.pieces = pieces
    }

    /// Appends the ID for a token to `buffer`.
    /// - Returns: nil for a valid ID; otherwise what is wrong, and `buffer` may hold a part that must not be used.
    func append(_ source: Source, to buffer: inout IOBuffer) -> SPIFFERefusal.Reason? {
        let start = buffer.readableCount
        for piece in pieces {
            switch piece {
            case .literal(let bytes): buffer.append(bytes)
            case .claim(let path, let encoding):
                switch ClaimText(path.value(in: source.claims)) {
                case .refused(let problem): return .claim(path.text, problem)
                case .text(let value):
                    if value.count > SPIFFEID.lengthMaximum { return .tooLong }
                    if let byte = encoding.append(value, to: &buffer) { return .notSegment(path.text, byte) }
                }
            case .tenant:
                if let reason = Self.append(tenant: source.tenant, to: &buffer) { return reason }
            case .issuerTenant:
                if let reason = Self.append(tenant: source.issuerTenant, to: &buffer) { return reason }
            }
            // Escaping makes three bytes of one, a template has 32 pieces: stop in time.
            if buffer.readableCount - start > SPIFFEID.lengthMaximum { return .tooLong }
        }
        // Each part was checked; what they make together (`.` beside `.`) is checked once more, as a whole.
        return SPIFFEID.problem(in: buffer.readable.from(start)).map { .invalid($0) }
    }

    private static func append(tenant: ByteView, to buffer: inout IOBuffer) -> SPIFFERefusal.Reason? {
        if tenant.isEmpty { return .tenantMissing }
        return SegmentEncoding.verbatim.append(tenant, to: &buffer).map { .tenantNotSegment($0) }
    }

    /// - Parameter path: the pieces, from the slash behind the trust domain.
    private static func checkPath(_ path: [Piece]) throws(SPIFFETemplateProblem) {
        var segment = IOBuffer()
        var claimCount = 0
        var isFirstByte = true
        for piece in path {
            switch piece {
            case .claim, .tenant, .issuerTenant:
                claimCount += 1
                if claimCount > 1 { throw .twoClaimsInSegment }
            case .literal(let bytes):
                var index = 0
                while index < bytes.count {
                    let byte = bytes[index]
                    index += 1
                    guard byte == ASCII.slash else {
                        segment.append(byte: byte)
                        continue
                    }
                    if !isFirstByte { try check(segment.readable, hasClaim: claimCount > 0) }
                    isFirstByte = false
                    segment.removeAll()
                    claimCount = 0
                }
            }
        }
        // `spiffe://bank-a/` alone: the trust domain's own ID is nobody's.
        let isBare = path.count == 1 && segment.isEmpty && claimCount == 0
        if isBare, case .literal(let bytes) = path[0], bytes.count == 1 { throw .noPath }
        try check(segment.readable, hasClaim: claimCount > 0)
    }

    private static func check(_ literal: ByteView, hasClaim: Bool) throws(SPIFFETemplateProblem) {
        guard let problem = SPIFFEID.problem(inSegment: literal) else { return }
        // A claim completes the segment: it isn't empty, and whether it is dots shows when it is rendered.
        if hasClaim, problem == .segmentEmpty || problem == .segmentDots { return }
        throw .grammar(problem)
    }
}

/// Why a SPIFFE ID with placeholders can't be used.
package enum SPIFFETemplateProblem: Error, Equatable, Sendable {
    /// The fixed part breaks the grammar.
    case grammar(SPIFFEIDProblem)
    /// A claim before the first slash of the path: a token could choose its own trust domain.
    case trustDomainNotLiteral
    /// The trust domain isn't the one that the domain has.
    case foreignTrustDomain
    /// Nothing behind the trust domain.
    case noPath
    /// Two claims without a slash between them.
    case twoClaimsInSegment
    /// More than `SPIFFETemplate.pieceCountMaximum`.
    case tooManyPieces

    package var message: String {
        switch self {
        case .grammar(let problem): problem.message
        case .trustDomainNotLiteral: "placeholders are allowed in the path only, behind the trust domain"
        case .foreignTrustDomain: "the trust domain isn't the one of this domain's entry in gateway.yaml"
        case .noPath: "the path is missing behind the trust domain"
        case .twoClaimsInSegment:
            "two claims in one path segment: different users could get the same ID; put a slash between them"
        case .tooManyPieces: "more than \(SPIFFETemplate.pieceCountMaximum) fixed parts and placeholders"
        }
    }
}
