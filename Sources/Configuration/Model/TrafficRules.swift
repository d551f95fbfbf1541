import Base

/// When a further attempt is made; a class, so that routes without one stay small, and those with the file's share it.
package final class FurtherAttempts: Sendable, Equatable {
    /// The first one included: 2…10.
    package let attemptsMax: Setting<Int>
    package let conditions: [Setting<RetryCondition>]
    package let methods: [Setting<String>]
    package let perTryTimeout: Setting<TimeAmount>?
    package let backoffBase: Setting<TimeAmount>
    package let backoffMax: Setting<TimeAmount>
    package let bodyBytesMax: Setting<Int>
    package let retryAfterMax: Setting<TimeAmount>

    /// What `draft` says, and where it says nothing, the built-in values.
    init(_ draft: RetriesDraft, attemptsMax: Setting<Int>) {
        self.attemptsMax = attemptsMax
        conditions = draft.conditions ?? Defaults.retryConditions.map { .builtIn($0) }
        methods = draft.methods ?? Defaults.retryMethods.map { .builtIn($0) }
        perTryTimeout = draft.perTryTimeout
        // The one that is written moves the other.
        backoffBase =
            draft.backoffBase ?? .builtIn(min(Defaults.backoffBase, draft.backoffMax?.value ?? Defaults.backoffBase))
        backoffMax = draft.backoffMax ?? .builtIn(max(Defaults.backoffMax, backoffBase.value))
        bodyBytesMax = draft.bodyBytesMax ?? .builtIn(Defaults.retryBodyBytesMax)
        retryAfterMax = draft.retryAfterMax ?? .builtIn(Defaults.retryAfterMax)
    }

    package static func == (left: FurtherAttempts, right: FurtherAttempts) -> Bool {
        left === right
            || left.attemptsMax == right.attemptsMax && left.conditions == right.conditions
                && left.methods == right.methods && left.perTryTimeout == right.perTryTimeout
                && left.backoffBase == right.backoffBase && left.backoffMax == right.backoffMax
                && left.bodyBytesMax == right.bodyBytesMax && left.retryAfterMax == right.retryAfterMax
    }
}

/// What has a request tried again.
package enum RetryCondition: String, Sendable, Hashable, CaseIterable {
    case connectFailure = "connect_failure"
    case reset
    case timeout
    case status429 = "429"
    case status500 = "500"
    case status502 = "502"
    case status503 = "503"
    case status504 = "504"
}

/// How many retries an upstream bears.
package struct RetryBudgetSettings: Sendable, Equatable {
    /// Retries for each hundred requests, 0…100.
    package let percent: Setting<Int>
    package let perSecondMin: Setting<Int>

    init(_ draft: RetryBudgetDraft) {
        percent = draft.ratio ?? .builtIn(Defaults.retryBudgetPercent)
        perSecondMin = draft.perSecondMin ?? .builtIn(Defaults.retryBudgetPerSecondMin)
    }
}

/// How many requests may be under way at a time, and wait.
package struct ConcurrencySettings: Sendable, Equatable {
    /// 1…1,000,000.
    package let requestsMax: Setting<Int>
    /// 0 for no queue.
    package let queueMax: Setting<Int>
    package let waitMax: Setting<TimeAmount>

    /// Nil after an error.
    init?(_ draft: ConcurrencyDraft) {
        guard let requestsMax = draft.requestsMax else { return nil }
        self.requestsMax = requestsMax
        queueMax = draft.queueMax ?? .builtIn(0)
        waitMax = draft.waitMax ?? .builtIn(Defaults.concurrencyWaitMax)
    }
}

/// How a route's requests are divided between upstreams; a class, so that routes without one stay small.
package final class Split: Sendable, Equatable {
    /// One upstream of it.
    package struct Side: Sendable, Equatable {
        /// Index into the domain's `upstreams`; the name is what counts in a comparison.
        @Provenance package var upstream: Int
        package let upstreamName: String
        /// 0 takes nobody; some side's is above 0.
        package let weight: Setting<Int>
    }

    package let sides: [Side]
    /// Nil: by chance.
    package let key: Setting<SplitKey>?

    init(sides: [Side], key: Setting<SplitKey>?) {
        self.sides = sides
        self.key = key
    }

    package static func == (left: Split, right: Split) -> Bool {
        left === right || left.sides == right.sides && left.key == right.key
    }
}

/// What keeps a caller on one side of a split.
package enum SplitKey: Sendable, Hashable {
    case clientAddress
    /// The value of a request header.
    case header(String)
    /// The value of a cookie.
    case cookie(String)
    case spiffeID
    case tenant
    case claim(ClaimPath)

    /// As people say it.
    package var text: String {
        switch self {
        case .clientAddress: "client_address"
        case .header(let name): "header \(name)"
        case .cookie(let name): "cookie \(name)"
        case .spiffeID: "spiffe_id"
        case .tenant: "tenant"
        case .claim(let path): "claim \(path.names.joined(separator: "."))"
        }
    }
}
