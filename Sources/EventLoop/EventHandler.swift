import Linux

/// Something that an event loop wakes: a connection, a listening socket, a background machine.
///
/// Called on the loop's thread only. A handler may remove itself, and others, from within a call.
package protocol EventHandler: AnyObject {
    /// The watched descriptor is ready for `events`. The first step of a stride.
    func handle(_ events: EventSet)

    /// The second step, asked for with `EventLoop.proceedLater`.
    func proceed()

    /// The last step, asked for with `EventLoop.sendLater`.
    func send()

    /// The time asked for with `EventLoop.wake(_:at:)` has come, or nearly a tick later.
    func timerFired()
}

extension EventHandler {
    /// Nothing: for handlers that don't ask for the step.
    package func proceed() {}

    /// Nothing: for handlers that don't ask for the step.
    package func send() {}
}

/// A handler's place in its loop. The generation tells a place from its next tenant's, so that an event which was
/// already on its way when the place changed hands reaches nobody.
package struct Registration: Equatable, Sendable {
    package let index: UInt32
    package let generation: UInt32

    var token: UInt64 { UInt64(generation) << 32 | UInt64(index) }

    init(index: UInt32, generation: UInt32) {
        self.index = index
        self.generation = generation
    }

    init(token: UInt64) {
        index = UInt32(truncatingIfNeeded: token)
        generation = UInt32(truncatingIfNeeded: token >> 32)
    }

    /// A place that no loop has given.
    package static var none: Registration { Registration(index: .max, generation: 0) }
}
