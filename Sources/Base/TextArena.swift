/// Texts that live as long as the arena and never move: what a compiled snapshot says, as bytes ready to be copied.
package final class TextArena {
    private var pieces: [UnsafeMutablePointer<UInt8>] = []
    private var freeStart: UnsafeMutablePointer<UInt8>?
    private var freeCount = 0
    private static let pieceSize = 16 * 1024

    package init() {}

    deinit { for piece in pieces { piece.deallocate() } }

    /// A copy of `bytes`, valid as long as the arena.
    package func keep(_ bytes: ByteView) -> ByteView {
        if bytes.isEmpty { return ByteView() }
        if freeCount < bytes.count {
            freeCount = max(min(Self.pieceSize, 64 << min(pieces.count, 16)), bytes.count)
            let piece = UnsafeMutablePointer<UInt8>.allocate(capacity: freeCount)
            pieces.append(piece)
            freeStart = piece
        }
        guard let start = freeStart else { return ByteView() }
        start.update(from: bytes.base, count: bytes.count)
        freeStart = start + bytes.count
        freeCount -= bytes.count
        return ByteView(base: start, count: bytes.count)
    }

    package func keep(_ text: String) -> ByteView { text.withByteView { keep($0) } }
}
