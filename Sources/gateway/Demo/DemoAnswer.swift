import Admin
import Base
import HTTP

/// What the demo upstream keeps of a request's content: its size and how it begins.
struct DemoContent {
    private static let startMax = 256
    private(set) var count = 0
    private var start: [UInt8] = []

    mutating func append(_ bytes: ByteView) {
        count += bytes.count
        start.append(contentsOf: bytes.prefix(min(bytes.count, Self.startMax - start.count)).raw)
    }

    /// The first bytes as text; what is no UTF-8 becomes U+FFFD.
    var startText: String { String(decoding: start, as: UTF8.self) }
}

/// The demo upstream's answer to one request.
struct DemoAnswer {
    /// Which of the demo upstreams answers.
    let name: String
    let content: DemoContent

    func append(to output: inout IOBuffer, _ request: borrowing RequestHead) {
        let status = Self.status(request.path)
        let body = Array(echo(request).text.utf8)
        HeadEncoder.appendStatusLine(status, to: &output)
        let hasBody = status != 204 && status != 304
        if hasBody {
            HeadEncoder.appendField("Content-Type", "application/json", to: &output)
            HeadEncoder.appendContentLength(body.count, to: &output)
        }
        // Something for a route's response_transform to remove.
        HeadEncoder.appendField("X-Powered-By", "portcullis-demo", to: &output)
        if !request.isPersistent { HeadEncoder.appendField("Connection", "close", to: &output) }
        HeadEncoder.endHead(&output)
        if hasBody, request.method != .head { body.withUnsafeBytes { output.append(ByteView($0)) } }
    }

    /// `…/status/NNN` asks for that status; 200 otherwise.
    private static func status(_ path: ByteView) -> Int {
        let segments = path.string.split(separator: "/")
        guard segments.count >= 2, segments[segments.count - 2] == "status",
            let asked = segments.last.flatMap({ Int($0) }), (200...599).contains(asked)
        else { return 200 }
        return asked
    }

    private func echo(_ request: borrowing RequestHead) -> JSONOutput {
        var headers: [JSONOutput] = []
        var internalToken: JSONOutput?
        var index = request.fields.firstIndex
        while index < request.fields.endIndex {
            let name = request.fields.name(at: index).string
            let value = request.fields.value(at: index).string
            headers.append(.string("\(name): \(value)"))
            internalToken = internalToken ?? Self.decoded(name, value)
            index = request.fields.index(after: index)
        }
        var members: [(String, JSONOutput)] = [
            ("answered_by", .string(name)), ("method", .string(request.methodToken.string)),
            ("path", .string(request.path.string)), ("query", .string(request.query.string)),
            ("headers", .array(headers)),
        ]
        if let internalToken { members.append(("token_decoded", internalToken)) }
        members += [("body_bytes", .integer(content.count)), ("body_start", .string(content.startText))]
        return .object(members)
    }

    /// The token of a header in which services find one, made readable. A service would check its signature first.
    private static func decoded(_ name: String, _ value: String) -> JSONOutput? {
        switch name.lowercased() {
        case "authorization" where value.lowercased().hasPrefix("bearer "): decoded(String(value.dropFirst(7)))
        case "x-internal-jwt", "x-internal-token": decoded(value)
        default: nil
        }
    }

    private static func decoded(_ token: String) -> JSONOutput? {
        DecodedToken(token).map { ["header": $0.header, "claims": $0.claims] }
    }
}
