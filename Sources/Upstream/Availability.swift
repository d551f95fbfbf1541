/// Which of an upstream's targets requests go to, given which of them are healthy.
///
/// 1. Levels are looked at in order of priority. The first with a healthy target, and with at least the panic
///    threshold's share of healthy ones, gets the requests: its healthy targets do.
/// 2. When no level is like that and there is a panic threshold, the level with the greatest share of healthy targets
///    (the first of equal ones) is used whole, as if all were healthy: better some errors than too few targets for the
///    load, and it may be the health checks that are wrong.
/// 3. Without a panic threshold nobody is asked.
package struct Availability: Sendable, Equatable {
    /// Whom requests go to.
    package private(set) var chosen = TargetSet()
    /// Who is healthy on any level: for a request that has tried all of the chosen ones in vain.
    package private(set) var reserve = TargetSet()
    /// Whether targets are used that aren't healthy.
    package private(set) var isPanic = false

    /// All targets.
    package init() {
        chosen = .all
        reserve = .all
    }

    /// - Parameters:
    ///   - healthy: the targets that may be asked.
    ///   - levels: the targets with a weight, by priority, the first one first; none of them empty.
    ///   - panicPercent: 0 for no panic, to 100.
    package init(healthy: TargetSet, levels: [TargetSet], panicPercent: Int) {
        reserve = healthy
        var best = TargetSet()
        var bestShare = -1
        for level in levels {
            let fit = level.intersection(healthy)
            let share = fit.count * 100 / max(level.count, 1)
            if !fit.isEmpty, fit.count * 100 >= level.count * panicPercent {
                chosen = fit
                return
            }
            if share > bestShare {
                bestShare = share
                best = level
            }
        }
        guard panicPercent > 0 else { return }
        chosen = best
        reserve = best
        isPanic = true
    }
}

/// How a target that has come back takes its share of the load: from a tenth of its weight to the whole, in proportion
/// to the time gone by.
package enum SlowStart {
    /// Weights are multiplied by this, so that a tenth of the smallest is not nothing.
    package static let scale = 60
    /// Steps in which the share grows.
    package static let steps: Int64 = 20
    private static let leastPermille: Int64 = 100

    /// The weight on the scale, `elapsed` nanoseconds after the target came back.
    /// - Parameter duration: nanoseconds, above 0.
    package static func weight(_ weight: Int, elapsed: Int64, duration: Int64) -> Int {
        let full = min(max(weight, 0), BalancerTarget.weightLimit / scale) * scale
        guard elapsed < duration, duration > 0 else { return full }
        let step = max(duration / steps, 1)
        let gone = max(elapsed, 0) / step * step
        let permille = max(leastPermille, Int64(Double(gone) / Double(duration) * 1000))
        return max(1, full * Int(permille) / 1000)
    }

    /// How long after the target came back its weight changes next; nil when it has reached the whole.
    package static func nextStep(elapsed: Int64, duration: Int64) -> Int64? {
        guard elapsed < duration, duration > 0 else { return nil }
        let step = max(duration / steps, 1)
        return min((max(elapsed, 0) / step + 1) * step, duration)
    }
}
