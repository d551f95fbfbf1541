import Base
import Configuration
import Observability

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
