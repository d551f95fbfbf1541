import Base

/// What a route's `retries` say.
struct RetriesDraft {
    var connectFailuresMax: Setting<Int>?
    var staleConnection: Setting<Bool>?
    var attemptsMax: Setting<Int>?
    var conditions: [Setting<RetryCondition>]?
    var methods: [Setting<String>]?
    var perTryTimeout: Setting<TimeAmount>?
    var backoffBase: Setting<TimeAmount>?
    var backoffMax: Setting<TimeAmount>?
    var bodyBytesMax: Setting<Int>?
    var retryAfterMax: Setting<TimeAmount>?

    /// The first value that means something only with `attempts_max` above 1.
    var firstFurther: SourceLocation? {
        conditions?.first?.origin.location ?? methods?.first?.origin.location ?? perTryTimeout?.origin.location
            ?? backoffBase?.origin.location ?? backoffMax?.origin.location ?? bodyBytesMax?.origin.location
            ?? retryAfterMax?.origin.location
    }
}

struct BackoffDraft {
    var base: Setting<TimeAmount>?
    var max: Setting<TimeAmount>?
}

struct RetryBudgetDraft {
    var ratio: Setting<Int>?
    var perSecondMin: Setting<Int>?
}

/// The keys of `retries`, and of an upstream's `retry_budget`.
enum RetrySections {
    static let retries = Section(
        "What is tried again. Nothing that may have reached an upstream is sent twice unless its method allows it, and nothing once a byte of an answer has gone to the client.",
        draft: { RetriesDraft() },
        keys: [
            Key(
                "connect_failures_max", .integer(0...5), default: "\(Defaults.connectFailuresMax)",
                "Further targets tried, at once and whatever the method, when no connection could be opened."
            ) { $0.connectFailuresMax = $1 },
            Key(
                "stale_connection", .boolean, default: "\(Defaults.staleConnectionRetry)",
                "Whether a request that a reused connection lost before any byte of response is sent once more, if its method allows that."
            ) { $0.staleConnection = $1 },
            Key(
                "attempts_max", .integer(1...10), default: "\(Defaults.attemptsMax)",
                "Attempts of one request, the first included; the keys below say when there is a further one."
            ) { $0.attemptsMax = $1 },
            Key(
                "on", .list(.choice), default: Defaults.retryConditionsText,
                "What has a request tried again: no connection, a connection that ended before the head of an answer, no answer in time (`per_try_timeout`, `timeouts.response_header` or `idle`), or an answer with this status."
            ) { $0.conditions = $1.value },
            Key(
                "methods", .list(.method, countMax: 32), default: Defaults.retryMethods.joined(separator: ", "),
                "Methods whose requests may be sent again although the upstream may have acted on them; by default the idempotent ones (RFC 9110 section 9.2.2). A request of which nothing was written is sent again whatever its method."
            ) { $0.methods = $1.value },
            Key(
                "per_try_timeout", Bounds.upstreamTime, default: "none",
                "For one attempt: from its beginning, or the end of the request if that is later, to the end of the response header."
            ) { $0.perTryTimeout = $1 },
            .part(
                "backoff", .backoff(backoff),
                "How long is waited before a further attempt: a random time up to `base`, doubled with each attempt, up to `max`."
            ) { draft, value, _, _ in
                draft.backoffBase = value.base
                draft.backoffMax = value.max
            },
            Key(
                "body_bytes_max", .size(0...1 << 20), default: SizeFormat.text(Defaults.retryBodyBytesMax),
                "Request content that is kept to be sent again; a request with more isn't tried again once some of it was passed on."
            ) { $0.bodyBytesMax = $1 },
            Key(
                "retry_after_max", .duration(.zero ... .seconds(60)),
                default: DurationFormat.text(Defaults.retryAfterMax),
                "An answer's `Retry-After` up to this is waited for before the next attempt; an answer that asks for more, or names a date, goes to the client."
            ) { $0.retryAfterMax = $1 },
            .elsewhere("budget", "put `retry_budget` under the upstream"),
            .elsewhere("retry_budget", "put `retry_budget` under the upstream"),
        ])

    private static let backoff = Section(
        "Waiting before a further attempt.", draft: { BackoffDraft() },
        keys: [
            Key(
                "base", .duration(.milliseconds(1) ... .seconds(60)),
                default: DurationFormat.text(Defaults.backoffBase), "The longest wait before the first retry."
            ) { $0.base = $1 },
            Key(
                "max", .duration(.milliseconds(1) ... .seconds(60)), default: DurationFormat.text(Defaults.backoffMax),
                "The longest wait before any."
            ) { $0.max = $1 },
        ])

    static let budget = Section(
        "How many retries the upstream is asked to bear, of all routes and loops together: in each second `per_second_min`, and beyond that as many as `ratio` of the last ten seconds' requests. Only requests of routes with `attempts_max` above 1 are counted.",
        draft: { RetryBudgetDraft() },
        keys: [
            Key(
                "ratio", .percentage, default: "\(Defaults.retryBudgetPercent)%", "Retries in proportion to requests."
            ) { $0.ratio = $1 },
            Key(
                "per_second_min", .integer(0...100_000), default: "\(Defaults.retryBudgetPerSecondMin)",
                "Retries that each second grants, however few requests there are."
            ) { $0.perSecondMin = $1 },
        ])
}

extension BackoffDraft {
    /// Reports a `max` below `base`. - Parameter place: of the one of them that is to be another.
    func report(at place: SourceLocation?, _ file: FileDecoder) {
        guard let place, let base, let max, max.value < base.value else { return }
        file.error(
            at: place, "the `max` of `backoff` is shorter than its `base`",
            expected: place == max.origin.location
                ? "at least \(DurationFormat.text(base.value))" : "at most \(DurationFormat.text(max.value))")
    }
}

extension ValueDecoder where Value == BackoffDraft {
    fileprivate static func backoff(_ section: Section<BackoffDraft>) -> ValueDecoder {
        ValueDecoder(.section(section.description)) { node, file in
            guard let draft = section.decode(node, file) else { return nil }
            draft.report(at: draft.max?.origin.location, file)
            return draft
        }
    }
}

extension ValueDecoder where Value == Int {
    /// A whole number of hundredths, with a percent sign.
    static var percentage: ValueDecoder {
        scalar(.text("a percentage from 0% to 100%")) { text throws(Unfit) in
            guard text.count > 1, text[text.count - 1] == UInt8(ascii: "%"),
                let value = text.prefix(text.count - 1).decimalValue(), value <= 100
            else {
                let meant = text.decimalValue() ?? QuantityRemedies.percentage(text)
                throw Unfit(suggestion: meant.flatMap { $0 <= 100 ? "did you mean `\($0)%`?" : nil })
            }
            return value
        }
    }
}
