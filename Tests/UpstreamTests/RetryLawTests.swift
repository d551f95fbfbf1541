import Base
import Testing
import Upstream

@Suite("Further attempts")
struct RetryLawTests {
    static let law = RetryLaw(
        attemptsMax: 3, causes: [.connectFailure, .reset, .timeout, .status502, .status503, .status504],
        attemptTimeout: nil, backoff: Backoff(first: .milliseconds(25), limit: .milliseconds(250)),
        bodyBytesMax: 65_536, retryAfterMax: .seconds(1))

    static func attempt(
        _ cause: RetryCauses, number: Int = 1, answered: Bool = false, written: Bool = true, repeatable: Bool = true,
        replayable: Bool = true
    ) -> RetryLaw.Attempt {
        RetryLaw.Attempt(
            cause: cause, number: number, hasAnswered: answered, isWritten: written, isRepeatable: repeatable,
            isBodyReplayable: replayable)
    }

    static let cases: [(RetryLaw.Attempt, Bool)] = [
        (attempt(.connectFailure, written: false), true),
        (attempt(.connectFailure, written: false, repeatable: false), true),
        (attempt(.connectFailure, written: false, replayable: false), false), (attempt(.reset), true),
        (attempt(.reset, repeatable: false), false), (attempt(.reset, written: false, repeatable: false), true),
        (attempt(.reset, replayable: false), false), (attempt(.timeout), true),
        (attempt(.timeout, repeatable: false), false), (attempt(.status503), true),
        (attempt(.status503, repeatable: false), false), (attempt(.status503, answered: true), false),
        (attempt(.status503, number: 2), true), (attempt(.status503, number: 3), false),
        (attempt(.status500), false), (attempt(.status429), false),
    ]

    @Test("what is tried again", arguments: cases.indices)
    func decisions(index: Int) {
        let (attempt, expected) = Self.cases[index]
        #expect(Self.law.allows(attempt) == expected, "\(attempt)")
    }

    @Test("whatever happens: nothing is sent again that may have had an effect, has been answered, or is incomplete")
    func laws() {
        for raw in 0..<8 {
            for bits in 0..<32 {
                let attempt = Self.attempt(
                    RetryCauses(rawValue: 1 << UInt16(raw)), number: bits & 1 + 1, answered: bits & 2 != 0,
                    written: bits & 4 != 0, repeatable: bits & 8 != 0, replayable: bits & 16 != 0)
                guard Self.law.allows(attempt) else { continue }
                #expect(!attempt.hasAnswered && attempt.isBodyReplayable && attempt.number < Self.law.attemptsMax)
                #expect(attempt.isRepeatable || !attempt.isWritten)
            }
        }
    }

    @Test("each error has a cause, or none that another attempt would cure", arguments: UpstreamError.allCases)
    func causes(error: UpstreamError) {
        let cause = RetryCauses(error)
        if error.isBeforeConnection { #expect(cause == .connectFailure) }
        if error.isLostConnection { #expect(cause == .reset) }
        #expect((error == .requestTimedOut || error == .malformedResponse) ? cause == nil : true)
    }

    @Test("statuses that may be listed have a cause, others none")
    func statuses() {
        let known = (0..<600).filter { RetryCauses(status: $0) != nil }
        #expect(known == [429, 500, 502, 503, 504])
    }

    @Test(
        "Retry-After is waited for up to the bound",
        arguments: [(nil, nil), (0, 0), (1, 1), (2, nil), (Int.max, nil), (-1, nil)] as [(Int?, Int64?)])
    func retryAfter(seconds: Int?, expected: Int64?) {
        #expect(Self.law.wait(retryAfter: seconds) == expected.map { .seconds($0) })
    }

    @Test("full jitter is spread from nothing to the bound, which doubles up to its limit")
    func jitter() {
        var random = RandomSource(seed: 3)
        for (retry, bound) in [(1, 25), (2, 50), (3, 100), (4, 200), (5, 250), (100, 250)] as [(Int, Int64)] {
            let delays = (0..<2_000).map { _ in
                Self.law.backoff.fullJitter(retry: retry, random: random.next()).nanoseconds
            }
            let limit = bound * 1_000_000
            #expect(delays.allSatisfy { (0...limit).contains($0) })
            let mean = delays.reduce(0, +) / Int64(delays.count)
            #expect(abs(mean - limit / 2) < limit / 20)
        }
        #expect(Self.law.backoff.fullJitter(retry: 1, random: 0) == .zero)
        #expect(Self.law.backoff.fullJitter(retry: 1, random: .max) < .milliseconds(25))
    }
}
