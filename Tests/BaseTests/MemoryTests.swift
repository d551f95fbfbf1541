import Base
import TestSupport
import Testing

@Suite("Text arenas")
struct TextArenaTests {
    @Test("texts of all sizes stay as they were while others come")
    func keeping() {
        let arena = TextArena()
        var random = FuzzPlan.random(seed: 31)
        var kept: [(view: ByteView, text: String)] = []
        for number in 0..<2_000 {
            let size = number % 100 == 0 ? 20_000 : Int.random(in: 0..<80, using: &random)
            let text = String(repeating: Character(Unicode.Scalar(UInt8(97 + number % 26))), count: size)
            kept.append((arena.keep(text), text))
        }
        #expect(kept.allSatisfy { $0.view.string == $0.text })
    }

    @Test("a copy is kept, not the view")
    func copying() {
        let arena = TextArena()
        var bytes = Array("before".utf8)
        let view = bytes.withUnsafeBytes { arena.keep(ByteView($0)) }
        bytes = Array("after!".utf8)
        #expect(view.string == "before")
        #expect(bytes.count == 6)
        #expect(arena.keep(ByteView()).isEmpty)
    }
}

@Suite("Random numbers")
struct RandomSourceTests {
    @Test("the sequence is xoshiro256** seeded by splitmix64")
    func reference() {
        var source = RandomSource(seed: 0)
        // The state after seeding with 0 is 0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f,
        // 0xf88bb8a8724c81ec (splitmix64's published sequence), from which the first number follows by hand.
        let second: UInt64 = 0x6e78_9e6a_a1b9_65f4
        let product = second &* 5
        #expect(source.next() == ((product << 7) | (product >> 57)) &* 9)
    }

    @Test("equal seeds give equal sequences, different ones don't")
    func seeds() {
        func sequence(_ seed: UInt64) -> [UInt64] {
            var source = RandomSource(seed: seed)
            return (0..<32).map { _ in source.next() }
        }
        #expect(sequence(7) == sequence(7))
        let firsts = Set((0..<1_000).map { sequence(UInt64($0))[0] })
        #expect(firsts.count == 1_000)
        #expect(Set(sequence(0)).count == 32)
    }

    @Test("each bit is set in about half of the numbers")
    func balance() {
        var source = RandomSource(seed: 99)
        var counts = [Int](repeating: 0, count: 64)
        for _ in 0..<10_000 {
            let value = source.next()
            for bit in 0..<64 where value >> UInt64(bit) & 1 == 1 { counts[bit] += 1 }
        }
        #expect(counts.allSatisfy { (4_700...5_300).contains($0) })
    }
}

@Suite("Sets of bytes")
struct ByteSetTests {
    @Test("all 256 bytes, in and out", arguments: [1, 2, 3, 7, 64, 65, 255, 256])
    func membership(step: Int) {
        let set = ByteSet { Int($0) % step == 0 }
        for byte in UInt8.min...UInt8.max { #expect(set.contains(byte) == (Int(byte) % step == 0)) }
    }

    @Test("none and all")
    func extremes() {
        let (none, all) = (ByteSet { _ in false }, ByteSet { _ in true })
        for byte in UInt8.min...UInt8.max { #expect(!none.contains(byte) && all.contains(byte)) }
    }

    @Test("the bytes of tokens are those of RFC 9110 section 5.6.2")
    func token() {
        let allowed = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min...UInt8.max { #expect(ByteSet.token.contains(byte) == allowed.contains(byte)) }
    }
}
