/// One route as its configuration states it: what `RouteTable` is built from.
///
/// A request is the route's when it came in on one of `listeners`, for one of `hosts`, with a path of the form `path`,
/// with one of `methods`, and with all of `headers` and `queries`. When several routes match, the best rank wins: host,
/// then path (`PathPattern`), then a route that names the method before one for all methods, then the number of header
/// conditions, then the number of query conditions. Two routes that can match one request with equal rank are a
/// conflict.
///
/// A class, because the builder goes through all of them several times: by value, each time would count every part's
/// references.
package final class RouteDefinition: Sendable {
    /// `domain/name`, unique in the set.
    package let id: String
    /// An opaque number by which the caller finds the route's file and line.
    package let place: Int
    /// Bit n says that the route is served on listener n: at most 64 listeners.
    package let listeners: UInt64
    /// Without repetitions, never empty.
    package let hosts: [HostPattern]
    package let path: PathPattern
    /// Case-sensitive tokens without repetitions; empty for all methods. `GET` serves `HEAD` too, unless another route
    /// of the same host and path names `HEAD` itself.
    package let methods: [String]
    /// Names in lower case.
    package let headers: [RouteCondition]
    /// Names as they are after percent-decoding; case counts.
    package let queries: [RouteCondition]

    /// - Parameters:
    ///   - listeners: must not be 0: a route that is served nowhere isn't one.
    ///   - hosts: empty for any host.
    ///   - methods: empty for all methods.
    package init(
        id: String, place: Int, listeners: UInt64, hosts: [HostPattern] = [], path: PathPattern,
        methods: [String] = [], headers: [RouteCondition] = [], queries: [RouteCondition] = []
    ) {
        precondition(listeners != 0, "a route is served on at least one listener")
        self.id = id
        self.place = place
        self.listeners = listeners
        self.hosts = hosts.isEmpty ? [.any] : hosts.withoutRepetitions()
        self.path = path
        self.methods = methods.withoutRepetitions()
        self.headers = headers.map { RouteCondition(name: $0.name.lowercased(), test: $0.test) }
        self.queries = queries
    }
}

/// What a header field or a query parameter must be like for a route to match.
///
/// A field that comes in several lines has the lines' values joined by `, ` (RFC 9110 section 5.3). Of a query
/// parameter that comes several times the first counts; names and values are percent-decoded, `+` being a space.
package struct RouteCondition: Sendable, Hashable {
    package enum Test: Sendable, Hashable {
        /// It is there, and its value is this, byte by byte.
        case exact(String)
        /// It is there, and its value begins with this.
        case prefix(String)
        /// It is there, with any value, an empty one included.
        case present
        case absent
    }

    package let name: String
    package let test: Test

    package init(name: String, test: Test) {
        self.name = name
        self.test = test
    }
}

extension Array where Element: Hashable {
    fileprivate func withoutRepetitions() -> [Element] {
        guard count > 1 else { return self }
        var seen = Set<Element>()
        return filter { seen.insert($0).inserted }
    }
}
