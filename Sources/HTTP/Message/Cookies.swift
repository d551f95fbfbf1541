import Base

/// The pairs of a `Cookie` field (RFC 6265 section 4.2.1), as servers read them: names without white space around them,
/// values as they stand behind the `=`. Pieces without `=` are skipped. The one rule for everybody who reads cookies:
/// what one part of the gateway takes for a cookie's name, all do.
package struct CookiePairs {
    package typealias Pair = (name: ByteView, value: ByteView)

    private let value: ByteView
    private var position = 0

    /// - Parameter value: the value of one field line.
    package init(_ value: ByteView) { self.value = value }

    package mutating func next() -> Pair? {
        while position < value.count {
            let end = value.firstIndex(of: ASCII.semicolon, from: position) ?? value.count
            let piece = value[position..<end]
            position = end + 1
            if let pair = Self.pair(in: piece) { return pair }
        }
        return nil
    }

    /// The pair that stands between two semicolons; nil for none.
    package static func pair(in piece: ByteView) -> Pair? {
        let text = piece.trimmingWhitespace()
        guard let equals = text.firstIndex(of: ASCII.equals) else { return nil }
        return (text.prefix(equals).trimmingWhitespace(), text.from(equals + 1))
    }
}

extension HeaderList {
    /// The value of the first cookie called `name`, in all field lines.
    package func cookie(named name: ByteView) -> ByteView? {
        var line = firstIndex(of: .cookie)
        while let index = line {
            var cookies = CookiePairs(value(at: index))
            while let cookie = cookies.next() {
                if cookie.name == name { return cookie.value }
            }
            line = firstIndex(of: .cookie, from: index + 1)
        }
        return nil
    }
}
