import Base
import EventLoop
import Linux
import Observability
import Redis
import TLS

/// One loop's connection to a store, and what waits for its answers.
///
/// ```
/// resting ──▶ connecting ──▶ securing ──▶ greeting ──▶ ready ──┐ lost: again at once, as long as the breaker is closed
///    ▲            ▲ next server             │ │         ▲  │   │
///    │            ├─────────────────────────┘ │ after   │  │   │
///    │            │                           ▼ a pause │  │   │
///    │            │                       proving ──────┘  │   │
///    │            └────────────────────────────┼───────────┼───┘
///    └──────── no server is of use, or too many checks failed
/// ```
/// What is asked in one turn of the loop is written at its end, with one call. Nothing here blocks.
package final class StoreLink: EventHandler {
    enum State: Equatable {
        /// Nothing is tried before then.
        case resting(MonotonicTime)
        case connecting
        case securing
        case greeting
        /// The breaker wants to see some checks answered first.
        case proving
        case ready
        case retired
    }

    let loop: EventLoop
    let log: ErrorLog
    var plan: StorePlan
    var random: RandomSource
    var state = State.resting(.zero)
    var health: StoreHealth
    var waiting: WaitingChecks
    /// No other link of the loop has the same numbers: an exchange may have left one, and wait for another.
    private var lastTicket: UInt64
    /// Where checks go since the store has other settings.
    private var successor: StoreLink?
    /// When the link ends unless it is asked, since there is no such store any more.
    private var leavingAt = MonotonicTime.distantFuture

    // MARK: The connection
    /// The place that its timer is set at, always the same.
    private var timerPlace = Registration.none
    var socketPlace = Registration.none
    var socket: StreamSocket?
    var tls: TLSSession?
    var session: StoreSession
    var candidates: ArraySlice<StorePlan.Candidate> = []
    var server = ""
    /// Whether the connection is to a Sentinel.
    var isAskingSentinel = false
    /// When the present attempt, or the present probe, has taken too long.
    var attemptDeadline = MonotonicTime.distantFuture
    /// From the server, as the session reads it; to the server, as the session writes it; and as the socket takes it.
    var input = IOBuffer()
    var output = IOBuffer()
    var ciphertext = IOBuffer()
    /// What the socket has brought, with TLS: empty between two reads, kept for its memory.
    var received = IOBuffer()
    var isWritable = false
    /// Whether an event told of the end of the stream: it comes once, maybe together with the last bytes.
    var seesEnd = false
    var isReading = false
    /// Whether the present connection has brought an answer.
    var isOfUse = false
    /// Since when the present connection can be asked.
    var readySince = MonotonicTime.zero
    private var wakeUp = WakeUp()

    package init(_ plan: StorePlan, loop: EventLoop, log: ErrorLog, seed: UInt64) {
        self.plan = plan
        self.loop = loop
        self.log = log
        random = RandomSource(seed: seed)
        lastTicket = seed
        let redis = plan.settings.redis
        health = StoreHealth(
            failures: redis.breaker.failures.value, openTime: redis.breaker.openTime.value,
            openTimeMax: redis.breaker.openTimeMax.value)
        waiting = WaitingChecks(capacity: redis.waitingMax.value)
        session = StoreSession(plan.session, waitingMax: 1)
    }

    var status: StoreStatus { plan.status }
    /// Whether it has ended.
    package var isRetired: Bool { state == .retired }
    var checkTimeout: TimeAmount { plan.settings.redis.timeout.value }

    /// Connects. The loop keeps the link alive until `retire`.
    package func start() {
        timerPlace = loop.add(self)
        connect()
    }

    /// Ends it; those that wait are told.
    package func retire() {
        guard state != .retired else { return }
        state = .retired
        disconnect()
        loop.remove(timerPlace)
        failAll(.skipped)
    }

    // MARK: Asking

    /// Has the request's question asked, unless the store is of no use now.
    /// - Returns: whether the request waits; otherwise it has to do without an answer, at once.
    package func check(_ waiter: any StoreWaiter) -> Bool {
        if let successor { return successor.check(waiter) }
        guard health.isClosed, state != .retired else {
            status.count(.skipped)
            return false
        }
        guard !waiting.isFull, waiting.count < plan.settings.redis.waitingMax.value else {
            status.count(.overflowed)
            return false
        }
        lastTicket = max(lastTicket &+ 1, 1)
        waiter.storeTicket = lastTicket
        let deadline = loop.now + checkTimeout
        let isAsked = state == .ready && waiting.sentCount == waiting.count && session.takesQuestions
        waiting.append(WaitingChecks.Entry(waiter: waiter, ticket: lastTicket, deadline: deadline), isSent: isAsked)
        if isAsked { waiter.ask(&session, into: &output) }
        wake(at: deadline)
        if isLeaving { wasAskedLate() }
        return true
    }

    /// Tells the store something that nobody waits to have answered: what limits took for a request that goes no
    /// further. Of no use when the store can't be asked at this moment: then it isn't told.
    package func tell(_ question: borrowing BucketQuestion) {
        guard health.isClosed, state == .ready, waiting.sentCount == waiting.count, !waiting.isFull,
            waiting.count < plan.settings.redis.waitingMax.value, session.takesQuestions
        else {
            successor?.tell(question)
            return
        }
        let entry = WaitingChecks.Entry(waiter: nil, ticket: 0, deadline: loop.now + checkTimeout)
        waiting.append(entry, isSent: true)
        session.ask(question, into: &output)
        if successor != nil || isLeaving { flush() }
    }

    /// The loop's turn ends: what was asked is sent.
    package func endTurn() {
        guard !output.isEmpty, isWritable else { return }
        flush()
    }

    /// Asks for those that wait and weren't asked yet.
    func askWaiting() {
        if waiting.sentCount == 0 { waiting.forgetSent() }
        while state == .ready, waiting.sentCount < waiting.count, session.takesQuestions {
            let entry = waiting.unsent()
            guard let waiter = entry.waiter, entry.isAlive else {
                // It takes part no more, but has its place: an empty question keeps the order.
                session.ask(BucketQuestion(), into: &output)
                waiting.unsentWasSent()
                continue
            }
            waiter.ask(&session, into: &output)
            waiting.unsentWasSent()
        }
    }

    // MARK: Answers

    /// Reads what the server has said.
    func readReplies() {
        guard !isReading else { return }
        isReading = true
        defer { isReading = false }
        while state != .retired {
            switch session.next(&input, output: &output) {
            case .needsMore: return
            case .greeted: greeted()
            case .proved: proved()
            case .master(let endpoint): return connectToMaster(endpoint)
            case .answer(let answer): guard answered(answer) else { return lost(.session(.unexpected(.check))) }
            case .refused: refused()
            case .askAgain: askAgain()
            case .failed(let problem): return lost(.session(problem))
            }
            if successor != nil { endIfIdle() }
        }
    }

    /// - Returns: whether the answer can be one to what was asked; whoever gives another is not believed any more.
    private func answered(_ answer: BucketAnswer) -> Bool {
        guard waiting.sentCount > 0 else { return true }
        let entry = waiting.removeFirst()
        guard let waiter = entry.waiter else { return true }
        if entry.isAlive, !waiter.canHave(answer) {
            fail(waiter, entry.ticket, .refused)
            return false
        }
        health.succeeded()
        isOfUse = true
        status.count(.answered)
        let asked = entry.deadline.nanoseconds - checkTimeout.nanoseconds
        status.count(.waited, UInt64(max(loop.now.nanoseconds - asked, 0)))
        guard entry.isAlive else { return true }
        waiter.storeTicket = 0
        waiter.storeAnswered(answer)
        return true
    }

    private func refused() {
        guard waiting.sentCount > 0 else { return }
        let entry = waiting.removeFirst()
        guard let waiter = entry.waiter else { return }
        fail(waiter, entry.ticket, .refused)
        noteFailure()
    }

    /// The script was forgotten; once is an accident, twice a store that can't be used.
    private func askAgain() {
        guard waiting.sentCount > 0 else { return }
        var entry = waiting.removeFirst()
        guard let waiter = entry.waiter, entry.isAlive else { return }
        if entry.wasAskedAgain || waiting.isFull {
            fail(waiter, entry.ticket, .refused)
            return noteFailure()
        }
        entry.wasAskedAgain = true
        if let successor { return successor.adopt(entry) }
        entry.deadline = loop.now + checkTimeout
        waiting.append(entry, isSent: false)
        askWaiting()
        wake(at: entry.deadline)
    }

    private func fail(_ waiter: any StoreWaiter, _ ticket: UInt64, _ count: StoreStatus.Count) {
        status.count(count)
        guard waiter.storeTicket == ticket else { return }
        waiter.storeTicket = 0
        waiter.storeFailed()
    }

    /// Nobody waits any more.
    func failAll(_ count: StoreStatus.Count) {
        while waiting.count > 0 {
            let entry = waiting.removeFirst()
            if let waiter = entry.waiter { fail(waiter, entry.ticket, count) }
        }
    }

    private func noteFailure() {
        guard health.isClosed, health.failed(now: loop.now, chance: chance()) else { return }
        rest(.checksFailed)
    }

    // MARK: Giving way

    /// The configuration says something else about the store, or knows none of that name any more. Requests that run by
    /// the old one are still served: those that were asked for here, the others by the successor.
    /// - Parameter successor: nil when the store is gone. Then the link serves on until nobody asks any more.
    package func replace(by successor: StoreLink?) {
        guard state != .retired else { return }
        guard let successor else {
            leavingAt = loop.now + Self.leavingTime
            return wake(at: leavingAt)
        }
        self.successor = successor
        for entry in waiting.removeUnsent() { successor.adopt(entry) }
        flush()
        endIfIdle()
    }

    /// Longer than a request takes from its head to its last limit, but for one that waits for an issuer's keys.
    private static let leavingTime = TimeAmount.seconds(10)

    private var isLeaving: Bool { leavingAt != .distantFuture }

    /// Nobody else sends what was asked.
    private func wasAskedLate() {
        leavingAt = loop.now + Self.leavingTime
        flush()
    }

    /// Nobody waits for an answer here any more.
    private func endIfIdle() {
        if waiting.nextDeadline == nil { retire() }
    }

    /// The connection of a link that has a successor is of no use any more: who waits is asked for there.
    /// - Returns: whether there is a successor.
    func hasHandedOver() -> Bool {
        guard let successor else { return false }
        while waiting.count > 0 { successor.adopt(waiting.removeFirst()) }
        retire()
        return true
    }

    /// Takes over one who waits at another link.
    private func adopt(_ entry: WaitingChecks.Entry) {
        var entry = entry
        guard let waiter = entry.waiter, entry.isAlive else { return }
        if let successor { return successor.adopt(entry) }
        guard health.isClosed, state != .retired else { return fail(waiter, entry.ticket, .skipped) }
        guard !waiting.isFull, waiting.count < plan.settings.redis.waitingMax.value else {
            return fail(waiter, entry.ticket, .overflowed)
        }
        entry.deadline = min(entry.deadline, loop.now + checkTimeout)
        wake(at: entry.deadline)
        waiting.append(entry, isSent: false)
        askWaiting()
    }

    // MARK: Time

    package func timerFired() {
        wakeUp.fired()
        if state == .retired { return }
        var failures = 0
        var place = 0
        while let late = waiting.nextLate(now: loop.now, from: &place) {
            failures += 1
            status.count(.timedOut)
            late.storeTicket = 0
            late.storeFailed()
        }
        // Those that are late at one instant are as many failures: a store that has stopped is known at once.
        for _ in 0..<failures where health.isClosed { noteFailure() }
        if successor != nil { endIfIdle() }
        dropUnsent()
        if loop.now >= leavingAt, waiting.nextDeadline == nil { retire() }
        switch state {
        case .resting(let until): if loop.now >= until { connect() }
        case .connecting, .securing, .greeting: if loop.now >= attemptDeadline { attemptFailed(.timedOut) }
        case .proving: if loop.now >= attemptDeadline { lost(.timedOut) }
        case .ready: break
        case .retired: return
        }
        wake(at: nextDeadline)
    }

    /// Of those that weren't asked yet, the ones that wait no more have no place to keep.
    private func dropUnsent() {
        while waiting.sentCount == 0, waiting.count > 0, !waiting.unsent().isAlive { _ = waiting.removeFirst() }
    }

    private var nextDeadline: MonotonicTime {
        var next = waiting.nextDeadline ?? .distantFuture
        switch state {
        case .resting(let until): next = min(next, until)
        case .connecting, .securing, .greeting, .proving: next = min(next, attemptDeadline)
        case .ready, .retired: break
        }
        // As long as somebody waits, his time-out comes before the end.
        if isLeaving, waiting.nextDeadline == nil { next = min(next, leavingAt) }
        return next
    }

    /// Makes sure of a look at the link at `instant` or before.
    func wake(at instant: MonotonicTime) {
        guard instant != .distantFuture else { return }
        wakeUp.set(instant, for: timerPlace, on: loop)
    }

    /// 0 to below 1.
    func chance() -> Double { random.unit() }
}
