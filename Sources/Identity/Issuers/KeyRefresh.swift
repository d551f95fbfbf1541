import Base

/// When an issuer's keys are fetched: at the start, ahead of their expiry, again after a failure, and for a key id that
/// nobody knows, but then no more often than the cool-down allows, whatever clients send.
///
/// ```
///             fetched                  failed
/// missing ───────────────► fresh ─────────────────► stale ──┐
///   │ ▲                     │ ▲ ▲      fetched       │  ▲   │ failed: the keys are kept
///   └─┘ failed      fetched └─┘ └────────────────────┘  └───┘
/// ```
/// Each state waits for a time or for the fetch under way, which always reports: there is at most one at a time. The
/// keys themselves are the caller's; what is said here is whether there are any, and when the next ones come.
package struct KeyRefresh: Sendable {
    package enum Next: Sendable, Equatable {
        /// To be fetched at this time.
        case fetch(at: MonotonicTime)
        /// A fetch is under way: `fetched` or `failed` will be called.
        case report
    }

    package enum State: Sendable, Equatable {
        /// No keys yet, after so many failures.
        case missing(failures: Int, next: Next)
        case fresh(next: Next)
        /// The last good keys, and how many failures there were since.
        case stale(failures: Int, next: Next)
    }

    package enum Action: Sendable, Equatable {
        case none
        /// Fetch now; `fetched` or `failed` must be called.
        case fetch
    }

    /// What becomes of a request whose key is not there.
    package enum LookUp: Sendable, Equatable {
        /// Fetch now; `fetched` or `failed` must be called. The request may wait for it.
        case fetch
        /// A fetch is under way. The request may wait for it.
        case wait
        /// No fetch, nor will there be one before `until`: for nobody, as the cool-down isn't over, or for this key, as
        /// it was looked for in vain a short time ago.
        case refuse(until: MonotonicTime, everybody: Bool)
    }

    package private(set) var schedule: Schedule
    package private(set) var state: State
    private var unknown: UnknownKeys

    /// Keys to be fetched at once.
    package init(schedule: Schedule = Schedule(), now: MonotonicTime) {
        self.schedule = schedule
        state = .missing(failures: 0, next: .fetch(at: now))
        unknown = UnknownKeys(cooldown: schedule.unknownKeyCooldown)
    }

    /// Whether keys were ever fetched.
    package var hasKeys: Bool { if case .missing = state { false } else { true } }

    /// Failures since the last good fetch, or since the beginning.
    package var failures: Int {
        switch state {
        case .fresh: 0
        case .missing(let failures, _), .stale(let failures, _): failures
        }
    }

    /// When `tick` has something to do. Nil while a fetch is under way.
    package var nextTick: MonotonicTime? { if case .fetch(let at) = next { at } else { nil } }

    private var next: Next {
        switch state {
        case .missing(_, let next), .fresh(let next), .stale(_, let next): next
        }
    }

    /// Time has passed.
    package mutating func tick(now: MonotonicTime) -> Action {
        guard let due = nextTick, due <= now else { return .none }
        begin()
        return .fetch
    }

    /// A client needs a key that is not there.
    ///
    /// - Parameter id: the key's; nil when the token names none, which makes sense only while there are no keys.
    package mutating func lookUp(_ id: String?, now: MonotonicTime) -> LookUp {
        // Asked before the keys came.
        if id == nil, hasKeys { return .refuse(until: now, everybody: false) }
        switch next {
        case .report:
            if let end = unknown.expect(id, now: now) { return .refuse(until: end, everybody: false) }
            return .wait
        case .fetch:
            if let end = unknown.cooldownEnd(now: now) { return .refuse(until: end, everybody: true) }
            if let end = unknown.fetch(id, now: now) { return .refuse(until: end, everybody: false) }
            begin()
            return .fetch
        }
    }

    private mutating func begin() { set(.report) }

    private mutating func set(_ next: Next) {
        switch state {
        case .missing(let failures, _): state = .missing(failures: failures, next: next)
        case .fresh: state = .fresh(next: next)
        case .stale(let failures, _): state = .stale(failures: failures, next: next)
        }
    }

    /// The configuration has another schedule: what is due later than it allows comes sooner.
    package mutating func adopt(_ schedule: Schedule, now: MonotonicTime) {
        guard schedule != self.schedule else { return }
        self.schedule = schedule
        unknown.adopt(cooldown: schedule.unknownKeyCooldown, now: now)
        if let due = nextTick { set(.fetch(at: min(due, now + schedule.intervalMax))) }
    }

    /// Whether the fetch under way was made for a key that these keys don't have.
    package func isInVain(isKnown: (String) -> Bool) -> Bool { unknown.isInVain(isKnown: isKnown) }

    /// A fetch has brought keys.
    ///
    /// - Parameters:
    ///   - freshness: how long the answer may be kept; nil when it didn't say.
    ///   - isKnown: whether the keys now have this id.
    ///   - random: 64 random bits.
    /// - Returns: `fetch` when somebody who waits came after this fetch had begun, and may have another one: what it
    ///   brought may be older than their key.
    package mutating func fetched(
        freshness: TimeAmount?, now: MonotonicTime, random: UInt64, isKnown: (String) -> Bool
    ) -> Action {
        state = .fresh(next: .fetch(at: now + schedule.wait(freshness: freshness, random: random)))
        guard unknown.settle(now: now, isKnown: isKnown) else { return .none }
        begin()
        return .fetch
    }

    /// A fetch has brought nothing of use: the last good keys stay.
    ///
    /// - Parameter random: 64 random bits.
    package mutating func failed(now: MonotonicTime, random: UInt64) {
        unknown.abandon()
        let count = min(failures, Int.max - 1) + 1
        let next = Next.fetch(at: now + schedule.retryDelay(failures: count, random: random))
        state = hasKeys ? .stale(failures: count, next: next) : .missing(failures: count, next: next)
    }
}

