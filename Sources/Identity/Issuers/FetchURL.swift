import Base

/// An absolute `http` or `https` URL without user information and fragment (RFC 9110 section 4.2).
package struct FetchURL: Sendable, Hashable, CustomStringConvertible {
    package enum Host: Sendable, Hashable {
        case name(String)
        case address(IPAddress)
    }

    /// Whether the scheme is `https`.
    package let isSecure: Bool
    /// A name is in lower case.
    package let host: Host
    package let port: UInt16
    /// The path, `/` at least, and the query.
    package let target: String

    /// Longer URLs than this are refused, in bytes.
    package static let lengthMax = 2048

    /// A URL from parts that are known to be good.
    package init(isSecure: Bool, host: Host, port: UInt16, target: String) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.target = target
    }

    /// Nil for anything else, white space and bytes outside of ASCII included.
    package init?(text: String) {
        guard text.utf8.count <= Self.lengthMax, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        let bytes = Array(text.utf8)
        guard let separator = text.firstRange(of: "://") else { return nil }
        switch text[..<separator.lowerBound].lowercased() {
        case "https": isSecure = true
        case "http": isSecure = false
        default: return nil
        }
        let start = text.utf8.distance(from: text.startIndex, to: separator.upperBound)
        let end = bytes[start...].firstIndex { $0 == 0x2f || $0 == 0x3f || $0 == 0x23 } ?? bytes.count
        guard let (host, port) = Self.authority(bytes[start..<end]) else { return nil }
        self.host = host
        self.port = port ?? (isSecure ? 443 : 80)
        let rest = String(decoding: bytes[end...], as: UTF8.self)
        guard !rest.utf8.contains(0x23), !rest.utf8.contains(0x5c) else { return nil }
        target = rest.hasPrefix("/") ? rest : "/" + rest
    }

    /// `host`, `host:port`, `[v6]` or `[v6]:port`.
    private static func authority(_ bytes: ArraySlice<UInt8>) -> (Host, UInt16?)? {
        var name = bytes
        var port: UInt16?
        if let colon = bytes.lastIndex(of: ASCII.colon), !bytes[colon...].contains(ASCII.closeBracket) {
            name = bytes[..<colon]
            let digits = bytes[(colon + 1)...]
            if !digits.isEmpty {
                guard digits.allSatisfy(ASCII.isDigit), digits.count <= 5,
                    let number = UInt16(String(decoding: digits, as: UTF8.self)), number > 0
                else { return nil }
                port = number
            }
        }
        if name.first == ASCII.openBracket, name.last == ASCII.closeBracket, name.count > 2 {
            let inner = String(decoding: name.dropFirst().dropLast(), as: UTF8.self)
            guard let address = inner.withByteView({ IPAddress(text: $0) }), !address.isIPv4 else { return nil }
            return (.address(address), port)
        }
        let text = String(decoding: name, as: UTF8.self).lowercased()
        if let address = text.withByteView({ IPAddress(text: $0) }), address.isIPv4 { return (.address(address), port) }
        guard isName(text) else { return nil }
        return (.name(text), port)
    }

    /// A host name of letters, digits, `-`, `_` and dots that don't stand together.
    private static func isName(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 253 else { return false }
        let labels = text.utf8.split(separator: 0x2e, omittingEmptySubsequences: false)
        // A single dot at the end is the root's.
        let named = labels.last?.isEmpty == true ? labels.dropLast() : labels[...]
        return !named.isEmpty
            && named.allSatisfy { label in
                !label.isEmpty && label.count <= 63
                    && label.allSatisfy { (0x61...0x7a).contains($0) || ASCII.isDigit($0) || $0 == 0x2d || $0 == 0x5f }
            }
    }

    /// The host as URLs and the `Host` field write it.
    package var hostText: String {
        switch host {
        case .name(let name): name
        case .address(let address): address.isIPv4 ? "\(address)" : "[\(address)]"
        }
    }

    /// The `Host` field: without the port when it is the scheme's own (RFC 9110 section 7.2).
    package var authority: String { port == (isSecure ? 443 : 80) ? hostText : "\(hostText):\(port)" }

    package var description: String { "\(isSecure ? "https" : "http")://\(authority)\(target)" }

    /// For logs and people: without the query, which may hold somebody's key.
    package var withoutQuery: String {
        let path = target.prefix { $0 != "?" }
        return "\(isSecure ? "https" : "http")://\(authority)\(path)\(path.count < target.count ? "?…" : "")"
    }
}
