import Base
import CLinux

/// A semaphore between threads. Not for loops: it blocks.
package final class CountingSemaphore: @unchecked Sendable {
    // Sendable because that is what a semaphore is for; the memory never moves.
    private let semaphore: UnsafeMutablePointer<sem_t>

    /// The corresponding C function is `sem_init`.
    package init() {
        semaphore = .allocate(capacity: 1)
        sem_init(semaphore, 0, 0)
    }

    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }

    /// Lets one waiter go on, now or when it comes. The corresponding C function is `sem_post`.
    package func signal() { sem_post(semaphore) }

    /// Waits for a signal. The corresponding C function is `sem_timedwait`.
    /// - Returns: whether there was one in time.
    @discardableResult
    package func wait(atMost limit: TimeAmount) -> Bool {
        let now = MonotonicTime(nanoseconds: SystemClock.wallNanoseconds())
        let end = (now + max(.zero, limit)).nanoseconds
        var time = timespec(tv_sec: Int(end / 1_000_000_000), tv_nsec: Int(end % 1_000_000_000))
        while sem_timedwait(semaphore, &time) != 0 {
            if Errno.last != .interrupted { return false }
        }
        return true
    }
}
