import Proxy

/// `/livez`: the control thread answers, so the process lives. A drain doesn't change that.
final class LivenessEndpoint: LocalHandler {
    func respond(to request: LocalRequest) -> LocalAnswer { .text("ok\n") }
}
