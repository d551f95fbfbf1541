import Base
import HTTP

/// Takes clients' tokens out of what goes further: only the field, parameter or cookie that holds one, and the rest
/// stays byte for byte.
package enum TokenRemoval {
    /// Stands in logs for a parameter's value.
    package static let mask: StaticString = "********"

    // MARK: Queries

    /// Appends `query` without the parameters that are among `sources`.
    /// - Returns: whether anything was left out.
    package static func appendQuery(
        _ query: ByteView, without sources: [TokenSource], to buffer: inout IOBuffer
    ) -> Bool {
        var position = 0
        var isFirst = true
        var isFound = false
        while position <= query.count {
            let piece = piece(of: query, from: position)
            position += piece.count + 1
            if isToken(piece, sources) {
                isFound = true
                continue
            }
            if !isFirst { buffer.append(byte: ampersand) }
            isFirst = false
            buffer.append(piece)
        }
        return isFound
    }

    /// Whether `query` has a parameter of one of these names.
    package static func holds(_ query: ByteView, anyOf names: [ByteView]) -> Bool {
        var pairs = QueryPairs(query)
        while let pair = pairs.next() {
            if isNamed(pair.name, names) { return true }
        }
        return false
    }

    /// Appends `query` with the values of the parameters of these names masked.
    package static func appendMasked(_ query: ByteView, names: [ByteView], to buffer: inout IOBuffer) {
        var position = 0
        while position <= query.count {
            if position > 0 { buffer.append(byte: ampersand) }
            let piece = piece(of: query, from: position)
            position += piece.count + 1
            let equals = piece.firstIndex(of: ASCII.equals) ?? piece.count
            guard equals < piece.count, isNamed(piece.prefix(equals), names) else {
                buffer.append(piece)
                continue
            }
            buffer.append(piece.prefix(equals + 1))
            buffer.append(mask)
        }
    }

    private static let ampersand = UInt8(ascii: "&")

    private static func piece(of query: ByteView, from position: Int) -> ByteView {
        query[position..<(query.firstIndex(of: ampersand, from: position) ?? query.count)]
    }

    private static func isToken(_ piece: ByteView, _ sources: [TokenSource]) -> Bool {
        let name = piece.prefix(piece.firstIndex(of: ASCII.equals) ?? piece.count)
        for case .query(let wanted) in sources where QueryPairs.decodes(name, to: wanted) { return true }
        return false
    }

    private static func isNamed(_ name: ByteView, _ names: [ByteView]) -> Bool {
        var index = 0
        while index < names.count {
            if QueryPairs.decodes(name, to: names[index]) { return true }
            index += 1
        }
        return false
    }

    // MARK: Fields

    /// Removes the fields and cookies among `sources`. `Authorization` is the caller's matter.
    package static func removeFields(_ sources: [TokenSource], from fields: inout HeaderList) {
        for source in sources {
            switch source {
            case .field(_, .authorization), .query: continue
            case .field(let name, _): fields.removeAll(named: name)
            case .cookie(let name): removeCookie(name, from: &fields)
            }
        }
    }

    private static func removeCookie(_ name: ByteView, from fields: inout HeaderList) {
        // Lines that are written anew stand behind this.
        let end = fields.endIndex
        var next = fields.firstIndex(of: .cookie)
        while let index = next, index < end {
            if holdsCookie(name, fields.value(at: index)) { rewriteCookies(at: index, without: name, in: &fields) }
            next = fields.firstIndex(of: .cookie, from: index + 1)
        }
    }

    private static func holdsCookie(_ name: ByteView, _ value: ByteView) -> Bool {
        var cookies = CookiePairs(value)
        while let cookie = cookies.next() {
            if cookie.name == name { return true }
        }
        return false
    }

    private static func rewriteCookies(at index: Int, without name: ByteView, in fields: inout HeaderList) {
        let added = fields.endIndex
        fields.beginValue(.cookie)
        var position = 0
        var isFirst = true
        while true {
            // Read anew each time: appending may have moved the bytes.
            let value = fields.value(at: index)
            guard position <= value.count else { break }
            let end = value.firstIndex(of: ASCII.semicolon, from: position) ?? value.count
            var piece = value[position..<end]
            position = end + 1
            if let cookie = CookiePairs.pair(in: piece), cookie.name == name { continue }
            if isFirst {
                if piece.trimmingWhitespace().isEmpty { continue }
                while piece.count > 0, ASCII.isWhitespace(piece[0]) { piece = piece.from(1) }
            } else {
                fields.appendToValue(";")
                // The semicolon may have moved the bytes too.
                piece = fields.value(at: index)[(end - piece.count)..<end]
            }
            isFirst = false
            fields.appendToValue(piece)
        }
        fields.finishValue()
        fields.remove(at: index)
        if isFirst { fields.remove(at: added) }
    }
}
