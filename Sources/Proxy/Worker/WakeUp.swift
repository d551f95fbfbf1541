import Base
import EventLoop

/// The wake-up that a connection has asked its loop for, remembered: one that is set for no later is enough, and then
/// the loop is not even asked. A connection that has one asks for wake-ups in no other way.
struct WakeUp {
    /// When the loop will call `timerFired`, or a little later.
    private var next = MonotonicTime.distantFuture

    /// Makes sure of a call of `timerFired` at `instant` or before.
    mutating func set(_ instant: MonotonicTime, for registration: Registration, on loop: EventLoop) {
        guard instant < next else { return }
        next = instant
        loop.wake(registration, at: instant)
    }

    /// To be called first of all in `timerFired`: the loop has forgotten the wake-up, too.
    mutating func fired() { next = .distantFuture }
}
