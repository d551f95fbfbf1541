import Base

struct CircuitBreakerDraft {
    var scope: Setting<CircuitBreakerSettings.Scope>?
    var consecutiveFailures: Setting<Int>?
    var failureRatio: Setting<Int>?
    var slowRatio: Setting<Int>?
    var slowTime: Setting<TimeAmount>?
    var window: Setting<TimeAmount>?
    var volumeMin: Setting<Int>?
    var failures: [Setting<CircuitBreakerSettings.Failure>]?
    var openTime: Setting<TimeAmount>?
    var openGrowth: Setting<Int>?
    var openTimeMax: Setting<TimeAmount>?
    var jitter: Setting<Int>?
    var probes: Setting<Int>?
    var recoverTime: Setting<TimeAmount>?
    var ejectedMax: Setting<Int>?
    var fallback: FallbackDraft?
}

struct FallbackDraft {
    var status: Setting<Int>?
    var contentType: Setting<String>?
    var body: Setting<String>?
}

struct HealthCheckDraft {
    var kind: Setting<HealthCheckSettings.Kind>?
    var path: Setting<String>?
    var method: Setting<HealthCheckSettings.Method>?
    var host: Setting<String>?
    var statuses: [Setting<StatusRange>]?
    var bodyContains: Setting<String>?
    var interval: Setting<TimeAmount>?
    var jitter: Setting<Int>?
    var timeout: Setting<TimeAmount>?
    var healthyThreshold: Setting<Int>?
    var unhealthyThreshold: Setting<Int>?
}

/// The keys of an upstream's `circuit_breaker` and `health_check`.
enum HealthSections {
    static let circuitBreaker = Section(
        "When an upstream, or a target, is asked no more for a while.", draft: { CircuitBreakerDraft() },
        keys: opening + closing)

    private static let opening: [Key<CircuitBreakerDraft>] = [
        Key(
            "scope", .choice, default: CircuitBreakerSettings.Scope.both.rawValue,
            "What has a breaker: the upstream as a whole, each of its targets, or both."
        ) { $0.scope = $1 },
        Key(
            "consecutive_failures", .integer(0...1_000), default: "\(Defaults.breakerFailures)",
            "Failures in a row that open it; 0 for any number."
        ) { $0.consecutiveFailures = $1 },
        Key(
            "failure_ratio", .percent(1...100), default: "none",
            "The part of the window's requests whose failure opens it."
        ) { $0.failureRatio = $1 },
        Key(
            "slow_ratio", .percent(1...100), default: "none",
            "The part of the window's requests whose slowness opens it."
        ) { $0.slowRatio = $1 },
        Key(
            "slow_time", Bounds.upstreamTime, default: DurationFormat.text(Defaults.breakerSlowTime),
            "An answer is slow when its head takes longer than this from the end of the request."
        ) { $0.slowTime = $1 },
        Key(
            "window", .duration(.milliseconds(100) ... .seconds(3_600)),
            default: DurationFormat.text(Defaults.breakerWindow), "What the parts are reckoned over."
        ) { $0.window = $1 },
        Key(
            "volume_min", .integer(1...1_000_000), default: "\(Defaults.breakerVolumeMin)",
            "With fewer requests in the window, no part of them opens it; with `scope: both` so many for each target open the upstream's."
        ) { $0.volumeMin = $1 },
        Key(
            "failures", .list(.failure, countMax: 203),
            default: "[\(CircuitBreakerSettings.defaultFailures.map(\.text).joined(separator: ", "))]",
            "What counts as a failure: no connection, no answer in time, an answer that broke off or was none, statuses."
        ) { $0.failures = $1.value },
    ]

