import Base
import Identity
import JOSE

/// Claims that a route's plugins read with each request, as text: rendered once for each token and route, and read by
/// the claim's place in `IdentityChain.claims`.
///
/// A string is its bytes, a number its JSON as it was written, a boolean `true` or `false`. An array of those is its
/// elements in their order with a comma between each two; one that holds a text with a comma has no value, because it
/// could pass for another. An object, null, an empty text, an empty array and an array with anything else in it have no
/// value either, nor has what is longer than `lengthMaximum`.
struct RenderedClaims: ~Copyable {
    /// The longest value, in bytes.
    static let lengthMaximum = 1_024

    private var texts = IOBuffer()
    /// Where each text lies; empty ranges for those without value.
    private var places: [Range<Int>] = []

    /// Memory, in bytes.
    var bytes: Int { texts.capacity + places.capacity * MemoryLayout<Range<Int>>.stride }

    /// None.
    init() {}

    init(_ paths: [ClaimPath], of claims: JSONValue) {
        for path in paths {
            let start = texts.readableCount
            let end = path.value(in: claims).map { Self.append($0, to: &texts) } ?? start
            places.append(start..<end)
        }
    }

    /// Nil when the token has no such claim, or one without a text. The view is valid as long as these are.
    subscript(index: Int) -> ByteView? {
        guard index >= 0, index < places.count, !places[index].isEmpty else { return nil }
        return texts.readable[places[index]]
    }

    /// - Returns: where the value's text ends in `buffer`: where it began, if there is none.
    private static func append(_ value: JSONValue, to buffer: inout IOBuffer) -> Int {
        let start = buffer.readableCount
        if value.isArray {
            var isFirst = true
            for element in value.elements {
                let separator = isFirst ? 0 : 1
                guard let text = text(element), !text.isEmpty, text.firstIndex(of: ASCII.comma) == nil,
                    buffer.readableCount - start + separator + text.count <= lengthMaximum
                else { return start }
                if !isFirst { buffer.append(byte: ASCII.comma) }
                buffer.append(text)
                isFirst = false
            }
        } else if let text = text(value), text.count <= lengthMaximum {
            buffer.append(text)
        }
        return buffer.readableCount
    }

    private static func text(_ value: JSONValue) -> ByteView? {
        switch value.kind {
        case .string: value.text
        case .number, .true, .false: value.raw
        case .null, .array, .object: nil
        }
    }
}
