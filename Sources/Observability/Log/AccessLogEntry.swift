import Base

/// What the access log tells about one request. Views, not copies: it is filled, written and forgotten while the
/// request still exists. An empty view or a nil means "not known" and leaves the field out. Not copyable, because it is
/// large, and lending a copyable one to another module copies it first.
///
/// One line holds these fields in this order; those marked * are left out when they are not known:
///
/// | field | meaning |
/// |---|---|
/// | `time` | when the request ended, and its line was written: RFC 3339, UTC, milliseconds |
/// | `request_id` | as sent to the upstream and in problem details |
/// | `trace_id` * | 32 hexadecimal digits |
/// | `client` | the client's address, after trusted proxies |
/// | `listener` | the listener's name |
/// | `protocol` | `HTTP/1.1` |
/// | `method`, `host` *, `path`, `query` * | of the canonical request |
/// | `status` | as sent to the client; 0 when it left before that |
/// | `bytes_in`, `bytes_out` | read from and written to the client, heads included |
/// | `duration_ms` | from the first byte of the request to the last of the response, microseconds as decimals |
/// | `route` * | `domain/route` |
/// | `upstream` * | the target that answered or failed last |
/// | `upstream_ms` * | the part of the duration spent with upstreams |
/// | `retries` * | how often the request was sent again, when it was |
/// | `error` * | why the gateway answered by itself or gave up |
/// | `refused_by` * | what made the gateway answer by itself, as in `portcullis_refusals_total` |
/// | `refused_limit` * | the identity of the rate limit that refused the request |
/// | `user_agent` *, `referer` * | as the client sent them |
/// | `truncated` * | `true` when a field was longer than its limit and was cut |
package struct AccessLogEntry: ~Copyable {
    package var time = WallTime(nanoseconds: 0)
    package var requestID = ByteView()
    package var traceID: TraceID?
    package var client = ByteView()
    package var listener = ByteView()
    package var protocolVersion = ByteView()
    package var method = ByteView()
    package var host = ByteView()
    package var path = ByteView()
    /// Nil when the target had no question mark; the empty query is known and empty.
    package var query: ByteView?
    package var status = 0
    package var bytesIn: UInt64 = 0
    package var bytesOut: UInt64 = 0
    package var duration = TimeAmount.zero
    package var route = ByteView()
    package var upstreamTarget = ByteView()
    package var upstreamDuration: TimeAmount?
    package var retries = 0
    package var error = ByteView()
    package var refuser: Refuser?
    package var refusingLimit = ByteView()
    package var userAgent = ByteView()
    package var referer = ByteView()

    package init() {}
}

/// The longest texts that a line holds, in bytes before escaping. A line is never longer than 46 KiB.
package enum AccessLogLimits {
    package static let nameLength = 256
    package static let pathLength = 2_048
    package static let queryLength = 2_048
    package static let headerLength = 512
}

extension AccessLogEntry: LogLine {
    /// Room for field names, punctuation and numbers.
    private static let fixedCapacity = 736

    /// More than the longest line: every text at its limit, every byte escaped.
    static let maximumLineLength = fixedCapacity + 6 * maximumTextLength
    private static let maximumTextLength =
        10 * AccessLogLimits.nameLength + AccessLogLimits.pathLength + AccessLogLimits.queryLength
        + 2 * AccessLogLimits.headerLength

    /// More than this line's length.
    var lineCapacity: Int {
        let texts =
            requestID.count + client.count + listener.count + protocolVersion.count + method.count + host.count
            + path.count + (query?.count ?? 0) + route.count + upstreamTarget.count + error.count + refusingLimit.count
            + userAgent.count
            + referer.count
        return min(Self.fixedCapacity + 6 * texts, Self.maximumLineLength)
    }

    /// Appends the line, with its line feed.
    /// - Parameter capacity: `lineCapacity`, which the caller knows already.
    func write(to buffer: inout IOBuffer, capacity: Int, _ timestamps: inout TimestampText) {
        var line = LineCursor(TextCursor(reserving: capacity, in: &buffer))
        line.cursor.write("{\"time\":\"")
        timestamps.write(time, to: &line.cursor)
        line.text("\",\"request_id\":", requestID, AccessLogLimits.nameLength)
        if let traceID {
            line.cursor.write(",\"trace_id\":\"")
            traceID.write(to: &line.cursor)
            line.text("\",\"client\":", client, AccessLogLimits.nameLength)
        } else {
            line.text(",\"client\":", client, AccessLogLimits.nameLength)
        }
        line.text(",\"listener\":", listener, AccessLogLimits.nameLength)
        line.text(",\"protocol\":", protocolVersion, AccessLogLimits.nameLength)
        line.text(",\"method\":", method, AccessLogLimits.nameLength)
        line.optional(",\"host\":", host, AccessLogLimits.nameLength)
        line.text(",\"path\":", path, AccessLogLimits.pathLength)
        if let query { line.text(",\"query\":", query, AccessLogLimits.queryLength) }
        line.number(",\"status\":", UInt64(max(status, 0)))
        line.number(",\"bytes_in\":", bytesIn)
        line.number(",\"bytes_out\":", bytesOut)
        line.milliseconds(",\"duration_ms\":", duration)
        line.optional(",\"route\":", route, AccessLogLimits.nameLength)
        line.optional(",\"upstream\":", upstreamTarget, AccessLogLimits.nameLength)
        if let upstreamDuration { line.milliseconds(",\"upstream_ms\":", upstreamDuration) }
        if retries > 0 { line.number(",\"retries\":", UInt64(retries)) }
        line.optional(",\"error\":", error, AccessLogLimits.nameLength)
        if let refuser {
            line.cursor.write(",\"refused_by\":\"")
            line.cursor.write(refuser.label)
            line.cursor.write(byte: ASCII.quote)
        }
        line.optional(",\"refused_limit\":", refusingLimit, AccessLogLimits.nameLength)
        line.optional(",\"user_agent\":", userAgent, AccessLogLimits.headerLength)
        line.optional(",\"referer\":", referer, AccessLogLimits.headerLength)
        if line.isTruncated { line.cursor.write(",\"truncated\":true") }
        line.cursor.write("}\n")
        line.cursor.commit(to: &buffer)
    }
}
