import Base

/// The fields of one message, in order and with their names as they were written.
///
/// One arena of bytes holds names and values (and, in a head, the start line); one array tells where they are. Both
/// grow to what the largest message so far needed and are kept between messages, so that a list in steady state
/// allocates nothing. Removal only marks: indexes stay valid until `removeAll()`.
///
/// ```
/// var index = list.firstIndex
/// while index < list.endIndex {
///     … list.name(at: index) … list.value(at: index) …
///     index = list.index(after: index)
/// }
/// ```
/// Views that a list returns are valid until it is next changed. Views of a list's own bytes may be appended to it.
@usableFromInline package struct HeaderList: ~Copyable {
    /// Where one field is, and what is known about it.
    @usableFromInline package struct Field: Sendable {
        @usableFromInline package internal(set) var nameStart: UInt32
        @usableFromInline package internal(set) var nameLength: UInt32
        @usableFromInline package internal(set) var valueStart: UInt32
        @usableFromInline package internal(set) var valueLength: UInt32
        /// Which known field the name is.
        @usableFromInline package internal(set) var known: KnownField
        @usableFromInline package internal(set) var isRemoved: Bool
        /// Whether the arena holds the field as the line `name: value` CRLF.
        let isPlainLine: Bool

        init(nameStart: Int, nameEnd: Int, valueStart: Int, valueEnd: Int, known: KnownField, isPlainLine: Bool) {
            self.nameStart = UInt32(truncatingIfNeeded: nameStart)
            self.nameLength = UInt32(truncatingIfNeeded: nameEnd &- nameStart)
            self.valueStart = UInt32(truncatingIfNeeded: valueStart)
            self.valueLength = UInt32(truncatingIfNeeded: valueEnd &- valueStart)
            self.known = known
            self.isRemoved = false
            self.isPlainLine = isPlainLine
        }
    }

    @usableFromInline var arena: UnsafeMutablePointer<UInt8>?
    @usableFromInline var arenaCapacity = 0
    /// The bytes of the arena in use.
    @usableFromInline package internal(set) var arenaCount = 0
    @usableFromInline var slots: UnsafeMutablePointer<Field>?
    @usableFromInline var slotCapacity = 0
    /// One past the last index, removed fields included.
    @usableFromInline package internal(set) var endIndex = 0
    /// The number of fields that are not removed.
    @usableFromInline package internal(set) var count = 0
    /// Which known fields are in the list.
    @usableFromInline package internal(set) var known = KnownFieldSet()

    /// A list without memory.
    package init() {}

    deinit {
        arena?.deallocate()
        slots?.deallocate()
    }

    @inlinable package var isEmpty: Bool { count == 0 }

    // MARK: Reading

    /// The index of the first field; `endIndex` when there is none.
    @inlinable package var firstIndex: Int { index(after: -1) }

    /// The index of the next field that is not removed; `endIndex` when there is none.
    @inlinable package func index(after index: Int) -> Int {
        var next = index + 1
        while next < endIndex, field(at: next).isRemoved { next += 1 }
        return next
    }

    @inlinable package func field(at index: Int) -> Field {
        guard let slots, index >= 0, index < endIndex else { preconditionFailure("no field has this index") }
        return slots[index]
    }

    /// The name as it was written.
    @inlinable package func name(at index: Int) -> ByteView {
        let field = field(at: index)
        return bytes(start: Int(field.nameStart), count: Int(field.nameLength))
    }

    /// The value without white space around it; may be empty.
    @inlinable package func value(at index: Int) -> ByteView {
        let field = field(at: index)
        return bytes(start: Int(field.valueStart), count: Int(field.valueLength))
    }

    /// Bytes of the arena.
    @inlinable package func bytes(start: Int, count: Int) -> ByteView {
        guard let arena, start >= 0, count >= 0, start + count <= arenaCount else {
            precondition(count == 0, "the range lies outside of the arena")
            return ByteView()
        }
        return ByteView(base: arena + start, count: count)
    }

    /// Whether `field` is in the list. One instruction.
    @inlinable package func contains(_ field: KnownField) -> Bool { known.contains(field) }

    /// The index of the first `field` at or after `start`.
    package func firstIndex(of field: KnownField, from start: Int = 0) -> Int? {
        guard let slots, known.contains(field) else { return nil }
        var index = max(start, 0)
        while index < endIndex {
            if slots[index].known == field, !slots[index].isRemoved { return index }
            index += 1
        }
        return nil
    }

    /// The index of the first field called `name`, in any case of letters, at or after `start`.
    package func firstIndex(named name: ByteView, from start: Int = 0) -> Int? {
        guard let slots else { return nil }
        var index = max(start, 0)
        while index < endIndex {
            if !slots[index].isRemoved, Int(slots[index].nameLength) == name.count,
                self.name(at: index).equalsIgnoringCase(name)
            {
                return index
            }
            index += 1
        }
        return nil
    }

    /// Whether a field called `name`, in any case of letters, was in the list and has been removed.
    package func holdsRemoved(named name: ByteView) -> Bool {
        guard let slots, count < endIndex else { return false }
        var index = 0
        while index < endIndex {
            if slots[index].isRemoved, self.name(at: index).equalsIgnoringCase(name) { return true }
            index += 1
        }
        return false
    }

    /// The value of the first `field`.
    package func value(of field: KnownField) -> ByteView? { firstIndex(of: field).map { value(at: $0) } }

    /// Appends the values of all fields called `name`, joined by `, ` (RFC 9110 section 5.3).
    package func appendCombinedValue(named name: ByteView, to buffer: inout IOBuffer) {
        var next = firstIndex(named: name)
        var isFirst = true
        while let index = next {
            if !isFirst { buffer.append(", ") }
            buffer.append(value(at: index))
            isFirst = false
            next = firstIndex(named: name, from: index + 1)
        }
    }

    /// Appends the elements of all lines of a list field, joined by `, `, without empty ones (RFC 9110 section 5.6.1).
    /// For fields without quoted strings.
    package func appendElements(of field: KnownField, to buffer: inout IOBuffer) {
        var isFirst = true
        var next = firstIndex(of: field)
        while let index = next {
            let value = value(at: index)
            var start = 0
            while start < value.count {
                let end = value.firstIndex(of: ASCII.comma, from: start) ?? value.count
                let element = value[start..<end].trimmingWhitespace()
                start = end + 1
                if element.isEmpty { continue }
                if !isFirst { buffer.append(", ") }
                buffer.append(element)
                isFirst = false
            }
            next = firstIndex(of: field, from: index + 1)
        }
    }
}
