import Base
import HTTP
import Routing

/// What requests of a route are counted by.
package struct RateLimitKey {
    package enum Part {
        /// The leading bits count of an IPv6 address, and all of an IPv4 one.
        case client(ipv6Prefix: Int)
        case spiffeID
        case tenant
        /// By its place in `IdentityChain.claims`.
        case claim(Int)
        case field(name: ByteView, known: KnownField)
        /// As it is understood, and as routes are found by it: in whatever spelling, and with whatever port, a client
        /// writes it, it is one host.
        case host
        /// By its place among the path's parameters, its escapes decoded.
        case capture(Int)
        /// The configuration's own: the same for all requests of a route.
        case fixed(ByteView)
        /// What no request of the route has.
        case nothing
    }

    /// What becomes of a request that lacks a part.
    package enum Missing {
        case refuse
        case skip
        /// The part is the same for all such requests, and no request's own.
        case shared
    }

    let parts: [Part]
    /// For the usual key, the client's address alone: how much of an IPv6 address counts. -1 for other keys.
    private let clientPrefix: Int
    package let missing: Missing
    /// Nobody who doesn't know its key can tell which keys share a bucket, or a set of buckets.
    private let hash: KeyedHash

    /// - Parameter hash: the process's.
    package init(_ parts: [Part], missing: Missing, hash: KeyedHash) {
        self.parts = parts
        clientPrefix = if parts.count == 1, case .client(let prefix) = parts[0] { prefix } else { -1 }
        self.missing = missing
        self.hash = hash
    }

    /// The key's hash. Nil when the request lacks a part of it and such requests don't share one.
    @inline(__always)
    func hash(
        _ request: borrowing RequestHead, parameters: RouteMatch, client: IPAddress?, identity: RouteIdentity?
    ) -> UInt64? {
        if clientPrefix >= 0, let client { return hash.hash(client.network(clientPrefix)) }
        return combined(request, parameters, client, identity)
    }

    private func combined(
        _ request: borrowing RequestHead, _ parameters: RouteMatch, _ client: IPAddress?, _ identity: RouteIdentity?
    ) -> UInt64? {
        var folded = Self.start
        for part in parts {
            guard
                let one = self.one(part, request, parameters, client, identity)
                    ?? (missing == .shared ? Self.absent : nil)
            else {
                return nil
            }
            folded = Self.fold(folded, one)
        }
        return folded
    }

    /// The parts that the request lacks, by their places.
    package func missingParts(
        _ request: borrowing RequestHead, parameters: RouteMatch, client: IPAddress?, identity: RouteIdentity?
    ) -> [Int] {
        var missing: [Int] = []
        for index in parts.indices where one(parts[index], request, parameters, client, identity) == nil {
            missing.append(index)
        }
        return missing
    }

    /// The hash of a key as people write it, one text for each part; nil where a text isn't one.
    package func hash(of texts: [String]) -> UInt64? {
        guard texts.count == parts.count else { return nil }
        var folded = Self.start
        for (part, text) in zip(parts, texts) {
            let one: UInt64
            if case .client(let prefix) = part {
                guard let address = IPAddress(text: text) else { return nil }
                one = hash.hash(address.network(prefix))
                if parts.count == 1 { return one }
            } else {
                one = text.withByteView { hash.hash($0) }
            }
            folded = Self.fold(folded, one)
        }
        return folded
    }

    /// Nil when the request lacks the part.
    @inline(__always)
    private func one(
        _ part: Part, _ request: borrowing RequestHead, _ parameters: RouteMatch, _ client: IPAddress?,
        _ identity: RouteIdentity?
    ) -> UInt64? {
        let text: ByteView
        switch part {
        case .client(let prefix): return client.map { hash.hash($0.network(prefix)) }
        case .spiffeID: text = identity?.spiffeID ?? ByteView()
        case .tenant: text = identity?.tenant ?? ByteView()
        case .claim(let index): text = identity?.claim(index) ?? ByteView()
        case .field(let name, let known): return hash(of: name, known, in: request.fields)
        case .host: text = request.host
        case .capture(let index):
            // As services read it: no spelling has a bucket of its own.
            guard index < parameters.captureCount else { return nil }
            let piece = parameters.capture(index, in: request.path)
            return piece.isEmpty ? nil : PathEscapes.withDecoded(piece) { hash.hash($0) }
        case .fixed(let fixed): text = fixed
        case .nothing: return nil
        }
        return text.isEmpty ? nil : hash.hash(text)
    }

    /// Of several lines all count: upstreams differ in which one they believe.
    private func hash(of name: ByteView, _ known: KnownField, in fields: borrowing HeaderList) -> UInt64? {
        guard let first = Self.index(of: name, known, in: fields, from: 0) else { return nil }
        let value = fields.value(at: first)
        var folded = hash.hash(value)
        var isEmpty = value.isEmpty
        var line = first
        while let next = Self.index(of: name, known, in: fields, from: line + 1) {
            let value = fields.value(at: next)
            isEmpty = isEmpty && value.isEmpty
            folded = Self.fold(folded, hash.hash(value))
            line = next
        }
        return isEmpty ? nil : folded
    }

    static func index(
        of name: ByteView, _ known: KnownField, in fields: borrowing HeaderList, from start: Int
    ) -> Int? {
        known == .other || known.name.utf8CodeUnitCount == 0
            ? fields.firstIndex(named: name, from: start) : fields.firstIndex(of: known, from: start)
    }

    private static let start: UInt64 = 0x2545_f491_4f6c_dd1d
    /// In place of what is missing; a hash of a text has it once in 2^64.
    private static let absent: UInt64 = 0x9e37_79b9_7f4a_7c15

    /// Different for parts in another order.
    @inline(__always)
    private static func fold(_ folded: UInt64, _ one: UInt64) -> UInt64 {
        let mixed = (folded ^ one) &* 0xff51_afd7_ed55_8ccd
        return (mixed ^ (mixed >> 32)) &* 0xc4ce_b9fe_1a85_ec53
    }
}

extension IPAddress {
    /// The network that counts as one client.
    func network(_ ipv6Prefix: Int) -> IPAddress {
        let plain = unmapped
        return plain.isIPv4 ? plain : plain.masked(to: ipv6Prefix)
    }
}
