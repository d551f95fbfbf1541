import Base
import HTTP
import Observability
import Plugins

extension Exchange {
    /// Calls `body` with what the access log says of this exchange.
    func withLogEntry(duration: TimeAmount, _ body: (borrowing AccessLogEntry) -> Void) {
        guard let connection = stream?.connection else { return }
        worker.scratch.removeAll()
        var entry = AccessLogEntry()
        entry.time = worker.wallNow
        entry.requestID = requestID.readable
        entry.traceID = traceID
        entry.client = worker.scratch.readable
        entry.listener = connection.listener.settings.name
        entry.protocolVersion = request.minorVersion > 0 ? ByteView("HTTP/1.1") : ByteView("HTTP/1.0")
        entry.method = request.methodToken
        entry.host = request.host
        entry.path = request.path
        entry.status = status
        entry.bytesIn = bytesIn
        entry.bytesOut = bytesOut
        entry.duration = duration
        entry.route = withRoute { $0.identity }
        if let target { entry.upstreamTarget = target.authority }
        entry.upstreamDuration = upstreamTime
        entry.retries = attempt.retries
        entry.error = ByteView(errorCode)
        if let agent = request.fields.value(of: .userAgent) { entry.userAgent = agent }
        entry.query = request.hasQuery ? request.query : nil
        if let index = request.fields.firstIndex(named: ByteView("Referer")) {
            entry.referer = request.fields.value(at: index)
        }
        maskTokens(in: &entry)
        body(entry)
        worker.scratch.removeAll()
    }

    private func maskTokens(in entry: inout AccessLogEntry) {
        guard request.hasQuery || !entry.referer.isEmpty else { return }
        worker.logScratch.removeAll()
        let sources = withRoute { $0.plugins.identity?.jwt.sources } ?? []
        let masksQuery = TokenMask.append(query: request.query, sources: sources, to: &worker.logScratch)
        let end = worker.logScratch.readableCount
        let masksReferer = TokenMask.append(url: entry.referer, sources: sources, to: &worker.logScratch)
        // The buffer is at rest only now.
        if masksQuery { entry.query = worker.logScratch.readable.prefix(end) }
        if masksReferer { entry.referer = worker.logScratch.readable.from(end) }
    }
}
