import Base
import HTTP

/// What templates read of a request, apart from its fields and what its path has captured. The views must be valid, and
/// the identity must exist, while it is used.
package struct RequestFacts {
    package var path = ByteView()
    /// Without the question mark; empty without a query.
    package var query = ByteView()
    package var host = ByteView()
    /// The host, and the port where one was given.
    package var authority = ByteView()
    package var method = ByteView()
    package var requestID = ByteView()
    /// Nil when nobody knows.
    package var client: IPAddress?
    private var uncountedIdentity: Unmanaged<RouteIdentity>?

    package init() {}

    /// Nil for nobody.
    package var identity: RouteIdentity? {
        get { uncountedIdentity?.takeUnretainedValue() }
        set { uncountedIdentity = newValue.map { .passUnretained($0) } }
    }
}

/// Parts of a request, for whoever reads them to say which.
@usableFromInline package struct RequestFactSet: OptionSet, Sendable {
    @usableFromInline package let rawValue: UInt8
    @inlinable package init(rawValue: UInt8) { self.rawValue = rawValue }

    @inlinable package func contains(_ member: RequestFactSet) -> Bool { rawValue & member.rawValue != 0 }

    @inlinable package static var path: RequestFactSet { RequestFactSet(rawValue: 1) }
    @inlinable package static var query: RequestFactSet { RequestFactSet(rawValue: 2) }
    @inlinable package static var host: RequestFactSet { RequestFactSet(rawValue: 4) }
    @inlinable package static var method: RequestFactSet { RequestFactSet(rawValue: 8) }
    @inlinable package static var requestID: RequestFactSet { RequestFactSet(rawValue: 16) }
    @inlinable package static var client: RequestFactSet { RequestFactSet(rawValue: 32) }
    @inlinable package static var identity: RequestFactSet { RequestFactSet(rawValue: 64) }
    /// The header lines, which are no part of `RequestFacts`.
    @inlinable package static var fields: RequestFactSet { RequestFactSet(rawValue: 128) }
}

/// What a place in a template stands for, compiled. Texts must live as long as the table.
package enum TextAttribute {
    case capture(Int)
    case query(ByteView)
    case field(ByteView)
    case cookie(ByteView)
    /// The claim's place in `IdentityChain.claims`.
    case claim(Int)
    case spiffeID, tenant, requestID, clientAddress, method, host, authority
    /// The same for every request of the route.
    case fixed(ByteView)

    /// Whether the gateway itself has made the text, or has taken it over by a rule that is stricter than that of
    /// fields.
    var isFieldText: Bool {
        switch self {
        case .requestID, .clientAddress: true
        case .fixed(let text): text.isFieldText
        default: false
        }
    }

    /// Where it is read from.
    var need: RequestFactSet {
        switch self {
        case .capture: .path
        case .query: .query
        case .field, .cookie: .fields
        case .claim, .spiffeID, .tenant: .identity
        case .requestID: .requestID
        case .clientAddress: .client
        case .method: .method
        case .host, .authority: .host
        case .fixed: []
        }
    }
}
