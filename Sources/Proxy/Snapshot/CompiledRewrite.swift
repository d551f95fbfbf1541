import Base
import Plugins
import Routing

/// What becomes of the path on its way upstream.
package enum CompiledRewrite {
    case keep
    /// Drops that many leading segments.
    case strip(segments: Int)
    case replace(CompiledTemplate)

    func apply(to exchange: Exchange) {
        append(exchange.request.path, parameters: exchange.match, to: &exchange.rewrittenPath)
    }

    /// Appends what becomes of `path`; nothing when it is kept.
    package func append(_ path: ByteView, parameters: RouteMatch, to buffer: inout IOBuffer) {
        switch self {
        case .keep: return
        case .strip(let segments):
            var index = 0
            var left = segments
            while left > 0, let slash = path.firstIndex(of: ASCII.slash, from: index + 1) {
                index = slash
                left -= 1
            }
            if left > 0 {
                buffer.append("/")
            } else {
                buffer.append(path.from(index))
            }
        case .replace(let template): template.append(parameters: parameters, path: path, to: &buffer)
        }
    }
}
