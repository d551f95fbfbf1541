/// A set of an upstream's targets, by index below 256: four words, no memory of its own.
package struct TargetSet: Sendable, Equatable {
    /// How many targets an upstream can have.
    package static let limit = 256

    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// The empty set.
    package init() { words = (0, 0, 0, 0) }

    /// The first `count` targets.
    package init(first count: Int) {
        self.init()
        var index = 0
        while index < min(count, Self.limit) {
            insert(index)
            index += 1
        }
    }

    /// Every target.
    package static var all: TargetSet {
        var set = TargetSet()
        set.words = (.max, .max, .max, .max)
        return set
    }

    package func contains(_ index: Int) -> Bool {
        assert(index >= 0 && index < Self.limit)
        return word(index >> 6) & (1 << UInt64(index & 63)) != 0
    }

    package mutating func insert(_ index: Int) { set(index, true) }
    package mutating func remove(_ index: Int) { set(index, false) }

    package var isEmpty: Bool { words.0 | words.1 | words.2 | words.3 == 0 }

    /// The number of targets in the set.
    package var count: Int {
        words.0.nonzeroBitCount + words.1.nonzeroBitCount + words.2.nonzeroBitCount + words.3.nonzeroBitCount
    }

    package func intersection(_ other: TargetSet) -> TargetSet {
        var result = self
        result.words.0 &= other.words.0
        result.words.1 &= other.words.1
        result.words.2 &= other.words.2
        result.words.3 &= other.words.3
        return result
    }

    package func subtracting(_ other: TargetSet) -> TargetSet {
        var result = self
        result.words.0 &= ~other.words.0
        result.words.1 &= ~other.words.1
        result.words.2 &= ~other.words.2
        result.words.3 &= ~other.words.3
        return result
    }

    /// The smallest index at or after `start`.
    func next(from start: Int) -> Int? {
        var index = start
        while index < Self.limit {
            let rest = word(index >> 6) >> UInt64(index & 63)
            if rest != 0 { return index + rest.trailingZeroBitCount }
            index = (index | 63) + 1
        }
        return nil
    }

    private func word(_ index: Int) -> UInt64 {
        switch index {
        case 0: words.0
        case 1: words.1
        case 2: words.2
        default: words.3
        }
    }

    private mutating func set(_ index: Int, _ isMember: Bool) {
        precondition(index >= 0 && index < Self.limit)
        let bit = UInt64(1) << UInt64(index & 63)
        switch index >> 6 {
        case 0: words.0 = isMember ? words.0 | bit : words.0 & ~bit
        case 1: words.1 = isMember ? words.1 | bit : words.1 & ~bit
        case 2: words.2 = isMember ? words.2 | bit : words.2 & ~bit
        default: words.3 = isMember ? words.3 | bit : words.3 & ~bit
        }
    }

    package static func == (left: TargetSet, right: TargetSet) -> Bool { left.words == right.words }
}
