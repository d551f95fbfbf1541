import Base

/// What the audit log tells about one identity decision. Views, not copies: it is filled, written and forgotten while
/// the request still exists. An empty view means "not known" and leaves the field out.
///
/// One line holds these fields in this order; those marked * are left out when they are not known:
///
/// | field | meaning |
/// |---|---|
/// | `time` | when it was decided: RFC 3339, UTC, milliseconds |
/// | `decision` | `accepted`, `anonymous` (no token, and the route wants none) or `refused` |
/// | `reason` * | why it was refused: the `code` of the problem details and of the access log's `error` |
/// | `status` * | with which status it was refused |
/// | `request_id` | as in the access log |
/// | `trace_id` * | 32 hexadecimal digits |
/// | `client` | the client's address, after trusted proxies |
/// | `listener` | the listener's name |
/// | `method`, `host` *, `path` | of the canonical request; no query, which may hold a token |
/// | `route` | `domain/route` |
/// | `issuer` * | what the configuration calls the issuer whose key signed the token |
/// | `subject` * | the subject of a token whose signature held |
/// | `spiffe_id` * | what the route made of it |
/// | `tenant` * | the token's tenant |
/// | `route_tenant` * | the route's, when it is another one and that is the reason |
/// | `scopes` * | the token's, as an array |
/// | `kid` * | the key that signed the token |
/// | `internal_token_id` * | `jti` of the internal token that the upstream gets |
/// | `internal_token_digest` * | for one without `jti`: the first 16 bytes of its SHA-256 digest, in hexadecimal |
/// | `claimed_issuer`, `claimed_kid` * | what a token without a good signature says of itself: no identity |
/// | `truncated` * | `true` when a field was longer than its limit and was cut |
package struct AuditEntry {
    package var time = WallTime(nanoseconds: 0)
    package var decision = AuditDecision.accepted
    package var reason = ByteView()
    /// 0 for none.
    package var status = 0
    package var requestID = ByteView()
    package var traceID: TraceID?
    package var client = ByteView()
    package var listener = ByteView()
    package var method = ByteView()
    package var host = ByteView()
    package var path = ByteView()
    package var route = ByteView()
    package var issuer = ByteView()
    package var subject = ByteView()
    package var spiffeID = ByteView()
    package var tenant = ByteView()
    package var routeTenant = ByteView()
    /// With one space between each two.
    package var scopes = ByteView()
    package var keyID = ByteView()
    package var internalTokenID = ByteView()
    package var internalTokenDigest = ByteView()
    package var claimedIssuer = ByteView()
    package var claimedKeyID = ByteView()

    package init() {}
}

/// What was decided about who sends a request.
package enum AuditDecision: UInt8, CaseIterable, Sendable {
    /// The token is good, and good enough for the route.
    case accepted
    /// There is no token, and the route lets that be.
    case anonymous
    case refused

    /// As the line's `decision` and the label of its metric.
    package var label: StaticString {
        switch self {
        case .accepted: "accepted"
        case .anonymous: "anonymous"
        case .refused: "refused"
        }
    }
}

/// The longest texts that a line holds, in bytes before escaping. A line is never longer than 52 KiB.
package enum AuditLimits {
    package static let nameLength = 256
    package static let pathLength = 1_024
    package static let subjectLength = 512
    /// The longest that there is (SPIFFE-ID section 2.3).
    package static let spiffeIDLength = 2_048
    /// All scopes together.
    package static let scopesLength = 1_024
}

extension AuditEntry: LogLine {
    /// Room for field names, punctuation and numbers.
    private static let fixedCapacity = 768

    /// More than the longest line: every text at its limit, every byte escaped.
    static let maximumLineLength = fixedCapacity + 6 * maximumTextLength
    private static let maximumTextLength =
        15 * AuditLimits.nameLength + AuditLimits.pathLength + AuditLimits.subjectLength + AuditLimits.spiffeIDLength
        + AuditLimits.scopesLength

    var lineCapacity: Int {
        let request =
            reason.count + requestID.count + client.count + listener.count + method.count + host.count + path.count
            + route.count
        let caller =
            issuer.count + subject.count + spiffeID.count + tenant.count + routeTenant.count + scopes.count
            + keyID.count + internalTokenID.count + internalTokenDigest.count + claimedIssuer.count
            + claimedKeyID.count
        return min(Self.fixedCapacity + 6 * (request + caller), Self.maximumLineLength)
    }

    func write(to buffer: inout IOBuffer, capacity: Int, _ timestamps: inout TimestampText) {
        var line = LineCursor(TextCursor(reserving: capacity, in: &buffer))
        line.cursor.write("{\"time\":\"")
        timestamps.write(time, to: &line.cursor)
        line.cursor.write("\",\"decision\":\"")
        line.cursor.write(decision.label)
        line.cursor.write(byte: ASCII.quote)
        line.optional(",\"reason\":", reason, AuditLimits.nameLength)
        if status > 0 { line.number(",\"status\":", UInt64(status)) }
        line.text(",\"request_id\":", requestID, AuditLimits.nameLength)
        if let traceID {
            line.cursor.write(",\"trace_id\":\"")
            traceID.write(to: &line.cursor)
            line.cursor.write(byte: ASCII.quote)
        }
        line.text(",\"client\":", client, AuditLimits.nameLength)
        line.text(",\"listener\":", listener, AuditLimits.nameLength)
        line.text(",\"method\":", method, AuditLimits.nameLength)
        line.optional(",\"host\":", host, AuditLimits.nameLength)
        line.text(",\"path\":", path, AuditLimits.pathLength)
        line.text(",\"route\":", route, AuditLimits.nameLength)
        writeCaller(to: &line)
        if line.isTruncated { line.cursor.write(",\"truncated\":true") }
        line.cursor.write("}\n")
        line.cursor.commit(to: &buffer)
    }

    @inline(__always)
    private func writeCaller(to line: inout LineCursor) {
        line.optional(",\"issuer\":", issuer, AuditLimits.nameLength)
        line.optional(",\"subject\":", subject, AuditLimits.subjectLength)
        line.optional(",\"spiffe_id\":", spiffeID, AuditLimits.spiffeIDLength)
        line.optional(",\"tenant\":", tenant, AuditLimits.nameLength)
        line.optional(",\"route_tenant\":", routeTenant, AuditLimits.nameLength)
        if !scopes.isEmpty { line.words(",\"scopes\":[", scopes, AuditLimits.scopesLength) }
        line.optional(",\"kid\":", keyID, AuditLimits.nameLength)
        line.optional(",\"internal_token_id\":", internalTokenID, AuditLimits.nameLength)
        line.optional(",\"internal_token_digest\":", internalTokenDigest, AuditLimits.nameLength)
        line.optional(",\"claimed_issuer\":", claimedIssuer, AuditLimits.nameLength)
        line.optional(",\"claimed_kid\":", claimedKeyID, AuditLimits.nameLength)
    }
}

extension LineCursor {
    /// The words of a text as an array of strings. A word is never cut: what goes beyond the limit is left out whole.
    fileprivate mutating func words(_ name: StaticString, _ text: ByteView, _ limit: Int) {
        cursor.write(name)
        var start = 0
        var isFirst = true
        while start < text.count {
            let end = text.firstIndex(of: ASCII.space, from: start) ?? text.count
            if end > limit {
                isTruncated = true
                break
            }
            if end > start {
                if !isFirst { cursor.write(byte: ASCII.comma) }
                isFirst = false
                cursor.write(json: text[start..<end])
            }
            start = end + 1
        }
        cursor.write(byte: UInt8(ascii: "]"))
    }
}
