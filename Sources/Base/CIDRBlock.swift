/// A block of addresses that share their leading bits: `10.0.0.0/8`, `2001:db8::/32` (RFC 4632, RFC 4291).
///
/// An IPv4-mapped IPv6 address is the IPv4 address inside it, in blocks and in tests of membership alike: a dual-stack
/// socket reports IPv4 peers in the mapped form.
package struct CIDRBlock: Sendable, Hashable {
    /// The first address, without host bits.
    package let network: IPAddress
    /// How many leading bits count: at most 32 or 128.
    package let prefixLength: Int

    /// The block of `prefixLength` bits that holds `address`. Nil when the address has fewer bits.
    package init?(containing address: IPAddress, prefixLength: Int) {
        guard prefixLength >= 0, prefixLength <= address.bitCount else { return nil }
        let plain = address.unmapped
        guard plain.isIPv4 != address.isIPv4, prefixLength >= 96 else {
            network = address.masked(to: prefixLength)
            self.prefixLength = prefixLength
            return
        }
        network = plain.masked(to: prefixLength - 96)
        self.prefixLength = prefixLength - 96
    }

    /// Reads `address/length`, or an address alone as the block of that one address.
    package init(text: ByteView) throws(CIDRError) {
        let slash = text.firstIndex(of: ASCII.slash)
        guard let address = IPAddress(text: text.prefix(slash ?? text.count)) else { throw .malformedAddress }
        guard let slash else {
            self.init(single: address)
            return
        }
        let digits = text.from(slash + 1)
        guard digits.count <= 3, digits.count == 1 || digits.count > 1 && digits[0] != ASCII.zero,
            let length = digits.decimalValue(), let block = CIDRBlock(containing: address, prefixLength: length)
        else { throw .malformedLength(limit: address.bitCount) }
        guard address.masked(to: length) == address else { throw .hostBitsSet(block) }
        self = block
    }

    package init(text: String) throws(CIDRError) {
        var outcome: Result<CIDRBlock, CIDRError> = .failure(.malformedAddress)
        text.withByteView { bytes in
            do throws(CIDRError) {
                outcome = .success(try CIDRBlock(text: bytes))
            } catch {
                outcome = .failure(error)
            }
        }
        self = try outcome.get()
    }

    private init(single address: IPAddress) {
        network = address.unmapped
        prefixLength = network.bitCount
    }

    /// Whether `address` lies in the block.
    package func contains(_ address: IPAddress) -> Bool {
        let plain = address.unmapped
        return plain.isIPv4 == network.isIPv4 && plain.masked(to: prefixLength) == network
    }
}

extension CIDRBlock: CustomStringConvertible {
    package var description: String { "\(network)/\(prefixLength)" }
}

/// Why a text is no `CIDRBlock`.
package enum CIDRError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What stands before the slash is no IPv4 or IPv6 address.
    case malformedAddress
    /// What stands after the slash is no number from 0 to `limit`.
    case malformedLength(limit: Int)
    /// The address has bits beyond the length: probably the length or the address is a slip. Carries the block meant.
    case hostBitsSet(CIDRBlock)

    package var description: String {
        switch self {
        case .malformedAddress: "expected an IPv4 or IPv6 address, alone or with /length"
        case .malformedLength(let limit): "the prefix length must be a number from 0 to \(limit)"
        case .hostBitsSet(let block): "the address has bits beyond its prefix length: did you mean \(block)?"
        }
    }
}

extension IPAddress {
    /// The address with all but its first `length` bits zero.
    package func masked(to length: Int) -> IPAddress {
        if isIPv4 {
            return IPAddress(ipv4: UInt32(truncatingIfNeeded: low) & UInt32.leadingOnes(length))
        }
        return IPAddress(
            ipv6High: high & UInt64.leadingOnes(min(length, 64)), low: low & UInt64.leadingOnes(max(length - 64, 0)))
    }
}

extension FixedWidthInteger {
    fileprivate static func leadingOnes(_ count: Int) -> Self {
        // The smart shift yields zero once every bit has gone.
        count <= 0 ? 0 : ~Self.zero << (Self.bitWidth - count)
    }
}
