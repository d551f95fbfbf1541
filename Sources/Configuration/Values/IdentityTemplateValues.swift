import Base

/// Templates over what is known about a caller: `spiffe://bank-a/user/{claim.user_id}`.
enum IdentityTemplateText {
    static let bytesMax = 2_048

    /// A place to fill, before it is known whether it may stand there.
    enum Place: Hashable {
        case claim(ClaimPath, isEscaped: Bool)
        case issuerTenant, tenant, trustDomain
        case pathParameter(String)
        case hostLabel(Int)
    }

    enum Piece: Hashable {
        case literal(String)
        case place(Place)
    }

    /// Which places there may be.
    enum Style: Sendable {
        case spiffeID, tenant, audience, routeTenant

        fileprivate var places: String {
            switch self {
            case .spiffeID: "`{claim.NAME}`, `{claim.NAME|escape}`, `{tenant}`, `{issuer.tenant}` or `{trust_domain}`"
            case .tenant: "`{claim.NAME}` or `{issuer.tenant}`"
            case .audience: "`{tenant}`"
            case .routeTenant: "`{path.NAME}` or `{host.NUMBER}`"
            }
        }

        fileprivate func allows(_ place: Place) -> Bool {
            switch (self, place) {
            case (.spiffeID, .claim), (.spiffeID, .tenant), (.spiffeID, .issuerTenant), (.spiffeID, .trustDomain): true
            case (.tenant, .claim(_, let isEscaped)): !isEscaped
            case (.tenant, .issuerTenant), (.audience, .tenant): true
            case (.routeTenant, .pathParameter), (.routeTenant, .hostLabel): true
            default: false
            }
        }
    }

    /// The pieces in their order, no two literals in a row.
    static func parse(_ text: ByteView, _ style: Style) throws(Unfit) -> [Piece] {
        guard (1...bytesMax).contains(text.count) else { throw Unfit(expected: "1 to \(bytesMax) bytes") }
        var pieces: [Piece] = []
        var index = 0
        var start = 0
        while index < text.count {
            let byte = text[index]
            if byte == ASCII.closeBrace { throw Unfit(expected: "a `{` before the `}` at character \(index + 1)") }
            if byte < 0x20 || byte == ASCII.delete { throw Unfit(expected: "text without control characters") }
            guard byte == ASCII.openBrace else {
                index += 1
                continue
            }
            if start < index { pieces.append(.literal(text[start..<index].string)) }
            guard let end = text.firstIndex(of: ASCII.closeBrace, from: index) else {
                throw Unfit(expected: "a `}` for the `{` at character \(index + 1)")
            }
            let inner = text[index + 1..<end]
            guard let place = try place(inner), style.allows(place) else {
                throw Unfit(
                    expected: "\(style.places) at character \(index + 1), not `{\(Visible.text(inner))}`",
                    suggestion: remedy(inner, style))
            }
            pieces.append(.place(place))
            index = end + 1
            start = index
        }
        if start < text.count { pieces.append(.literal(text.from(start).string)) }
        return pieces
    }

    /// How many places there are to fill.
    static func placeCount(_ pieces: [Piece]) -> Int {
        pieces.count { if case .place = $0 { true } else { false } }
    }

    private static func place(_ text: ByteView) throws(Unfit) -> Place? {
        if text == "tenant" { return .tenant }
        if text == "issuer.tenant" { return .issuerTenant }
        if text == "trust_domain" { return .trustDomain }
        if text.hasPrefix(ByteView("claim.")) {
            let isEscaped = text.hasSuffix(ByteView("|escape"))
            let name = isEscaped ? text[6..<max(6, text.count - 7)] : text.from(6)
            return try ClaimText.path(name).map { .claim($0, isEscaped: isEscaped) }
        }
        if text.hasPrefix(ByteView("path.")), PathText.isParameterName(text.from(5)) {
            return .pathParameter(text.from(5).string)
        }
        if text.hasPrefix(ByteView("host.")), let number = text.from(5).decimalValue(), (1...127).contains(number) {
            return .hostLabel(number)
        }
        return nil
    }

