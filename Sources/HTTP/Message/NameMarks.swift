import Base

/// Which field names a list may hold, in one word: of most names that it doesn't hold this is known without looking.
@usableFromInline package struct NameMarks: Sendable {
    @usableFromInline var bits: UInt64 = 0

    package init() {}

    /// One name's mark; names that differ in the case of letters only have the same.
    package static func mark(of name: ByteView) -> UInt64 {
        guard name.count > 0 else { return 1 }
        let first = UInt64(name.base[0] | 0x20)
        let last = UInt64(name.base[name.count &- 1] | 0x20)
        return 1 << ((first &* 5 &+ last &* 11 &+ UInt64(truncatingIfNeeded: name.count) &* 7) & 63)
    }

    @inlinable package mutating func insert(mark: UInt64) { bits |= mark }

    /// False only where no name with this mark was inserted.
    @inlinable package func mayHold(mark: UInt64) -> Bool { bits & mark != 0 }
}

extension HeaderList {
    /// The marks of all names in the list.
    package var nameMarks: NameMarks {
        var marks = NameMarks()
        guard let slots, let arena else { return marks }
        var index = 0
        while index < endIndex {
            let field = slots[index]
            if !field.isRemoved {
                let name = ByteView(base: arena + Int(field.nameStart), count: Int(field.nameLength))
                marks.insert(mark: NameMarks.mark(of: name))
            }
            index += 1
        }
        return marks
    }
}
