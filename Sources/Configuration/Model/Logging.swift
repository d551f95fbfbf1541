import Base

/// One JSON line per request.
package struct AccessLog: Sendable, Equatable {
    package let enabled: Setting<Bool>
    package let destination: Setting<LogDestination>
    /// The longest that a line waits in memory before it is written.
    package let flushInterval: Setting<TimeAmount>
}

/// Where log lines go.
package enum LogDestination: Sendable, Hashable {
    case standardOutput
    case standardError
    /// A path; a relative one starts at the process's working directory.
    case file(String)
}

/// The gateway's own log.
package struct ErrorLog: Sendable, Equatable {
    package let level: Setting<LogLevel>
}

/// From most to least talkative.
package enum LogLevel: String, Sendable, Hashable, CaseIterable {
    case debug, info, warning, error
}

/// How names of targets become addresses.
package struct NameResolution: Sendable, Equatable {
    /// How often a name is looked up again.
    package let refresh: Setting<TimeAmount>
    /// How long one look-up may take; the last good answer is kept when it fails.
    package let timeout: Setting<TimeAmount>
}

/// Which headers tell upstreams about the client.
package struct Forwarding: Sendable, Equatable {
    /// `X-Forwarded-For`, `-Proto`, `-Host` and `-Port`.
    package let xForwarded: Setting<Bool>
    /// `Forwarded` of RFC 7239.
    package let forwarded: Setting<Bool>
    /// `X-Request-ID`.
    package let requestID: Setting<Bool>
    /// `traceparent` and `tracestate` of W3C Trace Context.
    package let traceContext: Setting<Bool>
}
