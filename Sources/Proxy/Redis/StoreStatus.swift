import Base
import Synchronization

/// What loops tell about a store: each loop writes to its own, any thread reads.
package final class StoreStatus: Sendable {
    /// What became of checks.
    package enum Count: Int, CaseIterable, Sendable {
        case answered, timedOut, lost, refused, overflowed, skipped
        /// Not of checks: connections that turned out of use, and those that did not; how often the breaker opened; how
        /// long answered checks have waited, in nanoseconds.
        case connected, connectFailed, opened, waited
    }

    /// How a loop stands with its store.
    package enum Standing: UInt8, Sendable {
        case connecting, ready, unavailable
    }

    /// The store's name in the configuration.
    package let name: String
    private let counts: InlineCounts
    private let standingNumber = Atomic<UInt8>(0)
    private let place = Lock<Place>(Place())

    private struct Place: Sendable {
        var server = ""
        var problem = ""
    }

    // Sendable: every word is atomic.
    private struct InlineCounts: ~Copyable, @unchecked Sendable {
        let words = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: Count.allCases.count)
        init() { for index in 0..<Count.allCases.count { (words + index).initialize(to: Atomic(0)) } }
        deinit { words.deallocate() }
    }

    package init(name: String) {
        self.name = name
        counts = InlineCounts()
    }

    /// By the loop's thread only: one writer, so a load and a store are enough.
    func count(_ count: Count, _ amount: UInt64 = 1) {
        let word = counts.words + count.rawValue
        word.pointee.store(word.pointee.load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }

    package func value(_ count: Count) -> UInt64 { counts.words[count.rawValue].load(ordering: .relaxed) }

    /// Changes with connections, not with requests.
    func set(_ standing: Standing, server: String, problem: String) {
        standingNumber.store(standing.rawValue, ordering: .relaxed)
        place.withLock {
            $0.server = server
            $0.problem = problem
        }
    }

    package var standing: Standing { Standing(rawValue: standingNumber.load(ordering: .relaxed)) ?? .connecting }
    /// The server that the loop uses; empty for none.
    package var server: String { place.withLock { $0.server } }
    /// Why there is none; empty when there is one.
    package var problem: String { place.withLock { $0.problem } }
}
