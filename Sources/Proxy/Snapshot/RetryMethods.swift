import Base
import HTTP

/// Methods by name, those that are known as bits.
struct RetryMethods {
    private var known: UInt16 = 0
    private var others: [ByteView] = []

    init() {}

    /// - Parameter names: must live as long as the value.
    init(_ names: [ByteView]) {
        for name in names {
            let method = Method(token: name)
            if method == .other { others.append(name) } else { known |= 1 << UInt16(method.rawValue) }
        }
    }

    func contains(_ method: Method, token: ByteView) -> Bool {
        if method != .other { return known & (1 << UInt16(method.rawValue)) != 0 }
        var index = 0
        while index < others.count {
            if others[index] == token { return true }
            index += 1
        }
        return false
    }
}
