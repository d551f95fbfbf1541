import Base
import Identity
import JOSE

/// A token's claims for a test: the text and the document that points into it.
final class Claims {
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private let document = JSONDocument(seed: 1)
    let value: JSONValue

    init(_ json: String) throws {
        bytes = .allocate(capacity: json.utf8.count)
        _ = bytes.initialize(from: json.utf8)
        value = try document.read(ByteView(UnsafeRawBufferPointer(bytes)), limits: .claims)
    }

    deinit { bytes.deallocate() }
}
