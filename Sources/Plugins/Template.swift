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

    /// - Parameter pieces: their literals must live as long as the template.
    package init(_ pieces: [Piece]) { self.pieces = pieces }

    /// - Parameter path: the path that was matched.
    package func append(parameters: RouteMatch, path: ByteView, to buffer: inout IOBuffer) {
        for piece in pieces {
            switch piece {
            case .literal(let bytes): buffer.append(bytes)
            case .capture(let index): buffer.append(parameters.capture(index, in: path))
            }
        }
    }
}
