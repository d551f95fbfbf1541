import Base
import Observability
import Testing

@Suite("Trace context and request ids")
struct TraceTests {
    private static let ids = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
    private static let leastIDs = "00000000000000000000000000000001-0000000000000001"
    private static let valid = "00-\(ids)-01"

    private func parse(_ value: String) -> TraceContext? { value.withByteView { TraceContext(parsing: $0) } }

    private func written(_ context: TraceContext) -> String {
        var buffer = IOBuffer()
        context.append(to: &buffer)
        return text(buffer)
    }

    @Test(
        "valid values, and what is passed on",
        arguments: [
            (valid, valid), ("00-\(ids)-00", "00-\(ids)-00"), ("00-\(ids)-ff", "00-\(ids)-03"),
            ("cc-\(ids)-ff", "00-\(ids)-01"), ("cc-\(ids)-01-what-the-future-brings", valid), ("cc-\(ids)-01-", valid),
            ("00-\(leastIDs)-01", "00-\(leastIDs)-01"),
        ])
    func accepted(value: String, expected: String) throws {
        #expect(written(try #require(parse(value))) == expected)
    }

    @Test(
        "invalid values",
        arguments: [
            "", "00", valid + " ", " " + valid, valid + "-", valid + "-more", String(valid.dropLast()),
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0A",
            "0G-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01.more",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ])
    func refused(value: String) {
        #expect(parse(value) == nil)
    }

    @Test("every byte value in every place: only lower-case digits, and hyphens where they belong")
    func everyByte() {
        let hyphens: Set<Int> = [2, 35, 52]
        for place in 0..<TraceContext.textLength {
            for byte in UInt8.min...UInt8.max {
                var bytes = Array(Self.valid.utf8)
                bytes[place] = byte
                let isDigit = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
                let isExpected = hyphens.contains(place) ? byte == UInt8(ascii: "-") : isDigit
                let isAccepted = withBytes(bytes) { TraceContext(parsing: $0) } != nil
                #expect(isAccepted == isExpected, "byte \(byte) at \(place)")
            }
        }
    }

    @Test("a child stays in its trace under a parent of its own; a root is valid and sampled as asked")
    func generation() throws {
        var random = RandomSource(seed: 1)
        let parent = try #require(parse(Self.valid))
        let child = parent.child(using: &random)
        #expect(child.traceID == parent.traceID && child.spanID != parent.spanID && child.isSampled)
        for sampled in [true, false] {
            let root = TraceContext(sampled: sampled, using: &random)
            #expect(root.isSampled == sampled)
            #expect(parse(written(root)) == root)
        }
        var buffer = IOBuffer()
        parent.traceID.append(to: &buffer)
        #expect(text(buffer) == "4bf92f3577b34da6a3ce929d0e0e4736")
    }

    @Test("tracestate is passed on up to its limit", arguments: [(0, false), (1, true), (512, true), (513, false)])
    func traceState(length: Int, isAcceptable: Bool) {
        #expect(TraceState.isAcceptable(length: length) == isAcceptable)
    }

    @Test("a request id is a UUID of version 7 that carries its time")
    func requestID() {
        var random = RandomSource(seed: 3)
        var seen: Set<String> = []
        for _ in 0..<1_000 {
            var buffer = IOBuffer()
            RequestID(at: WallTime(nanoseconds: 1_645_557_742_000_000_000), using: &random).append(to: &buffer)
            let id = text(buffer)
            #expect(id.count == RequestID.textLength && id.hasPrefix("017f22e2-79b0-7"))
            #expect("89ab".contains(Array(id)[19]))
            #expect(RequestID.isAcceptable(buffer.readable))
            seen.insert(id)
        }
        #expect(seen.count == 1_000)
    }

    @Test("a client's id: letters, digits, dot, hyphen and underscore, every other byte refused")
    func acceptedIDs() {
        for byte in UInt8.min...UInt8.max {
            let isExpected =
                (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
                || [0x2d, 0x2e, 0x5f].contains(byte)
            #expect(withBytes([0x61, byte, 0x61]) { RequestID.isAcceptable($0) } == isExpected, "byte \(byte)")
        }
        for (length, isExpected) in [(0, false), (1, true), (128, true), (129, false)] {
            let bytes = [UInt8](repeating: 0x61, count: length)
            #expect(withBytes(bytes) { RequestID.isAcceptable($0) } == isExpected)
        }
    }
}
