import Base

/// What a route does.
enum CompiledAction {
    /// Sends the request to the upstream of this index.
    case proxy(Int)
    case redirect(CompiledRedirect)
    case respond(CompiledResponse)
    /// An endpoint of the gateway itself.
    case local(any LocalHandler)
    /// The gateway's own keys.
    case keys(KeyDocument)
}

/// What `Host` says upstream.
enum CompiledHost {
    case preserve
    case target
    case fixed(ByteView)
}

/// A fixed answer.
struct CompiledResponse {
    let status: Int
    let fields: [(name: ByteView, value: ByteView)]
    let body: ByteView
}
