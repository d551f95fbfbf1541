/// A handler's place: the handler, the generation that guards it and its timer's links.
struct Slot {
    var handler: (any EventHandler)?
    var generation: UInt32 = 0
    /// The next place in the free list or in the timer wheel's slot.
    var next: UInt32 = .max
    var previous: UInt32 = .max
    /// The tick at which the timer is due; `.max` when none is set.
    var dueTick: UInt64 = .max
}

/// The places of all handlers of a loop, in one growing run of memory, with a free list.
package struct SlotTable: ~Copyable {
    static var none: UInt32 { .max }

    private var storage: UnsafeMutablePointer<Slot>
    private var capacity: Int
    private var used = 0
    private var firstFree = SlotTable.none

    /// An empty table with room for `capacity` handlers; it grows.
    package init(capacity: Int = 64) {
        self.capacity = capacity
        storage = .allocate(capacity: capacity)
    }

    deinit {
        storage.deinitialize(count: used)
        storage.deallocate()
    }

    subscript(index: UInt32) -> Slot {
        _read {
            precondition(Int(index) < used)
            yield storage[Int(index)]
        }
        _modify {
            precondition(Int(index) < used)
            yield &storage[Int(index)]
        }
    }

    /// The tick at which the place's timer is due; `.max` when none is set.
    func dueTick(_ index: UInt32) -> UInt64 {
        precondition(Int(index) < used)
        return storage[Int(index)].dueTick
    }

    /// Gives `handler` a free place, under a registration that no one had before.
    package mutating func insert(_ handler: any EventHandler) -> Registration {
        let index: UInt32
        if firstFree != Self.none {
            index = firstFree
            firstFree = storage[Int(index)].next
        } else {
            if used == capacity { grow() }
            index = UInt32(used)
            (storage + used).initialize(to: Slot())
            used += 1
        }
        storage[Int(index)].handler = handler
        storage[Int(index)].next = Self.none
        return Registration(index: index, generation: storage[Int(index)].generation)
    }

    /// Frees a place that is current, and whose timer is not set.
    package mutating func remove(_ registration: Registration) {
        let index = Int(registration.index)
        storage[index].handler = nil
        storage[index].generation &+= 1
        storage[index].next = firstFree
        firstFree = registration.index
    }

    /// Whether the place still belongs to whom it was given.
    package func isCurrent(_ registration: Registration) -> Bool {
        let index = Int(registration.index)
        return index < used && storage[index].generation == registration.generation && storage[index].handler != nil
    }

    /// The place's handler; nil when it has changed hands.
    package func handler(at registration: Registration) -> (any EventHandler)? {
        let index = Int(registration.index)
        guard index < used, storage[index].generation == registration.generation else { return nil }
        return storage[index].handler
    }

    func handler(index: UInt32) -> (any EventHandler)? { storage[Int(index)].handler }

    private mutating func grow() {
        let bigger = UnsafeMutablePointer<Slot>.allocate(capacity: capacity * 2)
        bigger.moveInitialize(from: storage, count: used)
        storage.deallocate()
        storage = bigger
        capacity *= 2
    }
}
