import Base
import HTTP

/// A path template: `/accounts/{id}`, `/files/{name...}`.
///
/// Matching is by bytes of the canonical path, segment by segment. A trailing slash counts: `/a` and `/a/` are two
/// paths. `{name}` stands for one non-empty segment. `{name...}`, only at the end, stands for the rest, nothing
/// included: `/x/{rest...}` matches `/x`, `/x/`, `/x/y` and `/x/y/z`, but not `/xy`; what it captures has no leading
/// slash.
///
/// Of two patterns that match one path, the one with the better segment where they first differ is more specific: the
/// path's end before a rest, a literal before `{name}` before `{name...}`.
package struct PathPattern: Sendable, Hashable {
    package enum Segment: Sendable, Hashable {
        /// These bytes, as they are in a canonical path. Empty only as the last segment: a trailing slash.
        case literal(String)
        /// One non-empty segment, captured.
        case parameter(String)
        /// All that follows, captured. The name is empty in a prefix.
        case rest(String)
    }

    /// How many segments a pattern can have.
    package static let segmentLimit = 64
    /// How many segments a pattern can capture.
    package static let captureLimit = 16

    package let segments: [Segment]

    /// A pattern of segments that were checked already, as a configuration's are.
    package init(segments: [Segment]) {
        precondition(segments.count <= Self.segmentLimit)
        precondition(segments.count(where: \.isCapture) <= Self.captureLimit)
        self.segments = segments
    }

    /// Reads a template. It begins with `/`.
    package init(template: String) throws(PathPatternError) {
        segments = try Self.parse(template)
    }

    /// The pattern of all paths that begin with the segments of `prefix`: `/x` and `/x/` both stand for `/x`, `/x/` and
    /// `/x/y`, `/` for every path. Templates in it are allowed, except for a rest.
    package init(prefix: String) throws(PathPatternError) {
        var segments = try Self.parse(prefix)
        if case .rest = segments.last { throw .restNotLast }
        if case .literal("") = segments.last { segments.removeLast() }
        guard segments.count < Self.segmentLimit else { throw .tooManySegments }
        segments.append(.rest(""))
        guard segments.count(where: \.isCapture) <= Self.captureLimit else { throw .tooManyParameters }
        self.segments = segments
    }

    /// The names of what is captured, in order: `RouteMatch` knows them by these indexes.
    package var parameterNames: [String] {
        segments.compactMap { segment in
            switch segment {
            case .literal: nil
            case .parameter(let name), .rest(let name): name
            }
        }
    }

    /// Whether the pattern ends in a rest.
    package var isPrefix: Bool {
        if case .rest = segments.last { true } else { false }
    }

    private static func parse(_ text: String) throws(PathPatternError) -> [Segment] {
        guard text.utf8.first == ASCII.slash else { throw .noLeadingSlash }
        let pieces = text.utf8.dropFirst().split(separator: ASCII.slash, omittingEmptySubsequences: false)
        guard pieces.count <= segmentLimit else { throw .tooManySegments }
        var names = Set<String>()
        var segments: [Segment] = []
        segments.reserveCapacity(pieces.count + 1)
        for (index, piece) in pieces.enumerated() {
            let isLast = index == pieces.count - 1
            let segment = try parse(segment: String(decoding: piece, as: UTF8.self), isLast: isLast)
            if case .parameter(let name) = segment, !names.insert(name).inserted { throw .repeatedParameter(name) }
            if case .rest(let name) = segment, !names.insert(name).inserted { throw .repeatedParameter(name) }
            segments.append(segment)
        }
        guard names.count <= captureLimit else { throw .tooManyParameters }
        return segments
    }

    private static func parse(segment text: String, isLast: Bool) throws(PathPatternError) -> Segment {
        guard text.utf8.contains(ASCII.openBrace) || text.utf8.contains(ASCII.closeBrace) else {
            guard !text.isEmpty || isLast else { throw .emptySegment }
            let canonical = try canonicalSegment(text)
            guard canonical == text else { throw .notCanonical(text, canonical: canonical) }
            return .literal(text)
        }
        guard text.hasPrefix("{"), text.hasSuffix("}") else { throw .partialParameter(text) }
        var name = String(text.dropFirst().dropLast())
        let isRest = name.hasSuffix("...")
        if isRest { name.removeLast(3) }
        guard let first = name.utf8.first, ASCII.isAlpha(first) || first == ASCII.underscore,
            name.utf8.allSatisfy({
                ASCII.isAlpha($0) || ASCII.isDigit($0) || $0 == ASCII.underscore || $0 == ASCII.hyphen
            })
        else { throw .malformedParameter(text) }
        if isRest {
            guard isLast else { throw .restNotLast }
            return .rest(name)
        }
        return .parameter(name)
    }

    /// What a canonical path holds where a client sends `text` as one segment.
    private static func canonicalSegment(_ text: String) throws(PathPatternError) -> String {
        if text == "." || text == ".." { throw .dotSegment }
        let canonical = ("/" + text).withByteView { path -> String? in
            let output = UnsafeMutablePointer<UInt8>.allocate(capacity: CanonicalPath.capacity(for: path.count))
            defer { output.deallocate() }
            guard let outcome = try? CanonicalPath.write(path, to: output) else { return nil }
            return ByteView(base: output, count: outcome.count).from(1).string
        }
        guard let canonical else { throw .invalidSegment(text) }
        return canonical
    }
}

