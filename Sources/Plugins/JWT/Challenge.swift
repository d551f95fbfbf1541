import Base
import HTTP

/// The `WWW-Authenticate` field of a refusal (RFC 6750 section 3).
package struct Challenge {
    /// `Bearer realm="…"`.
    private let start: ByteView
    /// The scopes that the route wants, in one text; empty for none.
    private let scopes: ByteView

    /// - Parameters: both must live as long as the challenge, and hold neither `"` nor `\`.
    package init(start: ByteView, scopes: ByteView) {
        self.start = start
        self.scopes = scopes
    }

    /// Appends the field when the refusal has one.
    package func append(for refusal: IdentityRefusal, to fields: inout HeaderList) {
        guard refusal.hasChallenge else { return }
        fields.beginValue(.wwwAuthenticate)
        fields.appendToValue(start)
        if let error = refusal.challengeError {
            fields.appendToValue(", error=\"")
            fields.appendToValue(error)
            fields.appendToValue("\", error_description=\"")
            fields.appendToValue(refusal.detail)
            fields.appendToValue("\"")
        }
        if refusal == .scopeMissing, !scopes.isEmpty {
            fields.appendToValue(", scope=\"")
            fields.appendToValue(scopes)
            fields.appendToValue("\"")
        }
        fields.finishValue()
    }
}
