import Base

extension [UInt8] {
    /// Calls `body` with a view of the bytes.
    func withView<Result, Failure: Error>(_ body: (ByteView) throws(Failure) -> Result) throws(Failure) -> Result {
        try withUnsafeBufferPointer { (buffer) throws(Failure) in try body(ByteView(UnsafeRawBufferPointer(buffer))) }
    }
}
