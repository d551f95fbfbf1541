import Base

/// A field that is written already, for messages that all get the same one: appending it is one copy.
package struct FieldLine: Sendable {
    /// `name: value` CRLF.
    let text: ByteView
    let nameCount: Int
    let known: KnownField

    /// - Parameters:
    ///   - name: a valid one (`isValidFieldName`).
    ///   - value: a valid one (`isValidFieldValue`).
    ///   - texts: keeps the line, and must live as long.
    package init(name: ByteView, value: ByteView, in texts: TextArena) {
        assert(name.isValidFieldName && value.isValidFieldValue)
        var line = IOBuffer(capacity: name.count + value.count + 4)
        HeadEncoder.appendField(name, value, to: &line)
        text = texts.keep(line.readable)
        nameCount = name.count
        known = KnownField(name: name)
    }
}

extension HeaderList {
    package mutating func append(_ line: FieldLine) {
        let size = line.text.count
        guard hasRoom(for: size), let arena else {
            // Nothing of the list's own is appended here, so that the old memory can go.
            makeRoom(for: size)?.deallocate()
            return append(line)
        }
        let start = arenaCount
        UnsafeMutableRawPointer(arena + start).copyMemory(from: line.text.base, byteCount: size)
        arenaCount = start &+ size
        let valueStart = start &+ line.nameCount &+ 2
        appendSlot(
            Field(
                nameStart: start, nameEnd: start &+ line.nameCount, valueStart: valueStart,
                valueEnd: start &+ size &- 2, known: line.known, isPlainLine: true))
    }
}
