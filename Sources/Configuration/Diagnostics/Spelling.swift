/// Finds the name that somebody probably meant.
package enum Spelling {
    /// The closest of `candidates`, if it is close enough: separators and case don't count, otherwise at most one edit
    /// for each three letters (and at most three) apart.
    package static func nearest(to written: String, among candidates: [String]) -> String? {
        let folded = fold(written)
        guard !folded.isEmpty, folded.count <= 64 else { return nil }
        var best: (name: String, distance: Int)?
        for candidate in candidates.prefix(2_000) {
            let other = fold(candidate)
            let allowed = min(3, max(1, max(folded.count, other.count) / 3))
            let bound = min(allowed, best.map { $0.distance - 1 } ?? allowed)
            let isBeginning = folded.count >= 3 && other.count > folded.count && other.starts(with: folded)
            if isBeginning, best == nil { best = (candidate, allowed) }
            if let found = distance(folded, other, bound: bound) { best = (candidate, found) }
            if best?.distance == 0 { break }
        }
        return best?.name
    }

    /// Lower case, without `_`, `-` and `.`: `rateLimit`, `ratelimit` and `rate-limit` are all `rate_limit`.
    private static func fold(_ name: String) -> [UInt8] {
        name.utf8.compactMap { byte in
            if byte == 0x5f || byte == 0x2d || byte == 0x2e { return nil }
            return byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
        }
    }

    /// Insertions, deletions, substitutions and swaps of neighbours between two words; nil above `bound`.
    private static func distance(_ left: [UInt8], _ right: [UInt8], bound: Int) -> Int? {
        if bound < 0 || abs(left.count - right.count) > bound { return nil }
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in 0..<left.count {
            var current = [row + 1]
            current.reserveCapacity(right.count + 1)
            for column in 0..<right.count {
                var cost = min(last[column + 1] + 1, current[column] + 1)
                cost = min(cost, last[column] + (left[row] == right[column] ? 0 : 1))
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            if (current.min() ?? 0) > bound { return nil }
            beforeLast = last
            last = current
        }
        return last[right.count] <= bound ? last[right.count] : nil
    }
}
