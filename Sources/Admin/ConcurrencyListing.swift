import Base
import Configuration
import Proxy
import Traffic

extension Gateway.ConcurrencyReport {
    /// The law, and how much of it is in use.
    var json: JSONOutput {
        let law = limit.law
        return [
            "scope": .string(isRoute ? "route" : "upstream"),
            "name": .string(name),
            "requests_max": .integer(law.requestsMax),
            "requests": .integer(limit.count),
            "queue_max": .integer(law.queueMax),
            "waiting": .integer(limit.waitingCount),
            "wait_max": .string(DurationFormat.text(law.waitMax)),
            "refused_full": .integer(Int(clamping: limit.refusedFull)),
            "refused_waited": .integer(Int(clamping: limit.refusedWaited)),
        ]
    }
}
