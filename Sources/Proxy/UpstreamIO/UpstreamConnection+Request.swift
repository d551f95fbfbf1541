import Base
import HTTP
import Linux

/// The writing side: the request's head, its content, its end.
extension UpstreamConnection {
    /// Pieces from this size on go to the kernel from where they were read to.
    private static let directBytesMin = 4096

    /// Takes up `exchange`. On an established connection its head is written with the next flush.
    func begin(_ exchange: Exchange) {
        self.exchange = exchange
        requestCount += 1
        receivedBytes = 0
        writtenBytes = 0
        isRequestComplete = false
        idleUntil = requestCount > 1 && lastActivity < loop.now ? loop.now : .zero
        startAttemptTime()
        guard state != .connecting else { return }
        state = .awaitingHead
        sendHead()
    }

    func sendHead() {
        guard let exchange else { return }
        buffers.back(&output)
        HeadEncoder.appendRequestLine(
            method: exchange.upstreamMethodToken, path: exchange.upstreamPath,
            query: exchange.upstreamQuery, to: &output)
        var skipped = KnownFieldSet.framingFields
        if let host = pool.hostHeader(for: exchange) {
            skipped.insert(KnownFieldSet(.host))
            HeadEncoder.appendField(.host, host, to: &output)
        }
        HeadEncoder.appendFields(exchange.request.fields, except: skipped, to: &output)
        HeadEncoder.appendFraming(exchange.request.framing, to: &output)
        HeadEncoder.endHead(&output)
        isRequestComplete = exchange.progress == .complete
        // A body that was edited, or what was read of one; then what an earlier attempt has sent behind it.
        if let held = exchange.held, case .held = held.requestBody { sendContent(held.requestContent.readable) }
        if !exchange.replay.isEmpty { sendContent(exchange.replay.readable) }
        if isRequestComplete { endContent(of: exchange) }
        touch(exchange.withRoute { min($0.responseHeaderTimeout, $0.idleTimeout) })
    }

    var acceptsContent: Bool {
        state != .connecting && state != .closed && isWritable && !isWriteBroken
            && output.readableCount < 2 * BufferPool.smallCapacity
    }

    func sendContent(_ bytes: ByteView) {
        guard let exchange, bytes.count > 0, !isWriteBroken else { return }
        buffers.back(&output)
        let isChunked = exchange.request.framing == .chunked
        if isChunked { ChunkEncoder.appendChunkHeader(bytes.count, to: &output) }
        if bytes.count < Self.directBytesMin || !isWritable {
            keep(bytes)
        } else {
            sendDirectly(bytes)
        }
        if isChunked { ChunkEncoder.appendChunkEnd(to: &output) }
    }

    private func sendDirectly(_ bytes: ByteView) {
        let pending = output.readableCount
        let outcome = pending == 0 ? socket.write(bytes) : socket.write(output.readable, bytes)
        switch outcome {
        case .bytes(let count):
            lastActivity = loop.now
            writtenBytes += count
            output.consume(min(count, pending))
            guard count < pending + bytes.count else { return }
            awaitWritable()
            keep(bytes.from(max(0, count - pending)))
        case .wouldBlock:
            awaitWritable()
            keep(bytes)
        case .failed: isWriteBroken = true
        }
    }

    /// The kernel takes no more: the wait for the target to read begins.
    private func awaitWritable() {
        isWritable = false
        guard let exchange else { return }
        touch(exchange.withRoute { $0.idleTimeout })
    }

    private func keep(_ rest: ByteView) {
        if output.writableCount < rest.count { buffers.enlarge(&output) }
        output.append(rest)
    }

    /// All content has been given.
    func finishRequest() {
        guard let exchange, state != .connecting, state != .closed else { return }
        endContent(of: exchange)
        isRequestComplete = true
        // The wait for the answer begins: the timer may be far away, as nobody waited for the target until now.
        touch(exchange.withRoute { $0.responseHeaderTimeout })
        startAttemptTime()
        flush()
    }

    private func endContent(of exchange: Exchange) {
        guard exchange.request.framing == .chunked else { return }
        if exchange.requestTrailers.isEmpty {
            ChunkEncoder.appendLastChunk(to: &output)
        } else {
            ChunkEncoder.appendLastChunk(trailers: exchange.requestTrailers, to: &output)
        }
    }

    /// Has the request written with those of the other connections of the stride.
    func sendLater() { loop.sendLater(registration) }

    func send() { flush() }

    /// Hands what is in `output` to the kernel.
    func flush() {
        let hadOutput = !output.isEmpty
        while isWritable, !output.isEmpty, !isWriteBroken {
            switch socket.write(output.readable) {
            case .bytes(let count):
                writtenBytes += count
                if count < output.readableCount { awaitWritable() }
                output.consume(count)
                lastActivity = loop.now
            case .wouldBlock: awaitWritable()
            case .failed: isWriteBroken = true
            }
        }
        if isWriteBroken {
            // The target may have answered before it closed: what it said is read, or the end of the stream is.
            output.removeAll()
            isReadable = true
            return advance()
        }
        guard output.isEmpty else { return }
        buffers.recycle(&output)
        if hadOutput, !isRequestComplete { exchange?.requestMayContinue() }
    }
}
