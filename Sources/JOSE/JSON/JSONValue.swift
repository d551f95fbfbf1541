import Base

/// One place of a document's tape. A member's name is followed by its value, an array's or object's head by what it
/// holds.
@usableFromInline struct JSONNode {
    /// The first byte of the value as it was written.
    @usableFromInline var start: UnsafePointer<UInt8>
    /// A string's decoded bytes: in the text itself, or in the document's arena if it has escapes.
    @usableFromInline var text: UnsafePointer<UInt8>
    /// The length as written.
    @usableFromInline var rawCount: UInt32
    /// The length of a string's decoded bytes; the number of members or elements.
    @usableFromInline var count: UInt32
    /// How many nodes this value takes, itself included.
    @usableFromInline var span: UInt32
    /// The hash of a string that is a name.
    @usableFromInline var hash: UInt32
    @usableFromInline var kind: JSONValue.Kind
}

/// A value of a `JSONDocument`: one word that points into it, valid until the document reads its next text, and as
/// long as the bytes that it read.
@usableFromInline package struct JSONValue {
    @usableFromInline package enum Kind: UInt8, Sendable {
        case null, `false`, `true`, number, string, array, object
    }

    @usableFromInline let node: UnsafePointer<JSONNode>

    @inlinable init(node: UnsafePointer<JSONNode>) { self.node = node }

    @inlinable package var kind: Kind { node.pointee.kind }
    @inlinable package var isObject: Bool { kind == .object }
    @inlinable package var isArray: Bool { kind == .array }
    @inlinable package var isNumber: Bool { kind == .number }
    @inlinable package var isNull: Bool { kind == .null }

    /// The value as it was written, without the white space around it: JSON by itself, to be copied verbatim.
    @inlinable package var raw: ByteView { ByteView(base: node.pointee.start, count: Int(node.pointee.rawCount)) }

    /// A string's bytes with its escapes decoded; nil for other values.
    @inlinable package var text: ByteView? {
        kind == .string ? ByteView(base: node.pointee.text, count: Int(node.pointee.count)) : nil
    }

    /// `true` or `false`; nil for other values.
    @inlinable package var bool: Bool? {
        switch kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// How many members an object or elements an array has; 0 for other values.
    @inlinable package var count: Int { kind >= .array ? Int(node.pointee.count) : 0 }

    /// A number written with digits alone, exactly; nil for other values, those with a fraction or an exponent, and
    /// those out of range.
    package var integer: Int64? {
        guard kind == .number else { return nil }
        return JSONNumber.integer(raw)
    }

    /// A number as the nearest double; nil for other values. Always finite.
    package var double: Double? {
        guard kind == .number else { return nil }
        return JSONNumber.double(raw)
    }

    /// The value of the object's member with this name; nil if there is none, or this is no object.
    package func member(_ name: ByteView) -> JSONValue? {
        guard kind == .object else { return nil }
        var place = node + 1
        var left = node.pointee.count
        while left > 0 {
            if Int(place.pointee.count) == name.count, JSONBytes.areEqual(place.pointee.text, name.base, name.count) {
                return JSONValue(node: place + 1)
            }
            place += 1 + Int(place[1].span)
            left -= 1
        }
        return nil
    }

    package func member(_ name: StaticString) -> JSONValue? { member(ByteView(name)) }

    /// The value that a path of names leads to; nil if a step is missing or no object.
    package func value(at path: JSONPath) -> JSONValue? {
        var value = self
        var index = 0
        while index < path.count {
            guard let next = value.member(path.name(index)) else { return nil }
            value = next
            index += 1
        }
        return value
    }

    /// An object's members in their order; empty for other values.
    @inlinable package var members: JSONMembers { JSONMembers(of: self) }
    /// An array's elements in their order; empty for other values.
    @inlinable package var elements: JSONElements { JSONElements(of: self) }
}

extension JSONValue.Kind {
    @inlinable static func >= (left: Self, right: Self) -> Bool { left.rawValue >= right.rawValue }
}

/// Walks an object: `for member in value.members`.
@usableFromInline package struct JSONMembers: Sequence, IteratorProtocol {
    @usableFromInline package struct Member {
        /// The name with its escapes decoded.
        @usableFromInline package let name: ByteView
        @usableFromInline package let value: JSONValue

        @inlinable init(name: ByteView, value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    @usableFromInline var place: UnsafePointer<JSONNode>
    @usableFromInline var left: UInt32

    @inlinable init(of value: JSONValue) {
        place = value.node + 1
        left = value.kind == .object ? value.node.pointee.count : 0
    }

    @inlinable package mutating func next() -> Member? {
        guard left > 0 else { return nil }
        left -= 1
        let name = ByteView(base: place.pointee.text, count: Int(place.pointee.count))
        let value = JSONValue(node: place + 1)
        place += 1 + Int(place[1].span)
        return Member(name: name, value: value)
    }
}

/// Walks an array: `for element in value.elements`.
@usableFromInline package struct JSONElements: Sequence, IteratorProtocol {
    @usableFromInline var place: UnsafePointer<JSONNode>
    @usableFromInline var left: UInt32

    @inlinable init(of value: JSONValue) {
        place = value.node + 1
        left = value.kind == .array ? value.node.pointee.count : 0
    }

    @inlinable package mutating func next() -> JSONValue? {
        guard left > 0 else { return nil }
        left -= 1
        let value = JSONValue(node: place)
        place += Int(place.pointee.span)
        return value
    }
}
