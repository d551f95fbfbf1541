import Base

/// The elements of a list in a field's value, from its end; empty ones are none (RFC 9110 section 5.6.1).
///
/// From the end, because what is written there comes from the nearer hop: an open quotation mark further in front can't
/// swallow what a later proxy appended.
package struct ReversedListElements {
    private let value: ByteView
    private var end: Int

    /// - Parameter value: must stay valid while elements are asked for.
    package init(_ value: ByteView) {
        self.value = value
        end = value.count
    }

    /// Where the next element to the left is in the value, without white space around it.
    package mutating func next() -> Range<Int>? {
        while end > 0 {
            var start = startOfElement()
            var stop = end
            end = start - 1
            while start < stop, ASCII.isWhitespace(value[start]) { start += 1 }
            while stop > start, ASCII.isWhitespace(value[stop - 1]) { stop -= 1 }
            if start < stop { return start..<stop }
        }
        return nil
    }

    /// Behind the last comma before `end` that is not quoted.
    private func startOfElement() -> Int {
        var isQuoted = false
        var index = end
        while index > 0 {
            let byte = value[index - 1]
            if byte == ASCII.comma, !isQuoted { break }
            if byte == ASCII.quote, !(isQuoted && isEscaped(index - 1)) { isQuoted.toggle() }
            index -= 1
        }
        return index
    }

    /// Whether an odd number of backslashes is before `index`.
    private func isEscaped(_ index: Int) -> Bool {
        var start = index
        while start > 0, value[start - 1] == ASCII.backslash { start -= 1 }
        return (index - start) & 1 == 1
    }
}

/// What one proxy says of the hop before it: an element of `Forwarded` (RFC 7239 section 4).
package struct ForwardedElement {
    /// Who sent the request to the proxy: `for`, without quotation marks. Nil when it doesn't say.
    package private(set) var node: ByteView?
    /// The scheme that the request came by: `proto`.
    package private(set) var scheme: ByteView?
    /// What its `Host` said: `host`.
    package private(set) var host: ByteView?

    /// Nil when `text` isn't an element: a parameter without a value, one that comes twice, a quotation mark too many.
    /// A value with a backslash counts as none: no address, scheme or host has anything to escape.
    package init?(parsing text: ByteView) {
        var start = 0
        while start < text.count {
            let end = Self.endOfPair(text, from: start)
            let pair = text[start..<end].trimmingWhitespace()
            start = end + 1
            if pair.isEmpty { continue }
            guard let equals = pair.firstIndex(of: ASCII.equals), pair.prefix(equals).isToken,
                let value = Self.unquoted(pair.from(equals + 1)), note(value, as: pair.prefix(equals))
            else { return nil }
        }
    }

    /// - Returns: false for a parameter that was there already.
    private mutating func note(_ value: ByteView, as name: ByteView) -> Bool {
        if name.equalsIgnoringCase("for") {
            guard node == nil else { return false }
            node = value
        } else if name.equalsIgnoringCase("proto") {
            guard scheme == nil else { return false }
            scheme = value
        } else if name.equalsIgnoringCase("host") {
            guard host == nil else { return false }
            host = value
        }
        return true
    }

    private static func endOfPair(_ text: ByteView, from start: Int) -> Int {
        var isQuoted = false
        var index = start
        while index < text.count, isQuoted || text[index] != ASCII.semicolon {
            if text[index] == ASCII.quote { isQuoted.toggle() }
            index += 1
        }
        return index
    }

    /// What `value` says. More than a token passes without quotation marks: many write `for=203.0.113.7:4711`.
    private static func unquoted(_ value: ByteView) -> ByteView? {
        guard value.firstIndex(of: ASCII.backslash) == nil else { return nil }
        guard value.count >= 2, value[0] == ASCII.quote, value[value.count - 1] == ASCII.quote else {
            return value.isEmpty || value.firstIndex(of: ASCII.quote) != nil ? nil : value
        }
        let inner = value[1..<value.count - 1]
        return inner.firstIndex(of: ASCII.quote) == nil ? inner : nil
    }
}

extension IPAddress {
    /// The address of a node as proxies write it in `Forwarded` and `X-Forwarded-For`: alone, in brackets, or with a
    /// port behind it (RFC 7239 section 6; `203.0.113.7:4711`, `[2001:db8::7]`, `[2001:db8::7]:4711`). Nil for
    /// `unknown`, for obfuscated names (`_hidden`), and for whatever else isn't exactly one address.
    package init?(node text: ByteView) {
        if text.count > 0, text[0] == ASCII.openBracket {
            guard let close = text.firstIndex(of: ASCII.closeBracket), Self.isPortOrNothing(text.from(close + 1)),
                let address = IPAddress(text: text[1..<close]), !address.isIPv4
            else { return nil }
            self = address
        } else if let colon = text.firstIndex(of: ASCII.colon), text.firstIndex(of: ASCII.colon, from: colon + 1) == nil
        {
            // One colon can't be IPv6, whose shortest text is `::`.
            guard Self.isPortOrNothing(text.from(colon)), let address = IPAddress(text: text.prefix(colon))
            else { return nil }
            self = address
        } else {
            self.init(text: text)
        }
    }

    /// `:4711`, or an obfuscated port (`:_a1`), or nothing.
    private static func isPortOrNothing(_ text: ByteView) -> Bool {
        if text.isEmpty { return true }
        guard text[0] == ASCII.colon, text.count > 1 else { return false }
        let port = text.from(1)
        guard port[0] == ASCII.underscore else {
            guard port.count <= 5, let number = port.decimalValue() else { return false }
            return number <= 65_535
        }
        return port.count > 1 && port.isToken
    }
}
