import Base
import CLinux

/// The machine's clocks. Read by the event loop and by the control plane only: everybody else is told the time.
package enum SystemClock {
    /// The corresponding C function is `clock_gettime(CLOCK_MONOTONIC)`.
    package static func monotonic() -> MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    /// Nanoseconds since 1970-01-01 UTC. The corresponding C function is `clock_gettime(CLOCK_REALTIME)`.
    package static func wallNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}

/// 64 bits from the kernel's generator, for seeds. The corresponding C function is `getentropy`.
package func systemEntropy() -> UInt64 {
    var value: UInt64 = 0
    guard portcullis_getentropy(&value, 8) == 0 else { return UInt64(bitPattern: SystemClock.wallNanoseconds()) }
    return value
}
