/// The handlers that wait for one step of a stride, in the order in which they asked.
///
/// Its memory is kept: in steady state an entry allocates nothing.
struct StepQueue: ~Copyable {
    private var waiting: UnsafeMutablePointer<Registration>
    private var capacity: Int
    private(set) var count = 0

    /// An empty queue with room for `capacity` handlers; it grows.
    init(capacity: Int) {
        self.capacity = capacity
        waiting = .allocate(capacity: capacity)
    }

    deinit { waiting.deallocate() }

    var isEmpty: Bool { count == 0 }

    subscript(index: Int) -> Registration {
        precondition(index < count)
        return waiting[index]
    }

    mutating func append(_ registration: Registration) {
        if count == capacity { grow() }
        waiting[count] = registration
        count += 1
    }

    /// Forgets the first `gone`. Those who asked meanwhile stay.
    mutating func removeFirst(_ gone: Int) {
        precondition(gone <= count)
        count -= gone
        if count > 0 { waiting.update(from: waiting + gone, count: count) }
    }

    private mutating func grow() {
        let bigger = UnsafeMutablePointer<Registration>.allocate(capacity: capacity * 2)
        bigger.update(from: waiting, count: count)
        waiting.deallocate()
        waiting = bigger
        capacity *= 2
    }
}
