import Base
import Synchronization

/// What tells one series of a family from the others: a route's identity, or an upstream's identity and a target.
struct SeriesName: Hashable, Comparable, Sendable {
    let owner: String
    let target: String

    static func < (left: SeriesName, right: SeriesName) -> Bool {
        left.owner == right.owner ? left.target < right.target : left.owner < right.owner
    }
}

/// Where a series keeps its cells: nowhere, until the first time that something is counted.
struct SeriesSlot: ~Copyable {
    private let cells = Atomic<UnsafeMutableRawPointer?>(nil)
    private let cellCount: Int

    init(cellCount: Int) { self.cellCount = cellCount }

    deinit { counted?.deallocate() }

    /// The cells, if anything was ever counted. By any thread.
    var counted: CellBlock? {
        // Acquiring: who sees the pointer must see the zeros behind it.
        cells.load(ordering: .acquiring).map { CellBlock(adopting: $0) }
    }

    /// The cells, which the first call allocates. By the owning thread only.
    var own: CellBlock {
        if let raw = cells.load(ordering: .relaxed) { return CellBlock(adopting: raw) }
        return allocate()
    }

    @inline(never)
    private func allocate() -> CellBlock {
        let block = CellBlock(count: cellCount)
        cells.store(UnsafeMutableRawPointer(block.base), ordering: .releasing)
        return block
    }
}

/// One series of one shard, for as long as the table or a scrape in progress refers to it.
final class Series: @unchecked Sendable {
    // Sendable: the slot is atomic, the name is constant, and `leaseCount` is touched under the table's lock only.
    let name: SeriesName
    let slot: UnsafeMutablePointer<SeriesSlot>
    fileprivate var leaseCount = 0

    fileprivate init(name: SeriesName, cellCount: Int) {
        self.name = name
        slot = .allocate(capacity: 1)
        slot.initialize(to: SeriesSlot(cellCount: cellCount))
    }

    deinit {
        slot.deinitialize(count: 1)
        slot.deallocate()
    }
}

/// The series of one kind in one shard, by name. Touched when snapshots are compiled and freed and when metrics are
/// scraped, never by a request.
final class SeriesTable: Sendable {
    private let cellCount: Int
    private let series = Lock<[SeriesName: Series]>([:])

    /// - Parameter cellCount: how many cells each series has.
    init(cellCount: Int) { self.cellCount = cellCount }

    /// The series of those names, made if they are new, each held once more.
    func acquire(_ names: [SeriesName]) -> [Series] {
        series.withLock { table in
            names.map { name in
                let found = table[name] ?? Series(name: name, cellCount: cellCount)
                if found.leaseCount == 0 { table[name] = found }
                found.leaseCount += 1
                return found
            }
        }
    }

    /// Gives up one hold on each; a series that nobody holds leaves the table and with it the metrics.
    func release(_ held: [Series]) {
        series.withLock { table in
            for one in held {
                one.leaseCount -= 1
                if one.leaseCount == 0 { table[one.name] = nil }
            }
        }
    }

    /// All series at this moment. The lock is held for one retain only, so that a long scrape delays nobody.
    var all: [SeriesName: Series] { series.withLock { $0 } }
}