extension PathPattern.Segment {
    var isCapture: Bool {
        if case .literal = self { false } else { true }
    }

    /// The lower the better, where two patterns that match one path first differ. The path's end would be -1.
    var rank: Int {
        switch self {
        case .literal: 0
        case .parameter: 1
        case .rest: 2
        }
    }
}

extension PathPattern: CustomStringConvertible {
    /// The template. A prefix shows as `/x/...`.
    package var description: String {
        segments.reduce(into: "") { text, segment in
            switch segment {
            case .literal(let bytes): text += "/" + bytes
            case .parameter(let name): text += "/{\(name)}"
            case .rest(let name): text += name.isEmpty ? "/..." : "/{\(name)...}"
            }
        }
    }
}

/// Why a text is no `PathPattern`.
package enum PathPatternError: Error, Sendable, Hashable, CustomStringConvertible {
    case noLeadingSlash
    /// `//`: slashes are merged before routing, so that it could never match.
    case emptySegment
    /// `.` or `..`, which are removed before routing.
    case dotSegment
    /// The segment is spelt in a way that routing never sees; `canonical` is the way it does.
    case notCanonical(String, canonical: String)
    /// The segment holds what is refused in every path.
    case invalidSegment(String)
    /// Text beside the braces, as in `{name}.json`.
    case partialParameter(String)
    /// What stands between the braces is no name of letters, digits, `_` and `-`.
    case malformedParameter(String)
    case repeatedParameter(String)
    /// `{name...}` before the end.
    case restNotLast
    /// More than `PathPattern.segmentLimit`.
    case tooManySegments
    /// More than `PathPattern.captureLimit`.
    case tooManyParameters

    package var description: String {
        switch self {
        case .noLeadingSlash: "a path begins with `/`"
        case .emptySegment: "`//` never matches: repeated slashes are merged before routing"
        case .dotSegment: "`.` and `..` never match: dot segments are removed before routing"
        case .notCanonical(let text, let canonical): "`\(text)` never matches: write it as `\(canonical)`"
        case .invalidSegment(let text): "`\(text)` can't occur in a path: percent-encode what isn't plain ASCII"
        case .partialParameter(let text): "`\(text)`: a parameter stands for a whole segment"
        case .malformedParameter(let text):
            "`\(text)`: expected `{name}` or `{name...}`, of letters, digits, `_` and `-`"
        case .repeatedParameter(let name): "the parameter `\(name)` occurs twice"
        case .restNotLast: "`{name...}` can only be the last segment"
        case .tooManySegments: "at most \(PathPattern.segmentLimit) segments"
        case .tooManyParameters: "at most \(PathPattern.captureLimit) parameters"
        }
    }
}
