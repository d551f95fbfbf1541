import Base

extension HeaderList {
    /// Empties the list and its arena and keeps their memory.
    @inlinable package mutating func removeAll() {
        arenaCount = 0
        endIndex = 0
        count = 0
        known = KnownFieldSet()
    }

    /// Empties the list and gives its memory back.
    package mutating func releaseMemory() {
        removeAll()
        arena?.deallocate()
        slots?.deallocate()
        arena = nil
        slots = nil
        arenaCapacity = 0
        slotCapacity = 0
    }

    /// The memory that the list holds, in bytes.
    package var memoryBytes: Int { arenaCapacity + slotCapacity * MemoryLayout<Field>.stride }

    /// Removes one field. Its index is skipped from now on.
    package mutating func remove(at index: Int) {
        guard let slots, index >= 0, index < endIndex else { preconditionFailure("no field has this index") }
        guard !slots[index].isRemoved else { return }
        slots[index].isRemoved = true
        count -= 1
        let field = slots[index].known
        if field != .other, !hasAnother(field) { known.remove(KnownFieldSet(field)) }
    }

    private func hasAnother(_ field: KnownField) -> Bool { firstIndex(of: field) != nil }

    /// Removes all fields that are in `fields`. Costs nothing when there are none.
    package mutating func removeAll(_ fields: KnownFieldSet) {
        guard let slots, !known.isDisjoint(with: fields) else { return }
        var index = 0
        while index < endIndex {
            if fields.contains(slots[index].known), !slots[index].isRemoved {
                slots[index].isRemoved = true
                count -= 1
            }
            index += 1
        }
        known.subtract(fields)
    }

    package mutating func removeAll(_ field: KnownField) { removeAll(KnownFieldSet(field)) }

    /// Removes all fields called `name`, in any case of letters.
    package mutating func removeAll(named name: ByteView) {
        var next = firstIndex(named: name)
        while let index = next {
            remove(at: index)
            next = firstIndex(named: name, from: index + 1)
        }
    }

    /// The same, quickly when the name is known.
    /// - Parameter field: what `name` is.
    package mutating func removeAll(named name: ByteView, known field: KnownField) {
        if field.hasFixedName { removeAll(field) } else { removeAll(named: name) }
    }

    /// Whether there is a field called `name`.
    /// - Parameter field: what `name` is.
    package func contains(named name: ByteView, known field: KnownField) -> Bool {
        field.hasFixedName ? contains(field) : firstIndex(named: name) != nil
    }

    /// Gives all fields called `name` another name, at the end of the list. Nothing happens when there are none.
    /// - Parameters:
    ///   - old: what `name` is.
    ///   - new: what `other` is.
    ///   - displaces: whether fields that are called `other` make place, if there are any. Not with the same name in
    ///     other letters.
    package mutating func rename(
        _ name: ByteView, known old: KnownField, to other: ByteView, known new: KnownField, displaces: Bool
    ) {
        let end = endIndex
        guard var index = index(of: name, known: old, from: 0, to: end) else { return }
        if displaces { removeAll(named: other, known: new) }
        while true {
            append(name: other, value: value(at: index), known: new)
            markRemoved(at: index)
            guard let next = self.index(of: name, known: old, from: index &+ 1, to: end) else { break }
            index = next
        }
        if old.hasFixedName, old != new { known.remove(KnownFieldSet(old)) }
    }

    /// - Parameter field: what `name` is.
    @inline(__always)
    private func index(of name: ByteView, known field: KnownField, from start: Int, to end: Int) -> Int? {
        guard let slots else { return nil }
        var slot = slots + start
        while slot < slots + end {
            if slot.pointee.known == field, !slot.pointee.isRemoved {
                let index = slot - slots
                if field.hasFixedName || self.name(at: index).equalsIgnoringCase(name) { return index }
            }
            slot += 1
        }
        return nil
    }

    @inline(__always)
    private mutating func markRemoved(at index: Int) {
        guard let slots, index < endIndex, !slots[index].isRemoved else { return }
        slots[index].isRemoved = true
        count -= 1
    }

    /// Appends a field. The bytes must be a valid name and value (`isValidFieldName`, `isValidFieldValue`).
    package mutating func append(name: ByteView, value: ByteView, known field: KnownField) {
        assert(name.isValidFieldName && value.isValidFieldValue)
        let nameCount = name.count
        let valueCount = value.count
        let size = nameCount + valueCount + 4
        guard hasRoom(for: size), let arena else { return appendWithMoreRoom(name, value, field) }
        // From here on all sums lie within the arena.
        let start = arenaCount
        let line = arena + start
        // Not `update(from:count:)`, which asks each time whether the two overlap; here they never do.
        UnsafeMutableRawPointer(line).copyMemory(from: name.base, byteCount: nameCount)
        line[nameCount] = ASCII.colon
        line[nameCount &+ 1] = ASCII.space
        UnsafeMutableRawPointer(line + (nameCount &+ 2)).copyMemory(from: value.base, byteCount: valueCount)
        line[size &- 2] = ASCII.cr
        line[size &- 1] = ASCII.lf
        arenaCount = start &+ size
        let valueStart = start &+ nameCount &+ 2
        appendSlot(
            Field(
                nameStart: start, nameEnd: start &+ nameCount, valueStart: valueStart,
                valueEnd: valueStart &+ valueCount, known: field, isPlainLine: true))
    }

    /// Off the common path, so that this keeps nothing for the old memory.
    @inline(never)
    private mutating func appendWithMoreRoom(_ name: ByteView, _ value: ByteView, _ field: KnownField) {
        // Both may be in the old memory.
        let retired = makeRoom(for: name.count + value.count + 4)
        append(name: name, value: value, known: field)
        retired?.deallocate()
    }

