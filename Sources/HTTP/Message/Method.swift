import Base

/// A request method (RFC 9110 section 9). Names are case-sensitive.
package enum Method: UInt8, CaseIterable, Sendable {
    case get, head, post, put, delete, patch, options, trace, connect
    /// A method outside RFC 9110 and RFC 5789 (`PROPFIND`, say): its token is kept beside it, in `RequestHead`.
    case other

    /// The method that `token` names; `.other` when it is none of the known ones.
    package init(token: ByteView) {
        let candidate: Method
        switch token.count {
        case 3: candidate = token[0] == UInt8(ascii: "G") ? .get : .put
        case 4: candidate = token[0] == UInt8(ascii: "P") ? .post : .head
        case 5: candidate = token[0] == UInt8(ascii: "P") ? .patch : .trace
        case 6: candidate = .delete
        case 7: candidate = token[0] == UInt8(ascii: "O") ? .options : .connect
        default: candidate = .other
        }
        self = candidate != .other && token == candidate.name ? candidate : .other
    }

    /// The token on the wire; empty for `.other`.
    package var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .delete: "DELETE"
        case .patch: "PATCH"
        case .options: "OPTIONS"
        case .trace: "TRACE"
        case .connect: "CONNECT"
        case .other: ""
        }
    }

    /// Whether the method is read-only by its definition (RFC 9110 section 9.2.1). Unknown methods are not.
    @inlinable package var isSafe: Bool {
        switch self {
        case .get, .head, .options, .trace: true
        case .post, .put, .delete, .patch, .connect, .other: false
        }
    }

    /// Whether repeating the request has the effect of doing it once (RFC 9110 section 9.2.2). Unknown methods are not.
    @inlinable package var isIdempotent: Bool { isSafe || self == .put || self == .delete }
}
