import Base

/// What the fields of a head mean for its framing and its connection. Each rule refuses what two recipients could
/// read in two ways.
extension RequestHead {
    mutating func applyFields() throws(MessageError) {
        try applyHost()
        try applyFraming()
        let isHTTP11 = minorVersion > 0
        let connection = fields.connectionOptions()
        isPersistent = !connection.contains(.close) && (isHTTP11 || connection.contains(.keepAlive))
        wantsUpgrade = isHTTP11 && fields.contains(.upgrade) && connection.contains(.upgrade)
        if fields.contains(.te) { acceptsTrailers = fields.hasElement(.te, "trailers") }
        if fields.contains(.expect) { try applyExpect() }
    }

    /// Exactly one valid Host in HTTP/1.1, at most one in HTTP/1.0, also where the target gives the authority
    /// (RFC 9112 section 3.2).
    private mutating func applyHost() throws(MessageError) {
        guard let index = fields.firstIndex(of: .host) else {
            if minorVersion > 0 { throw .missingHost }
            return
        }
        if fields.firstIndex(of: .host, from: index + 1) != nil { throw .repeatedHost }
        let field = fields.field(at: index)
        let start = Int(field.valueStart)
        if targetForm == .absoluteHTTP || targetForm == .absoluteHTTPS {
            _ = try Authority(parsing: fields.value(at: index))
        } else {
            try resolveAuthority(ArenaSpan(start: start, end: start + Int(field.valueLength)))
        }
    }

    private mutating func applyFraming() throws(MessageError) {
        if fields.contains(.transferEncoding) {
            if fields.contains(.contentLength) { throw .contentLengthAndTransferEncoding }
            if minorVersion == 0 { throw .transferEncodingInHTTP10 }
            try fields.requireChunked()
            framing = .chunked
        } else if fields.contains(.contentLength) {
            framing = .length(try fields.contentLength(allowingRepeats: false))
        }
    }

    /// What an HTTP/1.0 client expects is ignored, and nobody else's business (RFC 9110 section 10.1.1).
    private mutating func applyExpect() throws(MessageError) {
        if minorVersion == 0 { return fields.removeAll(.expect) }
        var next = fields.firstIndex(of: .expect)
        while let index = next {
            guard fields.value(at: index).equalsIgnoringCase("100-continue") else { throw .unsupportedExpectation }
            next = fields.firstIndex(of: .expect, from: index + 1)
        }
        expectsContinue = framing.hasContent
    }
}

extension ResponseHead {
    /// - Parameter method: of the request that this answers.
    mutating func applyFields(method: Method) throws(MessageError) {
        let hasCoding = fields.contains(.transferEncoding)
        if hasCoding {
            if fields.contains(.contentLength) { throw .contentLengthAndTransferEncoding }
            if minorVersion == 0 { throw .transferEncodingInHTTP10 }
            try fields.requireChunked()
        } else if fields.contains(.contentLength) {
            declaredLength = try fields.contentLength(allowingRepeats: true)
        }
        let connection = fields.connectionOptions()
        isPersistent = !connection.contains(.close) && (minorVersion > 0 || connection.contains(.keepAlive))
        if status < 200 || status == 204 {
            // They end with their head whatever it says; who announces content may also send it (RFC 9112 section 6.3).
            if hasCoding || (declaredLength ?? 0) > 0 { isPersistent = false }
            declaredLength = nil
            framing = .none
        } else if method == .head || status == 304 {
            framing = .none
        } else if hasCoding {
            framing = .chunked
        } else if let declaredLength {
            framing = .length(declaredLength)
        } else {
            framing = .untilClose
            isPersistent = false
        }
    }
}

/// The connection options that this codec acts on (RFC 9110 section 7.6.1).
struct ConnectionOptions: OptionSet {
    let rawValue: UInt8
    static var close: ConnectionOptions { ConnectionOptions(rawValue: 1) }
    static var keepAlive: ConnectionOptions { ConnectionOptions(rawValue: 2) }
    static var upgrade: ConnectionOptions { ConnectionOptions(rawValue: 4) }

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The option that `token` is, if it is one of these.
    init?(_ token: ByteView) {
        switch token.count {
        case 5 where token.equalsName("close"): self = .close
        case 7 where token.equalsName("upgrade"): self = .upgrade
        case 10 where token.equalsName("keep-alive"): self = .keepAlive
        default: return nil
        }
    }
}

extension HeaderList {
    func connectionOptions() -> ConnectionOptions {
        var options: ConnectionOptions = []
        guard contains(.connection) else { return options }
        var next = firstIndex(of: .connection)
        while let index = next {
            let value = value(at: index)
            if let option = ConnectionOptions(value) {
                options.formUnion(option)
            } else {
                var elements = ListElements(value)
                while let element = elements.next() { options.formUnion(ConnectionOptions(element) ?? []) }
            }
            next = firstIndex(of: .connection, from: index + 1)
        }
        return options
    }

    /// Whether `text` is an element of the list that `field` is, in any case of letters.
    func hasElement(_ field: KnownField, _ text: StaticString) -> Bool {
        var next = firstIndex(of: field)
        while let index = next {
            var elements = ListElements(value(at: index))
            while let element = elements.next() {
                if element.equalsIgnoringCase(text) { return true }
            }
            next = firstIndex(of: field, from: index + 1)
        }
        return false
    }

    /// The content's length (RFC 9110 section 8.6): digits, once. With `allowingRepeats` several equal ones, as lists
    /// or fields, are one: the gateway writes the field anew, so the next recipient sees no repetition.
    func contentLength(allowingRepeats: Bool) throws(MessageError) -> Int {
        var length: Int?
        var next = firstIndex(of: .contentLength)
        while let index = next {
            var rest = value(at: index)
            while true {
                let comma = allowingRepeats ? rest.firstIndex(of: ASCII.comma) : nil
                let element = comma.map { rest.prefix($0).trimmingWhitespace() } ?? rest
                guard let parsed = element.decimalValue() else { throw .invalidContentLength }
                if let length, !allowingRepeats || length != parsed { throw .repeatedContentLength }
                length = parsed
                guard let comma else { break }
                rest = rest.from(comma + 1).trimmingWhitespace()
            }
            next = firstIndex(of: .contentLength, from: index + 1)
        }
        guard let length else { throw .invalidContentLength }
        return length
    }

    /// Checks that the transfer codings are exactly `chunked` (RFC 9112 sections 6.1 and 7).
    ///
    /// - Throws: `unsupportedTransferCoding` for well-formed lists of other codings; `invalidTransferEncoding` for
    ///   anything that leaves the end of the message open.
    func requireChunked() throws(MessageError) {
        var isChunked = false
        var hasOther = false
        var next = firstIndex(of: .transferEncoding)
        while let index = next {
            var rest = value(at: index)
            while true {
                let comma = rest.firstIndex(of: ASCII.comma)
                let coding = (comma.map { rest.prefix($0) } ?? rest).trimmingWhitespace()
                if isChunked { throw .invalidTransferEncoding }
                if coding.equalsIgnoringCase("chunked") {
                    isChunked = true
                } else {
                    let name = coding.firstIndex(of: ASCII.semicolon).map { coding.prefix($0) } ?? coding
                    let token = name.trimmingWhitespace()
                    guard token.isToken, !token.equalsIgnoringCase("chunked") else { throw .invalidTransferEncoding }
                    hasOther = true
                }
                guard let comma else { break }
                rest = rest.from(comma + 1)
            }
            next = firstIndex(of: .transferEncoding, from: index + 1)
        }
        if hasOther { throw .unsupportedTransferCoding }
    }
}
