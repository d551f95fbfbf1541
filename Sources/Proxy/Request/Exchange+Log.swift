import Base
import HTTP
import Observability

extension Exchange {
    /// Calls `body` with what the access log says of this exchange.
    func withLogEntry(duration: TimeAmount, _ body: (borrowing AccessLogEntry) -> Void) {
        guard let connection = stream?.connection else { return }
        worker.scratch.removeAll()
        client.append(to: &worker.scratch)
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
        entry.query = request.hasQuery ? request.query : nil
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
        if let index = request.fields.firstIndex(named: ByteView("Referer")) {
            entry.referer = request.fields.value(at: index)
        }
        body(entry)
        worker.scratch.removeAll()
    }
}
