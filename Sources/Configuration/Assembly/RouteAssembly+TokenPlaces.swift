/// What a route's transform may write into the places that `internal_jwt` empties of the caller's token.
extension RouteAssembly {
    func checkTokenPlaces(_ transform: RequestTransform, jwt: JWTSettings, internalJWT: InternalJWTSettings) {
        let places = TokenPlaces(jwt.sources.map(\.value), internalJWT)
        let headers = transform.headers
        for rename in headers.rename where places.isInternalToken(rename.to.value) {
            reportInternalToken(rename.to.value, rename.to.origin)
        }
        for assignment in headers.replace + headers.set + headers.append {
            let origin = assignment.value.origin
            if places.isInternalToken(assignment.name) {
                reportInternalToken(assignment.name, origin)
            } else if places.isEmptied(assignment.name),
                let value = assignment.value.value.parts.lazy.compactMap(places.tokenHolder).first
            {
                report(
                    at: origin, "`{\(value.attribute)}` may be the caller's token, which `internal_jwt` keeps back",
                    expected: "another value")
            }
        }
    }

    private func reportInternalToken(_ name: String, _ origin: Origin) {
        report(
            at: origin, "`\(Visible.text(name))` holds the token of `internal_jwt`",
            expected: "another header, or `internal_jwt` with `header: X-Internal-JWT`")
    }
}

/// Where tokens are in a request on a route with `internal_jwt`.
private struct TokenPlaces {
    private let sources: Set<TokenSource>
    private let holdsInternalToken: Bool
    private let keepsAuthorization: Bool
    private let hasCookie: Bool

    init(_ sources: [TokenSource], _ settings: InternalJWTSettings) {
        self.sources = Set(sources.map(\.folded))
        holdsInternalToken = settings.header.value == .authorization
        keepsAuthorization = settings.keepAuthorization.value
        hasCookie = sources.contains { if case .cookie = $0 { true } else { false } }
    }

    func isInternalToken(_ name: String) -> Bool { holdsInternalToken && name.lowercased() == "authorization" }

    /// Whether the client's own goes no further.
    func isEmptied(_ name: String) -> Bool {
        switch name.lowercased() {
        case "authorization": !keepsAuthorization
        case "cookie": hasCookie
        case let folded: sources.contains(.header(folded))
        }
    }

    func tokenHolder(_ part: TextPart) -> TextValue? {
        guard case .value(let value) = part else { return nil }
        switch value.attribute {
        case .header(let name): return isEmptied(name) ? value : nil
        case .query(let name): return sources.contains(.query(name)) ? value : nil
        case .cookie(let name): return sources.contains(.cookie(name)) ? value : nil
        default: return nil
        }
    }
}
