/// Whether a failed attempt may be repeated (RFC 9110 section 9.2.2), and where.
///
/// | what failed | request written | then |
/// |---|---|---|
/// | connecting | nothing | another target, any method |
/// | a reused connection ended, no byte of response | nothing | once on a fresh connection, any method |
/// | the same | something | once on a fresh connection, if idempotent and the body can be replayed |
/// | a fresh connection ended, no byte of response | nothing | another target, any method |
/// | everything else | | fail |
///
/// So a request that isn't idempotent is never sent twice, and an automatic retry that fails is not retried again.
package struct RetryRule: Sendable {
    /// The attempts in all that one request may take, the first included.
    package let attemptLimit: Int

    /// - Parameter attemptLimit: 1 for no retries at all.
    package init(attemptLimit: Int = 3) { self.attemptLimit = max(1, attemptLimit) }

    /// A failed attempt.
    package struct Attempt: Sendable {
        package var error: UpstreamError
        /// How many attempts there were, this one included.
        package var number: Int
        /// Whether the connection had served another request before.
        package var isReusedConnection: Bool
        /// Whether an earlier attempt of this request was repeated on a fresh connection.
        package var wasRetriedFresh: Bool
        /// Bytes of this attempt's request that the kernel took.
        package var writtenBytes: Int
        /// Bytes of the response that arrived, those of interim ones included.
        package var receivedBytes: Int
        /// Whether the method is idempotent (RFC 9110 section 9.2.2).
        package var isIdempotent: Bool
        /// Whether the body, from its beginning, is still at hand; so it is for a request without one.
        package var isBodyReplayable: Bool

        package init(
            error: UpstreamError, number: Int, isReusedConnection: Bool, wasRetriedFresh: Bool, writtenBytes: Int,
            receivedBytes: Int, isIdempotent: Bool, isBodyReplayable: Bool
        ) {
            self.error = error
            self.number = number
            self.isReusedConnection = isReusedConnection
            self.wasRetriedFresh = wasRetriedFresh
            self.writtenBytes = writtenBytes
            self.receivedBytes = receivedBytes
            self.isIdempotent = isIdempotent
            self.isBodyReplayable = isBodyReplayable
        }
    }

    package enum Decision: Sendable, Equatable {
        /// The same target again, on a connection that has served nothing yet.
        case retryFresh
        /// A target that wasn't tried yet; without one, fail.
        case tryAnotherTarget
        case fail
    }

    package func decide(_ attempt: Attempt) -> Decision {
        guard attempt.number < attemptLimit, attempt.receivedBytes == 0 else { return .fail }
        if attempt.error.isBeforeConnection { return .tryAnotherTarget }
        guard attempt.error.isLostConnection else { return .fail }
        guard attempt.isReusedConnection else {
            return attempt.writtenBytes == 0 ? .tryAnotherTarget : .fail
        }
        guard !attempt.wasRetriedFresh else { return .fail }
        let isSafeToRepeat = attempt.writtenBytes == 0 || (attempt.isIdempotent && attempt.isBodyReplayable)
        return isSafeToRepeat ? .retryFresh : .fail
    }
}
