import Configuration
import Identity

/// What the gateway shows of its own keys.
package enum KeyDocument: CaseIterable, Sendable {
    /// A JWK set, for verifiers of internal tokens.
    case keySet
    /// The trust domain's JWT bundle (SPIFFE Trust Domain and Bundle, section 4), for verifiers of JWT-SVIDs.
    case bundle

    /// The media type: of RFC 7517 section 8.5.2, and of any JSON.
    package var mediaType: StaticString {
        switch self {
        case .keySet: "application/jwk-set+json"
        case .bundle: "application/json"
        }
    }

    /// What requests for it are counted and logged as, in place of a route's identity: no domain is called so.
    package var identity: String {
        switch self {
        case .keySet: "internal_tokens/jwks"
        case .bundle: "internal_tokens/bundle"
        }
    }
}

extension SigningState {
    package func text(of document: KeyDocument) -> String {
        switch document {
        case .keySet: keySetText
        case .bundle: bundleText
        }
    }

    /// The value of `ETag`.
    func tag(of document: KeyDocument) -> String {
        switch document {
        case .keySet: keySetTag
        case .bundle: bundleTag
        }
    }

    /// The value of `Cache-Control`: nobody may keep the keys for longer than new ones take to sign.
    package var cacheControl: String { maxAge > 0 ? "public, max-age=\(maxAge)" : "no-cache" }
}

extension KeyPublication {
    package func path(of document: KeyDocument) -> Setting<String> {
        switch document {
        case .keySet: keySetPath
        case .bundle: bundlePath
        }
    }

    /// The document that one of the listeners shows at a canonical path, before any route is looked for.
    package func document(at path: String, listener: Int) -> KeyDocument? {
        guard listeners.contains(where: { $0.value.index == listener }) else { return nil }
        return KeyDocument.allCases.first { self.path(of: $0).value == path }
    }
}
