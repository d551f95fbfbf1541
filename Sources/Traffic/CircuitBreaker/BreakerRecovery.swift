import Base

/// How requests come back to what has just recovered: a tenth of them at first, then more in proportion to the time
/// gone by, until the recover time is over. Which ones is no matter of chance: they are spread evenly over all that
/// come, so that there is no burst among them.
package enum BreakerRecovery {
    /// The share at the beginning, in thousandths.
    static let leastPermille = 100
    /// What the sum begins with, so that the first request is let through.
    static let firstSum: UInt64 = 900

    /// The share of requests that may go, in thousandths.
    /// - Parameter time: the recover time.
    package static func share(elapsed: TimeAmount, of time: TimeAmount) -> Int {
        guard elapsed < time else { return 1_000 }
        let part = Double(max(elapsed.nanoseconds, 0)) / Double(time.nanoseconds)
        return leastPermille + Int(Double(1_000 - leastPermille) * part)
    }

    /// Whether a request may go: each adds its share to a sum, and whoever completes a thousand does.
    /// - Parameter sum: before this request.
    package static func admits(sum: UInt64, permille: Int) -> Bool {
        sum / 1_000 != (sum &+ UInt64(clamping: permille)) / 1_000
    }
}
