import Base
import Configuration
import Traffic

extension RetryBudget {
    /// The law, what the last ten seconds have seen, and the totals since the start.
    func json(now: MonotonicTime) -> JSONOutput {
        let window = window(now: now)
        return [
            "ratio": .string("\(law.perThousand / 10)%"),
            "per_second_min": .integer(law.perSecondMinimum),
            "requests": .integer(window.requests),
            "retries": .integer(window.retries),
            "granted": .integer(Int(clamping: granted)),
            "refused": .integer(Int(clamping: refused)),
        ]
    }
}
