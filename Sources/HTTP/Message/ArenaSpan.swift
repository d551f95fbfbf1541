/// A run of bytes within a head's arena, kept as offsets because the arena may move.
@usableFromInline struct ArenaSpan: Sendable, Equatable {
    @usableFromInline var start: UInt32 = 0
    @usableFromInline var count: UInt32 = 0

    init() {}

    init(start: Int, end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: end &- start)
    }

    var end: Int { Int(start) + Int(count) }
}
