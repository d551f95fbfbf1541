import Base

extension RequestHead {
    /// Splits the target into authority, path and query (RFC 9112 section 3.2). The authority stays empty in
    /// origin-form and asterisk-form: there `Host` gives it.
    mutating func resolveTarget() throws(MessageError) {
        let target = self.target
        if target[0] == ASCII.slash {
            try resolvePath(from: 0)
            return
        }
        if target == "*" {
            guard method == .options else { throw .malformedTarget }
            targetForm = .asterisk
            pathSpan = targetSpan
            return
        }
        let start: Int
        if target.count >= 7, target.prefix(7).equalsIgnoringCase("http://") {
            targetForm = .absoluteHTTP
            start = 7
        } else if target.count >= 8, target.prefix(8).equalsIgnoringCase("https://") {
            targetForm = .absoluteHTTPS
            start = 8
        } else {
            throw Self.hasScheme(target) ? .unsupportedScheme : .malformedTarget
        }
        var end = start
        while end < target.count, target[end] != ASCII.slash, target[end] != ASCII.question { end += 1 }
        let base = Int(targetSpan.start)
        try resolveAuthority(ArenaSpan(start: base + start, end: base + end))
        try resolvePath(from: end)
    }

    /// Takes method and path over from a request line that is not judged, the path as it came.
    ///
    /// - Parameter targetEnd: `methodEnd` when the target isn't known.
    mutating func keep(_ line: ByteView, methodEnd: Int, targetEnd: Int) {
        guard targetEnd <= line.count else { return }
        fields.reserveArena(targetEnd)?.deallocate()
        fields.write(line.prefix(targetEnd))
        methodSpan = ArenaSpan(start: 0, end: methodEnd)
        method = Method(token: methodToken)
        guard methodEnd + 1 < targetEnd else { return }
        targetSpan = ArenaSpan(start: methodEnd + 1, end: targetEnd)
        let path = Self.rawPath(in: target)
        pathSpan = ArenaSpan(start: methodEnd + 1 + path.lowerBound, end: methodEnd + 1 + path.upperBound)
    }

    /// What is neither scheme, authority, query nor fragment: there secrets can be.
    private static func rawPath(in target: ByteView) -> Range<Int> {
        var start = 0
        if hasScheme(target), let colon = target.firstIndex(of: ASCII.colon) {
            start = colon + 3
            while start < target.count, target[start] != ASCII.slash, !endsPath(target[start]) { start += 1 }
        } else if target[0] != ASCII.slash {
            return 0..<0
        }
        var end = start
        while end < target.count, !endsPath(target[end]) { end += 1 }
        return start..<end
    }

    private static func endsPath(_ byte: UInt8) -> Bool { byte == ASCII.question || byte == UInt8(ascii: "#") }

    private static func hasScheme(_ target: ByteView) -> Bool {
        guard let colon = target.firstIndex(of: ASCII.colon), colon > 0, ASCII.isAlpha(target[0]) else { return false }
        return colon + 2 < target.count && target[colon + 1] == ASCII.slash && target[colon + 2] == ASCII.slash
    }

    /// Resolves path and query, which begin at `start` of the target.
    private mutating func resolvePath(from start: Int) throws(MessageError) {
        let target = self.target
        let base = Int(targetSpan.start)
        let (end, isCanonical) = CanonicalPath.survey(target, from: start)
        if end < target.count {
            guard target.firstIndex(of: UInt8(ascii: "#"), from: end) == nil else { throw .invalidTargetByte }
            hasQuery = true
            querySpan = ArenaSpan(start: base + end + 1, end: base + target.count)
        }
        if end == start {
            try resolveEmptyPath()
        } else if isCanonical {
            pathSpan = ArenaSpan(start: base + start, end: base + end)
        } else {
            let raw = target[start..<end]
            let retired = fields.reserveArena(CanonicalPath.capacity(for: raw.count))
            defer { retired?.deallocate() }
            guard let arena = fields.arena else { preconditionFailure("memory was just reserved") }
            let written = try CanonicalPath.write(raw, to: arena + fields.arenaCount)
            pathSpan = ArenaSpan(start: fields.arenaCount, end: fields.arenaCount + written.count)
            fields.arenaCount += written.count
            hasEncodedSlash = written.hasEncodedSlash
        }
    }

    /// `http://host`: the path is `/`; with OPTIONS and no query it is the server as a whole (RFC 9112 section 3.2.4).
    private mutating func resolveEmptyPath() throws(MessageError) {
        let isAsterisk = method == .options && !hasQuery
        let start = fields.arenaCount
        fields.reserveArena(1)?.deallocate()
        fields.write(isAsterisk ? "*" : "/")
        pathSpan = ArenaSpan(start: start, end: start + 1)
    }

    /// Takes host, port and authority from the bytes in `span`.
    mutating func resolveAuthority(_ span: ArenaSpan) throws(MessageError) {
        let authority = try Authority(parsing: view(span))
        port = authority.port
        let start = Int(span.start)
        hasCanonicalHost = authority.isCanonical && targetForm == .origin
        if authority.isCanonical {
            hostSpan = ArenaSpan(start: start, end: start + authority.hostCount)
            authoritySpan = span
            return
        }
        fields.reserveArena(authority.hostCount + 22)?.deallocate()
        guard let arena = fields.arena else { preconditionFailure("memory was just reserved") }
        let copy = fields.arenaCount
        var index = 0
        while index < authority.hostCount {
            arena[copy + index] = ASCII.lowercased(arena[start + index])
            index += 1
        }
        fields.arenaCount += authority.hostCount
        hostSpan = ArenaSpan(start: copy, end: fields.arenaCount)
        if let port {
            fields.write(":")
            fields.arenaCount += arena.writeDecimal(UInt64(port), at: fields.arenaCount)
        }
        authoritySpan = ArenaSpan(start: copy, end: fields.arenaCount)
    }
}
