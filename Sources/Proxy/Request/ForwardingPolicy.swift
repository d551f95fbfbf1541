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
        exchange.client = isTrusted ? originalClient(exchange.request.fields, peer: peer) : peer
        if !isTrusted { exchange.request.fields.removeAll(.untrusted) }
        identify(exchange, isTrusted: isTrusted)
        if sendsXForwarded { appendXForwarded(to: exchange, peer: peer, listener: listener, isTrusted: isTrusted) }
        if sendsForwarded { appendForwarded(to: exchange, peer: peer) }
        appendVia(to: exchange)
    }

    /// The last address in `X-Forwarded-For` that no trusted proxy has: those before it could be anybody's invention.
    package func originalClient(_ fields: borrowing HeaderList, peer: IPAddress) -> IPAddress {
        var client = peer
        // Several lines are one list (RFC 9110 section 5.3), read from its end.
        var line = fields.endIndex
        while line > 0 {
            line -= 1
            let field = fields.field(at: line)
            if field.isRemoved || field.known != .xForwardedFor { continue }
            guard continueBackwards(through: fields.value(at: line), to: &client) else { break }
        }
        return client
    }

    /// - Returns: whether all addresses in `value` are trusted proxies', so that who came before them is of interest.
    private func continueBackwards(through value: ByteView, to client: inout IPAddress) -> Bool {
        var end = value.count
        while end > 0 {
            var start = end
            while start > 0, value[start - 1] != ASCII.comma { start -= 1 }
            guard let address = IPAddress(text: value[start..<end].trimmingWhitespace()) else { return false }
            // One client has one address, whichever way a dual-stack proxy writes it.
            client = address.unmapped
            guard trusts(address), start > 0 else { return trusts(address) }
            end = start - 1
        }
        return false
    }

    // MARK: Request id and trace

    private func identify(_ exchange: Exchange, isTrusted: Bool) {
        let worker = exchange.worker
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

    private func appendXForwarded(to exchange: Exchange, peer: IPAddress, listener: ListenerPort, isTrusted: Bool) {
        let worker = exchange.worker
        // One line, whatever came: many servers read only one.
        if exchange.request.fields.contains(.xForwardedFor) {
            exchange.request.fields.appendCombinedValue(named: ByteView("X-Forwarded-For"), to: &worker.scratch)
            exchange.request.fields.removeAll(.xForwardedFor)
            worker.scratch.append(", ")
        }
        peer.append(to: &worker.scratch)
        exchange.request.fields.append(.xForwardedFor, value: worker.scratch.readable)
        worker.scratch.removeAll()
        if !exchange.request.fields.contains(.xForwardedProto) {
            exchange.request.fields.append(.xForwardedProto, value: "http")
        }
        if !exchange.request.fields.contains(.xForwardedHost), !exchange.request.authority.isEmpty {
            exchange.request.fields.append(.xForwardedHost, value: exchange.request.authority)
        }
        if !exchange.request.fields.contains(.xForwardedPort) {
            exchange.request.fields.append(.xForwardedPort, value: listener.portText)
        }
    }

    /// RFC 7239 section 4: one element for this hop.
    private func appendForwarded(to exchange: Exchange, peer: IPAddress) {
        let worker = exchange.worker
        worker.scratch.append(peer.isIPv4 ? "for=" : "for=\"[")
        peer.append(to: &worker.scratch)
        if !peer.isIPv4 { worker.scratch.append("]\"") }
        if !exchange.request.authority.isEmpty {
            worker.scratch.append(";host=\"")
            worker.scratch.append(exchange.request.authority)
            worker.scratch.append("\"")
        }
        worker.scratch.append(";proto=http")
        exchange.request.fields.append(.forwarded, value: worker.scratch.readable)
        worker.scratch.removeAll()
    }

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
