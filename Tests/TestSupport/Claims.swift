import Base
import JOSE

/// A token's claims for a test: the text and the document that points into it.
package final class Claims {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let document = JSONDocument(seed: 1)
    package let value: JSONValue

    package init(_ json: String) throws {
        bytes = .allocate(capacity: json.utf8.count)
        _ = bytes.initialize(from: json.utf8)
        value = try document.read(ByteView(UnsafeRawBufferPointer(bytes)), limits: .claims)
    }

    deinit { bytes.deallocate() }
}
