import Base
import JOSE

/// Where an OpenID provider says that its keys are (OpenID Connect Discovery 1.0 section 3).
package struct DiscoveryDocument: Sendable, Equatable {
    package let keySet: FetchURL

    /// Why a document is not believed.
    package enum Problem: Error, Sendable, Equatable, CustomStringConvertible {
        case malformed(JSONError)
        case notAnObject
        /// No text called `issuer`.
        case missingIssuer
        /// It speaks for somebody else (section 4.3); what it says, cut short.
        case otherIssuer(String)
        /// No text called `jwks_uri`.
        case missingKeySetURL
        /// Not an absolute `http` or `https` URL.
        case invalidKeySetURL(String)
        /// `http` where only `https` is allowed.
        case insecureKeySetURL(String)

        package var description: String {
            switch self {
            case .malformed(let error): "the discovery document is no JSON: \(error.text)"
            case .notAnObject: "the discovery document is no JSON object"
            case .missingIssuer: "the discovery document has no issuer"
            case .otherIssuer(let text): "the discovery document is another issuer's: \(text)"
            case .missingKeySetURL: "the discovery document has no jwks_uri"
            case .invalidKeySetURL(let text): "the discovery document's jwks_uri is no URL: \(text)"
            case .insecureKeySetURL(let text): "the discovery document's jwks_uri is not https: \(text)"
            }
        }
    }

    /// Reads a document.
    ///
    /// - Parameters:
    ///   - issuer: what `issuer` must be, byte for byte.
    ///   - allowsHTTP: whether `jwks_uri` may be `http`.
    package init(_ bytes: ByteView, issuer: String, allowsHTTP: Bool) throws(Problem) {
        let document = JSONDocument()
        let value: JSONValue
        do throws(JSONError) {
            value = try document.read(bytes, limits: .discovery)
        } catch {
            throw .malformed(error)
        }
        guard value.isObject else { throw .notAnObject }
        guard let named = value.member("issuer")?.text else { throw .missingIssuer }
        guard issuer.withByteView({ $0 == named }) else { throw .otherIssuer(Self.shown(named)) }
        guard let text = value.member("jwks_uri")?.text else { throw .missingKeySetURL }
        guard let url = FetchURL(text: text.string) else { throw .invalidKeySetURL(Self.shown(text)) }
        guard url.isSecure || allowsHTTP else { throw .insecureKeySetURL(Self.shown(text)) }
        keySet = url
    }

    private static func shown(_ text: ByteView) -> String { text.prefix(min(text.count, 200)).string }
}
