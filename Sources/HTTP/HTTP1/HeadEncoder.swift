import Base

/// Writes heads: a start line, fields, `endHead` (RFC 9112 sections 3, 4 and 5).
///
/// It checks nothing: methods, targets and fields come from decoded messages or from validated configuration.
package enum HeadEncoder {
    /// Appends `GET /path?query HTTP/1.1`.
    ///
    /// - Parameters:
    ///   - method: the token.
    ///   - path: canonical, or `*`.
    ///   - query: the bytes behind `?`; nil for none.
    package static func appendRequestLine(
        method: ByteView, path: ByteView, query: ByteView?, to buffer: inout IOBuffer
    ) {
        buffer.reserve(method.count + path.count + (query?.count ?? 0) + 16)
        var writer = BufferWriter(buffer)
        writer.write(method)
        writer.write(byte: ASCII.space)
        writer.write(path)
        if let query {
            writer.write(byte: ASCII.question)
            writer.write(query)
        }
        writer.write(ByteView(" HTTP/1.1\r\n"))
        buffer.commit(writer.count)
    }

    /// Appends `HTTP/1.1 200 OK`, with the registered reason unless another one is given.
    ///
    /// - Parameter status: 100...999.
    package static func appendStatusLine(_ status: Int, reason: ByteView? = nil, to buffer: inout IOBuffer) {
        precondition(status >= 100 && status <= 999)
        let reason = reason ?? ByteView(StatusCode.reason(status))
        buffer.reserve(reason.count + 16)
        var writer = BufferWriter(buffer)
        writer.write(ByteView("HTTP/1.1 "))
        writer.write(byte: ASCII.zero &+ UInt8(truncatingIfNeeded: status / 100))
        writer.write(byte: ASCII.zero &+ UInt8(truncatingIfNeeded: status / 10 % 10))
        writer.write(byte: ASCII.zero &+ UInt8(truncatingIfNeeded: status % 10))
        writer.write(byte: ASCII.space)
        writer.write(reason)
        writer.write(ByteView("\r\n"))
        buffer.commit(writer.count)
    }

    /// Appends all fields that are not removed, in order, names as they were written.
    ///
    /// Fields lie in the list's arena as lines, so neighbours in plain form are copied together.
    package static func appendFields(_ fields: borrowing HeaderList, to buffer: inout IOBuffer) {
        appendFields(fields, except: KnownFieldSet(), to: &buffer)
    }

    /// The same without the fields in `skipped`, which spares removing them.
    package static func appendFields(
        _ fields: borrowing HeaderList, except skipped: KnownFieldSet, to buffer: inout IOBuffer
    ) {
        // Every field is in the arena once; lines that need a separator anew gain 3 bytes at most.
        buffer.reserve(fields.arenaCount + fields.endIndex * 3)
        var writer = BufferWriter(buffer)
        var runStart = 0
        var runEnd = 0
        var index = 0
        guard let slots = fields.slots else { return }
        while index < fields.endIndex {
            let slot = slots + index
            index &+= 1
            if slot.pointee.isRemoved || skipped.contains(slot.pointee.known) { continue }
            let field = slot.pointee
            let start = Int(field.nameStart)
            if start != runEnd || !field.isPlainLine {
                writer.write(fields.bytes(start: runStart, count: runEnd &- runStart))
                runStart = start
                runEnd = start
            }
            if field.isPlainLine {
                runEnd = Int(field.valueStart) &+ Int(field.valueLength) &+ 2
                continue
            }
            writer.write(fields.bytes(start: start, count: Int(field.nameLength)))
            writer.write(ByteView(": "))
            writer.write(fields.bytes(start: Int(field.valueStart), count: Int(field.valueLength)))
            writer.write(ByteView("\r\n"))
        }
        writer.write(fields.bytes(start: runStart, count: runEnd - runStart))
        buffer.commit(writer.count)
    }

    /// Appends one field.
    package static func appendField(_ name: ByteView, _ value: ByteView, to buffer: inout IOBuffer) {
        buffer.reserve(name.count + value.count + 4)
        var writer = BufferWriter(buffer)
        writer.write(name)
        writer.write(ByteView(": "))
        writer.write(value)
        writer.write(ByteView("\r\n"))
        buffer.commit(writer.count)
    }

    package static func appendField(_ name: StaticString, _ value: ByteView, to buffer: inout IOBuffer) {
        appendField(ByteView(name), value, to: &buffer)
    }

    package static func appendField(_ name: StaticString, _ value: StaticString, to buffer: inout IOBuffer) {
        appendField(ByteView(name), ByteView(value), to: &buffer)
    }

    package static func appendField(_ field: KnownField, _ value: ByteView, to buffer: inout IOBuffer) {
        appendField(ByteView(field.name), value, to: &buffer)
    }

    package static func appendContentLength(_ length: Int, to buffer: inout IOBuffer) {
        buffer.reserve(48)
        var writer = BufferWriter(buffer)
        writer.write(ByteView("Content-Length: "))
        writer.write(decimal: UInt64(length))
        writer.write(ByteView("\r\n"))
        buffer.commit(writer.count)
    }

    /// Appends the field that announces `framing`; nothing for `.none` and `.untilClose`.
    package static func appendFraming(_ framing: BodyFraming, to buffer: inout IOBuffer) {
        switch framing {
        case .length(let length): appendContentLength(length, to: &buffer)
        case .chunked: buffer.append("Transfer-Encoding: chunked\r\n")
        case .none, .untilClose: break
        }
    }

    /// Ends the head.
    package static func endHead(_ buffer: inout IOBuffer) { buffer.append("\r\n") }
}

/// Writes chunked content (RFC 9112 section 7.1).
package enum ChunkEncoder {
    /// Appends the line before a chunk's data.
    ///
    /// - Parameter count: the data's bytes, more than none: an empty chunk would end the content.
    package static func appendChunkHeader(_ count: Int, to buffer: inout IOBuffer) {
        precondition(count > 0)
        buffer.append(hex: count)
        buffer.append("\r\n")
    }

    /// The bytes of the line end behind a chunk's data.
    package static var chunkEndBytes: Int { 2 }

    /// Appends the line end behind a chunk's data.
    package static func appendChunkEnd(to buffer: inout IOBuffer) { buffer.append("\r\n") }

    /// Appends the last chunk, without trailers.
    package static func appendLastChunk(to buffer: inout IOBuffer) { buffer.append("0\r\n\r\n") }

    /// Appends the last chunk with `trailers`.
    package static func appendLastChunk(trailers: borrowing HeaderList, to buffer: inout IOBuffer) {
        buffer.append("0\r\n")
        HeadEncoder.appendFields(trailers, to: &buffer)
        buffer.append("\r\n")
    }
}

/// Writes into the free memory of a buffer, checked against its size.
struct BufferWriter {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ buffer: borrowing IOBuffer) { memory = buffer.writable }

    @inline(__always)
    mutating func write(_ bytes: ByteView) {
        guard bytes.count > 0 else { return }
        precondition(bytes.count <= memory.count - count)
        guard let base = memory.baseAddress else { return }
        (base + count).copyMemory(from: bytes.base, byteCount: bytes.count)
        count += bytes.count
    }

    @inline(__always)
    mutating func write(byte: UInt8) {
        precondition(count < memory.count)
        memory[count] = byte
        count += 1
    }

    /// In decimal; 20 bytes must be free.
    mutating func write(decimal value: UInt64) {
        precondition(memory.count - count >= 20)
        guard let base = memory.baseAddress else { return }
        count += base.assumingMemoryBound(to: UInt8.self).writeDecimal(value, at: count)
    }
}
