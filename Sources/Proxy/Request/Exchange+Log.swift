import Base
import HTTP
import Observability
import Plugins

extension Exchange {
    /// Calls `body` with what the access log says of this exchange.
    func withLogEntry(duration: TimeAmount, _ body: (borrowing AccessLogEntry) -> Void) {
        guard let connection = stream?.connection else { return }
        worker.scratch.removeAll()
        appendClient(to: &worker.scratch)
        let clientEnd = worker.scratch.readableCount
        let isQueryMasked = request.hasQuery && appendMasked(request.query)
        let queryEnd = worker.scratch.readableCount
        let referer = request.fields.contains(.referer) ? request.fields.value(of: .referer) : nil
        let isRefererMasked = referer.map { appendMaskedURL($0) } ?? false
        // All that is built is in the buffer: from here on it doesn't move.
        let built = worker.scratch.readable
        var entry = AccessLogEntry()
        entry.time = worker.wallNow
        entry.requestID = requestID.readable
        entry.traceID = traceID
        entry.client = built.prefix(clientEnd)
        entry.listener = connection.listener.settings.name
        entry.protocolVersion = request.minorVersion > 0 ? ByteView("HTTP/1.1") : ByteView("HTTP/1.0")
        entry.method = request.methodToken
        entry.host = request.host
        entry.path = request.path
        entry.query = request.hasQuery ? isQueryMasked ? built[clientEnd..<queryEnd] : request.query : nil
        entry.status = status
        entry.bytesIn = bytesIn
        entry.bytesOut = bytesOut
        entry.duration = duration
        entry.route = withRoute { $0.identity }
        if let target { entry.upstreamTarget = target.authority }
        entry.upstreamDuration = upstreamTime
        entry.retries = attempt.retries
        entry.error = ByteView(errorCode)
        entry.refuser = refuser
        entry.refusingLimit = refusingLimit
        if request.fields.contains(.userAgent), let agent = request.fields.value(of: .userAgent) {
            entry.userAgent = agent
        }
        if let referer { entry.referer = isRefererMasked ? built.from(queryEnd) : referer }
        body(entry)
        worker.scratch.removeAll()
    }

    /// Appends the client's address, or `unknown`.
    func appendClient(to buffer: inout IOBuffer) {
        if let client { client.append(to: &buffer) } else { buffer.append("unknown") }
    }

    /// Appends the query to the worker's scratch buffer, without the tokens in it; nothing if there is none.
    private func appendMasked(_ query: ByteView) -> Bool {
        guard let names = snapshot?.queryTokenNames, TokenRemoval.holds(query, anyOf: names) else { return false }
        TokenRemoval.appendMasked(query, names: names, to: &worker.scratch)
        return true
    }

    /// The same with a URL: the page that has its token in its own address sends it along.
    private func appendMaskedURL(_ url: ByteView) -> Bool {
        guard let question = url.firstIndex(of: ASCII.question), let names = snapshot?.queryTokenNames,
            TokenRemoval.holds(url.from(question + 1), anyOf: names)
        else { return false }
        worker.scratch.append(url.prefix(question + 1))
        TokenRemoval.appendMasked(url.from(question + 1), names: names, to: &worker.scratch)
        return true
    }
}
