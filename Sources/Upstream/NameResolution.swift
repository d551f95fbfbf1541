import Base

/// When a name is resolved, and to what: a good answer is kept until a better one comes.
///
/// ```
///              answer                    failure
/// unresolved ─────────► resolved ─────────────────► stale
///     │  ▲                ▲  │ ▲                     │  │
///     └──┘ failure        └──┘ │ answer              │  └─ failure: keeps the addresses
///                       answer └─────────────────────┘
/// ```
/// Each state waits for a time or for the resolver, which always reports: there is at most one question at a time.
package struct NameResolution: Sendable {
    /// How often is asked.
    package struct Schedule: Sendable, Hashable {
        /// After an answer.
        package var refreshInterval: TimeAmount
        /// After failures.
        package var backoff: Backoff

        package init(
            refreshInterval: TimeAmount = .seconds(10),
            backoff: Backoff = Backoff(first: .milliseconds(500), limit: .seconds(30))
        ) {
            self.refreshInterval = refreshInterval
            self.backoff = backoff
        }
    }

    /// What the name waits for.
    package enum Next: Sendable, Equatable {
        /// To be asked at this time.
        case ask(at: MonotonicTime)
        /// The resolver's report.
        case report
    }

    package enum State: Sendable, Equatable {
        /// No answer yet, after so many failures.
        case unresolved(failures: Int, next: Next)
        case resolved([IPAddress], next: Next)
        /// The last good answer, and how many failures there were since.
        case stale([IPAddress], failures: Int, next: Next)
    }

    package enum Action: Sendable, Equatable {
        case none
        /// Ask the resolver now; `answered` or `failed` will be called.
        case resolve
    }

    package enum Change: Sendable, Equatable {
        case unchanged
        /// The addresses are others than before: connections to those that are gone shall end after their request.
        case changed
    }

    package private(set) var schedule: Schedule
    package private(set) var state: State

    /// More addresses of one name than this are left out.
    package static let addressLimit = 64

    /// A name to be resolved at once.
    package init(schedule: Schedule = Schedule(), now: MonotonicTime) {
        self.schedule = schedule
        state = .unresolved(failures: 0, next: .ask(at: now))
    }

    /// Sorted, without repetitions; empty until the first answer.
    package var addresses: [IPAddress] {
        switch state {
        case .unresolved: []
        case .resolved(let addresses, _), .stale(let addresses, _, _): addresses
        }
    }

    /// When `tick` has something to do. Nil while the resolver is at work.
    package var nextTick: MonotonicTime? {
        switch state {
        case .unresolved(_, .ask(let at)), .resolved(_, .ask(let at)), .stale(_, _, .ask(let at)): at
        case .unresolved(_, .report), .resolved(_, .report), .stale(_, _, .report): nil
        }
    }

    /// From now on another interval holds. A question that would come later than it is brought forward; one that comes
    /// earlier, and those after failures, stay.
    package mutating func setRefreshInterval(_ interval: TimeAmount, now: MonotonicTime) {
        schedule.refreshInterval = interval
        if case .resolved(let addresses, .ask(let at)) = state {
            state = .resolved(addresses, next: .ask(at: min(at, now + interval)))
        }
    }

    /// Time has passed.
    package mutating func tick(now: MonotonicTime) -> Action {
        guard let due = nextTick, due <= now else { return .none }
        switch state {
        case .unresolved(let failures, _): state = .unresolved(failures: failures, next: .report)
        case .resolved(let addresses, _): state = .resolved(addresses, next: .report)
        case .stale(let addresses, let failures, _): state = .stale(addresses, failures: failures, next: .report)
        }
        return .resolve
    }

    /// The resolver has an answer. One without addresses is a failure.
    ///
    /// - Parameter random: 64 random bits.
    package mutating func answered(_ answer: [IPAddress], now: MonotonicTime, random: UInt64) -> Change {
        guard !answer.isEmpty else {
            failed(now: now, random: random)
            return .unchanged
        }
        let sorted = Array(Set(answer)).sorted { $0.precedes($1) }.prefix(Self.addressLimit)
        let change: Change = addresses.elementsEqual(sorted) ? .unchanged : .changed
        // Jitter: loops and replicas shall not all ask in the same moment.
        let wait = Backoff.jittered(schedule.refreshInterval, random: random)
        state = .resolved(Array(sorted), next: .ask(at: now + wait))
        return change
    }

    /// The resolver has failed, or says that the name doesn't exist.
    ///
    /// - Parameter random: 64 random bits.
    package mutating func failed(now: MonotonicTime, random: UInt64) {
        func next(_ failures: Int) -> Next {
            .ask(at: now + schedule.backoff.delay(failures: failures, random: random))
        }
        switch state {
        case .unresolved(let failures, _):
            let count = min(failures, Int.max - 1) + 1
            state = .unresolved(failures: count, next: next(count))
        case .resolved(let addresses, _):
            state = .stale(addresses, failures: 1, next: next(1))
        case .stale(let addresses, let failures, _):
            let count = min(failures, Int.max - 1) + 1
            state = .stale(addresses, failures: count, next: next(count))
        }
    }
}

extension IPAddress {
    fileprivate func precedes(_ other: IPAddress) -> Bool {
        if isIPv4 != other.isIPv4 { return isIPv4 }
        return (high, low) < (other.high, other.low)
    }
}
