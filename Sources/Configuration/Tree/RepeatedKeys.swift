import Base

extension YAMLDocument {
    /// The keys of a finished mapping that come again, each with the one before it.
    func repeatedKeys(in mapping: Int) -> [(key: Int, first: Int)] {
        let pairs = Int(nodes[mapping].count) / 2
        if pairs < 2 { return [] }
        if pairs > 24 { return repeatedKeysByHash(in: mapping, pairs) }
        var found: [(key: Int, first: Int)] = []
        let end = Int(nodes[mapping].end)
        var key = mapping + 1
        while key < end {
            var earlier = mapping + 1
            while earlier < key {
                if nodes[earlier].count == nodes[key].count, bytes(earlier) == bytes(key) {
                    found.append((key, earlier))
                    break
                }
                earlier = Int(nodes[earlier + 1].end)
            }
            key = Int(nodes[key + 1].end)
        }
        return found
    }

    private func repeatedKeysByHash(in mapping: Int, _ pairs: Int) -> [(key: Int, first: Int)] {
        var found: [(key: Int, first: Int)] = []
        var slots = [Int32](repeating: -1, count: (pairs * 2).nextPowerOfTwo)
        // Keyed with an address that changes from run to run, so that no file can be made to collide.
        let seed = UInt64(UInt(bitPattern: ObjectIdentifier(self).hashValue)) | 1
        let end = Int(nodes[mapping].end)
        var key = mapping + 1
        while key < end {
            let text = bytes(key)
            let hash = text.hash(seed: seed)
            var slot = Int(truncatingIfNeeded: (hash ^ hash >> 32) & UInt64(slots.count - 1))
            while slots[slot] >= 0, !(bytes(Int(slots[slot])) == text) { slot = (slot + 1) & (slots.count - 1) }
            if slots[slot] >= 0 { found.append((key, Int(slots[slot]))) } else { slots[slot] = Int32(key) }
            key = Int(nodes[key + 1].end)
        }
        return found
    }
}

extension Int {
    /// The smallest power of two that isn't below.
    fileprivate var nextPowerOfTwo: Int {
        var power = 1
        while power < self { power <<= 1 }
        return power
    }
}
