/// Changes to a request on its way to the upstream: the plugin `request_transform`. All values are read from the
/// request before the first change.
package struct RequestTransform: Sendable, Equatable {
    package let headers: FieldEdit
    package let query: FieldEdit
    /// One of `methods`; nil keeps the client's.
    package let method: Setting<String>?
    /// The path for the upstream; begins with `/`. Nil keeps what `rewrite` says.
    package let path: Setting<TextTemplate>?
    package let body: BodyEdit?
    /// What becomes of the request when a value has no text and no default.
    package let onMissing: Setting<MissingValuePolicy>

    /// What a method may become: not HEAD, whose answers have no content; not CONNECT, TRACE or OPTIONS, which are
    /// about the connection and not the resource.
    package static let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
}

/// Changes to an answer on its way to the client: the plugin `response_transform`. Values are read from the request, as
/// it was before the first change.
package struct ResponseTransform: Sendable, Equatable {
    /// Which of the upstream's answers are changed; empty: all.
    package let statuses: [Setting<AnswerStatuses>]
    package let headers: FieldEdit
    /// What the upstream's statuses become.
    package let status: [StatusMapping]
    package let body: BodyEdit?
}

/// A status, or all of a class: `404`, `5xx`.
package struct AnswerStatuses: Sendable, Hashable {
    package let first: Int
    package let last: Int

    package func contains(_ status: Int) -> Bool { status >= first && status <= last }
}

/// What one status becomes.
package struct StatusMapping: Sendable, Equatable {
    package let from: AnswerStatuses
    /// 200…599, but not 204, 205 and 304, which have no content.
    package let to: Setting<Int>
}

/// Operations on named fields, headers or query parameters, in their fixed order.
package struct FieldEdit: Sendable, Equatable {
    /// Names to drop.
    package let remove: [Setting<String>]
    /// Names to change, where they are present.
    package let rename: [FieldRename]
    /// Values for names that are present.
    package let replace: [FieldAssignment]
    /// Values for names, present or not.
    package let set: [FieldAssignment]
    /// Values to add behind what there is.
    package let append: [FieldAssignment]

    package static let none = FieldEdit(remove: [], rename: [], replace: [], set: [], append: [])

    package var isEmpty: Bool {
        remove.isEmpty && rename.isEmpty && replace.isEmpty && set.isEmpty && append.isEmpty
    }
}

package struct FieldRename: Sendable, Equatable {
    package let from: String
    package let to: Setting<String>
}

package struct FieldAssignment: Sendable, Equatable {
    package let name: String
    package let value: Setting<TextTemplate>
}

/// What becomes of a body.
package struct BodyEdit: Sendable, Equatable {
    package enum Change: Sendable, Equatable {
        /// Members of a JSON text are changed.
        case json(JSONMemberEdit)
        /// The whole body is this text. Responses only.
        case text(Setting<String>, contentType: Setting<String>)
    }

    /// Which of the upstream's answers are meant, within the transform's own; empty: all. Responses only.
    package let statuses: [Setting<AnswerStatuses>]
    package let change: Change
    /// The longest body that is edited, in bytes: that much is held in memory for each request under way.
    package let bytesMax: Setting<Int>
    package let onUnfit: Setting<UnfitBodyPolicy>
}

/// Operations on members of a JSON text, in their fixed order.
package struct JSONMemberEdit: Sendable, Equatable {
    package let remove: [Setting<JSONPointer>]
    package let rename: [JSONRename]
    package let replace: [JSONAssignment]
    package let set: [JSONAssignment]
    /// Elements to add to arrays.
    package let append: [JSONAssignment]

    package static let none = JSONMemberEdit(remove: [], rename: [], replace: [], set: [], append: [])

    package var isEmpty: Bool {
        remove.isEmpty && rename.isEmpty && replace.isEmpty && set.isEmpty && append.isEmpty
    }
}

/// A place in a JSON text (RFC 6901), never the whole text: 1…16 tokens with their escapes decoded.
package struct JSONPointer: Sendable, Hashable {
    package let tokens: [String]
}

package struct JSONRename: Sendable, Equatable {
    package let pointer: JSONPointer
    /// The member's new name; its object stays the same.
    package let name: Setting<String>
}

package struct JSONAssignment: Sendable, Equatable {
    package let pointer: JSONPointer
    package let value: Setting<JSONMemberValue>
}

/// What a member becomes.
package enum JSONMemberValue: Sendable, Hashable {
    /// A string.
    case text(TextTemplate)
    /// `true`, `false`, `null` or a number, as JSON.
    case literal(String)
}

/// What becomes of a request for which a value has no text.
package enum MissingValuePolicy: String, Sendable, Hashable, CaseIterable {
    /// The field gets no value, nor keeps one that it had.
    case drop
    /// 400.
    case refuse
}

/// What becomes of a message whose body can't be edited.
package enum UnfitBodyPolicy: String, Sendable, Hashable, CaseIterable {
    /// Requests: 400, 413 or 415; responses: 502.
    case refuse
    /// It goes on as it came.
    case pass
}

/// Text with places for what is known about a request: `{path.id}`, `{claim.sub|lower|default:'nobody'}`.
package struct TextTemplate: Sendable, Hashable {
    /// No two literals in a row, no empty ones.
    package let parts: [TextPart]

    package init(parts: [TextPart]) { self.parts = parts }

    /// The text, when it has no places to fill.
    package var constant: String? {
        if parts.isEmpty { return "" }
        guard parts.count == 1, case .literal(let text) = parts[0] else { return nil }
        return text
    }
}

package enum TextPart: Sendable, Hashable {
    case literal(String)
    case value(TextValue)
}

/// A place to fill: what is read, and what is done with it, in order.
package struct TextValue: Sendable, Hashable {
    package let attribute: RequestAttribute
    package let steps: [TextStep]

    package init(attribute: RequestAttribute, steps: [TextStep]) {
        self.attribute = attribute
        self.steps = steps
    }

    /// Whether there is always a text, be it empty.
    package var hasDefault: Bool {
        steps.contains { if case .fallback = $0 { true } else { false } }
    }
}

/// What a template reads of a request.
package enum RequestAttribute: Sendable, Hashable {
    /// The route's path parameter and its index in `PathTemplate.parameters`.
    case pathParameter(name: String, index: Int)
    /// The first parameter of this name, decoded.
    case query(String)
    /// The values of all lines of this name, joined by `, `.
    case header(String)
    /// The first cookie of this name.
    case cookie(String)
    case claim(ClaimPath)
    case spiffeID, tenant, requestID, clientAddress, route, domain, method, host
}

/// What is done with a value.
package enum TextStep: Sendable, Hashable {
    /// ASCII letters become small.
    case lower
    /// With padding (RFC 4648 section 4).
    case base64
    /// SHA-256, in small hexadecimal digits.
    case hash
    /// All but unreserved characters become `%XX` (RFC 3986 section 2.3).
    case urlEscape
    /// The value, if there is none so far.
    case fallback(String)
}
