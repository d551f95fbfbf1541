import Base
import Configuration
import Traffic

/// How a target is checked, ready to be used.
struct HealthCheck: Sendable, Equatable {
    /// Nil when a connection is enough.
    let question: Question?
    let schedule: CheckSchedule
    let timeout: TimeAmount
    let healthyThreshold: Int
    let unhealthyThreshold: Int

    struct Question: Sendable, Equatable {
        let method: String
        let path: String
        /// Nil for the target's own.
        let host: String?
        let statuses: [StatusRange]
        /// Empty for anything.
        let bodyContains: [UInt8]
    }

    init(_ settings: HealthCheckSettings) {
        question =
            settings.kind.value == .tcp
            ? nil
            : Question(
                method: settings.method.value.rawValue, path: settings.path.value, host: settings.host?.value,
                statuses: settings.statuses.map(\.value), bodyContains: Array((settings.bodyContains?.value ?? "").utf8)
            )
        schedule = CheckSchedule(interval: settings.interval.value, jitterPercent: settings.jitter.value)
        timeout = settings.timeout.value
        healthyThreshold = settings.healthyThreshold.value
        unhealthyThreshold = settings.unhealthyThreshold.value
    }
}

/// How a check ended.
enum CheckResult {
    case passed(status: Int?)
    case notResolved
    case notConnected(String)
    case timedOut(phase: StaticString)
    case lost
    case malformed
    case wrongStatus(Int)
    case wrongContent
    case contentTooLong

    var isPassed: Bool { if case .passed = self { true } else { false } }

    /// For people.
    var text: String {
        switch self {
        case .passed(let status?): "passed: status \(status)"
        case .passed(nil): "passed: connected"
        case .notResolved: "the name has no address"
        case .notConnected(let error): "not connected: \(error)"
        case .timedOut(let phase): "timed out \(phase)"
        case .lost: "the connection ended before the answer did"
        case .malformed: "what came is no HTTP answer"
        case .wrongStatus(let status): "status \(status)"
        case .wrongContent: "the content does not hold the text"
        case .contentTooLong: "the text is not in the first 64KiB of the content"
        }
    }
}
