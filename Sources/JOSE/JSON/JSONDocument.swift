import Base

/// Reads JSON texts, one after the other, into a flat tape that it keeps: no object per value, and no allocation once
/// it has seen texts of the size that it meets.
///
/// The text itself is not copied: what `read` returns points into the document and into the bytes, and is valid until
/// the next `read` and as long as the bytes are. Not thread-safe: each loop has its own.
package final class JSONDocument {
    private var nodes: UnsafeMutablePointer<JSONNode>
    private var nodeCapacity: Int
    private var arena: UnsafeMutablePointer<UInt8>?
    private var arenaCapacity = 0
    private var names: NameTable

    /// - Parameter seed: scatters the names of members; a secret random number where peers choose the names.
    package init(seed: UInt64) {
        nodeCapacity = 64
        nodes = .allocate(capacity: nodeCapacity)
        names = NameTable(seed: seed)
    }

    /// A document whose seed comes from the system's generator.
    package convenience init() { self.init(seed: SecureRandom.number()) }

    deinit {
        nodes.deallocate()
        arena?.deallocate()
        names.deallocate()
    }

    /// The one value that `bytes` consist of, white space around it aside.
    package func read(_ bytes: ByteView, limits: JSONLimits) throws(JSONError) -> JSONValue {
        guard bytes.count <= limits.bytes, bytes.count <= Int(UInt32.max) else { throw .tooLarge }
        var reader = JSONReader(
            bytes, limits: limits, nodes: nodes, nodeCapacity: nodeCapacity, arena: arena,
            arenaCapacity: arenaCapacity, names: names)
        // The reader grows what it was lent; take it back whether it succeeded or not.
        defer {
            nodes = reader.nodes
            nodeCapacity = reader.nodeCapacity
            arena = reader.arena
            arenaCapacity = reader.arenaCapacity
            names = reader.names
        }
        try reader.readText()
        return JSONValue(node: reader.nodes)
    }
}

/// Which names each open object has: open addressing over the tape's name nodes, keyed by object and name. Emptied by
/// counting up a generation.
struct NameTable {
    private struct Slot {
        var generation: UInt32 = 0
        var hash: UInt32 = 0
        var object: UInt32 = 0
        var node: UInt32 = 0
    }

    private var slots: UnsafeMutablePointer<Slot>
    private var mask: Int
    private var used = 0
    private var generation: UInt32 = 0
    private let seed: UInt64

    init(seed: UInt64) {
        self.seed = seed
        mask = 127
        slots = .allocate(capacity: mask + 1)
        slots.initialize(repeating: Slot(), count: mask + 1)
    }

    func deallocate() { slots.deallocate() }

    mutating func removeAll() {
        used = 0
        generation &+= 1
        if generation == 0 {
            slots.update(repeating: Slot(), count: mask + 1)
            generation = 1
        }
    }

    func hash(_ text: UnsafePointer<UInt8>, _ count: Int) -> UInt32 {
        var state = seed ^ UInt64(truncatingIfNeeded: count)
        var index = 0
        while index + 8 <= count {
            state = Self.mix(state ^ UnsafeRawPointer(text + index).loadUnaligned(as: UInt64.self))
            index += 8
        }
        var tail: UInt64 = 0
        while index < count {
            tail = tail << 8 | UInt64(text[index])
            index += 1
        }
        return UInt32(truncatingIfNeeded: Self.mix(state ^ tail) >> 32)
    }

    /// A multiplication's two halves folded: each bit of the input reaches each of the output.
    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let product = (value ^ 0x9e37_79b9_7f4a_7c15).multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
        return product.high ^ product.low
    }

    /// Adds the name at `node` to `object`'s. False if the object has it already.
    mutating func insert(_ node: Int, object: Int, nodes: UnsafeMutablePointer<JSONNode>) -> Bool {
        if used * 2 > mask { grow() }
        let hash = nodes[node].hash
        let count = nodes[node].count
        var index = place(hash, UInt32(truncatingIfNeeded: object))
        while slots[index].generation == generation {
            let slot = slots[index]
            if slot.hash == hash, Int(slot.object) == object {
                let other = nodes[Int(slot.node)]
                if other.count == count, JSONBytes.areEqual(other.text, nodes[node].text, Int(count)) { return false }
            }
            index = (index + 1) & mask
        }
        slots[index] = Slot(
            generation: generation, hash: hash, object: UInt32(truncatingIfNeeded: object),
            node: UInt32(truncatingIfNeeded: node))
        used += 1
        return true
    }

    @inline(__always)
    private func place(_ hash: UInt32, _ object: UInt32) -> Int { Int(hash ^ (object &* 0x9e37_79b1)) & mask }

    private mutating func grow() {
        let old = slots
        let oldCount = mask + 1
        mask = oldCount * 2 - 1
        slots = .allocate(capacity: mask + 1)
        slots.initialize(repeating: Slot(), count: mask + 1)
        var index = 0
        while index < oldCount {
            let slot = old[index]
            if slot.generation == generation {
                var target = place(slot.hash, slot.object)
                while slots[target].generation == generation { target = (target + 1) & mask }
                slots[target] = slot
            }
            index += 1
        }
        old.deallocate()
    }
}
