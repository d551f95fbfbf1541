import Base
import EventLoop
import HTTP
import Linux

/// One connection to the demo upstream.
///
/// ```
/// head ──▶ content ──┬─────────────▶ writing ──┬─▶ head
///                    └─ /slow: delay ─▶        └─▶ closed
/// ```
/// It reads nothing while it writes, so a client that doesn't read its answers costs one answer.
final class DemoConnection: EventHandler {
    private enum State {
        case head
        case content(BodyDecoder)
        /// The answer is sent when the timer fires.
        case delay(until: MonotonicTime)
        case writing
        case closed
    }

    /// Called when the connection is gone.
    var onEnd: (() -> Void)?

    private let socket: StreamSocket
    private let loop: EventLoop
    private let name: String
    private var registration = Registration.none
    private var state = State.head
    private var input = IOBuffer(capacity: 40 * 1024)
    private var output = IOBuffer()
    private var decoder = RequestDecoder()
    private var request = RequestHead()
    private var trailers = HeaderList()
    private var content = DemoContent()
    /// Idle or stuck connections end at this instant.
    private var deadline = MonotonicTime.distantFuture
    private static let idleLimit = TimeAmount.seconds(120)
    private static let slowDelay = TimeAmount.seconds(3)

    init(_ socket: consuming StreamSocket, loop: EventLoop, name: String) {
        self.socket = socket
        self.loop = loop
        self.name = name
    }

    func start() {
        registration = loop.add(self)
        do throws(Errno) {
            try loop.watch(socket.number, .connection, for: registration)
        } catch {
            return close()
        }
        deadline = loop.now + Self.idleLimit
        loop.wake(registration, at: deadline)
        advance()
    }

    func handle(_ events: EventSet) { advance() }

    func timerFired() {
        if case .delay(let end) = state {
            if loop.now < end { return loop.wake(registration, at: end) }
            deadline = loop.now + Self.idleLimit
            answer()
            advance()
        }
        if loop.now >= deadline { return close() }
        loop.wake(registration, at: deadline)
    }

    /// Goes on until the socket or a timer has to say something.
    private func advance() {
        while true {
            switch state {
            case .head: if !readHead() { return }
            case .content(let body): if !readContent(body) { return }
            case .writing: if !write() { return }
            case .delay, .closed: return
            }
        }
    }

    // MARK: Reading

    /// - Returns: whether to go on.
    private func readHead() -> Bool {
        do throws(MessageError) {
            switch try decoder.decodeHead(input.readable, into: &request) {
            case .incomplete(let consumed):
                input.consume(consumed)
                return fill()
            case .complete(let consumed):
                input.consume(consumed)
                content = DemoContent()
                state = .content(BodyDecoder(request.framing))
                if request.expectsContinue, request.framing.hasContent {
                    output.append("HTTP/1.1 100 Continue\r\n\r\n")
                    if case .failed = socket.write(output.readable) { return end() }
                    output.removeAll()
                }
                return true
            }
        } catch {
            refuse(error)
            return true
        }
    }

    private func readContent(_ body: BodyDecoder) -> Bool {
        var body = body
        do throws(MessageError) {
            let progress = try body.next(input.readable, trailers: &trailers)
            state = .content(body)
            switch progress {
            case .data(let range, let consumed):
                content.append(input.readable[range])
                input.consume(consumed)
                return true
            case .needsMore(let consumed):
                input.consume(consumed)
                return fill()
            case .end(let consumed):
                input.consume(consumed)
                return finishRequest()
            }
        } catch {
            refuse(error)
            return true
        }
    }

    private func finishRequest() -> Bool {
        guard request.path.hasSuffix(ByteView("/slow")) else {
            answer()
            return true
        }
        let end = loop.now + Self.slowDelay
        state = .delay(until: end)
        loop.wake(registration, at: end)
        return false
    }

    /// Reads more. - Returns: whether there is more.
    private func fill() -> Bool {
        input.compact()
        switch socket.read(into: input.writable) {
        case .bytes(let count):
            input.commit(count)
            deadline = loop.now + Self.idleLimit
            return true
        case .wouldBlock: return false
        case .endOfStream, .failed: return end()
        }
    }

    // MARK: Writing

    private func answer() {
        DemoAnswer(name: name, content: content).append(to: &output, request)
        state = .writing
    }

    private func refuse(_ error: MessageError) {
        output.removeAll()
        HeadEncoder.appendStatusLine(error.statusHint, to: &output)
        HeadEncoder.appendField("Connection", "close", to: &output)
        HeadEncoder.appendContentLength(0, to: &output)
        HeadEncoder.endHead(&output)
        request.isPersistent = false
        state = .writing
    }

    private func write() -> Bool {
        while !output.isEmpty {
            switch socket.write(output.readable) {
            case .bytes(let count): output.consume(count)
            case .wouldBlock: return false
            case .failed: return end()
            }
        }
        guard request.isPersistent else { return end() }
        state = .head
        return true
    }

    private func end() -> Bool {
        close()
        return false
    }

    private func close() {
        guard registration != .none else { return }
        loop.unwatch(socket.number)
        socket.shutdownWriting()
        loop.remove(registration)
        registration = .none
        state = .closed
        onEnd?()
    }
}
