import Admin
import Base
import JOSE

/// What a token says, for people to look at. Nobody has checked it.
struct DecodedToken {
    let header: JSONOutput
    let claims: JSONOutput

    private static let bytesMax = 16 * 1024

    /// Nil for what is no signed token.
    init?(_ token: String) {
        let compact = CompactToken()
        let isRead = token.withByteView { token in (try? compact.read(token, maximumCount: Self.bytesMax)) != nil }
        guard isRead, let header = JSONOutput(parsing: compact.header.string),
            let claims = JSONOutput(parsing: compact.payload.string)
        else { return nil }
        self.header = header
        self.claims = claims
    }
}