    /// Appends a field, finding out which one it is.
    package mutating func append(name: ByteView, value: ByteView) {
        append(name: name, value: value, known: KnownField(name: name))
    }

    package mutating func append(_ field: KnownField, value: ByteView) {
        append(name: ByteView(field.name), value: value, known: field)
    }

    package mutating func append(_ field: KnownField, value: StaticString) { append(field, value: ByteView(value)) }

    /// Makes `field` have this one value, at the end of the list.
    package mutating func set(_ field: KnownField, value: ByteView) {
        removeAll(field)
        append(field, value: value)
    }

    /// Makes the field called `name` have this one value, at the end of the list.
    package mutating func set(name: ByteView, value: ByteView) {
        // Appended first: `name` may be a view of this list.
        let added = endIndex
        append(name: name, value: value)
        var next = firstIndex(named: self.name(at: added))
        while let index = next, index < added {
            remove(at: index)
            next = firstIndex(named: self.name(at: added), from: index + 1)
        }
    }

    // MARK: Building a value in place

    /// Begins a field whose value follows piece by piece: `appendToValue` …, then `finishValue`. Nothing else may
    /// change the list in between.
    package mutating func beginValue(_ field: KnownField) { beginValue(name: ByteView(field.name), known: field) }

    package mutating func beginValue(name: ByteView, known field: KnownField) {
        assert(name.isValidFieldName)
        let retired = reserveArena(name.count + 4)
        defer { retired?.deallocate() }
        let start = arenaCount
        write(name)
        write(": ")
        appendSlot(
            Field(
                nameStart: start, nameEnd: start + name.count, valueStart: arenaCount, valueEnd: arenaCount,
                known: field, isPlainLine: true))
    }

    package mutating func appendToValue(_ bytes: ByteView) {
        let retired = reserveArena(bytes.count + 2)
        defer { retired?.deallocate() }
        write(bytes)
    }

    package mutating func appendToValue(_ literal: StaticString) { appendToValue(ByteView(literal)) }

    /// Appends `value` in decimal.
    package mutating func appendToValue(decimal value: UInt64) {
        reserveArena(22)?.deallocate()
        guard let arena else { return }
        arenaCount += arena.writeDecimal(value, at: arenaCount)
    }

    package mutating func finishValue() {
        guard let slots, endIndex > 0 else { preconditionFailure("no value was begun") }
        slots[endIndex - 1].valueLength = UInt32(truncatingIfNeeded: arenaCount) - slots[endIndex - 1].valueStart
        reserveArena(2)?.deallocate()
        write("\r\n")
    }
}

// MARK: Memory

extension HeaderList {
    /// Ensures room for `count` more bytes. Returns the old memory when it moved, for the caller to free once it has
    /// read what it wanted to copy from there.
    mutating func reserveArena(_ count: Int) -> UnsafeMutablePointer<UInt8>? {
        guard arenaCapacity - arenaCount < count else { return nil }
        let capacity = max(arenaCapacity * 2, arenaCount + count, 1024)
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        let retired = arena
        if let retired { grown.update(from: retired, count: arenaCount) }
        arena = grown
        arenaCapacity = capacity
        return retired
    }

    /// Whether a field of so many bytes needs no more memory.
    @inline(__always)
    func hasRoom(for size: Int) -> Bool { arenaCapacity - arenaCount >= size && endIndex < slotCapacity }

    /// Makes `hasRoom` true. Returns what `reserveArena` returns.
    @inline(never)
    mutating func makeRoom(for size: Int) -> UnsafeMutablePointer<UInt8>? {
        if endIndex == slotCapacity { growSlots(toHold: endIndex) }
        return reserveArena(size)
    }

    /// Copies into memory that was reserved.
    @inline(__always)
    mutating func write(_ bytes: ByteView) {
        guard let arena, bytes.count <= arenaCapacity - arenaCount else { preconditionFailure("not reserved") }
        (arena + arenaCount).update(from: bytes.base, count: bytes.count)
        arenaCount += bytes.count
    }

    @inline(__always)
    mutating func write(_ literal: StaticString) { write(ByteView(literal)) }

    @inline(__always)
    mutating func appendSlot(_ field: Field) {
        place(field, at: endIndex)
        endIndex &+= 1
        count &+= 1
        known = known.and(field.known)
    }

    /// Stores a field of the empty list without showing it.
    @inline(__always)
    mutating func place(_ field: Field, at index: Int) {
        if index >= slotCapacity { growSlots(toHold: index) }
        guard let slots, index < slotCapacity else { preconditionFailure("there is room now") }
        (slots + index).initialize(to: field)
    }

    @inline(never)
    private mutating func growSlots(toHold index: Int) {
        let capacity = max(slotCapacity * 2, index + 1, 32)
        let grown = UnsafeMutablePointer<Field>.allocate(capacity: capacity)
        if let slots {
            grown.update(from: slots, count: slotCapacity)
            slots.deallocate()
        }
        slots = grown
        slotCapacity = capacity
    }

    /// Fills the empty list with a whole head or trailer section, and shows the fields that the same call of
    /// `FieldSection.parse` has placed in its slots.
    mutating func adopt(_ section: ByteView, fieldCount: Int, known: KnownFieldSet) {
        precondition(arenaCount == 0 && endIndex == 0)
        reserveArena(section.count)?.deallocate()
        write(section)
        endIndex = fieldCount
        count = fieldCount
        self.known = known
    }
}
