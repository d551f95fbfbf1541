import Base

/// The grammar of SPIFFE IDs (SPIFFE-ID specification, section 2): `spiffe://` trust domain, and path segments.
///
/// IDs are bytes here, never URIs: there is no percent-encoding, no case folding and no normalisation, so that one
/// identity has one spelling. The scheme is accepted in lower case only, as IDs are written.
package enum SPIFFEID {
    /// What every ID begins with.
    package static let scheme: StaticString = "spiffe://"
    /// The longest ID that may be made, in bytes (section 2.3).
    package static let lengthMaximum = 2048
    /// The longest trust domain name, in bytes (section 2.3).
    package static let trustDomainLengthMaximum = 255

    /// What is wrong with a whole ID; nil for a valid one. The path may be empty: that is the trust domain's own ID.
    package static func problem(in id: ByteView) -> SPIFFEIDProblem? {
        if id.count > lengthMaximum { return .tooLong }
        let scheme = ByteView(Self.scheme)
        guard id.hasPrefix(scheme) else { return .notSPIFFE }
        let pathStart = id.firstIndex(of: ASCII.slash, from: scheme.count) ?? id.count
        if let problem = problem(inTrustDomain: id[scheme.count..<pathStart]) { return problem }
        var start = pathStart
        while start < id.count {
            let end = id.firstIndex(of: ASCII.slash, from: start + 1) ?? id.count
            if let problem = problem(inSegment: id[start + 1..<end]) { return problem }
            start = end
        }
        return nil
    }

    /// What is wrong with a trust domain's name (section 2.1).
    package static func problem(inTrustDomain name: ByteView) -> SPIFFEIDProblem? {
        if name.isEmpty { return .trustDomainEmpty }
        if name.count > trustDomainLengthMaximum { return .trustDomainTooLong }
        var index = 0
        while index < name.count {
            guard isTrustDomainByte(name[index]) else { return .trustDomainByte(name[index]) }
            index += 1
        }
        return nil
    }

    /// What is wrong with one path segment, without its slash (section 2.2).
    package static func problem(inSegment segment: ByteView) -> SPIFFEIDProblem? {
        if segment.isEmpty { return .segmentEmpty }
        var index = 0
        while index < segment.count {
            guard isSegmentByte(segment[index]) else { return .segmentByte(segment[index]) }
            index += 1
        }
        return isDots(segment) ? .segmentDots : nil
    }

    /// `a-z`, `0-9`, `.`, `-`, `_`.
    @inlinable package static func isTrustDomainByte(_ byte: UInt8) -> Bool {
        ASCII.isLower(byte) || ASCII.isDigit(byte) || byte == ASCII.dot || byte == ASCII.hyphen
            || byte == ASCII.underscore
    }

    /// `A-Z`, `a-z`, `0-9`, `.`, `-`, `_`.
    @inlinable package static func isSegmentByte(_ byte: UInt8) -> Bool {
        isTrustDomainByte(byte) || ASCII.isUpper(byte)
    }

    /// Whether a segment is `.` or `..`, which no path may hold.
    package static func isDots(_ segment: ByteView) -> Bool { segment == "." || segment == ".." }
}

/// What can be wrong with a SPIFFE ID.
package enum SPIFFEIDProblem: Error, Equatable, Sendable {
    /// More than 2,048 bytes.
    case tooLong
    /// It doesn't begin with `spiffe://`, in lower case.
    case notSPIFFE
    /// No trust domain between `spiffe://` and the path.
    case trustDomainEmpty
    /// A trust domain of more than 255 bytes.
    case trustDomainTooLong
    /// A byte that no trust domain may hold: a capital, `:`, `@`, `%` …
    case trustDomainByte(UInt8)
    /// Two slashes in a row, or one at the end.
    case segmentEmpty
    /// `.` or `..` as a segment.
    case segmentDots
    /// A byte that no segment may hold.
    case segmentByte(UInt8)

    /// One sentence, for whoever wrote the ID.
    package var message: String {
        switch self {
        case .tooLong: "a SPIFFE ID has at most \(SPIFFEID.lengthMaximum) bytes"
        case .notSPIFFE: "a SPIFFE ID begins with \(SPIFFEID.scheme)"
        case .trustDomainEmpty: "the trust domain is missing after \(SPIFFEID.scheme)"
        case .trustDomainTooLong: "a trust domain has at most \(SPIFFEID.trustDomainLengthMaximum) bytes"
        case .trustDomainByte(let byte): "\(Self.visible(byte)) can't be in a trust domain, only a-z 0-9 . - _"
        case .segmentEmpty: "a path has no empty segments and no slash at its end"
        case .segmentDots: "a path has no . or .. segments"
        case .segmentByte(let byte): "\(Self.visible(byte)) can't be in a path, only A-Z a-z 0-9 . - _"
        }
    }

    private static func visible(_ byte: UInt8) -> String {
        let isPrintable = byte > ASCII.space && byte < ASCII.delete
        return isPrintable ? "`\(Character(Unicode.Scalar(byte)))`" : "the byte 0x" + String(byte, radix: 16)
    }
}

/// The two ways of putting a claim's value into a path segment. Both give different segments for different values.
package enum SegmentEncoding: Sendable, Equatable {
    /// As it is; a value that can't be (part of) a segment is refused.
    case verbatim
    /// Bytes outside `[A-Za-z0-9.-]` become `_XX`, with two upper-case hexadecimal digits; `_` itself is `_5F`. So
    /// every `_` begins an escape, and no two values share an encoding. A value of one or two dots alone is escaped as
    /// well.
    case escaped

    /// Appends `value` to `buffer`, unless a byte of it can't be in a segment.
    /// - Returns: the byte that stands in the way; then nothing was appended.
    package func append(_ value: ByteView, to buffer: inout IOBuffer) -> UInt8? {
        switch self {
        case .verbatim:
            var index = 0
            while index < value.count {
                guard SPIFFEID.isSegmentByte(value[index]) else { return value[index] }
                index += 1
            }
            buffer.append(value)
        case .escaped:
            let escapesDots = SPIFFEID.isDots(value)
            var index = 0
            while index < value.count {
                let byte = value[index]
                if SPIFFEID.isSegmentByte(byte), byte != ASCII.underscore, byte != ASCII.dot || !escapesDots {
                    buffer.append(byte: byte)
                } else {
                    buffer.append(byte: ASCII.underscore)
                    buffer.append(byte: ASCII.hexDigit(byte >> 4))
                    buffer.append(byte: ASCII.hexDigit(byte & 15))
                }
                index += 1
            }
        }
        return nil
    }
}
