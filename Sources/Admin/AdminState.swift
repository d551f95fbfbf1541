import Base
import Observability

/// What the admin endpoints tell about the process's life. Belongs to the control thread, whose owner keeps it up to
/// date.
package final class AdminState {
    /// How the last reload ended.
    package enum Reload: Equatable {
        case applied(at: WallTime)
        /// The digest was the same.
        case unchanged(at: WallTime)
        /// The running configuration stays. The texts say why, one for each of the first of `count` errors.
        case rejected(at: WallTime, errors: [String], count: Int)
    }

    package let startTime: WallTime
    /// The process ends as soon as the requests under way are answered: no new traffic should come.
    package var isDraining = false
    /// The SHA-256 of the configuration that is served, and since when. Nil before the first one is.
    package private(set) var served: (digest: String, since: WallTime)?
    /// Nil before the first reload.
    package private(set) var lastReload: Reload?

    package init(startTime: WallTime) { self.startTime = startTime }

    /// A configuration took effect: the first one, or a reload's.
    package func applied(digest: String, at time: WallTime) {
        if served != nil { lastReload = .applied(at: time) }
        served = (digest, time)
    }

    /// A reload found the same configuration.
    package func reloadUnchanged(at time: WallTime) { lastReload = .unchanged(at: time) }

    /// A reload changed nothing because of `count` errors, of which the first are `errors`.
    package func reloadRejected(errors: [String], count: Int, at time: WallTime) {
        lastReload = .rejected(at: time, errors: errors, count: count)
    }
}
