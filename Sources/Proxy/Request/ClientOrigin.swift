import Base
import HTTP

/// Who the client is, by what trusted proxies say of the request's way to the gateway.
package struct ClientOrigin {
    /// Nil when the entry that would name the client can't be read: then nobody knows, and it is not the proxy.
    package let address: IPAddress?
    /// The entry's place, which stays valid while fields are added and removed. Nil for the peer itself.
    let entry: Entry?

    /// An element of a list in a header line.
    struct Entry {
        let line: Int
        let bytes: Range<Int>
    }

    init(address: IPAddress?, entry: Entry? = nil) {
        self.address = address
        self.entry = entry
    }

    /// What the entry says, if it is one of `Forwarded`.
    func forwardedElement(in fields: borrowing HeaderList) -> ForwardedElement? {
        guard let entry, fields.field(at: entry.line).known == .forwarded else { return nil }
        return ForwardedElement(parsing: fields.value(at: entry.line)[entry.bytes])
    }
}

extension ForwardingPolicy {
    /// Whom a trusted peer speaks for: the last in `X-Forwarded-For` who is no trusted proxy, since those before it
    /// could be anybody's invention; without that field, the same in `Forwarded`; else the peer.
    package func origin(_ fields: borrowing HeaderList, peer: IPAddress) -> ClientOrigin {
        last(of: .xForwardedFor, in: fields) ?? last(of: .forwarded, in: fields) ?? ClientOrigin(address: peer)
    }

    /// The last entry that no trusted proxy has; the first of all if they have them all. Nil when there is none.
    func last(of field: KnownField, in fields: borrowing HeaderList) -> ClientOrigin? {
        guard fields.contains(field) else { return nil }
        var origin: ClientOrigin?
        // Several lines are one list (RFC 9110 section 5.3), read from its end.
        var line = fields.endIndex
        while line > 0 {
            line -= 1
            let slot = fields.field(at: line)
            if slot.isRemoved || slot.known != field { continue }
            let value = fields.value(at: line)
            var elements = ReversedListElements(value)
            while let bytes = elements.next() {
                let address = Self.address(value[bytes], in: field)
                origin = ClientOrigin(address: address, entry: ClientOrigin.Entry(line: line, bytes: bytes))
                guard let address, trusts(address) else { return origin }
            }
        }
        return origin
    }

    private static func address(_ element: ByteView, in field: KnownField) -> IPAddress? {
        let node = field == .forwarded ? ForwardedElement(parsing: element)?.node : element
        // One client has one address, whichever way a dual-stack proxy writes it.
        return node.flatMap { IPAddress(node: $0) }?.unmapped
    }

    /// The client of a request from a trusted peer; leaves its forwarding fields such that they tell one story.
    ///
    /// `X-Forwarded-*` win: a `Forwarded` that says anything else than they do is dropped.
    func believe(_ fields: inout HeaderList, peer: IPAddress) -> ClientOrigin {
        if fields.known.isDisjoint(with: .forwarding) { return ClientOrigin(address: peer) }
        fields.keepLast(of: .xForwardedProto)
        fields.keepLast(of: .xForwardedHost)
        fields.keepLast(of: .xForwardedPort)
        let listed = last(of: .xForwardedFor, in: fields)
        guard let told = last(of: .forwarded, in: fields) else { return listed ?? ClientOrigin(address: peer) }
        let agrees = listed.map { $0.address == told.address } ?? true
        if !agrees || !Self.agrees(told.forwardedElement(in: fields), fields) { fields.removeAll(.forwarded) }
        return agrees ? told : listed ?? told
    }

    /// Whether nothing in `element` speaks against `X-Forwarded-Proto` and `-Host`.
    private static func agrees(_ element: ForwardedElement?, _ fields: borrowing HeaderList) -> Bool {
        guard let element else { return false }
        if let scheme = element.scheme, let other = fields.value(of: .xForwardedProto),
            !scheme.equalsIgnoringCase(other)
        {
            return false
        }
        guard let host = element.host, let other = fields.value(of: .xForwardedHost) else { return true }
        return host.equalsIgnoringCase(other)
    }
}

extension HeaderList {
    /// Of several lines of a field that has one value, the one remains that the nearest proxy wrote.
    mutating func keepLast(of field: KnownField) {
        guard var line = firstIndex(of: field) else { return }
        while let next = firstIndex(of: field, from: line + 1) {
            remove(at: line)
            line = next
        }
    }
}
