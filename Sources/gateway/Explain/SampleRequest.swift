import Base

/// A request that somebody asks about, as a client would send it.
package struct SampleRequest {
    package let method: String
    package let url: String
    /// The port in the URL; nil when it names none.
    package let port: Int?
    /// The bytes of its head.
    package let head: [UInt8]

    /// - Parameters:
    ///   - url: `http://host[:port]/path?query`, or the same with https. A fragment is left out: no client sends it.
    ///   - headers: `Name: value`; a `Host` among them stands in for the URL's.
    package init(method: String, url: String, headers: [String]) throws(UsageError) {
        guard Self.fitsOnLine(method), !method.isEmpty, !method.contains(" ") else {
            throw .invalidValue(of: "method", given: method, expected: "a token such as GET")
        }
        guard let (authority, target) = Self.split(url) else {
            throw .invalidValue(of: "URL", given: url, expected: "http://HOST/PATH")
        }
        var text = "\(method) \(target) HTTP/1.1\r\n"
        if !headers.contains(where: { $0.lowercased().hasPrefix("host:") }) { text += "Host: \(authority)\r\n" }
        for header in headers {
            guard Self.fitsOnLine(header), let colon = header.utf8.firstIndex(of: ASCII.colon),
                colon != header.utf8.startIndex
            else { throw .invalidValue(of: "header", given: header, expected: "`Name: value`") }
            text += "\(header)\r\n"
        }
        self.method = method
        self.url = url
        port = Self.port(authority)
        head = Array((text + "\r\n").utf8)
    }

    /// Whether the text would not begin another header line.
    private static func fitsOnLine(_ text: String) -> Bool {
        !text.utf8.contains { $0 == ASCII.cr || $0 == ASCII.lf }
    }

    private static func split(_ url: String) -> (authority: String, target: String)? {
        guard fitsOnLine(url), let scheme = ["http://", "https://"].first(where: { url.lowercased().hasPrefix($0) })
        else { return nil }
        let rest = url.dropFirst(scheme.count).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        guard !authority.isEmpty else { return nil }
        let target = rest.dropFirst(authority.count)
        return (String(authority), target.hasPrefix("/") ? String(target) : "/\(target)")
    }

    private static func port(_ authority: String) -> Int? {
        guard let colon = authority.utf8.lastIndex(of: ASCII.colon) else { return nil }
        return Int(authority[authority.index(after: colon)...])
    }
}
