import Base
import Testing

@Suite("Byte views")
struct ByteViewTests {
    @Test(
        "decimal values",
        arguments: [
            ("0", 0), ("42", 42), ("9223372036854775807", Int.max), ("", nil), ("-1", nil),
            ("9223372036854775808", nil), ("1x", nil),
        ] as [(String, Int?)])
    func decimal(text: String, value: Int?) {
        #expect(text.withByteView { $0.decimalValue() } == value)
    }
}
