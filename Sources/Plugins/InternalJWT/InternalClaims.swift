import Base
import Identity
import JOSE

/// Writes an internal token's claims as JSON: the same input gives the same bytes, so that they serve as a cache key.
extension InternalTokenRule {
    /// Writes all claims that don't depend on the time, as an object. Valid until the writer's next object.
    func claims(of identity: TokenIdentity, with writer: ClaimsWriter) throws(MintRefusal) -> ByteView {
        writer.begin()
        writer.text("iss", issuer)
        writer.text("sub", identity.subject)
        try writeAudience(identity, with: writer)
        writeScopes(identity.scopes, with: writer)
        if !identity.tenant.isEmpty { writer.text("tenant", identity.tenant) }
        if profile == .accessToken {
            if identity.client.isEmpty { throw .clientMissing }
            writer.text("client_id", identity.client)
        }
        if !actor.isEmpty {
            writer.beginObject("act")
            writer.text("sub", actor)
            writer.endObject()
        }
        for name in claims {
            // Verbatim, as the issuer wrote it: no number loses a digit on the way.
            if let value = identity.claims.member(name) { writer.raw(name, value.raw) }
        }
        return writer.finish()
    }

    private func writeAudience(_ identity: TokenIdentity, with writer: ClaimsWriter) throws(MintRefusal) {
        if audiences.count == 1 {
            var text = IOBuffer()
            try append(audiences[0], identity, to: &text)
            writer.text("aud", text.readable)
            return
        }
        writer.beginArray("aud")
        for audience in audiences {
            var text = IOBuffer()
            try append(audience, identity, to: &text)
            writer.element(text.readable)
        }
        writer.endArray()
    }

    private func append(
        _ audience: Audience, _ identity: TokenIdentity, to text: inout IOBuffer
    ) throws(MintRefusal) {
        switch audience {
        case .literal(let literal): text.append(literal)
        case .tenant:
            if identity.tenant.isEmpty { throw .tenantMissing }
            text.append(identity.tenant)
        case .joined(let parts):
            for part in parts { try append(part, identity, to: &text) }
        }
    }

    private func writeScopes(_ scopes: ScopeList, with writer: ClaimsWriter) {
        switch scopeFormat {
        case .string:
            if !scopes.isEmpty { writer.text("scope", scopes.text) }
        case .array:
            writer.beginArray("scope")
            var words = scopes.words
            while let word = words.next() { writer.element(word) }
            writer.endArray()
        }
    }
}
