/// Where a socket listens or connects to: an address and a port, with the zone of a link-local IPv6 address.
package struct IPEndpoint: Sendable, Hashable, CustomStringConvertible {
    package let address: IPAddress
    package let port: UInt16
    /// The interface index of a scoped IPv6 address (RFC 4007), 0 for none.
    package let scope: UInt32

    package init(address: IPAddress, port: UInt16, scope: UInt32 = 0) {
        self.address = address
        self.port = port
        self.scope = scope
    }

    /// Reads `a.b.c.d:port` or `[v6]:port`. Nil for anything else; the port must be there and at most 65535.
    package init?(text: ByteView) {
        var host = text
        guard let separator = text.lastIndex(of: ASCII.colon) else { return nil }
        let digits = text.from(separator + 1)
        guard digits.count <= 5, let value = digits.decimalValue(), let port = UInt16(exactly: value) else {
            return nil
        }
        host = text.prefix(separator)
        let isBracketed = host.count >= 2 && host[0] == ASCII.openBracket && host[host.count - 1] == ASCII.closeBracket
        if isBracketed { host = host[1..<host.count - 1] }
        guard let address = IPAddress(text: host), address.isIPv4 != isBracketed else { return nil }
        self.init(address: address, port: port)
    }

    package init?(text: String) {
        guard let endpoint = text.withByteView({ IPEndpoint(text: $0) }) else { return nil }
        self = endpoint
    }

    /// Whether a socket that listens at one keeps another from listening at the other: `0.0.0.0` takes in all IPv4
    /// addresses, `[::]` all addresses (its sockets are dual-stack), and a mapped address is the IPv4 one (ip(7),
    /// ipv6(7)). Port 0 is another port each time.
    package func overlaps(_ other: IPEndpoint) -> Bool {
        guard port == other.port, port != 0 else { return false }
        for (one, another) in [(address, other.address), (other.address, address)] where one.isUnspecified {
            if !one.unmapped.isIPv4 || another.unmapped.isIPv4 { return true }
        }
        return address.unmapped == other.address.unmapped && (scope == other.scope || scope == 0 || other.scope == 0)
    }

    /// Appends `a.b.c.d:port` or `[v6]:port`.
    package func append(to buffer: inout IOBuffer) {
        if !address.isIPv4 { buffer.append(byte: ASCII.openBracket) }
        address.append(to: &buffer)
        if !address.isIPv4 { buffer.append(byte: ASCII.closeBracket) }
        buffer.append(byte: ASCII.colon)
        buffer.append(decimal: Int(port))
    }

    package var description: String {
        var buffer = IOBuffer(capacity: 56)
        append(to: &buffer)
        return buffer.readable.string
    }
}

extension ByteView {
    fileprivate func lastIndex(of byte: UInt8) -> Int? {
        var index = count
        while index > 0 {
            index -= 1
            if self[index] == byte { return index }
        }
        return nil
    }
}
