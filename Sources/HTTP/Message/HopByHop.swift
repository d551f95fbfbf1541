import Base

extension HeaderList {
    /// Removes what is about the connection that the message came over (RFC 9110 section 7.6.1): the hop-by-hop
    /// fields, the fields that `Connection` names, and fields in an underscore spelling.
    ///
    /// A name in `Connection` can remove only what came with the message: call this before adding fields. `Host`,
    /// `Content-Length` and `Connection`'s own kind are beyond its reach.
    package mutating func removeHopByHop() {
        if contains(.connection) { removeNominated() }
        removeAll(KnownFieldSet.hopByHop.union(KnownFieldSet(.underscoreSpelling)))
    }

    private mutating func removeNominated() {
        var next = firstIndex(of: .connection)
        while let index = next {
            var options = ListElements(value(at: index))
            while let option = options.next() {
                if ConnectionOptions(option) != nil { continue }
                let field = KnownField(name: option)
                if KnownFieldSet.beyondConnection.contains(field) { continue }
                if field == .other || field == .xForwardedOther || field == .underscoreSpelling {
                    removeAll(named: option)
                } else {
                    removeAll(field)
                }
            }
            next = firstIndex(of: .connection, from: index + 1)
        }
    }
}

extension KnownFieldSet {
    /// Fields that a name in `Connection` does not remove: without them the message would be another one.
    static var beyondConnection: KnownFieldSet { hopByHop.and(.host).and(.contentLength) }
}
