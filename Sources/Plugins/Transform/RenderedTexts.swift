import Base

/// The texts that a transform's templates gave for one request, in memory that is kept.
package struct RenderedTexts: ~Copyable {
    /// The longest text, in bytes.
    package static let lengthMaximum = 8 * 1024
    /// All texts of a request together, in bytes.
    package static let totalMaximum = 64 * 1024

    var buffer = IOBuffer()
    private var places: UnsafeMutablePointer<Place>?
    private var capacity = 0
    package private(set) var count = 0
    /// Whether one of the texts is missing.
    package private(set) var isAnyMissing = false

    private struct Place {
        var start: UInt32
        /// `UInt32.max` for a text that is missing.
        var count: UInt32
    }

    /// No texts.
    package init() {}

    deinit { places?.deallocate() }

    /// Forgets all texts and keeps the memory, unless it is of an unusual size.
    package mutating func removeAll() {
        if buffer.capacity > 2 * Self.lengthMaximum { buffer = IOBuffer() } else { buffer.removeAll() }
        count = 0
        isAnyMissing = false
    }

    /// The text at `index`, in the order in which they were rendered; nil when it is missing. Valid until the next
    /// change.
    package subscript(index: Int) -> ByteView? {
        guard let places, index >= 0, index < count, places[index].count != .max else { return nil }
        let start = Int(places[index].start)
        return buffer.readable[start..<start + Int(places[index].count)]
    }

    /// Ends a text that begins at `start` and goes to the end of the buffer.
    mutating func finish(from start: Int) { note(start, UInt32(truncatingIfNeeded: buffer.readableCount - start)) }

    /// Gives the text up that begins at `start`.
    mutating func finishMissing(from start: Int) {
        buffer.truncate(to: start)
        isAnyMissing = true
        note(start, .max)
    }

    private mutating func note(_ start: Int, _ length: UInt32) {
        if count == capacity { grow() }
        guard let places else { return }
        (places + count).initialize(to: Place(start: UInt32(truncatingIfNeeded: start), count: length))
        count += 1
    }

    @inline(never)
    private mutating func grow() {
        let larger = max(16, capacity * 2)
        let grown = UnsafeMutablePointer<Place>.allocate(capacity: larger)
        if let places {
            grown.moveInitialize(from: places, count: count)
            places.deallocate()
        }
        places = grown
        capacity = larger
    }
}
