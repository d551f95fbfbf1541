import Base
import JOSE

/// Which claim a rule looks at, as it is written in the configuration.
///
/// Dots lead into nested objects: `realm_access.roles`. `\.` is a dot within a name and `\\` a backslash. A path that
/// holds a colon is one name, dots and all: collision-resistant claim names are URIs (RFC 7519 section 4.2), such as
/// `https://example.com/roles`.
package struct ClaimPath: Sendable {
    /// How many names a path may have.
    package static let depthMaximum = 8
    /// The longest path, in bytes.
    package static let lengthMaximum = 256

    /// As it was written.
    package let text: String
    private let path: JSONPath

    package init(_ text: String) throws(ClaimPathProblem) {
        guard text.utf8.count <= Self.lengthMaximum else { throw .tooLong }
        let names = text.contains(":") ? [text] : try Self.split(text)
        guard names.count <= Self.depthMaximum else { throw .tooDeep }
        if names.contains(where: \.isEmpty) { throw .emptyName }
        self.text = text
        path = JSONPath(names: names)
    }

    /// A path whose names have been read already.
    /// - Parameter names: as many as `depthMaximum` at most, none empty.
    package init(names: [String]) {
        precondition(!names.isEmpty && names.count <= Self.depthMaximum, "a path leads somewhere")
        text = names.map { $0.contains(":") && names.count == 1 ? $0 : Self.escaped($0) }.joined(separator: ".")
        path = JSONPath(names: names)
    }

    private static func escaped(_ name: String) -> String {
        var text = ""
        for scalar in name.unicodeScalars {
            if scalar == "." || scalar == "\\" { text += "\\" }
            text.unicodeScalars.append(scalar)
        }
        return text
    }

    /// The claim's value; nil if the claims don't have it, or a step on the way is no object.
    package func value(in claims: JSONValue) -> JSONValue? { claims.value(at: path) }

    private static func split(_ text: String) throws(ClaimPathProblem) -> [String] {
        var names = [""]
        var isEscaped = false
        for scalar in text.unicodeScalars {
            if isEscaped {
                guard scalar == "." || scalar == "\\" else { throw .unknownEscape }
                isEscaped = false
            } else if scalar == "\\" {
                isEscaped = true
                continue
            } else if scalar == "." {
                names.append("")
                continue
            }
            names[names.count - 1].unicodeScalars.append(scalar)
        }
        if isEscaped { throw .unknownEscape }
        return names
    }
}

/// Why a text is no claim path.
package enum ClaimPathProblem: Error, Equatable, Sendable {
    /// Nothing at all, or nothing between two dots.
    case emptyName
    /// More names than `ClaimPath.depthMaximum`.
    case tooDeep
    /// More bytes than `ClaimPath.lengthMaximum`.
    case tooLong
    /// A backslash before something other than a dot or a backslash.
    case unknownEscape

    package var message: String {
        switch self {
        case .emptyName: "a claim's name is missing"
        case .tooDeep: "a claim path has at most \(ClaimPath.depthMaximum) names"
        case .tooLong: "a claim path has at most \(ClaimPath.lengthMaximum) bytes"
        case .unknownEscape: #"a backslash in a claim path stands before a dot or a backslash: `\.`"#
        }
    }
}
