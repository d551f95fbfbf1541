/// A run of memory that bytes flow through: written at the tail, read at the head.
///
/// ```
/// storage ├── consumed ──┼── readable ──┼── writable ──┤ capacity
///                        readIndex      writeIndex
/// ```
/// An unbacked buffer (capacity 0) costs nothing; a connection that has nothing to keep gives its memory back to its
/// loop's `BufferPool`. One owner, so the memory is freed exactly once.
@usableFromInline package struct IOBuffer: ~Copyable {
    @usableFromInline package internal(set) var storage: UnsafeMutablePointer<UInt8>?
    @usableFromInline package internal(set) var capacity: Int
    @usableFromInline package internal(set) var readIndex = 0
    @usableFromInline package internal(set) var writeIndex = 0

    /// A buffer without memory.
    package init() {
        storage = nil
        capacity = 0
    }

    /// A buffer with memory of its own.
    package init(capacity: Int) {
        storage = capacity > 0 ? .allocate(capacity: capacity) : nil
        self.capacity = capacity
    }

    fileprivate init(adopting storage: UnsafeMutablePointer<UInt8>, capacity: Int) {
        self.storage = storage
        self.capacity = capacity
    }

    deinit { storage?.deallocate() }

    @inlinable package var isBacked: Bool { storage != nil }
    @inlinable package var readableCount: Int { writeIndex - readIndex }
    @inlinable package var writableCount: Int { capacity - writeIndex }
    @inlinable package var isEmpty: Bool { readIndex == writeIndex }

    /// The bytes not yet consumed. Valid until the buffer is next changed.
    @inlinable package var readable: ByteView {
        guard let storage else { return ByteView() }
        return ByteView(base: storage + readIndex, count: readableCount)
    }

    /// The free memory at the tail, for the kernel to fill; follow with `commit`.
    @inlinable package var writable: UnsafeMutableRawBufferPointer {
        guard let storage else { return UnsafeMutableRawBufferPointer(start: nil, count: 0) }
        return UnsafeMutableRawBufferPointer(start: storage + writeIndex, count: writableCount)
    }

    /// Makes `count` bytes of `writable` readable.
    @inlinable package mutating func commit(_ count: Int) {
        precondition(count >= 0 && count <= writableCount)
        writeIndex += count
    }

    /// Drops `count` readable bytes; an emptied buffer starts over at its beginning.
    @inlinable package mutating func consume(_ count: Int) {
        precondition(count >= 0 && count <= readableCount)
        readIndex += count
        if readIndex == writeIndex {
            readIndex = 0
            writeIndex = 0
        }
    }

    @inlinable package mutating func removeAll() {
        readIndex = 0
        writeIndex = 0
    }

    /// Drops what stands behind the first `count` readable bytes.
    package mutating func truncate(to count: Int) {
        precondition(count >= 0 && count <= readableCount)
        writeIndex = readIndex + count
    }

    /// Drops `count` readable bytes from `start` on; what stands behind them moves there.
    package mutating func remove(_ count: Int, at start: Int) {
        precondition(start >= 0 && count >= 0 && start + count <= readableCount)
        guard let storage, count > 0 else { return }
        let place = storage + readIndex + start
        place.update(from: place + count, count: readableCount - start - count)
        writeIndex -= count
    }

    /// Makes the ASCII letters behind the first `start` readable bytes small.
    package mutating func lowercase(from start: Int) {
        precondition(start >= 0 && start <= readableCount)
        guard let storage else { return }
        var index = readIndex + start
        while index < writeIndex {
            storage[index] = ASCII.lowercased(storage[index])
            index += 1
        }
    }

    /// Moves the readable bytes to the beginning, so that all free memory is writable.
    package mutating func compact() {
        guard let storage, readIndex > 0 else { return }
        let count = readableCount
        storage.update(from: storage + readIndex, count: count)
        readIndex = 0
        writeIndex = count
    }

    /// Ensures `count` writable bytes, growing the memory when moving is not enough.
    @inlinable package mutating func reserve(_ count: Int) {
        if writableCount < count { makeRoom(count) }
    }

    @usableFromInline @inline(never)
    mutating func makeRoom(_ count: Int) {
        if capacity - readableCount >= count {
            compact()
            return
        }
        let wanted = max(capacity * 2, readableCount + count, 256)
        let grown = UnsafeMutablePointer<UInt8>.allocate(capacity: wanted)
        let kept = readableCount
        if let storage {
            grown.update(from: storage + readIndex, count: kept)
            storage.deallocate()
        }
        storage = grown
        capacity = wanted
        readIndex = 0
        writeIndex = kept
    }

    @inlinable package mutating func append(_ bytes: ByteView) {
        reserve(bytes.count)
        guard let storage, bytes.count > 0 else { return }
        UnsafeMutableRawPointer(storage + writeIndex).copyMemory(from: bytes.base, byteCount: bytes.count)
        writeIndex += bytes.count
    }

    @inlinable package mutating func append(_ literal: StaticString) { append(ByteView(literal)) }

    @inlinable package mutating func append(byte: UInt8) {
        reserve(1)
        guard let storage else { return }
        storage[writeIndex] = byte
        writeIndex += 1
    }

    /// Appends text. Off the hot path only.
    package mutating func append(string: String) {
        string.withByteView { append($0) }
    }
}

