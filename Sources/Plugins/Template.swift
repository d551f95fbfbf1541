import Base
import HTTP
import Routing

/// Text with places for what the route's path captured, compiled: rendering copies bytes and looks nothing up.
package struct CompiledTemplate {
    package enum Piece {
        case literal(ByteView)
        /// The capture of this index.
        case capture(Int)
    }

    private let pieces: [Piece]
    /// How many of them begin within a path: before any query or fragment.
    private let pathPieces: Int

    /// - Parameter pieces: their literals must live as long as the template.
    package init(_ pieces: [Piece]) {
        self.pieces = pieces
        let end = pieces.firstIndex { piece in
            guard case .literal(let bytes) = piece else { return false }
            return bytes.firstIndex(of: ASCII.question) != nil || bytes.firstIndex(of: UInt8(ascii: "#")) != nil
        }
        pathPieces = end.map { $0 + 1 } ?? pieces.count
    }

    /// Appends the text. Where two pieces of a path meet with a slash each, or a capture between two slashes is empty,
    /// one slash remains: the path stays canonical, and never becomes the `//host` of another server.
    /// - Parameter path: the path that was matched.
    package func append(parameters: RouteMatch, path: ByteView, to buffer: inout IOBuffer) {
        var index = 0
        while index < pieces.count {
            let text: ByteView
            switch pieces[index] {
            case .literal(let bytes): text = bytes
            case .capture(let capture): text = parameters.capture(capture, in: path)
            }
            let written = buffer.readable
            let isDoubled =
                index > 0 && index < pathPieces && text.count > 0 && text[0] == ASCII.slash && written.count > 0
                && written[written.count - 1] == ASCII.slash
            buffer.append(isDoubled ? text.from(1) : text)
            index += 1
        }
    }
}
