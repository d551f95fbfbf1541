import Synchronization

/// One number of a metric: written by exactly one thread (the loop that owns it), read by any.
///
/// A relaxed load and a relaxed store are plain moves, so counting costs what a local variable costs; the atomic type
/// only promises readers whole values. There is no read-modify-write, therefore a second writer would lose counts.
@usableFromInline package struct MetricCell: @unchecked Sendable {
    // Sendable because every access is atomic; that there is one writer is the owner's contract.
    @usableFromInline let storage: UnsafeMutablePointer<Atomic<UInt64>>

    @inlinable package init(_ storage: UnsafeMutablePointer<Atomic<UInt64>>) { self.storage = storage }

    /// By the owning thread only.
    @inlinable package func add(_ amount: UInt64 = 1) {
        storage.pointee.store(storage.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    /// By the owning thread only; for gauges.
    @inlinable package func subtract(_ amount: UInt64 = 1) {
        storage.pointee.store(storage.pointee.load(ordering: .relaxed) &- amount, ordering: .relaxed)
    }

    /// By the owning thread only.
    @inlinable package func set(_ value: UInt64) { storage.pointee.store(value, ordering: .relaxed) }

    /// By any thread.
    @inlinable package var value: UInt64 { storage.pointee.load(ordering: .relaxed) }
}

/// A run of cells that starts at zero, on cache lines of its own: two loops that count never share a line.
@usableFromInline package struct CellBlock: @unchecked Sendable {
    // Sendable for the same reason as a cell.
    @usableFromInline let base: UnsafeMutablePointer<Atomic<UInt64>>

    private static let lineSize = 128

    init(count: Int) {
        let size = (count * MemoryLayout<UInt64>.stride + Self.lineSize - 1) / Self.lineSize * Self.lineSize
        let raw = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: Self.lineSize)
        base = raw.bindMemory(to: Atomic<UInt64>.self, capacity: count)
        for index in 0..<count { (base + index).initialize(to: Atomic(0)) }
    }

    init(adopting raw: UnsafeMutableRawPointer) {
        base = raw.assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Not checked: whoever has the block knows its layout.
    @inlinable package subscript(index: Int) -> MetricCell { MetricCell(base + index) }

    func deallocate() { UnsafeMutableRawPointer(base).deallocate() }
}
