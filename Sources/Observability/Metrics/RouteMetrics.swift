import Base
import HTTP

/// The counters of one route on one loop. A word, passed by value; valid as long as the lease that gave it.
package struct RouteMetrics: @unchecked Sendable {
    // Sendable so that a snapshot compiled on one thread can be handed to its loop, which then is the only writer.
    private let slot: UnsafeMutablePointer<SeriesSlot>

    init(slot: UnsafeMutablePointer<SeriesSlot>) { self.slot = slot }

    /// The identity under which requests are counted that no route took (refused, 404, 405, 421).
    package static let unrouted = "-"

    /// Counts one finished exchange. Two dozen plain moves; the first call for a route allocates its cells.
    ///
    /// Not inlinable: one call across modules per request is cheaper than this much code at each place that ends one.
    /// - Parameters:
    ///   - status: the status sent to the client; anything outside 100...599 (0: nothing was sent) counts as `none`.
    ///   - total: from the request's first byte to the response's last.
    ///   - upstream: the part spent waiting for upstreams; nil when none was asked.
    ///   - bytesIn: bytes read from the client for this request, head and body.
    ///   - bytesOut: bytes written to the client.
    package func record(
        method: Method, status: Int, total: TimeAmount, upstream: TimeAmount?, bytesIn: UInt64, bytesOut: UInt64
    ) {
        let cells = slot.pointee.own
        cells[Self.requestCell(method, statusClass: Self.statusClass(of: status))].add()
        Self.totalHistogram.record(total, in: cells)
        if let upstream { Self.upstreamHistogram.record(upstream, in: cells) }
        cells[Self.bytesInCell].add(bytesIn)
        cells[Self.bytesOutCell].add(bytesOut)
    }

    /// Counts a request that the gateway answered by itself, besides `record`.
    package func countRefusal(by refuser: Refuser) { slot.pointee.own[Self.refusalCell(refuser)].add() }

    /// Counts a body that a transform could not edit.
    package func count(_ body: UnfitBody) { slot.pointee.own[Self.unfitCell(body)].add() }
}

/// The order of a route's cells: what every request counts stands together, so that with many routes a request waits for
/// few cache lines that its route's last request has left long ago.
extension RouteMetrics {
    static let statusClassLabels: InlineArray<6, StaticString> = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"]
    static let statusClassCount = 6

    static let bytesInCell = 0
    static let bytesOutCell = 1
    private static let firstDurationCell = 2
    static var totalHistogram: DurationHistogram { DurationHistogram(0, of: 2, first: firstDurationCell) }
    static var upstreamHistogram: DurationHistogram { DurationHistogram(1, of: 2, first: firstDurationCell) }
    private static let firstRequestCell = firstDurationCell + DurationHistogram.cellCount(of: 2)
    private static let firstRefusalCell = firstRequestCell + Method.allCases.count * statusClassCount
    private static let firstUnfitCell = firstRefusalCell + Refuser.allCases.count
    static let cellCount = firstUnfitCell + UnfitBody.allCases.count

    static func refusalCell(_ refuser: Refuser) -> Int { firstRefusalCell + Int(refuser.rawValue) }

    static func unfitCell(_ body: UnfitBody) -> Int { firstUnfitCell + Int(body.rawValue) }

    static func requestCell(_ method: Method, statusClass: Int) -> Int {
        firstRequestCell + Int(method.rawValue) * statusClassCount + statusClass
    }

    static func statusClass(of status: Int) -> Int {
        status >= 100 && status < 600 ? status / 100 - 1 : 5
    }
}
