import Base

/// Which field names a list may hold, in two words: of most names that it doesn't hold this is known without looking.
/// Names that are known fields are told exactly, all others by marks that several of them share.
@usableFromInline package struct NameMarks: Sendable {
    @usableFromInline var known: KnownFieldSet
    @usableFromInline var bits: UInt64 = 0

    package init() { known = KnownFieldSet() }

    fileprivate init(known: KnownFieldSet) { self.known = known.subtracting(.withoutFixedName) }

    /// One name's; names that differ in the case of letters only have the same.
    package static func mark(of name: ByteView) -> NameMarks {
        let field = KnownField(name: name)
        var mark = NameMarks(known: KnownFieldSet(field))
        if !field.hasFixedName { mark.bits = bit(of: name) }
        return mark
    }

    fileprivate static func bit(of name: ByteView) -> UInt64 {
        guard name.count > 0 else { return 1 }
        let first = UInt64(name.base[0] | 0x20)
        // Many names begin alike (`X-`), and many end alike.
        let middle = UInt64(name.base[name.count &>> 1] | 0x20)
        let last = UInt64(name.base[name.count &- 1] | 0x20)
        return 1 &<< (first &* 5 &+ middle &* 3 &+ last &* 11 &+ UInt64(truncatingIfNeeded: name.count) &* 7)
    }

    @inlinable package mutating func insert(mark: NameMarks) {
        known.formUnion(mark.known)
        bits |= mark.bits
    }

    /// False only where no name with this mark was inserted.
    @inlinable package func mayHold(mark: NameMarks) -> Bool {
        known.rawValue & mark.known.rawValue | bits & mark.bits != 0
    }
}

extension HeaderList {
    /// The marks of all names in the list.
    package var nameMarks: NameMarks {
        var marks = NameMarks(known: known)
        guard let slots, let arena, !known.isDisjoint(with: .withoutFixedName) else { return marks }
        var index = 0
        while index < endIndex {
            let slot = slots + index
            if !slot.pointee.known.hasFixedName, !slot.pointee.isRemoved {
                let name = ByteView(base: arena + Int(slot.pointee.nameStart), count: Int(slot.pointee.nameLength))
                marks.bits |= NameMarks.bit(of: name)
            }
            index &+= 1
        }
        return marks
    }
}
