import Base
import Configuration
import JOSE
import Plugins

/// What somebody who asks about a request says of its caller.
package struct CallerQuestion: Sendable {
    package enum Credential: Sendable {
        /// Nothing beside the request's own fields.
        case none
        /// A token, where the route looks for it.
        case token([UInt8])
        /// A JSON object: claims as if a token of the issuer held them.
        case claims([UInt8])
    }

    package var credential: Credential
    /// Whose claims they are, unless they say so; nil for the route's first issuer.
    package var issuer: String?
    /// Keys of issuers whose own would have to be fetched; nil for none.
    package var keys: KeySet?
    package var now: WallTime

    package init(_ credential: Credential = .none, issuer: String? = nil, keys: KeySet? = nil, now: WallTime) {
        self.credential = credential
        self.issuer = issuer
        self.keys = keys
        self.now = now
    }
}

/// A token around claims that somebody thought of. Nobody signed it.
struct AssumedToken {
    let bytes: [UInt8]
    /// Claims that were put in, because every good token has them.
    let added: [String]

    /// - Parameters:
    ///   - claims: an object; anything else makes a token that can't be read.
    ///   - routeAudiences: what the route wants beside the issuer.
    init(_ claims: [UInt8], by issuer: IssuerKeys, algorithm: String, routeAudiences: [String], now: Int64) {
        let policy = issuer.policy
        let document = JSONDocument()
        let writer = ClaimsWriter()
        var added: [String] = []
        let payload: [UInt8] = claims.withView { text in
            guard let given = try? document.read(text, limits: .claims), given.isObject else { return claims }
            writer.begin()
            for member in given.members { writer.raw(member.name, member.value.raw) }
            func lacks(_ name: StaticString) -> Bool {
                guard given.member(name) == nil else { return false }
                added.append(name.description)
                return true
            }
            if lacks("iss") { writer.text("iss", policy.issuer) }
            let audiences = ([policy.audiences.first?.string, routeAudiences.first].compactMap { $0 })
            if !audiences.isEmpty, lacks("aud") {
                writer.beginArray("aud")
                for audience in audiences { audience.withByteView { writer.element($0) } }
                writer.endArray()
            }
            if lacks("iat") { writer.integer("iat", now) }
            if lacks("exp") { writer.integer("exp", now + Self.lifetime) }
            return Array(writer.finish().raw)
        }
        self.added = added
        let type = policy.types.contains { $0 == "jwt" } ? "JWT" : policy.types.first?.string ?? "JWT"
        let header = Array("{\"alg\":\"\(algorithm)\",\"typ\":\"\(type)\"}".utf8)
        bytes = Array("\(Base64URL.encode(header)).\(Base64URL.encode(payload)).AA".utf8)
    }

    /// Seconds.
    private static let lifetime: Int64 = 300
}
