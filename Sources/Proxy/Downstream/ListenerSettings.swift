import Base
import Configuration
import HTTP

/// What the configuration says of a listener.
package struct ListenerSettings {
    let name: ByteView
    let messageLimits: MessageLimits
    package var connectionsMax: Int
    let requestsPerConnectionMax: Int
    let headerReadTimeout: TimeAmount
    let bodyIdleTimeout: TimeAmount
    let keepAliveIdleTimeout: TimeAmount
    let writeIdleTimeout: TimeAmount

    /// What holds when nobody says otherwise, unless somebody does.
    /// - Parameter name: must live as long as the process.
    package init(name: ByteView, limits: ListenerLimits = .builtIn, timeouts: ListenerTimeouts = .builtIn) {
        self.name = name
        messageLimits = MessageLimits(limits)
        connectionsMax = limits.connectionsMax.value
        requestsPerConnectionMax = limits.requestsPerConnectionMax.value
        headerReadTimeout = timeouts.headerRead.value
        bodyIdleTimeout = timeouts.bodyIdle.value
        keepAliveIdleTimeout = timeouts.keepAliveIdle.value
        writeIdleTimeout = timeouts.writeIdle.value
    }

    init(_ listener: Listener) {
        // Lives as long as the process: the names of listeners are few, and connections outlive reloads.
        self.init(name: ListenerNames.keep(listener.name), limits: listener.limits, timeouts: listener.timeouts)
    }

    /// Whether a connection may be due earlier than by `other`.
    func endsSooner(than other: ListenerSettings) -> Bool {
        headerReadTimeout < other.headerReadTimeout || bodyIdleTimeout < other.bodyIdleTimeout
            || keepAliveIdleTimeout < other.keepAliveIdleTimeout || writeIdleTimeout < other.writeIdleTimeout
    }
}

extension MessageLimits {
    init(_ limits: ListenerLimits) {
        self.init()
        headBytes = limits.headerBytesMax.value
        fieldCount = limits.headerCountMax.value
        targetBytes = limits.targetBytesMax.value
    }
}
