import Base
import EventLoop
import HTTP
import Linux

/// One check of a target over a connection of its own, on the control thread's loop.
///
/// ```
/// connecting ──▶ asking ──▶ ended
///    │   ▲ next address
///    └───┘
/// ```
/// Whatever happens, `done` is called once, at the deadline at the latest; not after `cancel`.
final class CheckRun: EventHandler {
    private enum State { case connecting, asking, ended }

    private let question: HealthCheck.Question?
    private let authority: String
    private let deadline: MonotonicTime
    private let loop: EventLoop
    private var done: ((CheckResult) -> Void)?
    private var state = State.connecting
    private var endpoints: ArraySlice<IPEndpoint>
    private var attemptEnd = MonotonicTime.distantFuture
    private var registration = Registration.none
    private var socket: StreamSocket?
    private var output = IOBuffer()
    private var isWritable = false
    private var response: CheckResponse

    /// - Parameters:
    ///   - endpoints: tried in turn until one takes the connection.
    ///   - authority: the target's `host:port`.
    init(
        _ question: HealthCheck.Question?, at endpoints: [IPEndpoint], authority: String, deadline: MonotonicTime,
        loop: EventLoop, done: @escaping (CheckResult) -> Void
    ) {
        self.question = question
        self.endpoints = endpoints[...]
        self.authority = authority
        self.deadline = deadline
        self.loop = loop
        self.done = done
        response = CheckResponse(
            method: question?.method == "HEAD" ? .head : .get, text: question?.bodyContains ?? [])
    }

    /// Begins. The loop keeps the run alive until it has ended.
    func start() {
        guard !endpoints.isEmpty else { return end(.notResolved) }
        connectNext(after: nil)
    }

    /// Ends without a word.
    func cancel() {
        done = nil
        close()
    }

    private func connectNext(after error: Errno?) {
        var error = error
        while let endpoint = endpoints.popFirst() {
            do throws(Errno) {
                try open(endpoint)
                return
            } catch let failure {
                error = failure
                socket = nil
            }
        }
        end(.notConnected(error?.description ?? ""))
    }

    private func open(_ endpoint: IPEndpoint) throws(Errno) {
        // A new place: events of the socket before reach nobody.
        loop.remove(registration)
        registration = loop.add(self)
        let share = (deadline - SystemClock.monotonic()).nanoseconds / Int64(endpoints.count + 1)
        attemptEnd = SystemClock.monotonic() + TimeAmount(nanoseconds: max(share, 1_000_000))
        loop.wake(registration, at: min(attemptEnd, deadline))
        isWritable = false
        let fresh = try StreamSocket.connecting(to: endpoint)
        try loop.watch(fresh.number, .connection, for: registration)
        socket = consume fresh
    }

    func handle(_ events: EventSet) {
        if state == .connecting {
            if let error = takeError() { return connectNext(after: error) }
            guard events.has(anyOf: .writable) else { return }
            guard let question else { return end(.passed(status: nil)) }
            state = .asking
            loop.wake(registration, at: deadline)
            appendRequest(question)
        }
        if events.has(anyOf: .writable) { isWritable = true }
        flush()
        if events.has(anyOf: .inbound) { readAll() }
    }

    private func takeError() -> Errno? {
        guard socket != nil else { return nil }
        return socket?.takeError()
    }

    func timerFired() {
        let now = SystemClock.monotonic()
        if now >= deadline {
            return end(.timedOut(phase: state == .connecting ? "connecting" : "waiting for the answer"))
        }
        if state == .connecting, now >= attemptEnd { return connectNext(after: .timedOut) }
        loop.wake(registration, at: state == .connecting ? min(attemptEnd, deadline) : deadline)
    }

    /// RFC 9112 section 3. A connection of its own, so that a check is never a victim of an idle one that has died.
    private func appendRequest(_ question: HealthCheck.Question) {
        output.append(
            string: "\(question.method) \(question.path) HTTP/1.1\r\nHost: \(question.host ?? authority)\r\n"
                + "User-Agent: portcullis-health-check\r\nAccept: */*\r\nConnection: close\r\n\r\n")
    }

    private func flush() {
        while isWritable, !output.isEmpty, state == .asking {
            guard let outcome = socket?.write(output.readable) else { return }
            switch outcome {
            case .bytes(let count): output.consume(count)
            case .wouldBlock: isWritable = false
            // An answer may have come before: reading tells.
            case .failed: output.removeAll()
            }
        }
    }

    private func readAll() {
        var buffer = IOBuffer(capacity: 16 * 1024)
        while state == .asking {
            buffer.removeAll()
            guard let outcome = socket?.read(into: buffer.writable) else { return }
            switch outcome {
            case .bytes(let count):
                buffer.commit(count)
                take(response.receive(buffer.readable))
            case .wouldBlock: return
            case .endOfStream: return take(response.receiveEnd(), isEnd: true)
            case .failed: return end(.lost)
            }
        }
    }

    private func take(_ progress: CheckResponse.Progress, isEnd: Bool = false) {
        switch progress {
        case .needsMore: if isEnd { end(.lost) }
        case .lost: end(.lost)
        case .malformed: end(.malformed)
        case .wrongContent: end(.wrongContent)
        case .contentTooLong: end(.contentTooLong)
        case .status(let status):
            let isExpected = question?.statuses.contains { $0.contains(status) } ?? true
            end(isExpected ? .passed(status: status) : .wrongStatus(status))
        }
    }

    private func end(_ result: CheckResult) {
        let done = done
        self.done = nil
        close()
        done?(result)
    }

    private func close() {
        state = .ended
        loop.remove(registration)
        registration = .none
        socket = nil
    }
}
