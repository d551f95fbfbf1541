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
    /// - Parameters:
    ///   - isTrusted: whether `peer` is believed about whom it speaks for.
    ///   - portText: the listener's port, in decimal.
    ///   - scratch: empty, and left so.
    ///   - requestID: empty; gets the request's id.
    func apply(
        to request: inout RequestHead, from peer: IPAddress, isTrusted: Bool, portText: ByteView, at now: WallTime,
        random: inout RandomSource, scratch: inout IOBuffer, requestID: inout IOBuffer
    ) -> Introduction {
        let origin: ClientOrigin
        if isTrusted {
            origin = believe(&request.fields, peer: peer)
        } else {
            origin = ClientOrigin(address: peer)
            request.fields.removeAll(.untrusted)
        }
        identify(&request.fields, isTrusted: isTrusted, at: now, &random, &requestID)
        var introduction = Introduction(client: origin.address)
        if sendsTraceContext {
            introduction.traceID = continueTrace(&request.fields, isTrusted: isTrusted, &random, &scratch)
        }
        if sendsXForwarded { appendXForwarded(to: &request, origin, peer: peer, portText, &scratch) }
        if sendsForwarded { appendForwarded(to: &request, origin, peer: peer, &scratch) }
        appendVia(to: &request)
        return introduction
    }

    // MARK: Request id and trace

    private func identify(
        _ fields: inout HeaderList, isTrusted: Bool, at now: WallTime, _ random: inout RandomSource,
        _ requestID: inout IOBuffer
    ) {
        if isTrusted { fields.keepLast(of: .xRequestID) }
        if isTrusted, let given = fields.value(of: .xRequestID), RequestID.isAcceptable(given) {
            requestID.append(given)
        } else {
            fields.removeAll(.xRequestID)
            RequestID(at: now, using: &random).append(to: &requestID)
            if sendsRequestID { fields.append(.xRequestID, value: requestID.readable) }
        }
    }

    private func continueTrace(
        _ fields: inout HeaderList, isTrusted: Bool, _ random: inout RandomSource, _ scratch: inout IOBuffer
    ) -> TraceID {
        let context: TraceContext
        if isTrusted, let line = fields.firstIndex(of: .traceparent),
            // More than one is no context (W3C Trace Context section 3.2).
            fields.firstIndex(of: .traceparent, from: line + 1) == nil,
            let parent = TraceContext(parsing: fields.value(at: line))
        {
            context = parent.child(using: &random)
            dropLongTraceState(&fields)
        } else {
            context = TraceContext(sampled: false, using: &random)
            fields.removeAll(.tracestate)
        }
        fields.removeAll(.traceparent)
        context.append(to: &scratch)
        fields.append(.traceparent, value: scratch.readable)
        scratch.removeAll()
        return context.traceID
    }

    /// A `tracestate` beyond the length that everybody must pass on is dropped whole.
    private func dropLongTraceState(_ fields: inout HeaderList) {
        guard fields.contains(.tracestate) else { return }
        var length = 0
        var next = fields.firstIndex(of: .tracestate)
        while let index = next {
            length += fields.value(at: index).count
            next = fields.firstIndex(of: .tracestate, from: index + 1)
        }
        if !TraceState.isAcceptable(length: length) { fields.removeAll(.tracestate) }
    }

    // MARK: Forwarding fields

    private func appendXForwarded(
        to request: inout RequestHead, _ origin: ClientOrigin, peer: IPAddress, _ portText: ByteView,
        _ scratch: inout IOBuffer
    ) {
        // One line, whatever came: many servers read only one.
        if request.fields.contains(.xForwardedFor) {
            request.fields.appendElements(of: .xForwardedFor, to: &scratch)
            request.fields.removeAll(.xForwardedFor)
        } else if origin.entry != nil {
            Self.append(origin.address, to: &scratch)
        }
        if !scratch.isEmpty { scratch.append(", ") }
        peer.append(to: &scratch)
        request.fields.append(.xForwardedFor, value: scratch.readable)
        scratch.removeAll()
        appendRequested(to: &request, origin)
        if !request.fields.contains(.xForwardedPort) {
            request.fields.append(.xForwardedPort, value: portText)
        }
    }

    /// What the client asked for: by what a trusted proxy says, or as it came to the gateway.
    private func appendRequested(to request: inout RequestHead, _ origin: ClientOrigin) {
        if !request.fields.contains(.xForwardedProto) {
            if let scheme = origin.forwardedElement(in: request.fields)?.scheme, scheme.isToken {
                request.fields.append(.xForwardedProto, value: scheme)
            } else {
                request.fields.append(.xForwardedProto, value: "http")
            }
        }
        if request.fields.contains(.xForwardedHost) { return }
        if let host = origin.forwardedElement(in: request.fields)?.host, Self.isAuthority(host) {
            request.fields.append(.xForwardedHost, value: host)
        } else if !request.authority.isEmpty {
            request.fields.append(.xForwardedHost, value: request.authority)
        }
    }

    /// RFC 7239 section 4: one element for this hop, behind those of the proxies before it. Where they told of theirs
    /// in `X-Forwarded-*` only, what those say of the client is the first.
    private func appendForwarded(
        to request: inout RequestHead, _ origin: ClientOrigin, peer: IPAddress, _ scratch: inout IOBuffer
    ) {
        let isContinued = request.fields.contains(.forwarded)
        let scheme = isContinued ? nil : request.fields.value(of: .xForwardedProto)
        let host = isContinued ? nil : request.fields.value(of: .xForwardedHost)
        if !isContinued, origin.entry != nil {
            Self.appendElement(for: origin.address, host: host, scheme: scheme, to: &scratch)
            scratch.append(", ")
            Self.appendElement(for: peer, host: request.authority, scheme: nil, to: &scratch)
        } else {
            Self.appendElement(
                for: peer, host: host ?? request.authority, scheme: scheme, to: &scratch)
        }
        request.fields.append(.forwarded, value: scratch.readable)
        scratch.removeAll()
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
    private func appendVia(to request: inout RequestHead) {
        request.fields.append(
            .via, value: request.minorVersion > 0 ? "1.1 portcullis" : "1.0 portcullis")
    }
}

/// Who asks, as far as the forwarding fields tell.
struct Introduction {
    /// Nil when a trusted proxy names nobody.
    let client: IPAddress?
    /// Nil where no trace is continued or begun.
    var traceID: TraceID?
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
        var isOffered = false
        var next = fields.firstIndex(of: .upgrade)
        while let index = next {
            var elements = ListElements(fields.value(at: index))
            while let element = elements.next() {
                guard element.equalsIgnoringCase("h2c") else { return false }
                isOffered = true
            }
            next = fields.firstIndex(of: .upgrade, from: index + 1)
        }
        return isOffered
    }
}
