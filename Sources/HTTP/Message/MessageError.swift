/// Every way in which a peer's message can be wrong. After any of them the connection can't be used again.
///
/// `statusHint` is what a server answers to such a request. In an upstream's response every one of them is a 502.
package enum MessageError: UInt8, Error, Equatable, CaseIterable, Sendable {
    // Lines (RFC 9112 sections 2.2, 5)
    /// A line ends in LF without CR.
    case bareLineFeed
    /// A CR is not followed by LF.
    case bareCarriageReturn
    /// The field lines exceed `MessageLimits.headBytes`.
    case headTooLarge
    /// More fields than `MessageLimits.fieldCount`.
    case tooManyFields
    /// A field line has no name (RFC 9110 section 5.1).
    case emptyFieldName
    /// A byte that is no `tchar` in a field name, white space before the colon included (RFC 9112 section 5.1).
    case invalidFieldName
    /// NUL or another control byte in a field value (RFC 9110 section 5.5).
    case invalidFieldValue
    /// A line begins with white space (RFC 9112 sections 2.2 and 5.2).
    case obsoleteLineFolding

    // Request line (RFC 9112 section 3)
    /// The request line is not `method SP target SP version`.
    case malformedRequestLine
    /// A byte that is no `tchar` in the method.
    case invalidMethod
    /// The method's name exceeds `MessageLimits.methodBytes`.
    case methodTooLong
    /// `TRACE` or `CONNECT`: the gateway is no tunnel, and an echo of fields would show what it added.
    case methodNotImplemented
    /// The target exceeds `MessageLimits.targetBytes`.
    case targetTooLong
    /// A byte outside visible ASCII, or `#`, in the target (RFC 9112 section 3.2).
    case invalidTargetByte
    /// The target has none of the forms that the method allows (RFC 9112 section 3.2).
    case malformedTarget
    /// The target's scheme is neither `http` nor `https`.
    case unsupportedScheme
    /// Not `HTTP/` digit `.` digit (RFC 9112 section 2.3).
    case malformedVersion
    /// A major version other than 1, the HTTP/2 preface included.
    case unsupportedVersion

    // Path (RFC 3986 sections 2.1 and 3.3)
    /// `%` without two hexadecimal digits.
    case invalidEscape
    /// An encoded NUL or another control byte.
    case encodedControlByte
    /// A raw backslash, which some servers read as a slash.
    case backslashInPath
    /// `..` leads above the root.
    case pathAboveRoot
    /// A dot segment in a form that servers disagree about: beside an encoded slash, or with a `;` parameter.
    case ambiguousDotSegment

    // Host (RFC 9112 section 3.2, RFC 3986 section 3.2)
    /// An HTTP/1.1 request without `Host`.
    case missingHost
    /// More than one `Host`.
    case repeatedHost
    /// `Host` or the target's authority is not a host with an optional port.
    case invalidHost
    /// The authority holds user information (RFC 9110 section 4.2.4).
    case userInformation

    // Framing (RFC 9112 section 6)
    /// Not a run of digits, or too large a number (RFC 9110 section 8.6).
    case invalidContentLength
    /// More than one length; in responses only when they differ.
    case repeatedContentLength
    /// Both framings at once: the mark of request smuggling (RFC 9112 section 6.1).
    case contentLengthAndTransferEncoding
    /// `Transfer-Encoding` in HTTP/1.0, whose recipients don't know it (RFC 9112 section 6.1).
    case transferEncodingInHTTP10
    /// Not a list of codings, or `chunked` not exactly once and last.
    case invalidTransferEncoding
    /// A transfer coding other than `chunked`.
    case unsupportedTransferCoding
    /// An expectation other than `100-continue` (RFC 9110 section 10.1.1).
    case unsupportedExpectation

    // Chunked content (RFC 9112 section 7.1)
    /// The chunk size is not one to fifteen hexadecimal digits.
    case invalidChunkSize
    /// A malformed chunk extension.
    case invalidChunkExtension
    /// All chunk extensions exceed `MessageLimits.chunkExtensionBytes`.
    case chunkExtensionsTooLarge
    /// A chunk's data is not followed by CRLF.
    case missingChunkEnd
    /// The trailer section exceeds `MessageLimits.trailerBytes`.
    case trailersTooLarge
    /// More trailer fields than `MessageLimits.trailerCount`.
    case tooManyTrailers

    // Responses (RFC 9112 section 4)
    /// The status line is not `version SP status [SP reason]`.
    case malformedStatusLine
    /// The status code is not within 100...599.
    case invalidStatusCode
    /// A control byte in the reason phrase.
    case invalidReasonPhrase
    /// 101, which nobody asked for (RFC 9110 section 15.2.2).
    case unsolicitedUpgrade
}

extension MessageError {
    /// The status of the answer to a request that is wrong in this way.
    package var statusHint: Int {
        switch self {
        case .targetTooLong: 414
        case .unsupportedExpectation: 417
        case .headTooLarge, .tooManyFields, .trailersTooLarge, .tooManyTrailers: 431
        case .methodTooLong, .methodNotImplemented, .unsupportedTransferCoding: 501
        case .unsupportedVersion: 505
        default: 400
        }
    }

