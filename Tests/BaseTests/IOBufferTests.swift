import Base
import TestSupport
import Testing

@Suite("I/O buffers")
struct IOBufferTests {
    @Test("an unbacked buffer is empty and can be appended to")
    func unbacked() {
        var buffer = IOBuffer()
        let before = (buffer.isBacked, buffer.capacity, buffer.readable.count, buffer.writable.count, buffer.isEmpty)
        #expect(before == (false, 0, 0, 0, true))
        buffer.append(ByteView())
        buffer.consume(0)
        buffer.compact()
        buffer.append("text")
        let text = buffer.readable.string
        #expect(text == "text")
    }

    @Test("what is consumed makes room, an emptied buffer starts over")
    func consuming() {
        var buffer = IOBuffer(capacity: 8)
        buffer.append("abcdefgh")
        buffer.consume(3)
        let indexes = (buffer.readIndex, buffer.readableCount, buffer.writableCount)
        #expect(indexes == (3, 5, 0))
        buffer.append("xyz")
        let moved = (buffer.readIndex, buffer.capacity, buffer.readable.string)
        #expect(moved == (0, 8, "defghxyz"))
        buffer.consume(8)
        let emptied = (buffer.readIndex, buffer.writeIndex, buffer.writableCount)
        #expect(emptied == (0, 0, 8))
    }

    @Test("growing keeps what is readable")
    func growing() {
        var buffer = IOBuffer(capacity: 4)
        buffer.append("abcd")
        buffer.consume(1)
        buffer.reserve(4)
        let grown = (buffer.capacity, buffer.readable.string, buffer.writableCount >= 4)
        #expect(grown == (256, "bcd", true))
        buffer.reserve(10_000)
        let again = (buffer.readable.string, buffer.writableCount >= 10_000)
        #expect(again == ("bcd", true))
    }

    @Test("bytes written by the kernel become readable by commit")
    func committing() {
        var buffer = IOBuffer(capacity: 16)
        buffer.append("<")
        buffer.writable.copyBytes(from: Array("kernel".utf8))
        buffer.commit(6)
        let text = buffer.readable.string
        #expect(text == "<kernel")
    }

    @Test(
        "numbers in text",
        arguments: [
            (0, "0", "0"), (9, "9", "9"), (10, "10", "a"), (255, "255", "ff"), (4096, "4096", "1000"),
            (Int.max, "9223372036854775807", "7fffffffffffffff"),
        ] as [(Int, String, String)])
    func numbers(value: Int, decimal: String, hexadecimal: String) {
        var buffer = IOBuffer()
        buffer.append(decimal: value)
        buffer.append(byte: ASCII.space)
        buffer.append(hex: value)
        let text = buffer.readable.string
        #expect(text == "\(decimal) \(hexadecimal)")
    }

    @Test("numbers of 64 bits, and bytes as digits")
    func digits() {
        var buffer = IOBuffer()
        buffer.append(decimal: UInt64.max)
        buffer.append(byte: ASCII.space)
        buffer.append(hex16: 0x0123_4567_89ab_cdef)
        buffer.append(byte: ASCII.space)
        buffer.append(hexOf: ByteView("\u{0}az\u{7f}"))
        #expect(buffer.readable == "18446744073709551615 0123456789abcdef 00617a7f")
        for (number, count) in [(0, 1), (9, 1), (10, 2), (99, 2), (100, 3), (UInt64.max, 20)] as [(UInt64, Int)] {
            #expect(number.decimalCount == count)
        }
    }

    @Test("random appending and consuming behaves like an array")
    func model() {
        var random = FuzzPlan.random(seed: 21)
        var buffer = IOBuffer()
        var expected: [UInt8] = []
        for _ in 0..<FuzzPlan.iterations(usual: 5_000) {
            switch Int.random(in: 0..<8, using: &random) {
            case 0..<4:
                let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                bytes.withUnsafeBytes { buffer.append(ByteView($0)) }
                expected += bytes
            case 4..<7:
                let count = Int.random(in: 0...expected.count, using: &random)
                buffer.consume(count)
                expected.removeFirst(count)
            default: buffer.compact()
            }
            let isSame = buffer.readable.raw.elementsEqual(expected)
            #expect(isSame)
            let adds = buffer.readIndex + buffer.readableCount + buffer.writableCount == buffer.capacity
            #expect(adds)
            if !isSame || !adds { return }
        }
    }
}

@Suite("Buffer pools")
struct BufferPoolTests {
    @Test("memory that was taken back is given again")
    func recycling() {
        let pool = BufferPool(keptCount: 4)
        var first = IOBuffer()
        pool.back(&first)
        let storage = first.storage
        first.append("secret")
        pool.recycle(&first)
        let after = (first.isBacked, first.readableCount)
        #expect(after == (false, 0))
        var second = IOBuffer()
        pool.back(&second)
        let given = (second.storage == storage, second.capacity, second.isEmpty)
        #expect(given == (true, BufferPool.smallCapacity, true))
        pool.recycle(&second)
    }

    @Test("backing a backed buffer and recycling an unbacked one change nothing")
    func idempotence() {
        let pool = BufferPool(keptCount: 4)
        var buffer = IOBuffer()
        pool.recycle(&buffer)
        pool.back(&buffer)
        buffer.append("kept")
        pool.back(&buffer)
        let text = buffer.readable.string
        #expect(text == "kept")
        pool.recycle(&buffer)
        pool.recycle(&buffer)
        let isBacked = buffer.isBacked
        #expect(!isBacked)
    }

    @Test("an enlarged buffer keeps what it held; the small memory goes back")
    func enlarging() {
        let pool = BufferPool(keptCount: 4)
        var buffer = IOBuffer()
        pool.back(&buffer)
        let small = buffer.storage
        buffer.append("xxhead")
        buffer.consume(2)
        pool.enlarge(&buffer)
        let enlarged = (buffer.capacity, buffer.readable.string)
        #expect(enlarged == (BufferPool.largeCapacity, "head"))
        let large = buffer.storage
        pool.enlarge(&buffer)
        let same = buffer.storage == large
        #expect(same)
        var other = IOBuffer()
        pool.back(&other)
        let reused = other.storage == small
        #expect(reused)
    }

    @Test("an unbacked buffer can be enlarged at once")
    func enlargingUnbacked() {
        let pool = BufferPool(keptCount: 4)
        var buffer = IOBuffer()
        pool.enlarge(&buffer)
        let state = (buffer.capacity, buffer.isEmpty)
        #expect(state == (BufferPool.largeCapacity, true))
    }

    @Test("memory that grew to another size isn't kept in the wrong place")
    func oddSize() {
        let pool = BufferPool(keptCount: 4)
        var buffer = IOBuffer()
        pool.back(&buffer)
        buffer.reserve(BufferPool.smallCapacity + 1)
        pool.recycle(&buffer)
        var next = IOBuffer()
        pool.back(&next)
        let capacity = next.capacity
        #expect(capacity == BufferPool.smallCapacity)
    }
}
