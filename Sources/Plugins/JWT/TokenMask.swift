import Base
import HTTP

/// Keeps tokens out of logs: a query, or a URL with one, without the values of parameters that hold tokens.
///
/// Those are `access_token` (RFC 6750 section 2.3), on every route, because clients send it where nobody asked for it,
/// and the parameters that the route itself reads tokens from.
package enum TokenMask {
    private static let parameter: StaticString = "access_token"
    private static let mask: StaticString = "***"

    /// Appends `query` to `buffer`, masked.
    /// - Parameters:
    ///   - query: the bytes after `?`.
    ///   - sources: the route's.
    /// - Returns: false if there is nothing to mask; then nothing was appended.
    package static func append(query: ByteView, sources: [TokenSource], to buffer: inout IOBuffer) -> Bool {
        append(query, from: 0, sources, to: &buffer)
    }

    /// The same with a whole URL, such as `Referer` has.
    package static func append(url: ByteView, sources: [TokenSource], to buffer: inout IOBuffer) -> Bool {
        guard let mark = url.firstIndex(of: ASCII.question) else { return false }
        return append(url, from: mark + 1, sources, to: &buffer)
    }

    private static func append(
        _ text: ByteView, from queryStart: Int, _ sources: [TokenSource], to buffer: inout IOBuffer
    ) -> Bool {
        var pairs = QueryPairs(text.from(queryStart))
        var done = 0
        while let pair = pairs.next() {
            guard !pair.value.isEmpty, holdsToken(pair.name, sources) else { continue }
            let start = pair.value.base - text.base
            buffer.append(text[done..<start])
            buffer.append(mask)
            done = start + pair.value.count
        }
        if done == 0 { return false }
        buffer.append(text.from(done))
        return true
    }

    private static func holdsToken(_ name: ByteView, _ sources: [TokenSource]) -> Bool {
        if QueryPairs.decodes(name, to: ByteView(parameter)) { return true }
        for case .query(let own) in sources where QueryPairs.decodes(name, to: own) { return true }
        return false
    }
}