    /// A stable identifier for logs.
    package var code: StaticString { description.code }

    /// The same as metrics have it: in snake case. Off the hot path only.
    package var label: String {
        // The name that the series began with.
        if self == .transferEncodingInHTTP10 { return "transfer_encoding_in_http10" }
        return String(code.description.map { $0 == "-" ? "_" : $0 })
    }

    /// One sentence for the peer; it tells nothing about the gateway.
    package var reason: StaticString { description.reason }

    private var description: (code: StaticString, reason: StaticString) {
        switch self {
        case .bareLineFeed: ("bare-line-feed", "A line ends in LF without CR.")
        case .bareCarriageReturn: ("bare-carriage-return", "A CR is not followed by LF.")
        case .headTooLarge: ("head-too-large", "The header section is too large.")
        case .tooManyFields: ("too-many-fields", "There are too many header fields.")
        case .emptyFieldName: ("empty-field-name", "A header field has no name.")
        case .invalidFieldName: ("invalid-field-name", "A header field name holds a byte that is not allowed there.")
        case .invalidFieldValue: ("invalid-field-value", "A header field value holds a control byte.")
        case .obsoleteLineFolding: ("obsolete-line-folding", "A header line begins with white space.")
        case .malformedRequestLine:
            ("malformed-request-line", "The request line is not a method, a target and a version with single spaces.")
        case .invalidMethod: ("invalid-method", "The method holds a byte that is not allowed there.")
        case .methodTooLong: ("method-too-long", "The method's name is too long.")
        case .methodNotImplemented: ("method-not-implemented", "TRACE and CONNECT are not implemented.")
        case .targetTooLong: ("target-too-long", "The request target is too long.")
        case .invalidTargetByte:
            ("invalid-target-byte", "The request target holds a byte that must be percent-encoded.")
        case .malformedTarget: ("malformed-target", "The request target has no form that the method allows.")
        case .unsupportedScheme: ("unsupported-scheme", "The target's scheme is neither http nor https.")
        case .malformedVersion: ("malformed-version", "The protocol version is malformed.")
        case .unsupportedVersion: ("unsupported-version", "This listener speaks HTTP/1.1 and HTTP/1.0 only.")
        case .invalidEscape: ("invalid-escape", "A percent sign in the path is not followed by two hexadecimal digits.")
        case .encodedControlByte: ("encoded-control-byte", "The path holds an encoded control byte.")
        case .backslashInPath: ("backslash-in-path", "The path holds a backslash.")
        case .pathAboveRoot: ("path-above-root", "The path leads above its root.")
        case .ambiguousDotSegment: ("ambiguous-dot-segment", "The path holds a dot segment in an ambiguous form.")
        case .missingHost: ("missing-host", "An HTTP/1.1 request needs a Host field.")
        case .repeatedHost: ("repeated-host", "There is more than one Host field.")
        case .invalidHost: ("invalid-host", "The host is not valid.")
        case .userInformation: ("user-information", "The authority holds user information.")
        case .invalidContentLength: ("invalid-content-length", "Content-Length is not a decimal number in range.")
        case .repeatedContentLength: ("repeated-content-length", "There is more than one Content-Length.")
        case .contentLengthAndTransferEncoding:
            ("content-length-and-transfer-encoding", "Content-Length and Transfer-Encoding exclude each other.")
        case .transferEncodingInHTTP10:
            ("transfer-encoding-in-http-1-0", "HTTP/1.0 has no Transfer-Encoding.")
        case .invalidTransferEncoding:
            ("invalid-transfer-encoding", "Transfer-Encoding does not end in exactly one chunked coding.")
        case .unsupportedTransferCoding:
            ("unsupported-transfer-coding", "The only transfer coding supported is chunked.")
        case .unsupportedExpectation:
            ("unsupported-expectation", "The only expectation supported is 100-continue.")
        case .invalidChunkSize: ("invalid-chunk-size", "A chunk's size is not valid.")
        case .invalidChunkExtension: ("invalid-chunk-extension", "A chunk extension is not valid.")
        case .chunkExtensionsTooLarge: ("chunk-extensions-too-large", "The chunk extensions are too large.")
        case .missingChunkEnd: ("missing-chunk-end", "A chunk's data is not followed by a line end.")
        case .trailersTooLarge: ("trailers-too-large", "The trailer section is too large.")
        case .tooManyTrailers: ("too-many-trailers", "There are too many trailer fields.")
        case .malformedStatusLine: ("malformed-status-line", "The status line is malformed.")
        case .invalidStatusCode: ("invalid-status-code", "The status code is out of range.")
        case .invalidReasonPhrase: ("invalid-reason-phrase", "The reason phrase holds a control byte.")
        case .unsolicitedUpgrade: ("unsolicited-upgrade", "The protocol was switched without a request for it.")
        }
    }
}
