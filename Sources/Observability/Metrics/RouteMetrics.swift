import Base
import HTTP

/// The counters of one route on one loop. Two words, passed by value; valid as long as the lease that gave them.
package struct RouteMetrics: @unchecked Sendable {
    // Sendable so that a snapshot compiled on one thread can be handed to its loop, which then is the only writer.
    private let slot: UnsafeMutablePointer<SeriesSlot>
    /// The slot's cells, once it was asked: the slot lies elsewhere, and would be one more thing to wait for.
    private var known: CellBlock?

    init(slot: UnsafeMutablePointer<SeriesSlot>) { self.slot = slot }

    /// The identity under which requests are counted that no route took (refused, 404, 405, 421).
    package static let unrouted = "-"

    private var cells: CellBlock {
        mutating get {
            if let known { return known }
            let own = slot.pointee.own
            known = own
            return own
        }
    }

    /// Counts one finished exchange. Two dozen plain moves; the first call for a route allocates its cells.
    ///
    /// Not inlinable: one call across modules per request is cheaper than this much code at each place that ends one.
    /// - Parameters:
    ///   - status: the status sent to the client; anything outside 100...599 (0: nothing was sent) counts as `none`.
    ///   - total: from the request's first byte to the response's last.
    ///   - upstream: the part spent waiting for upstreams; nil when none was asked.
    ///   - bytesIn: bytes read from the client for this request, head and body.
    ///   - bytesOut: bytes written to the client.
    package mutating func record(
        method: Method, status: Int, total: TimeAmount, upstream: TimeAmount?, bytesIn: UInt64, bytesOut: UInt64
    ) {
        let cells = cells
        cells[Self.requestCell(method, statusClass: Self.statusClass(of: status))].add()
        Self.totalHistogram.record(total, in: cells)
        if let upstream { Self.upstreamHistogram.record(upstream, in: cells) }
        cells[Self.bytesInCell].add(bytesIn)
        cells[Self.bytesOutCell].add(bytesOut)
    }

    /// Counts a request that the gateway answered by itself, besides `record`.
    package mutating func countRefusal(by refuser: Refuser) { cells[Self.refusalCell(refuser)].add() }

    /// Counts a body that a transform could not edit.
    package func count(_ body: UnfitBody) { slot.pointee.own[Self.unfitCell(body)].add() }
}

/// The order of a route's cells: what nearly every request counts stands in the first sixteen, two cache lines, so that
/// with many routes a request waits for few that its route's last request has left long ago.
extension RouteMetrics {
    static let statusClassLabels: InlineArray<6, StaticString> = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"]
    static let statusClassCount = 6

    static let bytesInCell = 0
    static let bytesOutCell = 1
    private static let firstSumCell = 2
    private static let firstGetCell = firstSumCell + 2
    private static let firstBucketCell = firstGetCell + statusClassCount
    /// Of the methods behind `GET`.
    private static let firstRequestCell = firstBucketCell + 2 * DurationBuckets.count
    static var totalHistogram: DurationHistogram { histogram(0) }
    static var upstreamHistogram: DurationHistogram { histogram(1) }
    private static let firstRefusalCell = firstRequestCell + (Method.allCases.count - 1) * statusClassCount
    private static let firstUnfitCell = firstRefusalCell + Refuser.allCases.count
    static let cellCount = firstUnfitCell + UnfitBody.allCases.count

    static func refusalCell(_ refuser: Refuser) -> Int { firstRefusalCell + Int(refuser.rawValue) }

    static func unfitCell(_ body: UnfitBody) -> Int { firstUnfitCell + Int(body.rawValue) }

    static func requestCell(_ method: Method, statusClass: Int) -> Int {
        let others = Int(method.rawValue) - 1
        let first = method == .get ? firstGetCell : firstRequestCell + others * statusClassCount
        return first + statusClass
    }

    private static func histogram(_ index: Int) -> DurationHistogram {
        DurationHistogram(sumCell: firstSumCell + index, firstBucketCell: firstBucketCell + index, stride: 2)
    }

    static func statusClass(of status: Int) -> Int {
        status >= 100 && status < 600 ? status / 100 - 1 : 5
    }
}
