import Base

/// What a pool allows its connections.
package struct ConnectionPoolLimits: Sendable, Hashable {
    /// Idle connections kept for one target on one loop; 0 for no reuse.
    package var idleCount: Int
    /// How long a connection may lie idle. Below the time after which the upstream closes it: otherwise a request now
    /// and then meets a connection that is just being closed.
    package var idleTimeout: TimeAmount
    /// Requests on one connection, then it is closed.
    package var requestsPerConnection: Int

    package init(idleCount: Int = 64, idleTimeout: TimeAmount = .seconds(4), requestsPerConnection: Int = 10_000) {
        self.idleCount = max(0, idleCount)
        self.idleTimeout = idleTimeout
        self.requestsPerConnection = max(1, requestsPerConnection)
    }
}

/// The idle connections to one target, last in first out: the one used last is the warmest, and those not needed grow
/// old at the bottom.
///
/// It knows connections by small numbers, the caller's slots: memory is in proportion to the highest. All operations
/// take constant time, and allocate nothing once a number as high has been seen.
package struct IdleStack: Sendable {
    package var limits: ConnectionPoolLimits
    package private(set) var count = 0

    private var links: [Link] = []
    private var newest: UInt32 = Self.none
    private var oldest: UInt32 = Self.none

    private static let none = UInt32.max

    private struct Link: Sendable {
        var newer: UInt32 = IdleStack.none
        var older: UInt32 = IdleStack.none
        var since = MonotonicTime.zero
        var isIdle = false
    }

    package init(limits: ConnectionPoolLimits) { self.limits = limits }

    package enum Put: Sendable, Equatable {
        case kept
        /// It is kept, and the connection named here, the oldest, has to be closed for it.
        case keptInsteadOf(UInt32)
        /// It has served its number of requests, or nothing is kept: close it.
        case refused
    }

    /// A connection is idle from now on.
    ///
    /// - Parameter requestCount: the requests that it has served.
    package mutating func put(_ handle: UInt32, requestCount: Int, now: MonotonicTime) -> Put {
        precondition(handle != Self.none)
        guard limits.idleCount > 0, requestCount < limits.requestsPerConnection else { return .refused }
        let index = Int(handle)
        while links.count <= index { links.append(Link()) }
        precondition(!links[index].isIdle, "the connection is idle already")
        let evicted = count >= limits.idleCount ? popOldest() : nil
        links[index] = Link(newer: Self.none, older: newest, since: now, isIdle: true)
        if newest != Self.none { links[Int(newest)].newer = handle } else { oldest = handle }
        newest = handle
        count += 1
        return evicted.map { .keptInsteadOf($0) } ?? .kept
    }

    /// The connection used last, which is idle no longer. Nil when there is none that isn't too old.
    package mutating func take(now: MonotonicTime) -> UInt32? {
        guard newest != Self.none, !isExpired(newest, now) else { return nil }
        let handle = newest
        unlink(handle)
        return handle
    }

    /// An idle connection is gone: the upstream closed it. False when it wasn't idle.
    @discardableResult
    package mutating func remove(_ handle: UInt32) -> Bool {
        guard Int(handle) < links.count, links[Int(handle)].isIdle else { return false }
        unlink(handle)
        return true
    }

    /// Takes out a connection that has been idle too long, the oldest first. Nil when there is none; call again until.
    package mutating func popExpired(now: MonotonicTime) -> UInt32? {
        guard oldest != Self.none, isExpired(oldest, now) else { return nil }
        return popOldest()
    }

    /// Takes out the oldest connection, for closing them all.
    package mutating func popOldest() -> UInt32? {
        guard oldest != Self.none else { return nil }
        let handle = oldest
        unlink(handle)
        return handle
    }

    /// When the oldest connection will have been idle too long.
    package var nextExpiry: MonotonicTime? {
        oldest == Self.none ? nil : links[Int(oldest)].since + limits.idleTimeout
    }

    private func isExpired(_ handle: UInt32, _ now: MonotonicTime) -> Bool {
        links[Int(handle)].since + limits.idleTimeout <= now
    }

    private mutating func unlink(_ handle: UInt32) {
        let link = links[Int(handle)]
        if link.newer != Self.none { links[Int(link.newer)].older = link.older } else { newest = link.older }
        if link.older != Self.none { links[Int(link.older)].newer = link.newer } else { oldest = link.newer }
        links[Int(handle)] = Link()
        count -= 1
    }
}
