import Base
import HTTP
import Linux

/// The client's side that writes: what `RequestStream` asks for.
extension ClientConnection {
    /// Pieces from this size on go to the kernel from where they were read to; smaller ones are gathered.
    private static let directBytesMin = 4096

    var acceptsContent: Bool { isWritable && output.readableCount < 2 * BufferPool.smallCapacity }

    func sendInterim(_ head: borrowing ResponseHead) {
        guard let exchange, exchange.request.minorVersion > 0 else { return }
        buffers.back(&output)
        let before = output.readableCount
        HeadEncoder.appendStatusLine(head.status, reason: head.reason.isEmpty ? nil : head.reason, to: &output)
        HeadEncoder.appendFields(head.fields, except: .framingFields, to: &output)
        HeadEncoder.endHead(&output)
        exchange.bytesOut += UInt64(output.readableCount - before)
        flush()
    }

    func sendHead(_ head: borrowing ResponseHead, to request: borrowing RequestHead) {
        // An answer that comes before the request's content has: it may end first, or the client may never send that
        // content (RFC 9110 section 10.1.1), and nobody could tell it from the next request. So it is the last one, and
        // says so.
        if let exchange, exchange.progress == .receiving { closesAfterResponse = true }
        framing = ResponseFraming(of: head, to: request)
        if framing.kind == .untilClose || worker.isDraining || listener.isClosing { closesAfterResponse = true }
        buffers.back(&output)
        let before = output.readableCount
        HeadEncoder.appendStatusLine(head.status, reason: head.reason.isEmpty ? nil : head.reason, to: &output)
        HeadEncoder.appendFields(head.fields, except: .framingFields, to: &output)
        framing.appendFields(to: &output)
        if closesAfterResponse {
            output.append("Connection: close\r\n")
        } else if request.minorVersion == 0 {
            output.append("Connection: keep-alive\r\n")
        }
        HeadEncoder.endHead(&output)
        exchange?.bytesOut += UInt64(output.readableCount - before)
        touch(listener.settings.writeIdleTimeout)
    }

    func sendContent(_ bytes: ByteView) {
        guard state == .exchange, framing.hasContent, bytes.count > 0 else { return }
        var count = bytes.count
        if framing.kind == .chunked {
            let before = output.readableCount
            ChunkEncoder.appendChunkHeader(bytes.count, to: &output)
            count += output.readableCount - before + ChunkEncoder.chunkEndBytes
        }
        exchange?.bytesOut += UInt64(count)
        if bytes.count < Self.directBytesMin || !isWritable || isBroken {
            keep(bytes)
        } else {
            sendDirectly(bytes)
        }
        if framing.kind == .chunked { ChunkEncoder.appendChunkEnd(to: &output) }
    }

    private func sendDirectly(_ bytes: ByteView) {
        let pending = output.readableCount
        let outcome = pending == 0 ? socket.write(bytes) : socket.write(output.readable, bytes)
        switch outcome {
        case .bytes(let count):
            touch(listener.settings.writeIdleTimeout)
            output.consume(min(count, pending))
            let sent = max(0, count - pending)
            guard count < pending + bytes.count else { return }
            awaitWritable()
            keep(bytes.from(sent))
        case .wouldBlock:
            awaitWritable()
            keep(bytes)
        case .failed: isBroken = true
        }
    }

    private func keep(_ rest: ByteView) {
        if isBroken { return }
        buffers.back(&output)
        if output.writableCount < rest.count { buffers.enlarge(&output) }
        output.append(rest)
    }

    /// Whether content of the answer goes to the client.
    var sendsContent: Bool { framing.hasContent }

    func endContent(trailers: borrowing HeaderList) {
        guard state == .exchange, framing.kind == .chunked else { return }
        let before = output.readableCount
        if trailers.isEmpty {
            ChunkEncoder.appendLastChunk(to: &output)
        } else {
            ChunkEncoder.appendLastChunk(trailers: trailers, to: &output)
        }
        exchange?.bytesOut += UInt64(output.readableCount - before)
    }

    /// How many bytes of what has been sent will never be written.
    var lostBytes: Int { isBroken ? output.readableCount : 0 }

    func finishResponse() {
        guard state == .exchange, let finished = exchange else { return }
        let isContentOver = finished.progress == .complete
        exchange = nil
        if !closesAfterResponse, isContentOver {
            state = .idle
        } else if isContentOver, input.isEmpty, !isReadable {
            state = .closing
        } else {
            state = .lingering(Linger(now: loop.now, isDraining: worker.isDraining))
        }
        touch(listener.settings.keepAliveIdleTimeout)
        if isBroken { return clientLeft() }
        sendLater()
        advance()
    }

    /// Has `output` written with those of the other connections of the stride.
    private func sendLater() {
        if isSendPending { return }
        isSendPending = true
        loop.sendLater(registration)
    }

    func send() {
        isSendPending = false
        flush()
        // Requests that waited for room in `output`. Those behind the last read have no event of their own any more: a
        // read that filled its buffer may have left them in the socket.
        if !input.isEmpty || isReadable { advance() }
    }

    /// Hands what is in `output` to the kernel.
    func flush() {
        if isBroken { return clientLeft() }
        let hadOutput = !output.isEmpty
        while isWritable, !output.isEmpty {
            switch socket.write(output.readable) {
            case .bytes(let count):
                if count < output.readableCount { awaitWritable() }
                output.consume(count)
                touch(listener.settings.writeIdleTimeout)
            case .wouldBlock: awaitWritable()
            case .failed:
                isBroken = true
                output.removeAll()
                return clientLeft()
            }
        }
        guard output.isEmpty else { return }
        if state != .exchange { return finishWriting() }
        if hadOutput { exchange?.responseMayContinue() }
    }
}
