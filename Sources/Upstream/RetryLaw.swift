import Base

/// What may have gone wrong with an attempt, as a configuration names it.
package struct RetryCauses: OptionSet, Sendable, Hashable {
    package let rawValue: UInt16
    package init(rawValue: UInt16) { self.rawValue = rawValue }

    /// No connection could be had.
    package static let connectFailure = RetryCauses(rawValue: 1)
    /// The connection ended before the head of an answer was complete.
    package static let reset = RetryCauses(rawValue: 2)
    /// No answer in the time that one attempt, or the response head, has.
    package static let timeout = RetryCauses(rawValue: 4)
    package static let status429 = RetryCauses(rawValue: 8)
    package static let status500 = RetryCauses(rawValue: 16)
    package static let status502 = RetryCauses(rawValue: 32)
    package static let status503 = RetryCauses(rawValue: 64)
    package static let status504 = RetryCauses(rawValue: 128)

    /// Nil for statuses that are answers, whatever a configuration says.
    package init?(status: Int) {
        switch status {
        case 429: self = .status429
        case 500: self = .status500
        case 502: self = .status502
        case 503: self = .status503
        case 504: self = .status504
        default: return nil
        }
    }

    /// Nil for what another attempt would not cure, or for which there is no time left.
    package init?(_ error: UpstreamError) {
        switch error {
        case .connectRefused, .connectTimedOut, .connectFailed, .nameNotResolved: self = .connectFailure
        case .resetBeforeResponse, .closedBeforeResponse, .responseTruncated: self = .reset
        case .attemptTimedOut, .responseHeaderTimedOut, .idleTimedOut: self = .timeout
        case .noTargetAvailable, .poolExhausted, .requestTimedOut, .malformedResponse, .unexpectedUpgrade: return nil
        }
    }
}

/// What a configuration lets be tried again, beyond what `RetryRule` does by itself. An attempt is repeated when all of
/// this holds:
///
/// | | |
/// |---|---|
/// | the cause | is one of `causes` |
/// | attempts | fewer than `attemptsMax` |
/// | the client | has got no byte of an answer |
/// | the request | nothing of it was written, or its method is one of those that may be sent again |
/// | its content | is at hand from its beginning |
///
/// Then the budget and the time that is left are asked, which aren't the law's matter.
package struct RetryLaw: Sendable, Equatable {
    /// The first one included.
    package var attemptsMax: Int
    package var causes: RetryCauses
    /// From the beginning of an attempt, or the end of the request, to the end of the answer's head; nil for no limit
    /// of its own.
    package var attemptTimeout: TimeAmount?
    package var backoff: Backoff
    /// Content kept so that it can be sent again, in bytes.
    package var bodyBytesMax: Int
    /// The longest `Retry-After` that is waited for; an answer that asks for more goes to the client.
    package var retryAfterMax: TimeAmount

    package init(
        attemptsMax: Int, causes: RetryCauses, attemptTimeout: TimeAmount?, backoff: Backoff, bodyBytesMax: Int,
        retryAfterMax: TimeAmount
    ) {
        self.attemptsMax = attemptsMax
        self.causes = causes
        self.attemptTimeout = attemptTimeout
        self.backoff = backoff
        self.bodyBytesMax = bodyBytesMax
        self.retryAfterMax = retryAfterMax
    }

    /// An attempt that is over.
    package struct Attempt: Sendable {
        package var cause: RetryCauses
        /// How many attempts there were, this one included; not those whose stale connection was replaced.
        package var number: Int
        /// Whether the client has got anything of an answer, interim ones included.
        package var hasAnswered: Bool
        /// Whether bytes of the request went out.
        package var isWritten: Bool
        /// Whether the route lets requests of this method be sent again.
        package var isRepeatable: Bool
        /// Whether the content, from its beginning, is still at hand; so it is for a request without one.
        package var isBodyReplayable: Bool

        package init(
            cause: RetryCauses, number: Int, hasAnswered: Bool, isWritten: Bool, isRepeatable: Bool,
            isBodyReplayable: Bool
        ) {
            self.cause = cause
            self.number = number
            self.hasAnswered = hasAnswered
            self.isWritten = isWritten
            self.isRepeatable = isRepeatable
            self.isBodyReplayable = isBodyReplayable
        }
    }

    /// Whether there may be another attempt.
    package func allows(_ attempt: Attempt) -> Bool {
        causes.contains(attempt.cause) && attempt.number < attemptsMax && !attempt.hasAnswered
            && (!attempt.isWritten || attempt.isRepeatable) && attempt.isBodyReplayable
    }

    /// What an answer's `Retry-After` has a retry wait; nil when the client shall decide. A date counts as too long.
    /// - Parameter seconds: the field's value as a number; nil when it isn't one.
    package func wait(retryAfter seconds: Int?) -> TimeAmount? {
        guard let seconds, seconds >= 0, seconds <= Int(retryAfterMax.nanoseconds / 1_000_000_000) else { return nil }
        return .seconds(Int64(seconds))
    }
}
