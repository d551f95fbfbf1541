import Base
import CLinux

/// A socket address as the kernel has it, `sockaddr_in` or `sockaddr_in6`.
package struct RawAddress {
    private var storage = sockaddr_in6()
    private var length = socklen_t(MemoryLayout<sockaddr_in6>.size)

    /// Room for an answer of the kernel.
    init() {}

    /// What `bind` and `connect` are given for `endpoint`.
    package init(_ endpoint: IPEndpoint) {
        if endpoint.address.isIPv4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = endpoint.port.bigEndian
            address.sin_addr.s_addr = UInt32(truncatingIfNeeded: endpoint.address.low).bigEndian
            withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
        } else {
            storage.sin6_family = sa_family_t(AF_INET6)
            storage.sin6_port = endpoint.port.bigEndian
            storage.sin6_scope_id = endpoint.scope
            withUnsafeMutableBytes(of: &storage.sin6_addr) { bytes in
                bytes.storeBytes(of: endpoint.address.high.bigEndian, as: UInt64.self)
                bytes.storeBytes(of: endpoint.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
        }
    }

    /// `AF_INET` or `AF_INET6`.
    package var family: Int32 { Int32(storage.sin6_family) }

    /// The address and port; IPv4-mapped IPv6 becomes IPv4, so that one client has one address.
    package var endpoint: IPEndpoint {
        if family == AF_INET {
            let address = withUnsafeBytes(of: storage) { $0.load(as: sockaddr_in.self) }
            return IPEndpoint(
                address: IPAddress(ipv4: UInt32(bigEndian: address.sin_addr.s_addr)),
                port: UInt16(bigEndian: address.sin_port))
        }
        let halves = withUnsafeBytes(of: storage.sin6_addr) { bytes in
            (bytes.load(as: UInt64.self), bytes.load(fromByteOffset: 8, as: UInt64.self))
        }
        let address = IPAddress(ipv6High: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1))
        return IPEndpoint(
            address: address.unmapped, port: UInt16(bigEndian: storage.sin6_port), scope: storage.sin6_scope_id)
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// Lets the kernel write an address.
    mutating func fill(_ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Int32) -> Int32 {
        length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
    }
}

/// Asks the system's resolver for the addresses of `name`. Blocks, possibly for many seconds: never on a loop.
///
/// The corresponding C function is `getaddrinfo`.
/// - Returns: the addresses in the resolver's order, without repetition; empty when the name has none.
/// - Throws: the resolver's text when it gave no answer.
package func resolveAddresses(of name: String) throws(ResolverError) -> [IPAddress] {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_ADDRCONFIG
    var list: UnsafeMutablePointer<addrinfo>?
    let result = getaddrinfo(name, nil, &hints, &list)
    guard result == 0 else { throw ResolverError(code: result) }
    defer { freeaddrinfo(list) }
    var addresses: [IPAddress] = []
    var entry = list
    while let current = entry?.pointee {
        if let pointer = current.ai_addr {
            var raw = RawAddress()
            let copied = raw.fill { target, length in
                length = min(length, current.ai_addrlen)
                memcpy(target, pointer, Int(length))
                return 0
            }
            let address = raw.endpoint.address
            if copied == 0, !addresses.contains(address) { addresses.append(address) }
        }
        entry = current.ai_next
    }
    return addresses
}

/// Why a name has no addresses.
package struct ResolverError: Error, Equatable, CustomStringConvertible {
    /// One of the `EAI_` numbers of getaddrinfo(3).
    package let code: Int32

    package var description: String { String(cString: gai_strerror(code)) }
}