    private static let closing: [Key<CircuitBreakerDraft>] = [
        Key(
            "open_for", .duration(.milliseconds(10) ... .seconds(3_600)),
            default: DurationFormat.text(Defaults.breakerOpenTime), "How long it stays open the first time."
        ) { $0.openTime = $1 },
        Key(
            "open_growth", .integer(1...10), default: "\(Defaults.breakerOpenGrowth)",
            "How many times as long it stays open after each round of probes that failed."
        ) { $0.openGrowth = $1 },
        Key(
            "open_for_max", .duration(.milliseconds(10) ... .seconds(86_400)),
            default: DurationFormat.text(Defaults.breakerOpenTimeMax), "How long it stays open at most."
        ) { $0.openTimeMax = $1 },
        Key(
            "jitter", .percent(0...100), default: "\(Defaults.breakerJitter)%",
            "The part of the open time that is left to chance: it is shorter by up to so much."
        ) { $0.jitter = $1 },
        Key(
            "probes", .integer(1...1_000), default: "\(Defaults.breakerProbes)",
            "Requests let through after the open time, over all loops. When all succeed it closes, when one fails it opens."
        ) { $0.probes = $1 },
        Key(
            "recover_for", .duration(.milliseconds(100) ... .seconds(3_600)), default: "none: at once",
            "Over what time requests come back once the probes have succeeded: a tenth of them at first, then more and more."
        ) { $0.recoverTime = $1 },
        Key(
            "ejected_max", .percent(0...100), default: "\(Defaults.breakerEjectedMax)%",
            "The part of the targets, rounded down, that may be out by their breakers at once. With `scope: targets` one at least."
        ) { $0.ejectedMax = $1 },
        .part("fallback", .section(fallback), default: "503", "What is answered while it is open.") {
            draft, value, _, _ in draft.fallback = value
        },
    ]

    private static let fallback = Section(
        "A fixed answer in place of 503.", draft: { FallbackDraft() },
        keys: [
            Key("status", .integer(200...599), default: "\(Defaults.fallbackStatus)", "The status.") { $0.status = $1 },
            Key("content_type", .headerValue, default: Defaults.contentType, "The body's type.") {
                $0.contentType = $1
            },
            Key("body", .text("text", bytesMax: 64 * 1024), default: "no body", "The body.") { $0.body = $1 },
        ])

    static let healthCheck = Section(
        "How each target is asked whether it is well.", draft: { HealthCheckDraft() },
        keys: [
            Key(
                "type", .choice, default: HealthCheckSettings.Kind.http.rawValue,
                "`http` asks for a path; for `tcp` a connection is enough."
            ) { $0.kind = $1 },
            Key("path", .checkPath, default: Defaults.checkPath, "The path and query that are asked for.") {
                $0.path = $1
            },
            Key("method", .choice, default: HealthCheckSettings.Method.get.rawValue, "How it is asked for.") {
                $0.method = $1
            },
            Key("host", .authority, default: "the target's", "What `Host` says.") { $0.host = $1 },
            Key(
                "statuses", .list(.statusRange, countMax: 50), default: "[200-299]",
                "Statuses of a target that is well: single ones, or ranges."
            ) { $0.statuses = $1.value },
            Key(
                "body_contains", .text("text", bytesMax: 256),
                "What the first 64KiB of the content must hold, byte for byte."
            ) { $0.bodyContains = $1 },
            Key(
                "interval", .duration(.milliseconds(50) ... .seconds(3_600)),
                default: DurationFormat.text(Defaults.checkInterval), "From one check's beginning to the next one's."
            ) { $0.interval = $1 },
            Key(
                "jitter", .percent(0...50), default: "\(Defaults.checkJitter)%",
                "The part by which an interval may be shorter or longer, by chance."
            ) { $0.jitter = $1 },
            Key(
                "timeout", .duration(.milliseconds(10) ... .seconds(60)),
                default: DurationFormat.text(Defaults.checkTimeout),
                "How long a check may take, the connection included."
            ) { $0.timeout = $1 },
            Key(
                "healthy_threshold", .integer(1...100), default: "\(Defaults.checkHealthyThreshold)",
                "Passed checks in a row that bring a target back."
            ) { $0.healthyThreshold = $1 },
            Key(
                "unhealthy_threshold", .integer(1...100), default: "\(Defaults.checkUnhealthyThreshold)",
                "Failed checks in a row that take a target out."
            ) { $0.unhealthyThreshold = $1 },
        ])
}
