import Base

/// URLs that the gateway itself fetches.
enum URLText {
    static let form = "a URL such as `https://sso.example.com/keys`"
    static let bytesMax = 2_048

    /// Nil unless it is an absolute http(s) URL of printable ASCII, without user and fragment.
    static func url(_ text: ByteView) -> HTTPURL? {
        guard text.count <= bytesMax else { return nil }
        let isSecure = text.hasPrefix(ByteView("https://"))
        guard isSecure || text.hasPrefix(ByteView("http://")) else { return nil }
        let rest = text.from(isSecure ? 8 : 7)
        var end = 0
        while end < rest.count, rest[end] != ASCII.slash, rest[end] != ASCII.question { end += 1 }
        guard let (host, port) = authority(rest.prefix(end)), rest.from(end).raw.allSatisfy(isTargetByte) else {
            return nil
        }
        let tail = rest.from(end)
        let target = tail.isEmpty ? "/" : tail[0] == ASCII.question ? "/" + tail.string : tail.string
        return HTTPURL(
            isSecure: isSecure, host: host, port: port ?? (isSecure ? 443 : 80), target: target, text: text.string)
    }

    private static func authority(_ text: ByteView) -> (host: TargetHost, port: UInt16?)? {
        var host = text
        var port: UInt16?
        var colon = text.count - 1
        while colon >= 0, ASCII.isDigit(text[colon]) { colon -= 1 }
        if colon >= 0, text[colon] == ASCII.colon {
            guard let number = text.from(colon + 1).decimalValue(), (1...65_535).contains(number) else { return nil }
            port = UInt16(number)
            host = text.prefix(colon)
        }
        if host.count > 2, host[0] == ASCII.openBracket, host[host.count - 1] == ASCII.closeBracket {
            let inner = host[1..<host.count - 1]
            guard inner.firstIndex(of: ASCII.colon) != nil else { return nil }
            return IPAddress(text: inner).map { (.address($0), port) }
        }
        if let address = IPAddress(text: host), address.isIPv4 { return (.address(address), port) }
        return HostText.host(host).map { (.name($0), port) }
    }

    private static func isTargetByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7f && !"\"#<>\\^`{|}".utf8.contains(byte)
    }
}

extension ValueDecoder where Value == HTTPURL {
    static var httpURL: ValueDecoder {
        scalar(.text(URLText.form)) { text throws(Unfit) in
            if let url = URLText.url(text) { return url }
            let isBare = (1..<200).contains(text.count) && !text.string.contains("://")
            throw Unfit(
                expected: "\(URLText.form), without user and fragment",
                suggestion: isBare ? "did you mean `https://\(Visible.text(text))`?" : nil)
        }
    }
}

extension ValueDecoder where Value == String {
    /// The path of a file, in the form of a `${file:…}`.
    static var filePath: ValueDecoder {
        scalar(.text("a path, absolute or below the configuration folder")) { text throws(Unfit) in
            let path = text.string
            let isInside = path.hasPrefix("/") || !path.split(separator: "/").contains("..")
            guard (1...4_096).contains(text.count), text.firstIndex(of: 0) == nil, isInside else {
                throw Unfit(expected: "a path below the configuration folder without `..`, or an absolute one")
            }
            return path
        }
    }
}
