import Base
import HTTP
import Linux

/// The reading side: heads, content, the answer's end.
extension UpstreamConnection {
    private enum Step {
        /// There may be more in the buffer.
        case more
        /// The buffer holds nothing complete.
        case starved
        /// The exchange has let go of this connection, or the client must catch up first.
        case stop
    }

    /// Passes on all that has come and that the client takes.
    func advance() {
        if isAdvancing { return }
        isAdvancing = true
        defer { isAdvancing = false }
        while let exchange {
            let step: Step
            switch state {
            case .awaitingHead: step = readHead(exchange)
            case .content: step = readContent(exchange)
            case .connecting, .discarding, .idle, .closed: return
            }
            switch step {
            case .more: continue
            case .stop: return
            case .starved:
                guard self.exchange === exchange else { return }
                guard fill() else {
                    if self.exchange === exchange { exchange.flushClient() }
                    return
                }
            }
        }
    }

    /// The client takes content again: from now on the target is waited for, or what it has sent is read.
    func resumeContent() {
        if state == .content, let exchange { touch(exchange.withRoute { $0.idleTimeout }) }
        advance()
    }

    private func readHead(_ exchange: Exchange) -> Step {
        guard !input.isEmpty else { return .starved }
        do throws(MessageError) {
            let progress = try decoder.decodeHead(
                input.readable, method: exchange.upstreamMethod, into: &exchange.responseHead)
            guard case .complete(let consumed) = progress else { return .starved }
            input.consume(consumed)
        } catch {
            worker.logMalformed(error, of: exchange)
            fail(error == .unsolicitedUpgrade ? .unexpectedUpgrade : .malformedResponse)
            return .stop
        }
        if exchange.responseHead.isInterim { return exchange.receiveInterim() ? .more : .stop }
        state = .content
        body = BodyDecoder(exchange.responseHead.framing)
        touch(exchange.withRoute { $0.idleTimeout })
        exchange.receiveResponseHead()
        return self.exchange === exchange ? .more : .stop
    }

    private func readContent(_ exchange: Exchange) -> Step {
        guard exchange.acceptsResponse else {
            exchange.flushClient()
            return self.exchange === exchange && exchange.acceptsResponse ? .more : .stop
        }
        do throws(MessageError) {
            switch try body.next(input.readable, trailers: &exchange.responseTrailers) {
            case .data(let range, let consumed):
                lastActivity = loop.now
                exchange.receiveResponseContent(input.readable[range])
                guard self.exchange === exchange else { return .stop }
                input.consume(consumed)
                guard body.isFinished else { return .more }
                finish(exchange)
                return .stop
            case .end(let consumed):
                input.consume(consumed)
                finish(exchange)
                return .stop
            case .needsMore(let consumed):
                input.consume(consumed)
                return .starved
            }
        } catch {
            worker.logMalformed(error, of: exchange)
            fail(error == .unsolicitedUpgrade ? .unexpectedUpgrade : .malformedResponse)
            return .stop
        }
    }

    /// The answer is complete. The connection goes to its pool first, so that the client's next request finds it.
    private func finish(_ exchange: Exchange) {
        self.exchange = nil
        release(isPersistent: exchange.responseHead.isPersistent)
        exchange.receiveResponseEnd()
    }

    /// Nothing of the answer is left to come: the connection goes to its pool, if it can be used again.
    func release(isPersistent: Bool) {
        let isReusable =
            isPersistent && isRequestComplete && output.isEmpty && input.isEmpty && !isWriteBroken
            && (!isReadable || socket.isQuiet)
        guard isReusable else { return close() }
        isReadable = false
        buffers.recycle(&input)
        pool.giveBack(self)
    }

    /// Reads once. - Returns: whether something came.
    func fill() -> Bool {
        guard isReadable else {
            // While it waits, others use the memory, which is in the processor's cache now.
            if input.isEmpty { buffers.recycle(&input) }
            return false
        }
        makeRoom()
        let space = input.writable
        switch socket.read(into: space) {
        case .bytes(let count):
            input.commit(count)
            receivedBytes += count
            // A short read has drained the socket; the next byte makes a new event (epoll(7)).
            if count < space.count, !seesEnd { isReadable = false }
            return true
        case .wouldBlock:
            isReadable = false
            if input.isEmpty { buffers.recycle(&input) }
        case .endOfStream: endOfStream()
        case .failed: state == .content ? fail(.responseTruncated) : fail(.resetBeforeResponse)
        }
        return false
    }

    /// Small for a head; large for content that is announced to be, or that has filled a buffer already.
    private func makeRoom() {
        if state == .content, input.isBacked || body.expectedBytes > BufferPool.smallCapacity {
            buffers.enlarge(&input)
        } else {
            buffers.back(&input)
        }
        if input.writableCount == 0 { buffers.makeRoom(in: &input) }
    }

    private func endOfStream() {
        switch state {
        case .content:
            if body.mayEndHere, let exchange {
                self.exchange = nil
                close()
                exchange.receiveResponseEnd()
            } else {
                fail(.responseTruncated)
            }
        case .awaitingHead: fail(receivedBytes > 0 ? .responseTruncated : .closedBeforeResponse)
        case .connecting, .discarding, .idle, .closed: close()
        }
    }
}