/// The free I/O memory of one loop, in two sizes. Not thread-safe: each loop has its own.
///
/// Memory use follows the number of requests under way, not of connections: at most `keptCount` buffers of each size
/// stay allocated when nobody needs them.
package final class BufferPool {
    /// For reading heads and writing small messages, in bytes.
    package static let smallCapacity = 8 * 1024
    /// For relaying bodies, in bytes: large enough to make system calls rare, small enough to stay in the cache.
    package static let largeCapacity = 64 * 1024

    private var small: FreeList
    private var large: FreeList

    /// - Parameter keptCount: how many unused buffers of each size are kept rather than freed.
    package init(keptCount: Int = 256) {
        small = FreeList(limit: keptCount)
        large = FreeList(limit: keptCount / 4)
    }

    /// Gives `buffer` memory if it has none.
    package func back(_ buffer: inout IOBuffer) {
        guard !buffer.isBacked else { return }
        let storage = small.take() ?? .allocate(capacity: Self.smallCapacity)
        buffer = IOBuffer(adopting: storage, capacity: Self.smallCapacity)
    }

    /// Moves `buffer` to the large size, keeping what it holds, unless it is that large already.
    package func enlarge(_ buffer: inout IOBuffer) {
        guard buffer.capacity < Self.largeCapacity else { return }
        let storage = large.take() ?? .allocate(capacity: Self.largeCapacity)
        var bigger = IOBuffer(adopting: storage, capacity: Self.largeCapacity)
        bigger.append(buffer.readable)
        recycle(&buffer)
        buffer = bigger
    }

    /// Makes a full buffer writable again, keeping what it holds: by moving, else by the large size, else by growing.
    package func makeRoom(in buffer: inout IOBuffer) {
        buffer.compact()
        guard buffer.writableCount == 0 else { return }
        if buffer.capacity < Self.largeCapacity {
            enlarge(&buffer)
        } else {
            buffer.reserve(buffer.capacity)
        }
    }

    /// Takes the memory back; what the buffer held is gone.
    package func recycle(_ buffer: inout IOBuffer) {
        guard buffer.isBacked else { return }
        let (storage, capacity) = buffer.surrender()
        let isKept =
            switch capacity {
            case Self.smallCapacity: small.give(storage)
            case Self.largeCapacity: large.give(storage)
            default: false
            }
        if !isKept { storage.deallocate() }
    }
}

/// Memory of one size that waits to be used again: the last that was given is the first taken, still in the cache.
private struct FreeList: ~Copyable {
    private let places: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>>
    private let limit: Int
    private var count = 0

    init(limit: Int) {
        self.limit = limit
        places = .allocate(capacity: limit)
    }

    deinit {
        for index in 0..<count { places[index].deallocate() }
        places.deallocate()
    }

    mutating func take() -> UnsafeMutablePointer<UInt8>? {
        guard count > 0 else { return nil }
        count -= 1
        return places[count]
    }

    /// - Returns: whether there was a place for it.
    mutating func give(_ storage: UnsafeMutablePointer<UInt8>) -> Bool {
        guard count < limit else { return false }
        places[count] = storage
        count += 1
        return true
    }
}

extension IOBuffer {
    /// Takes the memory out, leaving the buffer unbacked.
    fileprivate mutating func surrender() -> (storage: UnsafeMutablePointer<UInt8>, capacity: Int) {
        guard let taken = storage else { preconditionFailure("an unbacked buffer has nothing to surrender") }
        let size = capacity
        storage = nil
        capacity = 0
        readIndex = 0
        writeIndex = 0
        return (taken, size)
    }
}
