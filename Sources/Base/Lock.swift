import Synchronization

/// A value that one thread at a time may touch: `Mutex`, with an order between its holders that ThreadSanitizer sees.
///
/// A contended `Mutex` waits in a function of the Swift runtime, which no sanitizer has instrumented. ThreadSanitizer
/// then knows of no order between the thread that let go and the one that waited, and reports every value handed over
/// as a race; hiding those reports would hide true ones too. So each holder reads, first, what the one before it
/// wrote last. Both happen while the mutex is held: they cost a plain load and a plain store on a cache line that
/// the holder owns anyway.
@usableFromInline package struct Lock<Value: ~Copyable>: ~Copyable, Sendable {
    // Usable from inline, the type too: else no other module inlines anything of it, and each use looks its types up.
    @usableFromInline let mutex: Mutex<Value>
    /// What it holds means nothing; that it is read after it was written does.
    @usableFromInline let order = Atomic<Bool>(false)

    @inlinable
    package init(_ value: consuming sending Value) { mutex = Mutex(value) }

    /// Waits until nobody else holds the value, and gives it to `body`, which should be done in a few moves.
    @inlinable @inline(__always)
    package borrowing func withLock<Result: ~Copyable, Failure: Error>(
        _ body: (inout sending Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        try mutex.withLock { value throws(Failure) in
            _ = order.load(ordering: .acquiring)
            defer { order.store(true, ordering: .releasing) }
            return try body(&value)
        }
    }
}
