import Base

/// Addresses as they are written.
enum NetworkText {
    /// An IPv4 address in four decimal parts without leading zeros, or an IPv6 address (RFC 4291 section 2.2).
    static func address(_ text: ByteView) -> IPAddress? {
        if text.firstIndex(of: ASCII.colon) != nil { return v6(text) }
        return v4(text).map { IPAddress(v4: $0) }
    }

    static func v4(_ text: ByteView) -> UInt32? {
        var value: UInt32 = 0
        var start = 0
        for part in 0..<4 {
            let end = part == 3 ? text.count : text.firstIndex(of: ASCII.dot, from: start) ?? -1
            guard end > start, end - start <= 3, let number = text[start..<end].decimalValue(), number <= 255,
                end - start == 1 || text[start] != ASCII.zero
            else { return nil }
            value = value << 8 | UInt32(number)
            start = end + 1
        }
        return value
    }

    private static func v6(_ text: ByteView) -> IPAddress? {
        var groups: [UInt16] = []
        var gap: Int?
        var index = 0
        if text.hasPrefix(ByteView("::")) {
            gap = 0
            index = 2
        }
        while index < text.count {
            let end = text.firstIndex(of: ASCII.colon, from: index) ?? text.count
            let part = text[index..<end]
            if end == text.count, part.firstIndex(of: ASCII.dot) != nil {
                guard let tail = v4(part) else { return nil }
                groups += [UInt16(tail >> 16), UInt16(tail & 0xffff)]
                break
            }
            guard let group = group(part) else { return nil }
            groups.append(group)
            guard groups.count <= 8 else { return nil }
            if end == text.count { break }
            index = end + 1
            if index < text.count, text[index] == ASCII.colon {
                guard gap == nil else { return nil }
                gap = groups.count
                index += 1
            } else if index == text.count {
                return nil
            }
        }
        guard gap != nil ? groups.count < 8 : groups.count == 8 else { return nil }
        groups.insert(contentsOf: [UInt16](repeating: 0, count: 8 - groups.count), at: gap ?? 0)
        let high = groups[0..<4].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        let low = groups[4..<8].reduce(UInt64(0)) { $0 << 16 | UInt64($1) }
        return IPAddress(high: high, low: low)
    }

    private static func group(_ text: ByteView) -> UInt16? {
        guard (1...4).contains(text.count) else { return nil }
        var value: UInt16 = 0
        for index in 0..<text.count {
            guard let digit = ASCII.hexValue(text[index]) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }

    /// `address/bits`, or an address alone. Bits after the prefix must be 0.
    static func network(_ text: ByteView) throws(Unfit) -> CIDR {
        let slash = text.firstIndex(of: ASCII.slash) ?? text.count
        guard let address = address(text.prefix(slash)) else { throw Unfit() }
        let isV4 = text.prefix(slash).firstIndex(of: ASCII.colon) == nil
        guard slash < text.count else { return CIDR(address, bits: 128) }
        guard let bits = text.from(slash + 1).decimalValue(), bits <= (isV4 ? 32 : 128) else { throw Unfit() }
        let network = CIDR(address, bits: isV4 ? bits + 96 : bits)
        guard network.base == address else {
            throw Unfit(suggestion: "the network of this address is `\(network)`")
        }
        return network
    }

    /// `address:port`, IPv6 in brackets.
    static func socket(_ text: ByteView) -> SocketAddress? {
        var colon = text.count - 1
        while colon >= 0, text[colon] != ASCII.colon { colon -= 1 }
        guard colon > 0, let port = text.from(colon + 1).decimalValue(), port <= 65_535 else { return nil }
        var host = text.prefix(colon)
        if host[0] == ASCII.openBracket {
            guard host.count > 2, host[host.count - 1] == ASCII.closeBracket else { return nil }
            host = host[1..<host.count - 1]
            guard host.firstIndex(of: ASCII.colon) != nil else { return nil }
        } else if host.firstIndex(of: ASCII.colon) != nil {
            return nil
        }
        return address(host).map { SocketAddress(address: $0, port: UInt16(port)) }
    }
}

extension ValueDecoder where Value == CIDR {
    static var network: ValueDecoder {
        scalar(.text("an IP address or a network such as `10.0.0.0/8` or `2001:db8::/32`"), NetworkText.network)
    }
}

extension ValueDecoder where Value == SocketAddress {
    static var socketAddress: ValueDecoder {
        scalar(.text("an IP address and a port such as `0.0.0.0:8080` or `[::]:8080`")) { text throws(Unfit) in
            if let address = NetworkText.socket(text) { return address }
            if text.decimalValue() != nil { throw Unfit(suggestion: "did you mean `0.0.0.0:\(text.string)`?") }
            if text.count > 1, text[0] == ASCII.colon { throw Unfit(suggestion: "did you mean `0.0.0.0\(text.string)`?") }
            if text.hasPrefix(ByteView("localhost:")) {
                throw Unfit(suggestion: "did you mean `127.0.0.1\(text.from(9).string)`?")
            }
            throw Unfit()
        }
    }
}
