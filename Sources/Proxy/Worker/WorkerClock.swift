import Base
import HTTP
import Linux

/// The wall clock as a loop sees it: read once a second, and carried on by the monotonic clock in between.
struct WorkerClock: ~Copyable {
    private var base: MonotonicTime
    private var wallAtBase: WallTime
    private var dateSecond: Int64 = .min
    private var dateText = IOBuffer(capacity: HTTPDate.count + 3)

    init(_ now: MonotonicTime) {
        base = now
        wallAtBase = WallTime(nanoseconds: SystemClock.wallNanoseconds())
    }

    mutating func wall(at now: MonotonicTime) -> WallTime {
        if now - base > .seconds(1) {
            base = now
            wallAtBase = WallTime(nanoseconds: SystemClock.wallNanoseconds())
        }
        return WallTime(nanoseconds: wallAtBase.nanoseconds + (now - base).nanoseconds)
    }

    /// The value of `Date`, valid until the next call.
    mutating func date(at now: MonotonicTime) -> ByteView {
        let second = wall(at: now).seconds
        if second != dateSecond {
            dateSecond = second
            dateText.removeAll()
            HTTPDate.append(epochSeconds: second, to: &dateText)
        }
        return dateText.readable
    }
}
