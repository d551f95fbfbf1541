import Base
import Observability
import Upstream

/// What becomes of a request whose time is over: its answer is put down to what it waited for.
extension Exchange {
    /// `timeouts.request` has passed, and the client takes what there is of an answer.
    func requestTimedOut() {
        if issuerTicket != 0 {
            // As if the issuer's keys had been looked for in vain: the token is judged by those that there are.
            worker.issuers.leave(self)
            return issuerSettled(mayAskAgain: false)
        }
        if storeTicket != 0 { return storeTookTooLong() }
        if isQueued { return waitedTooLong(leaving: true) }
        if attempt.starvedTicket != 0 { return fail(.upstream(.poolExhausted)) }
        if response == .none, awaitsClient { return answer(.requestTooSlow) }
        fail(.upstream(.requestTimedOut))
    }
}
