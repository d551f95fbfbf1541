import Base
import HTTP

/// A place of a request where a token may stand.
package enum TokenSource {
    /// A field: `Bearer`, then the token (RFC 6750 section 2.1). Fields other than `Authorization` may hold it bare.
    case field(name: ByteView, known: KnownField)
    /// A parameter of the query (RFC 6750 section 2.3).
    case query(ByteView)
    case cookie(ByteView)
}

/// What was found where tokens may stand.
package enum TokenSearch {
    case none
    /// The one token, or what stands in its place; a view into the request's fields.
    case token(ByteView)
    /// More than one place holds a token, or a place holds nothing (RFC 6750 section 3.1, `invalid_request`).
    case malformed
    /// There was something, but the client's `Connection` calls it hop-by-hop, so it was removed. The client has said
    /// who it is, so it is not anonymous; and what it has said is not for anybody behind the next hop.
    case withheld
}

extension TokenSource {
    /// Looks in all of `sources`: a client that sends its token twice leaves open which one is meant, so it is refused.
    package static func search(_ sources: [TokenSource], in request: borrowing RequestHead) -> TokenSearch {
        for source in sources where source.isWithheld(in: request.fields) { return .withheld }
        var found = TokenSearch.none
        for source in sources {
            switch (source.search(request), found) {
            case (.none, _): continue
            case (.token(let token), .none): found = .token(token)
            default: return .malformed
            }
        }
        return found
    }

    /// Whether the message came with the field, and `Connection` had it removed.
    private func isWithheld(in fields: borrowing HeaderList) -> Bool {
        guard fields.count < fields.endIndex else { return false }
        switch self {
        case .field(let name, _): return fields.holdsRemoved(named: name)
        case .cookie: return fields.holdsRemoved(named: ByteView("Cookie"))
        case .query: return false
        }
    }

    private func search(_ request: borrowing RequestHead) -> TokenSearch {
        switch self {
        case .field(_, .authorization): Self.searchAuthorization(request.fields)
        case .field(let name, _): Self.searchField(request.fields, name: name)
        case .query(let name): Self.searchQuery(request.query, name: name)
        case .cookie(let name): Self.searchCookies(request.fields, name: name)
        }
    }

    private static func searchAuthorization(_ fields: borrowing HeaderList) -> TokenSearch {
        guard let index = fields.firstIndex(of: .authorization) else { return .none }
        // Two lines of a singleton field mean something else to every reader (RFC 9110 section 5.3).
        if fields.firstIndex(of: .authorization, from: index + 1) != nil { return .malformed }
        return bearer(fields.value(at: index))
    }

    private static func searchField(_ fields: borrowing HeaderList, name: ByteView) -> TokenSearch {
        guard let index = fields.firstIndex(named: name) else { return .none }
        if fields.firstIndex(named: name, from: index + 1) != nil { return .malformed }
        let value = fields.value(at: index)
        let withScheme = bearer(value)
        if case .none = withScheme { return found(value) }
        return withScheme
    }

    private static func searchQuery(_ query: ByteView, name: ByteView) -> TokenSearch {
        var found = TokenSearch.none
        var pairs = QueryPairs(query)
        while let pair = pairs.next() {
            guard QueryPairs.decodes(pair.name, to: name) else { continue }
            guard case .none = found else { return .malformed }
            found = Self.found(pair.value)
        }
        return found
    }

    private static func searchCookies(_ fields: borrowing HeaderList, name: ByteView) -> TokenSearch {
        var found = TokenSearch.none
        var line = fields.firstIndex(of: .cookie)
        while let index = line {
            var cookies = CookiePairs(fields.value(at: index))
            while let cookie = cookies.next() {
                guard cookie.name == name else { continue }
                guard case .none = found else { return .malformed }
                found = Self.found(cookie.value)
            }
            line = fields.firstIndex(of: .cookie, from: index + 1)
        }
        return found
    }

    /// What follows `Bearer` and spaces; nothing for another scheme. A scheme is a token (RFC 9110 section 11.4), so
    /// what else follows is of this one, and can't be read.
    private static func bearer(_ value: ByteView) -> TokenSearch {
        let scheme = ByteView("Bearer")
        guard value.count >= scheme.count, value.prefix(scheme.count).equalsIgnoringCase(scheme) else { return .none }
        let rest = value.from(scheme.count)
        if rest.isEmpty { return .malformed }
        if rest[0] == ASCII.space { return found(rest.trimmingWhitespace()) }
        return rest.prefix(1).isValidFieldName ? .none : .malformed
    }

    /// What stands where a token may stand. Whether its bytes can be a token's at all is looked at (`isToken`) only
    /// when it is refused: nearly every token was verified before, byte by byte as it is.
    static func found(_ text: ByteView) -> TokenSearch { text.isEmpty ? .malformed : .token(text) }

    /// A compact token holds no byte that needs an escape or a quote, so what isn't written plainly isn't one, and the
    /// request is malformed.
    package static func isToken(_ text: ByteView) -> Bool {
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte <= ASCII.space || byte >= 0x7f || byte == ASCII.comma { return false }
            index += 1
        }
        return !text.isEmpty
    }
}