extension KeyRefresh {
    /// How often is fetched.
    package struct Schedule: Sendable, Hashable {
        /// The bounds of what an answer's freshness can set.
        package var intervalMin: TimeAmount
        package var intervalMax: TimeAmount
        /// Between two fetches that clients caused.
        package var unknownKeyCooldown: TimeAmount
        /// After failures: at most this, doubled with each up to the limit, which is never above `intervalMax`.
        package var retryFirst: TimeAmount
        package var retryMax: TimeAmount

        package init(
            intervalMin: TimeAmount = .seconds(60), intervalMax: TimeAmount = .seconds(3600),
            unknownKeyCooldown: TimeAmount = .seconds(30), retryFirst: TimeAmount = .seconds(1),
            retryMax: TimeAmount = .seconds(60)
        ) {
            self.intervalMin = max(intervalMin, .seconds(1))
            self.intervalMax = max(intervalMax, self.intervalMin)
            self.unknownKeyCooldown = max(unknownKeyCooldown, .zero)
            self.retryFirst = min(max(retryFirst, KeyRefresh.Schedule.retryMin), self.intervalMax)
            self.retryMax = min(max(retryMax, self.retryFirst), self.intervalMax)
        }

        /// Used for answers that don't say how long they are fresh, within the bounds.
        package static let usualInterval = TimeAmount.seconds(300)
        /// No retry comes sooner.
        package static let retryMin = TimeAmount.milliseconds(200)

        /// From a good answer to the next fetch: ahead of the answer's expiry by a tenth to a fifth, so that replicas
        /// don't come together, but never below the minimum.
        func wait(freshness: TimeAmount?, random: UInt64) -> TimeAmount {
            let interval = min(max(freshness ?? Self.usualInterval, intervalMin), intervalMax).nanoseconds
            let ahead = interval / 10 + Int64(random % UInt64(interval / 10 + 1))
            return max(TimeAmount(nanoseconds: interval - ahead), intervalMin)
        }

        /// After `failures` in a row, at least one: anything between the least and the doubled time ("full jitter").
        func retryDelay(failures: Int, random: UInt64) -> TimeAmount {
            let ceiling = retryFirst.doubled(max(failures, 1) - 1, upTo: retryMax)
            let range = ceiling.nanoseconds - Self.retryMin.nanoseconds
            guard range > 0 else { return Self.retryMin }
            let offset = Int64(random % (UInt64(range) + 1))
            return TimeAmount(nanoseconds: Self.retryMin.nanoseconds + offset)
        }
    }
}
