import Base

/// A target's URL, taken apart.
struct TargetURL: Sendable, Equatable {
    let host: TargetHost
    let port: UInt16
}

extension ValueDecoder where Value == TargetURL {
    static var targetURL: ValueDecoder {
        scalar(.text("a URL such as `http://10.1.0.11:8080` or `http://accounts.internal`")) { text throws(Unfit) in
            if text.hasPrefix(ByteView("https://")) {
                throw Unfit(expected: "an `http://` URL; `https` is not supported by this version")
            }
            guard text.hasPrefix(ByteView("http://")) else {
                let isBare = text.count > 0 && text.count < 200 && text.firstIndex(of: ASCII.slash) == nil
                throw Unfit(suggestion: isBare ? "did you mean `http://\(Visible.text(text))`?" : nil)
            }
            var authority = text.from(7)
            if authority.count > 0, authority[authority.count - 1] == ASCII.slash {
                authority = authority.prefix(authority.count - 1)
            }
            for byte in [ASCII.slash, ASCII.question, 0x23, ASCII.at] where authority.firstIndex(of: byte) != nil {
                throw Unfit(
                    expected: "a URL of scheme, host and port alone, without user, path or query",
                    suggestion: byte == ASCII.slash ? "change paths with the route's `rewrite`" : nil)
            }
            return try host(authority)
        }
    }

    private static func host(_ authority: ByteView) throws(Unfit) -> TargetURL {
        var host = authority
        var port = 80
        var colon = authority.count - 1
        while colon >= 0, ASCII.isDigit(authority[colon]) { colon -= 1 }
        if colon >= 0, authority[colon] == ASCII.colon {
            guard let number = authority.from(colon + 1).decimalValue(), (1...65_535).contains(number) else {
                throw Unfit(expected: "a port from 1 to 65535")
            }
            port = number
            host = authority.prefix(colon)
        }
        if host.count > 2, host[0] == ASCII.openBracket, host[host.count - 1] == ASCII.closeBracket,
            host.firstIndex(of: ASCII.colon) != nil
        {
            guard let address = IPAddress(text: host[1..<host.count - 1]) else { throw Unfit() }
            return TargetURL(host: .address(address), port: UInt16(port))
        }
        if let address = IPAddress(text: host), address.isIPv4 {
            return TargetURL(host: .address(address), port: UInt16(port))
        }
        guard let name = HostText.host(host) else { throw Unfit() }
        return TargetURL(host: .name(name), port: UInt16(port))
    }
}
