import Base
import HTTP
import Observability
import Plugins

/// What a loop tells the error log. Limited by kind there, so that a bad upstream can't fill a disk.
extension Worker {
    func logFailure(_ failure: Failure, of exchange: Exchange) {
        log.warning("a request failed") { line in
            line.field("cause", ByteView(failure.code).string)
            line.field("route", exchange.route.identity.string)
            line.field("request_id", exchange.requestID.readable.string)
            if let target = exchange.target {
                line.field("upstream", target.key.upstream)
                line.field("target", target.key.target)
            }
        }
    }

    /// - Parameter body: whose it is, and what becomes of it.
    func noteUnfitBody(_ problem: BodyProblem, _ body: UnfitBody, of exchange: Exchange) {
        exchange.route.metrics.count(body)
        log.warning("a body can't be edited") { line in
            line.field("reason", problem.message)
            line.field("route", exchange.route.identity.string)
            line.field("request_id", exchange.requestID.readable.string)
        }
    }

    func logMalformed(_ error: MessageError, of exchange: Exchange) {
        log.warning("an upstream's response is malformed") { line in
            line.field("reason", ByteView(error.code).string)
            line.field("route", exchange.route.identity.string)
            line.field("request_id", exchange.requestID.readable.string)
            if let target = exchange.target { line.field("target", target.key.target) }
        }
    }
}
