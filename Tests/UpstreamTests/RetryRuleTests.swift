import Testing
import Upstream

@Suite("Retries")
struct RetryRuleTests {
    static func attempt(
        _ error: UpstreamError, number: Int = 1, reused: Bool = false, retried: Bool = false, written: Int = 0,
        received: Int = 0, idempotent: Bool = true, replayable: Bool = true
    ) -> RetryRule.Attempt {
        RetryRule.Attempt(
            error: error, number: number, isReusedConnection: reused, wasRetriedFresh: retried, writtenBytes: written,
            receivedBytes: received, isIdempotent: idempotent, isBodyReplayable: replayable)
    }

    static let cases: [(RetryRule.Attempt, RetryRule.Decision)] = [
        // Nothing was sent: any method, another target.
        (attempt(.connectRefused), .tryAnotherTarget),
        (attempt(.connectTimedOut, idempotent: false), .tryAnotherTarget),
        (attempt(.connectFailed, idempotent: false, replayable: false), .tryAnotherTarget),
        (attempt(.nameNotResolved, number: 2), .tryAnotherTarget),
        (attempt(.connectRefused, number: 3), .fail),
        // The keep-alive race.
        (attempt(.closedBeforeResponse, reused: true, written: 100), .retryFresh),
        (attempt(.resetBeforeResponse, reused: true, written: 100), .retryFresh),
        (attempt(.resetBeforeResponse, reused: true, written: 100, idempotent: false), .fail),
        (attempt(.resetBeforeResponse, reused: true, written: 1, idempotent: false), .fail),
        (attempt(.resetBeforeResponse, reused: true, written: 0, idempotent: false), .retryFresh),
        (attempt(.resetBeforeResponse, reused: true, written: 0, idempotent: false, replayable: false), .retryFresh),
        (attempt(.closedBeforeResponse, reused: true, written: 9, replayable: false), .fail),
        (
            attempt(.closedBeforeResponse, number: 2, reused: true, retried: true, written: 9),
            .fail
        ),
        (attempt(.closedBeforeResponse, reused: true, written: 100, received: 1), .fail),
        // A fresh connection.
        (attempt(.resetBeforeResponse, written: 0, idempotent: false), .tryAnotherTarget),
        (attempt(.resetBeforeResponse, written: 10), .fail),
        (attempt(.connectRefused, number: 2, retried: true), .tryAnotherTarget),
        // The upstream may be at work.
        (attempt(.responseHeaderTimedOut, reused: true, written: 10), .fail),
        (attempt(.idleTimedOut, reused: true), .fail),
        (attempt(.malformedResponse, reused: true), .fail),
        (attempt(.responseTruncated, reused: true, written: 10, received: 100), .fail),
        (attempt(.noTargetAvailable), .fail), (attempt(.poolExhausted), .fail),
    ]

    @Test("what may be repeated, and where", arguments: cases.indices)
    func decisions(index: Int) {
        let (attempt, expected) = Self.cases[index]
        #expect(RetryRule().decide(attempt) == expected, "\(attempt)")
    }

    @Test("without retries every failure is final", arguments: UpstreamError.allCases)
    func none(error: UpstreamError) {
        #expect(RetryRule(attemptLimit: 1).decide(Self.attempt(error, reused: true)) == .fail)
    }

    @Test(
        "whatever happens: no request that isn't idempotent is sent twice, and none is repeated after a response began")
    func laws() {
        for error in UpstreamError.allCases {
            for bits in 0..<32 {
                let attempt = Self.attempt(
                    error, reused: bits & 1 != 0, retried: bits & 2 != 0, written: bits & 4 != 0 ? 10 : 0,
                    received: bits & 8 != 0 ? 10 : 0, idempotent: bits & 16 != 0)
                let decision = RetryRule(attemptLimit: 10).decide(attempt)
                let isRepeated = decision != .fail
                if isRepeated { #expect(attempt.receivedBytes == 0) }
                if isRepeated, !attempt.isIdempotent, !error.isBeforeConnection { #expect(attempt.writtenBytes == 0) }
                if decision == .retryFresh { #expect(attempt.isReusedConnection && !attempt.wasRetriedFresh) }
            }
        }
    }

    @Test("every error has a status of its kind and a code of its own")
    func errors() {
        #expect(Set(UpstreamError.allCases.map { "\($0.code)" }).count == UpstreamError.allCases.count)
        for error in UpstreamError.allCases {
            #expect((502...504).contains(error.status))
            #expect("\(error)".lowercased() == "\(error.code)".replacing("-", with: ""))
            #expect(("\(error)".hasSuffix("TimedOut")) == (error.status == 504))
        }
    }
}
