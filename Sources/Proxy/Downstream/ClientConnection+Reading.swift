import Base
import HTTP
import Linux

/// The client's side that reads: heads, content, the end of the stream.
extension ClientConnection {
    /// Does all that can be done with what has come: heads, content, the next request.
    func advance() {
        if isAdvancing { return }
        isAdvancing = true
        defer { isAdvancing = false }
        while true {
            switch state {
            case .closed, .closing: return
            case .lingering: return dropInput()
            case .idle, .head: guard readHead() else { return }
            case .exchange: guard readContent() else { return }
            }
        }
    }

    /// - Returns: whether there is more to do.
    private func readHead() -> Bool {
        // A client that doesn't read its answers gets no further requests served.
        guard acceptsContent else { return false }
        if input.isEmpty, !fill() { return false }
        let exchange = takeExchange()
        while true {
            if state == .idle {
                headStart = loop.now
                decoder.limits = listener.settings.messageLimits
            }
            do throws(MessageError) {
                switch try decoder.decodeHead(input.readable, into: &exchange.request) {
                case .complete(let consumed):
                    exchange.bytesIn = UInt64(consumed)
                    input.consume(consumed)
                    // Given back before the request goes on: then all requests are read into the same, warm memory.
                    if input.isEmpty { buffers.recycle(&input) }
                    begin(exchange)
                    return true
                case .incomplete(let consumed):
                    input.consume(consumed)
                    if state == .idle, !decoder.isIdle { headBegins() }
                }
            } catch {
                worker.metrics.countRefusedRequest(error)
                refuse(GatewayAnswer(error))
                return true
            }
            guard fill() else { return false }
        }
    }

    /// Part of a head has come; an empty line alone isn't one, and the connection is as idle as before.
    private func headBegins() {
        state = .head
        touch(listener.settings.headerReadTimeout)
    }

    private func begin(_ exchange: Exchange) {
        state = .exchange
        requestCount += 1
        body = BodyDecoder(exchange.request.framing, limits: listener.settings.messageLimits)
        closesAfterResponse =
            !exchange.request.isPersistent || requestCount >= listener.settings.requestsPerConnectionMax
            || worker.isDraining || listener.isClosing
        touch(listener.settings.bodyIdleTimeout)
        exchange.begin(on: .http1(self), headStartedAt: headStart)
    }

    func takeExchange() -> Exchange {
        if let exchange { return exchange }
        let fresh = worker.takeExchange()
        exchange = fresh
        return fresh
    }

    /// The exchange takes content again: from now on the client is waited for, or what it has sent is read.
    func resumeContent() {
        if state == .exchange, output.isEmpty { touch(listener.settings.bodyIdleTimeout) }
        advance()
    }

    /// - Returns: whether there is more to do.
    private func readContent() -> Bool {
        guard let exchange else { return false }
        while exchange.progress == .receiving {
            guard exchange.acceptsContent else {
                exchange.flushUpstream()
                guard self.exchange === exchange, exchange.acceptsContent else { return state != .exchange }
                continue
            }
            switch decodeContent(exchange) {
            case .more: continue
            case .over: return true
            case .starved: break
            }
            if input.isEmpty, input.capacity < BufferPool.largeCapacity, body.expectedBytes > BufferPool.smallCapacity {
                buffers.enlarge(&input)
            }
            guard fill() else {
                if self.exchange === exchange { exchange.flushUpstream() }
                return self.exchange !== exchange
            }
        }
        // What comes behind this request waits, but a client that leaves is noticed.
        if isReadable, !peerHasClosed, input.isEmpty, state == .exchange { _ = fill() }
        return false
    }

    private enum ContentStep {
        case more
        case over
        case starved
    }

    private func decodeContent(_ exchange: Exchange) -> ContentStep {
        do throws(MessageError) {
            switch try body.next(input.readable, trailers: &exchange.requestTrailers) {
            case .data(let range, let consumed):
                touch(listener.settings.bodyIdleTimeout)
                exchange.bytesIn += UInt64(consumed)
                exchange.receiveContent(input.readable[range], expecting: body.expectedBytes)
                // The exchange may be over, and the connection with it.
                guard self.exchange === exchange, state == .exchange else { return .over }
                input.consume(consumed)
                if body.isFinished {
                    exchange.receiveContentEnd()
                    guard self.exchange === exchange, state == .exchange else { return .over }
                }
                return .more
            case .end(let consumed):
                exchange.bytesIn += UInt64(consumed)
                input.consume(consumed)
                exchange.receiveContentEnd()
                guard self.exchange === exchange, state == .exchange else { return .over }
                return .more
            case .needsMore(let consumed):
                exchange.bytesIn += UInt64(consumed)
                input.consume(consumed)
                exchange.expectContent(body.expectedBytes)
                guard self.exchange === exchange, state == .exchange else { return .over }
                return .starved
            }
        } catch {
            worker.metrics.countRefusedRequest(error)
            closesAfterResponse = true
            exchange.answer(GatewayAnswer(error))
            return .over
        }
    }

    /// Reads once. - Returns: whether something came.
    func fill() -> Bool {
        if peerHasClosed {
            endOfStream()
            return false
        }
        guard isReadable else {
            watch()
            parkIfIdle()
            return false
        }
        buffers.back(&input)
        if input.writableCount == 0 { buffers.makeRoom(in: &input) }
        let space = input.writable
        switch socket.read(into: space) {
        case .bytes(let count):
            input.commit(count)
            // A short read has drained the socket; the next byte makes a new event (epoll(7)).
            if count < space.count, !seesEnd { isReadable = false }
            return true
        case .wouldBlock:
            isReadable = false
            watch()
            parkIfIdle()
        case .endOfStream:
            peerHasClosed = true
            endOfStream()
        case .failed: clientLeft()
        }
        return false
    }

    /// The client will send no more. One that only closed its sending side still gets the answer that it waits for.
    private func endOfStream() {
        switch state {
        case .idle: if output.isEmpty { close() } else { state = .closing }
        case .head: refuse(.truncatedRequest)
        case .exchange:
            closesAfterResponse = true
            if let exchange, exchange.progress == .receiving { exchange.abandon(.clientLeft) }
        case .closing, .lingering: close()
        case .closed: break
        }
    }

    /// Gives the memory back while nothing is under way.
    func parkIfIdle() {
        guard input.isEmpty else { return }
        switch state {
        case .idle:
            buffers.recycle(&input)
            if output.isEmpty { buffers.recycle(&output) }
            if let unused = exchange {
                exchange = nil
                worker.recycle(unused)
            }
        case .exchange: buffers.recycle(&input)
        default: break
        }
    }
}
