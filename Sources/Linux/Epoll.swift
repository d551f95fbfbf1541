import CLinux

/// What a descriptor is ready for, or has met.
@usableFromInline
package struct EventSet: OptionSet, Sendable {
    @usableFromInline package let rawValue: UInt32
    @inlinable package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Bytes, a connection or the end of the stream can be read.
    @inlinable package static var readable: EventSet { EventSet(rawValue: 0x001) }
    @inlinable package static var writable: EventSet { EventSet(rawValue: 0x004) }
    /// The connection failed.
    @inlinable package static var error: EventSet { EventSet(rawValue: 0x008) }
    /// Both directions are closed.
    @inlinable package static var hangUp: EventSet { EventSet(rawValue: 0x010) }
    /// The peer won't send any more.
    @inlinable package static var peerClosed: EventSet { EventSet(rawValue: 0x2000) }
    /// Report changes only, not states (epoll(7), "edge-triggered").
    @inlinable package static var edgeTriggered: EventSet { EventSet(rawValue: 1 << 31) }

    // Sets as numbers: an array literal here would be built anew, with memory of its own, at every use in another
    // module.

    /// Everything that a connection wants to hear of, once for each change.
    @inlinable package static var connection: EventSet {
        EventSet(rawValue: readable.rawValue | writable.rawValue | peerClosed.rawValue | edgeTriggered.rawValue)
    }
    /// A read has something to tell: bytes, an end or an error.
    @inlinable package static var inbound: EventSet { EventSet(rawValue: readable.rawValue | ended.rawValue) }
    /// The end of the stream is known, whether or not all bytes before it are read.
    @inlinable package static var ended: EventSet { EventSet(rawValue: peerClosed.rawValue | gone.rawValue) }
    /// The connection is gone.
    @inlinable package static var gone: EventSet { EventSet(rawValue: hangUp.rawValue | error.rawValue) }

    @inlinable package func has(anyOf other: EventSet) -> Bool { rawValue & other.rawValue != 0 }
}

/// The kernel's readiness queue.
package struct Epoll: ~Copyable {
    private let descriptor: FileDescriptor
    private let events: UnsafeMutablePointer<epoll_event>

    /// How many events one wait takes at most.
    package static let batchCapacity = 256

    /// The corresponding C function is `epoll_create1`.
    package init() throws(Errno) {
        let number = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard number >= 0 else { throw .last }
        descriptor = FileDescriptor(adopting: number)
        events = .allocate(capacity: Self.batchCapacity)
    }

    deinit { events.deallocate() }

    /// Watches `number`; `token` comes back with its events. The corresponding C function is `epoll_ctl`.
    package func add(_ number: Int32, events: EventSet, token: UInt64) throws(Errno) {
        var event = epoll_event(events: events.rawValue, data: epoll_data_t(u64: token))
        guard epoll_ctl(descriptor.number, EPOLL_CTL_ADD, number, &event) == 0 else { throw .last }
    }

    /// Stops watching `number`. A closed descriptor is forgotten without this.
    package func remove(_ number: Int32) {
        var event = epoll_event()
        _ = epoll_ctl(descriptor.number, EPOLL_CTL_DEL, number, &event)
    }

    /// Waits for events. The corresponding C function is `epoll_wait`.
    /// - Parameter timeoutMilliseconds: -1 waits without end.
    /// - Returns: the number of events, at `event(at:)` until the next wait; 0 when there are none.
    package func wait(timeoutMilliseconds: Int32) -> Int {
        let count = epoll_wait(descriptor.number, events, Int32(Self.batchCapacity), timeoutMilliseconds)
        guard count < 0, Errno.last == .interrupted else { return max(0, Int(count)) }
        // Interrupted: by SIGCONT after any time, say. What came in that time comes before the time-outs that it has
        // met.
        return max(0, Int(epoll_wait(descriptor.number, events, Int32(Self.batchCapacity), 0)))
    }

    package func event(at index: Int) -> (events: EventSet, token: UInt64) {
        precondition(index >= 0 && index < Self.batchCapacity)
        return (EventSet(rawValue: events[index].events), events[index].data.u64)
    }
}

/// A counter that wakes an event loop.
package struct EventCounter: ~Copyable {
    private let descriptor: FileDescriptor

    /// The corresponding C function is `eventfd`.
    package init() throws(Errno) {
        let number = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard number >= 0 else { throw .last }
        descriptor = FileDescriptor(adopting: number)
    }

    package var number: Int32 { descriptor.number }

    /// Makes the counter readable. Safe from any thread.
    package func signal() {
        var one: UInt64 = 1
        // A lost signal would leave a letter unread until something else wakes the loop. EAGAIN: it is readable
        // already.
        while CLinux.write(descriptor.number, &one, 8) < 0, Errno.last == .interrupted {}
    }

    /// Makes it unreadable again.
    package func clear() {
        var value: UInt64 = 0
        while CLinux.read(descriptor.number, &value, 8) < 0, Errno.last == .interrupted {}
    }
}
