import Base

/// The conditions of all routes in a form that is cheap to compare: names as numbers, in order, and the beginnings of
/// texts as words. The checks of a set compare many pairs of routes.
struct CompactConditions {
    struct Condition {
        /// The name's number; a header and a parameter of one name have different ones.
        let key: Int32
        let kind: ConditionKind
        /// Of the text, in bytes.
        let count: Int32
        /// The first eight bytes of the text, the first one highest; zeros where it is shorter.
        let head: UInt64
        /// The text's place in `texts`.
        let text: Int32

        /// Whether the name's being there is enough.
        var holdsForAnyValue: Bool { kind == .present || kind == .prefix && count == 0 }
        /// Whether it asks for no value.
        var isAboutPresence: Bool { kind == .absent || holdsForAnyValue }
    }

    private var all: [Condition] = []
    private var texts: [String] = []
    /// Where a route's begin; one more than there are routes.
    private var starts: [Int32] = [0]

    init(_ definitions: [RouteDefinition]) {
        starts.reserveCapacity(definitions.count + 1)
        var keys: [Key: Int32] = [:]
        for route in definitions {
            let start = all.count
            for (isHeader, list) in [(true, route.headers), (false, route.queries)] {
                for condition in list {
                    let next = Int32(keys.count)
                    let key = Key(isHeader: isHeader, name: Array(condition.name.utf8))
                    all.append(compact(condition.test, key: keys[key, default: next]))
                    if keys[key] == nil { keys[key] = next }
                }
            }
            if all.count - start > 1 { all[start...].sort { $0.key < $1.key } }
            starts.append(Int32(all.count))
        }
    }

    private struct Key: Hashable {
        let isHeader: Bool
        let name: [UInt8]
    }

    private mutating func compact(_ test: RouteCondition.Test, key: Int32) -> Condition {
        let text = test.text
        var head: UInt64 = 0
        for (position, byte) in text.utf8.prefix(8).enumerated() { head |= UInt64(byte) << UInt64(56 - 8 * position) }
        texts.append(text)
        return Condition(
            key: key, kind: test.kind, count: Int32(text.utf8.count), head: head, text: Int32(texts.count - 1))
    }

    /// A route's conditions, in the order of their names' numbers.
    subscript(_ route: Int) -> ArraySlice<Condition> { all[Int(starts[route])..<Int(starts[route + 1])] }

    func text(of condition: Condition) -> String { texts[Int(condition.text)] }

    /// Whether one request can satisfy the conditions of both routes. Those on different names never exclude each
    /// other.
    func canHoldTogether(_ left: Int, _ right: Int) -> Bool {
        var first = Int(starts[left])
        var second = Int(starts[right])
        let firstEnd = Int(starts[left + 1])
        let secondEnd = Int(starts[right + 1])
        while first < firstEnd, second < secondEnd {
            if all[first].key == all[second].key {
                if !canHold(all[first], all[second]) { return false }
                first += 1
                second += 1
            } else if all[first].key < all[second].key {
                first += 1
            } else {
                second += 1
            }
        }
        return true
    }

    /// Whether one value, or its absence, satisfies both conditions, which are on one name.
    func canHold(_ left: Condition, _ right: Condition) -> Bool {
        switch (left.kind, right.kind) {
        case (.absent, .absent): true
        case (.absent, _), (_, .absent): false
        case (.present, _), (_, .present): true
        case (.exact, .exact): left.count == right.count && begins(left, with: right)
        case (.exact, .prefix): begins(left, with: right)
        case (.prefix, .exact): begins(right, with: left)
        case (.prefix, .prefix): left.count < right.count ? begins(right, with: left) : begins(left, with: right)
        }
    }

    /// Whether whatever satisfies `condition` satisfies `other` too, which is on the same name.
    func implies(_ condition: Condition, _ other: Condition) -> Bool {
        switch (condition.kind, other.kind) {
        case (.absent, .absent): true
        case (.absent, _), (_, .absent): false
        case (_, .present): true
        case (.exact, .exact): condition.count == other.count && begins(condition, with: other)
        case (_, .exact): false
        case (.present, .prefix): other.count == 0
        case (_, .prefix): begins(condition, with: other)
        }
    }

    /// Whether the text of `condition` begins with that of `other`.
    private func begins(_ condition: Condition, with other: Condition) -> Bool {
        guard condition.count >= other.count else { return false }
        if other.count == 0 { return true }
        let unused = UInt64(max(0, 64 - 8 * Int(other.count)))
        guard (condition.head ^ other.head) >> unused == 0 else { return false }
        return other.count <= 8 || text(of: condition).utf8.starts(with: text(of: other).utf8)
    }

    /// The order of the texts, byte by byte; of equal ones a prefix comes first.
    func precedes(_ left: Condition, _ right: Condition) -> Bool {
        if left.head != right.head { return left.head < right.head }
        let texts = (text(of: left).utf8, text(of: right).utf8)
        if texts.0.elementsEqual(texts.1) { return left.kind == .prefix && right.kind != .prefix }
        return texts.0.lexicographicallyPrecedes(texts.1)
    }
}
