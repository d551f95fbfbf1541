import Base
import HTTP

/// What the gateway makes of any request's head before it looks for a route: for the request machine, and for
/// `explain`.
extension RequestHead {
    /// Takes out what is meant for one hop, and what only the gateway may say.
    /// - Returns: whether the request asks for another protocol, which the gateway doesn't speak. It is refused when it
    ///   is known who sent it.
    mutating func removeForeignFields() -> Bool {
        let isUpgrade = wantsUpgrade && !offersOnlyHTTP2
        fields.removeHopByHop()
        fields.removeAll(.identity)
        return isUpgrade
    }

    /// Whether the gateway itself is asked, whatever routes there are: `OPTIONS *` (RFC 9110 section 9.3.7), or OPTIONS
    /// that may go no further (section 7.6.2). Counts `Max-Forwards` down where it may.
    mutating func asksGateway() -> Bool {
        // `*` in either form of the target (RFC 9112 section 3.2.4): any other path begins with a slash.
        if path == "*" { return true }
        return method == .options && fields.contains(.maxForwards) && isLastHop()
    }

    /// A `Max-Forwards` that can't be read, or isn't alone, says nothing, and goes no further.
    private mutating func isLastHop() -> Bool {
        guard let line = fields.firstIndex(of: .maxForwards) else { return false }
        let isAlone = fields.firstIndex(of: .maxForwards, from: line + 1) == nil
        let hops = isAlone ? fields.value(at: line).decimalValue() : nil
        if hops == 0 { return true }
        fields.removeAll(.maxForwards)
        if let hops {
            fields.beginValue(.maxForwards)
            fields.appendToValue(decimal: UInt64(hops - 1))
            fields.finishValue()
        }
        return false
    }
}
