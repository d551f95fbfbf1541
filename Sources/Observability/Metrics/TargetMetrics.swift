/// Why an exchange with an upstream target failed; the `cause` label of its failure counter.
package enum UpstreamFailure: UInt8, CaseIterable, Sendable {
    /// The connection was refused or the network unreachable.
    case connectRefused
    /// No connection within the connect time-out.
    case connectTimeout
    /// The connection ended before the first byte of a response.
    case closedBeforeResponse
    /// No complete response head in time.
    case headTimeout
    /// The response body stood still for too long.
    case idleTimeout
    /// The whole exchange took longer than the route allows.
    case totalTimeout
    /// The response broke the protocol.
    case malformedResponse
    /// The connection ended inside a response body.
    case truncatedResponse
    /// The target's name has no address.
    case unresolved

    /// The label value, in snake case.
    package var label: StaticString {
        switch self {
        case .connectRefused: "connect_refused"
        case .connectTimeout: "connect_timeout"
        case .closedBeforeResponse: "closed_before_response"
        case .headTimeout: "head_timeout"
        case .idleTimeout: "idle_timeout"
        case .totalTimeout: "total_timeout"
        case .malformedResponse: "malformed_response"
        case .truncatedResponse: "truncated_response"
        case .unresolved: "unresolved"
        }
    }
}

/// The counters of one target of an upstream on one loop. A word, passed by value; valid as long as its lease.
package struct TargetMetrics: @unchecked Sendable {
    // Sendable so that it can be handed to the loop that then is the only writer.
    private let slot: UnsafeMutablePointer<SeriesSlot>

    init(slot: UnsafeMutablePointer<SeriesSlot>) { self.slot = slot }

    static let requestsCell = 0
    static let connectionsCell = 1
    static let idleCell = 2
    static let firstFailureCell = 3
    static let cellCount = firstFailureCell + UpstreamFailure.allCases.count

    /// Counts an attempt to have a request answered by the target.
    package func countRequest() { slot.pointee.own[Self.requestsCell].add() }

    /// Counts a failed attempt.
    package func countFailure(_ cause: UpstreamFailure) {
        slot.pointee.own[Self.firstFailureCell + Int(cause.rawValue)].add()
    }

    /// A connection to the target was established.
    package func connectionOpened() { slot.pointee.own[Self.connectionsCell].add() }

    /// A connection to the target, reported by `connectionOpened` before, is gone.
    package func connectionClosed() { slot.pointee.own[Self.connectionsCell].subtract() }

    /// A connection to the target waits in the pool.
    package func connectionIdle() { slot.pointee.own[Self.idleCell].add() }

    /// A connection, reported by `connectionIdle` before, is used again or gone.
    package func connectionBusy() { slot.pointee.own[Self.idleCell].subtract() }
}

/// How many connections to one target are established, on all loops together.
package struct TargetConnections: Sendable, Equatable {
    /// `domain/upstream`.
    package let upstream: String
    /// As configured, such as `http://10.1.0.11:8080`.
    package let target: String
    /// Those that no request is at, in the pool.
    package let idle: Int
    /// All others.
    package let active: Int

    package init(upstream: String, target: String, idle: Int, active: Int) {
        self.upstream = upstream
        self.target = target
        self.idle = idle
        self.active = active
    }
}
