import Base

/// How far a connection is with its lingering end: the law of how long, and for how many bytes, a client is waited for
/// that has its last answer and still sends.
package struct Linger: Equatable {
    /// Whether the answer is written and the writing side is shut.
    package private(set) var isShut = false
    /// Bytes dropped so far.
    package private(set) var dropped = 0
    /// When it ends, whatever the client does.
    package private(set) var end: MonotonicTime

    /// - Parameter isDraining: whether the process is about to end, and doesn't wait for anybody who takes long.
    package init(now: MonotonicTime, isDraining: Bool) {
        end = now + (isDraining ? Self.pauseMax : Self.durationMax)
    }

    /// How long a client may take to stop sending, in all: enough for most uploads that are refused.
    package static var durationMax: TimeAmount { .seconds(30) }
    /// How long it may send nothing in that time.
    package static var pauseMax: TimeAmount { .seconds(5) }
    /// How many of its bytes are dropped at most.
    package static let bytesMax = 1 << 30
    /// How many of them at a time, before other connections have their turn.
    package static let bytesPerStep = 1 << 20

    /// When the connection is closed, if nothing comes.
    /// - Parameters:
    ///   - lastActivity: when the client last read some of the answer or, behind that, sent something.
    ///   - writeIdleTimeout: how long it may read nothing.
    package func deadline(lastActivity: MonotonicTime, writeIdleTimeout: TimeAmount) -> MonotonicTime {
        isShut ? min(end, lastActivity + Self.pauseMax) : lastActivity + writeIdleTimeout
    }

    /// The answer is written, and its end.
    package mutating func shut() { isShut = true }

    /// `count` bytes were dropped. - Returns: whether more may be.
    package mutating func drop(_ count: Int) -> Bool {
        dropped += count
        return dropped <= Self.bytesMax
    }

    /// The process is about to end.
    package mutating func drain(now: MonotonicTime) { end = min(end, now + Self.pauseMax) }
}
