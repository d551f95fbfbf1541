import Base

/// Which hosts a route is for. In lower case, without port.
///
/// Ranked: an exact host before a wildcard, a longer wildcard before a shorter one, any host last.
package enum HostPattern: Sendable, Hashable {
    /// This host alone: a name, an IPv4 address, or an IPv6 address in brackets.
    case exact(String)
    /// `*.suffix`: one or more labels before the suffix, which is kept without `*.`.
    case wildcard(suffix: String)
    case any

    /// Reads `api.example.com`, `*.example.com` or `*`, in any case of letters, with or without a trailing dot.
    package init(text: String) throws(HostPatternError) {
        if text == "*" {
            self = .any
            return
        }
        let isWildcard = text.hasPrefix("*.")
        var name = (isWildcard ? String(text.dropFirst(2)) : text).lowercased()
        if name.hasSuffix(".") { name.removeLast() }
        if name.hasPrefix("[") {
            guard !isWildcard, name.hasSuffix("]"),
                let address = IPAddress(text: String(name.dropFirst().dropLast())), !address.isIPv4
            else { throw .malformed }
            self = .exact(name)
            return
        }
        guard !name.isEmpty, name.utf8.count <= 253 else { throw .malformed }
        if name.utf8.contains(ASCII.asterisk) { throw .misplacedWildcard }
        if name.utf8.contains(ASCII.colon) { throw .hasPort }
        for label in name.utf8.split(separator: ASCII.dot, omittingEmptySubsequences: false) {
            guard (1...63).contains(label.count), label.allSatisfy(Self.isHostByte) else { throw .malformed }
        }
        self = isWildcard ? .wildcard(suffix: name) : .exact(name)
    }

    private static func isHostByte(_ byte: UInt8) -> Bool {
        ASCII.isLower(byte) || ASCII.isDigit(byte) || byte == ASCII.hyphen || byte == ASCII.underscore
    }

    /// Whether `host`, in lower case, is one of the pattern's.
    func matches(_ host: ByteView) -> Bool {
        switch self {
        case .any: true
        case .exact(let name): name.withByteView { $0 == host }
        case .wildcard(let suffix):
            suffix.withByteView { suffix in
                host.count > suffix.count + 1 && host.hasSuffix(suffix)
                    && host[host.count - suffix.count - 1] == ASCII.dot
            }
        }
    }

    /// The higher the better, among the patterns that match one host.
    var rank: Int {
        switch self {
        case .any: 0
        case .wildcard(let suffix): 1 + suffix.utf8.count
        case .exact: Int.max
        }
    }
}

extension HostPattern: CustomStringConvertible {
    package var description: String {
        switch self {
        case .exact(let name): name
        case .wildcard(let suffix): "*." + suffix
        case .any: "*"
        }
    }
}

/// Why a text is no `HostPattern`.
package enum HostPatternError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Not a name of labels between dots, at most 63 bytes each and 253 in all, nor an IP address.
    case malformed
    /// A port: routes are for hosts, listeners for ports.
    case hasPort
    /// A `*` that isn't the whole first label.
    case misplacedWildcard

    package var description: String {
        switch self {
        case .malformed: "expected a host name, `*.` and a host name, or `*`"
        case .hasPort: "a host has no port here: the listener says the port"
        case .misplacedWildcard: "`*` can only stand for the first labels, as in `*.example.com`"
        }
    }
}
