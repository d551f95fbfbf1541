/// The handlers that wait for one step of a stride, in the order in which they asked.
///
/// Its memory is kept: in steady state an entry allocates nothing.
struct StepQueue {
    private var waiting: ContiguousArray<Registration> = []

    /// An empty queue with room for `capacity` handlers; it grows.
    init(capacity: Int) { waiting.reserveCapacity(capacity) }

    var count: Int { waiting.count }
    var isEmpty: Bool { waiting.isEmpty }

    subscript(index: Int) -> Registration { waiting[index] }

    mutating func append(_ registration: Registration) { waiting.append(registration) }

    /// Forgets the first `count`. Those who asked meanwhile stay.
    mutating func removeFirst(_ count: Int) {
        if count == waiting.count {
            waiting.removeAll(keepingCapacity: true)
        } else {
            waiting.removeFirst(count)
        }
    }
}
