import Base
import HTTP

/// The scheme and the authority that a client has asked for: by what trusted proxies say, or as its request came to
/// the gateway. Views of the request's head.
package struct AskedOrigin {
    /// `http` or `https`.
    package let scheme: ByteView
    /// Empty when the request names none.
    package let host: ByteView
    package let port: UInt16?
}

extension ForwardingPolicy {
    /// What the client has asked for. `apply` must have seen the request before: nothing but the words of trusted
    /// proxies and of the gateway itself is left then. What is no scheme of HTTP, or no host, is not believed.
    package func asked(_ request: borrowing RequestHead) -> AskedOrigin {
        let element = last(of: .forwarded, in: request.fields)?.forwardedElement(in: request.fields)
        let told = request.fields.value(of: .xForwardedProto) ?? element?.scheme
        let isSecure = told?.equalsIgnoringCase("https") ?? false
        let scheme = isSecure ? ByteView("https") : ByteView("http")
        if let text = request.fields.value(of: .xForwardedHost) ?? element?.host,
            let authority = try? Authority(parsing: text)
        {
            return AskedOrigin(scheme: scheme, host: text.prefix(authority.hostCount), port: authority.port)
        }
        return AskedOrigin(scheme: scheme, host: request.host, port: request.port)
    }
}
