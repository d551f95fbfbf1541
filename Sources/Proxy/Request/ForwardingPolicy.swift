import Base
import HTTP
import Observability

/// What upstreams are told about the client, and whom the gateway believes about it.
///
/// A peer within `trustedProxies` may say for whom it speaks; what anybody else says of that is dropped.
package struct ForwardingPolicy {
    package var trustedProxies: [CIDRBlock] = []
    /// `X-Forwarded-For`, `-Proto`, `-Host`, `-Port`.
    var sendsXForwarded = true
    /// `Forwarded` (RFC 7239).
    var sendsForwarded = false
    /// `X-Request-ID`.
    var sendsRequestID = true
    /// `traceparent` and `tracestate`.
    var sendsTraceContext = true

    /// A policy that believes nobody.
    package init() {}

    /// Whether `address` is a trusted proxy.
    package func trusts(_ address: IPAddress) -> Bool {
        var index = 0
        while index < trustedProxies.count {
            if trustedProxies[index].contains(address) { return true }
            index += 1
        }
        return false
    }

    /// Decides who the client is, and makes the request's forwarding fields say what is known.
    func apply(to exchange: Exchange, peer: IPAddress, listener: ListenerPort) {
        let isTrusted = trusts(peer)
        let origin: ClientOrigin
        if isTrusted {
            origin = believe(&exchange.request.fields, peer: peer)
        } else {
            origin = ClientOrigin(address: peer)
            exchange.request.fields.removeAll(.untrusted)
        }
        exchange.client = origin.address
        identify(exchange, isTrusted: isTrusted)
        if sendsXForwarded { appendXForwarded(to: exchange, origin, peer: peer, listener: listener) }
        if sendsForwarded { appendForwarded(to: exchange, origin, peer: peer) }
        appendVia(to: exchange)
    }

    // MARK: Request id and trace

    private func identify(_ exchange: Exchange, isTrusted: Bool) {
        let worker = exchange.worker
        if isTrusted { exchange.request.fields.keepLast(of: .xRequestID) }
        if isTrusted, let given = exchange.request.fields.value(of: .xRequestID), RequestID.isAcceptable(given) {
            exchange.requestID.append(given)
        } else {
            exchange.request.fields.removeAll(.xRequestID)
            RequestID(at: worker.wallNow, using: &worker.random).append(to: &exchange.requestID)
            if sendsRequestID { exchange.request.fields.append(.xRequestID, value: exchange.requestID.readable) }
        }
        if sendsTraceContext { continueTrace(exchange, isTrusted: isTrusted) }
    }

    private func continueTrace(_ exchange: Exchange, isTrusted: Bool) {
        let worker = exchange.worker
        let context: TraceContext
        if isTrusted, let line = exchange.request.fields.firstIndex(of: .traceparent),
            // More than one is no context (W3C Trace Context section 3.2).
            exchange.request.fields.firstIndex(of: .traceparent, from: line + 1) == nil,
            let parent = TraceContext(parsing: exchange.request.fields.value(at: line))
        {
            context = parent.child(using: &worker.random)
            dropLongTraceState(exchange)
        } else {
            context = TraceContext(sampled: false, using: &worker.random)
            exchange.request.fields.removeAll(.tracestate)
        }
        exchange.traceID = context.traceID
        exchange.request.fields.removeAll(.traceparent)
        context.append(to: &worker.scratch)
        exchange.request.fields.append(.traceparent, value: worker.scratch.readable)
        worker.scratch.removeAll()
    }

    /// A `tracestate` beyond the length that everybody must pass on is dropped whole.
    private func dropLongTraceState(_ exchange: Exchange) {
        guard exchange.request.fields.contains(.tracestate) else { return }
        var length = 0
        var next = exchange.request.fields.firstIndex(of: .tracestate)
        while let index = next {
            length += exchange.request.fields.value(at: index).count
            next = exchange.request.fields.firstIndex(of: .tracestate, from: index + 1)
        }
        if !TraceState.isAcceptable(length: length) { exchange.request.fields.removeAll(.tracestate) }
    }

    // MARK: Forwarding fields

    private func appendXForwarded(
        to exchange: Exchange, _ origin: ClientOrigin, peer: IPAddress, listener: ListenerPort
    ) {
        let worker = exchange.worker
        // One line, whatever came: many servers read only one.
        if exchange.request.fields.contains(.xForwardedFor) {
            exchange.request.fields.appendElements(of: .xForwardedFor, to: &worker.scratch)
            exchange.request.fields.removeAll(.xForwardedFor)
        } else if origin.entry != nil {
            Self.append(origin.address, to: &worker.scratch)
        }
        if !worker.scratch.isEmpty { worker.scratch.append(", ") }
        peer.append(to: &worker.scratch)
        exchange.request.fields.append(.xForwardedFor, value: worker.scratch.readable)
        worker.scratch.removeAll()
        appendRequested(to: exchange, origin)
        if !exchange.request.fields.contains(.xForwardedPort) {
            exchange.request.fields.append(.xForwardedPort, value: listener.portText)
        }
    }

    /// What the client asked for: by what a trusted proxy says, or as it came to the gateway.
    private func appendRequested(to exchange: Exchange, _ origin: ClientOrigin) {
        if !exchange.request.fields.contains(.xForwardedProto) {
            if let scheme = origin.forwardedElement(in: exchange.request.fields)?.scheme, scheme.isToken {
                exchange.request.fields.append(.xForwardedProto, value: scheme)
            } else {
                exchange.request.fields.append(.xForwardedProto, value: "http")
            }
        }
        if exchange.request.fields.contains(.xForwardedHost) { return }
        if let host = origin.forwardedElement(in: exchange.request.fields)?.host, Self.isAuthority(host) {
            exchange.request.fields.append(.xForwardedHost, value: host)
        } else if !exchange.request.authority.isEmpty {
            exchange.request.fields.append(.xForwardedHost, value: exchange.request.authority)
        }
    }

    /// RFC 7239 section 4: one element for this hop, behind those of the proxies before it. Where they told of theirs in
    /// `X-Forwarded-*` only, what those say of the client is the first.
    private func appendForwarded(to exchange: Exchange, _ origin: ClientOrigin, peer: IPAddress) {
        let worker = exchange.worker
        let isContinued = exchange.request.fields.contains(.forwarded)
        let scheme = isContinued ? nil : exchange.request.fields.value(of: .xForwardedProto)
        let host = isContinued ? nil : exchange.request.fields.value(of: .xForwardedHost)
        if !isContinued, origin.entry != nil {
            Self.appendElement(for: origin.address, host: host, scheme: scheme, to: &worker.scratch)
            worker.scratch.append(", ")
            Self.appendElement(for: peer, host: exchange.request.authority, scheme: nil, to: &worker.scratch)
        } else {
            Self.appendElement(
                for: peer, host: host ?? exchange.request.authority, scheme: scheme, to: &worker.scratch)
        }
        exchange.request.fields.append(.forwarded, value: worker.scratch.readable)
        worker.scratch.removeAll()
    }

    /// - Parameters:
    ///   - host: left out where it is no host.
    ///   - scheme: `http` unless it is given and can be one.
    private static func appendElement(
        for node: IPAddress?, host: ByteView?, scheme: ByteView?, to buffer: inout IOBuffer
    ) {
        let isQuoted = node.map { !$0.isIPv4 } ?? false
        buffer.append(isQuoted ? "for=\"[" : "for=")
        append(node, to: &buffer)
        if isQuoted { buffer.append("]\"") }
        if let host, isAuthority(host) {
            buffer.append(";host=\"")
            buffer.append(host)
            buffer.append("\"")
        }
        buffer.append(";proto=")
        if let scheme, scheme.isToken { buffer.append(scheme) } else { buffer.append("http") }
    }

    /// What nobody knows is `unknown` (RFC 7239 section 6.2).
    private static func append(_ client: IPAddress?, to buffer: inout IOBuffer) {
        if let client { client.append(to: &buffer) } else { buffer.append("unknown") }
    }

    /// Whether `text` is a host with or without a port, so that nothing in it ends a quoted string.
    private static func isAuthority(_ text: ByteView) -> Bool { (try? Authority(parsing: text)) != nil }

    /// RFC 9110 section 7.6.3: a gateway names itself in every request that it passes on.
    private func appendVia(to exchange: Exchange) {
        exchange.request.fields.append(
            .via, value: exchange.request.minorVersion > 0 ? "1.1 portcullis" : "1.0 portcullis")
    }
}

extension KnownFieldSet {
    /// What only a trusted proxy may say.
    static var untrusted: KnownFieldSet {
        KnownFieldSet.forwarding.and(.xRequestID).and(.traceparent).and(.tracestate)
    }
}

extension RequestHead {
    /// Whether all that the client offers to switch to is HTTP/2: then HTTP/1.1 is as good (RFC 9110 section 7.8).
    var offersOnlyHTTP2: Bool {
        fields.value(of: .upgrade)?.equalsIgnoringCase("h2c") ?? false
    }
}
