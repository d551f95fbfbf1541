import Base

/// Names of listeners as bytes that never go away, each once: few, and said of connections that outlive the listener.
enum ListenerNames {
    private static let names = Lock<[String: ByteView]>([:])

    static func keep(_ name: String) -> ByteView {
        names.withLock { names in
            if let known = names[name] { return known }
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, name.utf8.count))
            _ = copy.initialize(from: name.utf8)
            let view = name.utf8.isEmpty ? ByteView() : ByteView(UnsafeRawBufferPointer(copy))
            names[name] = view
            return view
        }
    }
}
