import JOSE

/// Which claim a rule looks at: a name, or names that lead into nested objects.
package struct ClaimPath: Sendable {
    /// How many names a path may have.
    package static let depthMaximum = 8

    /// As it is written in the configuration, for people.
    package let text: String
    private let path: JSONPath

    /// - Parameters:
    ///   - names: as many as `depthMaximum` at most, none empty.
    ///   - text: as it is written; nil: the names with dots between them.
    package init(names: [String], text: String? = nil) {
        precondition(!names.isEmpty && names.count <= Self.depthMaximum, "a path leads somewhere")
        self.text = text ?? names.joined(separator: ".")
        path = JSONPath(names: names)
    }

    /// The claim's value; nil if the claims don't have it, or a step on the way is no object.
    package func value(in claims: JSONValue) -> JSONValue? { claims.value(at: path) }
}
