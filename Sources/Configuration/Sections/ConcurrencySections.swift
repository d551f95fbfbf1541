import Base

struct ConcurrencyDraft {
    var requestsMax: Setting<Int>?
    var queueMax: Setting<Int>?
    var waitMax: Setting<TimeAmount>?
}

/// The keys of `concurrency`, of a route or an upstream.
enum ConcurrencySections {
    static let concurrency = Section(
        "How many requests may be under way at a time, of all loops together; what is beyond waits in a queue, or is answered with 503 and `Retry-After`. A retry keeps its request's place.",
        draft: { ConcurrencyDraft() },
        keys: [
            Key("requests_max", .integer(1...1_000_000), required: true, "Requests under way.") {
                $0.requestsMax = $1
            },
            .part("queue", .section(queue), default: "no queue", "Where requests wait for a place, in order.") {
                draft, value, _, _ in
                draft.queueMax = value.requestsMax
                draft.waitMax = value.waitMax
            },
        ])

    private static let queue = Section(
        "A queue. A client that closes its connection, or its sending side, leaves it.",
        draft: { ConcurrencyDraft() },
        keys: [
            Key("requests_max", .integer(1...1_000_000), required: true, "Requests that wait.") { $0.requestsMax = $1 },
            Key(
                "wait_max", .duration(.milliseconds(1) ... .seconds(600)),
                default: DurationFormat.text(Defaults.concurrencyWaitMax), "How long one waits."
            ) { $0.waitMax = $1 },
        ])
}
