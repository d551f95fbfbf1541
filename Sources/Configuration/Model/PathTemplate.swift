/// The paths that a route or a domain covers, parsed: `/accounts/{id}`, `/files/{rest...}`, or a prefix.
package struct PathTemplate: Sendable, Hashable {
    /// Between the slashes. A trailing slash is a last empty literal; `/` is one empty literal; the prefix `/` has no
    /// segments at all.
    package let segments: [PathSegment]
    /// Whether everything below matches too: the prefix `/x` takes `/x`, `/x/` and `/x/y`, but not `/xy`.
    package let isPrefix: Bool

    /// Names of the parameters, in their order.
    package var parameters: [String] {
        segments.compactMap { segment in
            switch segment {
            case .literal: nil
            case .parameter(let name), .rest(let name): name
            }
        }
    }
}

/// What stands between two slashes.
package enum PathSegment: Sendable, Hashable {
    /// In canonical form: unreserved characters decoded, other escapes with upper-case digits.
    case literal(String)
    /// `{name}`: exactly one non-empty segment.
    case parameter(String)
    /// `{name...}`: whatever is left, slashes included, possibly empty. Only last.
    case rest(String)
}

extension PathTemplate: CustomStringConvertible {
    /// As it would be written in a file (a prefix without saying that it is one).
    package var description: String {
        var text = ""
        for segment in segments {
            text += "/"
            switch segment {
            case .literal(let literal): text += literal
            case .parameter(let name): text += "{\(name)}"
            case .rest(let name): text += "{\(name)...}"
            }
        }
        return text.isEmpty ? "/" : text
    }
}

/// Text with places for path parameters.
package struct ValueTemplate: Sendable, Hashable {
    package let parts: [TemplatePart]

    /// The text, when it has no places to fill.
    package var constant: String? {
        switch parts.count {
        case 0: return ""
        case 1:
            if case .literal(let text) = parts[0] { return text }
            return nil
        default: return nil
        }
    }
}

/// A piece of a template.
package enum TemplatePart: Sendable, Hashable {
    case literal(String)
    /// The route's path parameter: its name and its index in `PathTemplate.parameters`.
    case parameter(name: String, index: Int)
}

extension PathTemplate {
    /// The prefix `/`: any path.
    package static var everything: PathTemplate { PathTemplate(segments: [], isPrefix: true) }
}
