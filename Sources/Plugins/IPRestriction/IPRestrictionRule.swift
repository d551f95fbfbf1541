import Base

/// Lets a request in or refuses it by its client's address.
package struct IPRestrictionRule {
    private let allow: [CIDRBlock]
    private let deny: [CIDRBlock]

    /// - Parameters:
    ///   - allow: empty for everybody who isn't denied.
    ///   - deny: wins over `allow`.
    package init(allow: [CIDRBlock], deny: [CIDRBlock]) {
        self.allow = allow
        self.deny = deny
    }

    /// The refusal of a client that may not come in. Nobody knows of an unknown one that it may: it is refused too.
    package func refusal(of client: IPAddress?) -> PluginRefusal? {
        guard let client else { return Self.refusal }
        if deny.contains(where: { $0.contains(client) }) { return Self.refusal }
        if allow.isEmpty || allow.contains(where: { $0.contains(client) }) { return nil }
        return Self.refusal
    }

    private static var refusal: PluginRefusal {
        PluginRefusal(status: 403, code: "ip-restricted", detail: "Access from this address is not allowed.")
    }
}
