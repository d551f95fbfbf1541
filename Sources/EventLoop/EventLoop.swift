import Base
import Linux

/// One thread's life: wait for events, hand each to its handler, run what others have posted, fire timers.
///
/// ```
/// run ─▶ epoll wait ─▶ read the clock ─▶ strides ─▶ timers ─▶ mailbox ─▶ end of turn ─┐
///         ▲                                                                           │
///         └───────────────────────────────────────────────────────────────────────────┘
/// ```
/// Events are worked off in strides of some handlers: first all of them read (`handle`), then all work on what they
/// have read (`proceed`), then all write (`send`). A request's code and that of the kernel's network stack don't fit
/// into the processor's first cache together; this way each is fetched once a stride, not once a request. And who is
/// written to is woken once for many messages: a wake-up costs as much as a request.
///
/// Everything but `mailbox` belongs to the loop's thread. Steady state allocates nothing: places of handlers are
/// reused, and a handler's timer lives in its place.
package final class EventLoop {
    /// The only door for other threads.
    package let mailbox: Mailbox
    /// The time at which the current turn began. What happens within a turn happens at the same instant.
    package private(set) var now: MonotonicTime
    /// Whether more events may be waiting than the present turn has taken: what they tell isn't known before the next
    /// one.
    package private(set) var isBehind = false
    /// Called at the end of every turn that handled something.
    package var onTurnEnd: (() -> Void)?
    /// Called behind that, last of all: what was gathered in the turn is sent now.
    package var onFlush: (() -> Void)?

    private let epoll: Epoll
    private var slots: SlotTable
    private var timers: TimerWheel
    private var proceeding = StepQueue(capacity: 2 * EventLoop.strideLength)
    private var sending = StepQueue(capacity: 2 * EventLoop.strideLength)
    private var isRunning = false

    package init() throws(Errno) {
        epoll = try Epoll()
        mailbox = try Mailbox()
        now = SystemClock.monotonic()
        slots = SlotTable()
        timers = TimerWheel(start: now)
        try epoll.add(mailbox.wakeNumber, events: .readable, token: Self.mailboxToken)
    }

    private static let mailboxToken = UInt64.max

    /// Handlers in a stride: enough to share what fetching the code and waking the other side cost, few enough that
    /// their buffers stay in the second cache and that the first doesn't wait long for the last.
    private static let strideLength = 64

    // MARK: Handlers

    /// Gives `handler` a place; the loop keeps it alive until `remove`.
    package func add(_ handler: any EventHandler) -> Registration { slots.insert(handler) }

    /// Frees the place, and forgets its timer. The descriptor is forgotten when its owner closes it.
    package func remove(_ registration: Registration) {
        guard slots.isCurrent(registration) else { return }
        timers.cancel(registration.index, in: &slots)
        slots.remove(registration)
    }

    /// Reports events of `descriptor` to the handler at `registration` from now on.
    package func watch(_ descriptor: Int32, _ events: EventSet, for registration: Registration) throws(Errno) {
        try epoll.add(descriptor, events: events, token: registration.token)
    }

    /// Stops reporting events of an open `descriptor`.
    package func unwatch(_ descriptor: Int32) { epoll.remove(descriptor) }

    // MARK: Timers

    /// Calls `timerFired` at `instant` or up to a tick later, once.
    ///
    /// Meant for lazy deadlines: an earlier call in force is kept, so a deadline that moves away with every request
    /// costs nothing; when the timer fires, the handler compares its deadline and asks again.
    package func wake(_ registration: Registration, at instant: MonotonicTime) {
        guard slots.isCurrent(registration) else { return }
        timers.schedule(registration.index, at: instant, in: &slots)
    }

    // MARK: Running

    /// Runs until `stop`.
    package func run() {
        isRunning = true
        while isRunning { turn(waitingAtMost: nil) }
    }

    /// Ends `run` after the current turn.
    package func stop() { isRunning = false }

    /// One turn of the loop.
    /// - Parameter limit: the longest wait for events; nil waits for the next event or timer.
    package func turn(waitingAtMost limit: TimeAmount?) {
        let count = epoll.wait(timeoutMilliseconds: timeout(limit))
        now = SystemClock.monotonic()
        isBehind = count == Epoll.batchCapacity
        var index = 0
        while index < count {
            let end = min(index + Self.strideLength, count)
            while index < end {
                deliver(index)
                index += 1
            }
            finishStride()
        }
        fireTimers()
        mailbox.drain()
        finishStride()
        onTurnEnd?()
        onFlush?()
    }

    private func deliver(_ index: Int) {
        let (events, token) = epoll.event(at: index)
        if token == Self.mailboxToken {
            mailbox.acknowledge()
        } else {
            slots.handler(at: Registration(token: token))?.handle(events)
        }
    }

    // MARK: Strides

    /// Calls `proceed` of the handler at `registration` when the others of the stride have handled their events too.
    /// Who asks while others proceed or send, proceeds with the next stride; no turn waits for events before that.
    package func proceedLater(_ registration: Registration) { proceeding.append(registration) }

    /// Calls `send` of the handler at `registration` when the others of the stride have proceeded too. Who asks while
    /// others send, sends with the next stride; no turn waits for events before that.
    package func sendLater(_ registration: Registration) { sending.append(registration) }

    private func finishStride() {
        let ready = proceeding.count
        for index in 0..<ready { slots.handler(at: proceeding[index])?.proceed() }
        proceeding.removeFirst(ready)
        let gathered = sending.count
        for index in 0..<gathered { slots.handler(at: sending[index])?.send() }
        sending.removeFirst(gathered)
    }

    private func timeout(_ limit: TimeAmount?) -> Int32 {
        if mailbox.hasMail || !proceeding.isEmpty || !sending.isEmpty { return 0 }
        var wait = timers.timeToNext(from: SystemClock.monotonic())
        if let limit { wait = wait.map { min($0, limit) } ?? limit }
        guard let wait else { return -1 }
        return Int32(clamping: max(0, (wait.nanoseconds + 999_999) / 1_000_000))
    }

    private func fireTimers() {
        while let index = timers.popDue(at: now, in: &slots) {
            slots.handler(index: index)?.timerFired()
        }
    }
}