    /// The place that was probably meant: mostly a claim without `claim.`.
    private static func remedy(_ text: ByteView, _ style: Style) -> String? {
        switch style {
        case .spiffeID, .tenant:
            let name = text.hasPrefix(ByteView("claims.")) ? text.from(7) : text
            guard name.firstIndex(of: ASCII.dot) == nil, (try? ClaimText.onlyPath(name)) != nil else { return nil }
            return "did you mean `{claim.\(name.string)}`?"
        case .routeTenant:
            return PathText.isParameterName(text) ? "did you mean `{path.\(text.string)}`?" : nil
        case .audience: return nil
        }
    }
}

extension IdentityTemplate: CustomStringConvertible {
    /// As it would be written.
    package var description: String {
        parts.map { part in
            switch part {
            case .literal(let text): text
            case .claim(let path, let isEscaped): "{claim.\(path)\(isEscaped ? "|escape" : "")}"
            case .issuerTenant: "{issuer.tenant}"
            case .tenant: "{tenant}"
            }
        }.joined()
    }

    /// The pieces with the trust domain filled in, and literals that meet made one.
    init(_ pieces: [IdentityTemplateText.Piece], trustDomain: String) {
        var parts: [IdentityPart] = []
        func add(_ text: String) {
            if case .literal(let before) = parts.last {
                parts[parts.count - 1] = .literal(before + text)
            } else {
                parts.append(.literal(text))
            }
        }
        for piece in pieces {
            switch piece {
            case .literal(let text): add(text)
            case .place(.trustDomain): add(trustDomain)
            case .place(.claim(let path, let isEscaped)): parts.append(.claim(path, isEscaped: isEscaped))
            case .place(.issuerTenant): parts.append(.issuerTenant)
            case .place(.tenant): parts.append(.tenant)
            case .place(.pathParameter), .place(.hostLabel): break
            }
        }
        self.init(parts: parts)
    }
}

extension RouteTenant: CustomStringConvertible {
    /// As it would be written.
    package var description: String {
        switch self {
        case .fixed(let tenant): tenant
        case .pathParameter(let name, _): "{path.\(name)}"
        case .hostLabel(let number): "{host.\(number)}"
        }
    }
}

extension ValueDecoder where Value == IdentityTemplate {
    static var tenantTemplate: ValueDecoder {
        scalar(.text("a tenant, or a template with `{claim.NAME}` or `{issuer.tenant}`")) { text throws(Unfit) in
            let pieces = try IdentityTemplateText.parse(text, .tenant)
            // With two, `{a}-{b}` would be the same for `x-y` and `z` as for `x` and `y-z`.
            guard IdentityTemplateText.placeCount(pieces) <= 1 else {
                throw Unfit(expected: "one place at most: with two, different tenants could become one")
            }
            return IdentityTemplate(pieces, trustDomain: "")
        }
    }

    static var audienceTemplate: ValueDecoder {
        scalar(.text("an audience; `{tenant}` stands for the caller's tenant")) { text throws(Unfit) in
            IdentityTemplate(try IdentityTemplateText.parse(text, .audience), trustDomain: "")
        }
    }
}

extension ValueDecoder where Value == RouteTenant {
    /// The index of a path parameter is still unknown (-1).
    static var routeTenant: ValueDecoder {
        scalar(.text("a tenant, `{path.NAME}`, or `{host.NUMBER}` (1 is the leftmost label)")) { text throws(Unfit) in
            let pieces = try IdentityTemplateText.parse(text, .routeTenant)
            switch (pieces.count, pieces[0]) {
            case (1, .literal(let tenant)): return .fixed(tenant)
            case (1, .place(.pathParameter(let name))): return .pathParameter(name: name, index: -1)
            case (1, .place(.hostLabel(let number))): return .hostLabel(number)
            default: throw Unfit(expected: "a tenant as a whole: fixed, `{path.NAME}`, or `{host.NUMBER}`")
            }
        }
    }
}
