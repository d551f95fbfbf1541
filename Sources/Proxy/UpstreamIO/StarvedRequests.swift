import Base
import EventLoop
import Traffic

/// One loop's requests that lack a connection, because their upstream has as many as it may have: idle ones of other
/// loops give way. So a request is refused only when all connections are at work.
///
/// ```
/// request ── over budget ─▶ waits ─▶ the other loops are asked ─▶ all have looked ─▶ tries again
///                 │                   (once for all that wait)              │
///                 │                                                         └─ in vain: `SharedBudget.noteStarvation`,
///                 │                                                            the next one given back ends instead
///                 └─ nothing was given back since they looked in vain, or too many wait ─▶ 503 pool-exhausted
/// ```
final class StarvedRequests {
    /// Has the other loops give up idle connections, and `settled` called then. False when there are none.
    typealias Ask = @Sendable (_ budget: SharedBudget) -> Bool

    /// Requests that wait at a time.
    static let waitingMax = 1_024
    /// For how long a look in vain counts at most.
    static let quietTime = TimeAmount.milliseconds(20)
    /// The longest wait: a loop that has drained answers nothing.
    static let waitMax = TimeAmount.milliseconds(250)
    /// How often a request waits at most: others may be faster.
    static let starvationsMax = 8

    private let ask: Ask
    private unowned(unsafe) let loop: EventLoop
    private var waiting: [Waiting] = []
    private var lastTicket: UInt64 = 0
    private var questions: [ObjectIdentifier: Question] = [:]

    /// What other loops are asked, or were, about a budget.
    private enum Question {
        case asked(until: MonotonicTime)
        case inVain(until: MonotonicTime)

        func counts(at now: MonotonicTime) -> Bool {
            switch self {
            case .asked(let until), .inVain(let until): now < until
            }
        }
    }

    private struct Waiting {
        let exchange: Exchange
        let ticket: UInt64
        let budget: SharedBudget
    }

    init(loop: EventLoop, ask: @escaping Ask) {
        self.loop = loop
        self.ask = ask
    }

    /// Has `exchange` wait until the other loops have looked for an idle connection; then its `retryIsDue` is called.
    /// - Returns: whether it does.
    func wait(_ exchange: Exchange, for budget: SharedBudget) -> Bool {
        guard waiting.count < Self.waitingMax, exchange.attempt.starvations < Self.starvationsMax else { return false }
        switch questions[ObjectIdentifier(budget)] {
        case .asked(let until) where loop.now < until: break
        case .inVain(let until) where loop.now < until && budget.isStarved: return false
        default:
            guard ask(budget) else { return false }
            questions = questions.filter { $0.value.counts(at: loop.now) }
            questions[ObjectIdentifier(budget)] = .asked(until: loop.now + Self.waitMax)
            // Those whom nobody has answered have gone on.
            waiting.removeAll { $0.exchange.attempt.starvedTicket != $0.ticket }
        }
        lastTicket += 1
        exchange.attempt.starvedTicket = lastTicket
        exchange.attempt.starvations += 1
        waiting.append(Waiting(exchange: exchange, ticket: lastTicket, budget: budget))
        return true
    }

    /// All other loops have looked: those that wait try again.
    func settled(_ budget: SharedBudget) {
        if budget.hasRoom {
            questions[ObjectIdentifier(budget)] = nil
        } else {
            budget.noteStarvation()
            questions[ObjectIdentifier(budget)] = .inVain(until: loop.now + Self.quietTime)
        }
        let due = waiting.filter { $0.budget === budget }
        waiting.removeAll { $0.budget === budget }
        // One whose client left meanwhile is another exchange by now, or none, and has another ticket.
        for entry in due where entry.exchange.attempt.starvedTicket == entry.ticket { entry.exchange.retryIsDue() }
    }
}
