import Base
import Configuration
import HTTP
import Identity
import Observability

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

/// The paths of the gateway's keys as a loop looks at them, before it looks for a route. Without any, and for nearly
/// every request with them, that is one comparison of numbers.
package struct PublishedPaths {
    /// A bit for each listener; 0 where nothing is published.
    private let listeners: UInt64
    private let keySetPath: ByteView
    private let bundlePath: ByteView
    /// The index of the first of the two routes that answer.
    private let firstRoute: Int

    /// Nothing is published.
    package init() {
        listeners = 0
        keySetPath = ByteView()
        bundlePath = ByteView()
        firstRoute = -1
    }

    /// - Parameters:
    ///   - texts: keep the paths.
    ///   - firstRoute: the index of the first of the routes of `KeyDocument.allCases`.
    package init(_ publication: KeyPublication, firstRoute: Int, texts: TextArena) {
        listeners = publication.listeners.reduce(0) { $0 | 1 << UInt64($1.value.index) }
        keySetPath = texts.keep(publication.keySetPath.value)
        bundlePath = texts.keep(publication.bundlePath.value)
        self.firstRoute = firstRoute
    }

    /// The index of the route that takes the request whatever others there are; -1 for none.
    package func route(of path: ByteView, listener: Int) -> Int {
        if listeners == 0 || listeners & 1 << UInt64(listener) == 0 { return -1 }
        if path.count == keySetPath.count, path == keySetPath { return firstRoute }
        if path.count == bundlePath.count, path == bundlePath { return firstRoute + 1 }
        return -1
    }
}

extension CompiledRoute {
    /// A route to a key document.
    static func published(_ document: KeyDocument, texts: TextArena, lease: MetricsLease) -> CompiledRoute {
        var parts = Parts()
        parts.identity = texts.keep(document.identity)
        parts.action = .keys(document)
        return CompiledRoute(parts, metrics: lease.routeMetrics(id: document.identity))
    }
}
