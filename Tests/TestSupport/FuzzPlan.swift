import Base
import Foundation

/// How long a fuzz test runs, and with which numbers: as the test says in `make test`, as the environment says in
/// `make fuzz`.
package enum FuzzPlan {
    /// `FUZZ_ITERATIONS` if set, else `usual`, which should take well under a second.
    package static func iterations(usual: Int) -> Int {
        environment("FUZZ_ITERATIONS").map { Int(clamping: $0) } ?? usual
    }

    /// A generator of the test's own. Without `FUZZ_SEED` it is the same in every run.
    package static func random(seed: UInt64) -> RandomSource {
        RandomSource(seed: seed ^ (environment("FUZZ_SEED") ?? 0))
    }

    private static func environment(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap(UInt64.init)
    }
}
