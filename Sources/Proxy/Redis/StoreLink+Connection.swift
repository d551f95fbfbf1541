import Base
import EventLoop
import Linux
import Redis
import TLS

/// How a link gets its connection, and loses it.
extension StoreLink {
    // MARK: Beginning

    /// Begins with the first server.
    func connect() {
        switch health.isClosed ? StoreHealth.Trial.now : health.trial(now: loop.now) {
        case .later(let until):
            state = .resting(until)
            return wake(at: until)
        case .now: break
        }
        isAskingSentinel = plan.sentinelSession != nil
        candidates = plan.candidates[...]
        connectNext(after: .noAddress)
    }

    /// Tries the next server. - Parameter problem: why the one before was no good.
    private func connectNext(after problem: StoreProblem) {
        var problem = problem
        while let candidate = candidates.popFirst() {
            let settings = isAskingSentinel ? plan.sentinelSession : plan.session
            guard let found = open(candidate, settings ?? plan.session) else { return }
            problem = found
            status.count(.connectFailed)
        }
        health.unreachable(now: loop.now, chance: chance())
        rest(problem)
    }

    /// A Sentinel has said where the master is.
    func connectToMaster(_ endpoint: IPEndpoint) {
        disconnect()
        isAskingSentinel = false
        let candidate = StorePlan.Candidate(endpoint: endpoint, peer: plan.peer(.address(endpoint.address)))
        guard let problem = open(candidate, plan.session) else { return }
        status.count(.connectFailed)
        tryNextSentinel(after: problem)
    }

    private func tryNextSentinel(after problem: StoreProblem) {
        isAskingSentinel = plan.sentinelSession != nil
        connectNext(after: problem)
    }

    /// - Returns: nil when the attempt is under way.
    private func open(_ candidate: StorePlan.Candidate, _ settings: SessionSettings) -> StoreProblem? {
        disconnect()
        server = candidate.endpoint.description
        session = StoreSession(settings, waitingMax: plan.settings.redis.waitingMax.value)
        if plan.settings.redis.tls != nil {
            guard let context = plan.tls else { return .tlsSetup }
            do throws(TLSSetupError) {
                tls = try context.makeSession(peer: candidate.peer)
            } catch {
                return .tlsSetup
            }
        }
        do throws(Errno) {
            let fresh = try StreamSocket.connecting(to: candidate.endpoint)
            socketPlace = loop.add(self)
            do throws(Errno) {
                try loop.watch(fresh.number, .connection, for: socketPlace)
            } catch {
                loop.remove(socketPlace)
                throw error
            }
            socket = consume fresh
        } catch {
            return .notConnected(error)
        }
        state = .connecting
        attemptDeadline = loop.now + plan.settings.redis.connectTimeout.value
        wake(at: attemptDeadline)
        return nil
    }

    // MARK: Events

    package func handle(_ events: EventSet) {
        if state == .connecting {
            if let error = takeError() { return attemptFailed(.notConnected(error)) }
            guard events.has(anyOf: .writable) else { return }
            connected()
        }
        if events.has(anyOf: .writable) { isWritable = true }
        if events.has(anyOf: .ended) { seesEnd = true }
        if events.has(anyOf: .inbound) { readSocket() }
        if !output.isEmpty || tls != nil { flush() }
    }

    private func takeError() -> Errno? {
        guard socket != nil else { return nil }
        return socket?.takeError()
    }

    private func connected() {
        isWritable = true
        if let tls {
            state = .securing
            tls.advance()
        } else {
            greet()
        }
    }

    private func greet() {
        state = .greeting
        session.greet(into: &output)
    }

    /// The server is of use. After a pause it has to show it first.
    func greeted() {
        status.count(.connected)
        if health.isClosed { becomeReady() } else { prove() }
    }

    private func prove() {
        state = .proving
        attemptDeadline = loop.now + checkTimeout
        session.probe(into: &output)
        wake(at: attemptDeadline)
    }

    func proved() {
        guard state == .proving else { return }
        if health.trialEnded(well: true, now: loop.now, chance: chance()) { return prove() }
        becomeReady()
    }

    private func becomeReady() {
        let wasUnavailable = status.standing == .unavailable
        state = .ready
        readySince = loop.now
        isOfUse = false
        attemptDeadline = .distantFuture
        status.set(.ready, server: server, problem: "")
        if wasUnavailable {
            log.info("a store is available again") { line in
                line.field("store", plan.settings.name)
                line.field("server", server)
            }
        }
        askWaiting()
    }

    // MARK: Reading and writing

    private func readSocket() {
        // What is read may end this connection, and begin another.
        let place = socketPlace
        while socket != nil, socketPlace == place {
            input.reserve(Self.readBytes)
            guard let outcome = tls == nil ? socket?.read(into: input.writable) : readSecurely() else { return }
            switch outcome {
            case .bytes(let count):
                // A short read has drained the socket; the next byte makes a new event (epoll(7)).
                let isDrained = tls == nil && !seesEnd && count < input.writableCount
                if tls == nil { input.commit(count) }
                if state == .greeting || state == .proving || state == .ready { readReplies() }
                if isDrained { return }
            case .wouldBlock: return
            case .endOfStream: return lost(.closed)
            case .failed(let error): return lost(.notConnected(error))
            }
        }
    }

    private static let readBytes = 16 * 1024

    /// Takes ciphertext from the socket, and what it holds into `input`.
    private func readSecurely() -> ReadOutcome {
        guard let tls else { return .wouldBlock }
        received.removeAll()
        received.reserve(Self.readBytes)
        guard let outcome = socket?.read(into: received.writable) else { return .wouldBlock }
        switch outcome {
        case .bytes(let count):
            received.commit(count)
            tls.receive(received.readable)
        case .endOfStream: tls.receiveEnd()
        case .wouldBlock, .failed: return outcome
        }
        if state == .securing {
            tls.advance()
            if tls.state == .established { greet() }
        }
        while tls.read(into: &input, limit: Self.readBytes) > 0 {}
        switch tls.state {
        case .handshaking, .established: return outcome
        case .closed:
            // What came before its end still counts.
            readReplies()
            return .endOfStream
        case .failed(let failure):
            flush()
            lost(failure == .truncated ? .closed : .tls(failure))
            return .wouldBlock
        }
    }

    /// Hands what is to be said to the kernel.
    func flush() {
        if let tls {
            while !output.isEmpty, tls.state == .established {
                let count = tls.write(output.readable)
                if count == 0 { break }
                output.consume(count)
            }
            tls.takeOutput(into: &ciphertext)
            write(&ciphertext)
        } else if state != .connecting {
            write(&output)
        }
    }

    private func write(_ bytes: inout IOBuffer) {
        while isWritable, !bytes.isEmpty {
            guard let outcome = socket?.write(bytes.readable) else { return }
            switch outcome {
            case .bytes(let count): bytes.consume(count)
            case .wouldBlock: isWritable = false
            // The server may have said why: reading tells.
            case .failed: bytes.removeAll()
            }
        }
    }

    // MARK: Ending

    /// The present attempt came to nothing.
    func attemptFailed(_ problem: StoreProblem) {
        status.count(.connectFailed)
        disconnect()
        if plan.sentinelSession != nil {
            tryNextSentinel(after: problem)
        } else {
            connectNext(after: problem)
        }
    }

    /// A connection that has lasted so long was worth its opening.
    private static let usefulTime = TimeAmount.milliseconds(500)

    /// The connection is of no use any more.
    func lost(_ problem: StoreProblem) {
        switch state {
        case .resting, .retired: return
        case .connecting, .securing, .greeting: return attemptFailed(problem)
        case .proving:
            disconnect()
            health.unreachable(now: loop.now, chance: chance())
            return rest(problem)
        case .ready: break
        }
        if hasHandedOver() { return }
        let saysNothing = isUnused(problem)
        disconnect()
        status.set(.connecting, server: "", problem: problem.text)
        if saysNothing { return connect() }
        if health.failed(now: loop.now, chance: chance()) { return rest(problem) }
        // Those that wait may still be answered in time: by the same server, or by the next.
        waiting.forgetSent()
        connect()
    }

    /// Leaves the store alone for a while. Those that wait go on without it.
    func rest(_ problem: StoreProblem) {
        if hasHandedOver() { return }
        disconnect()
        status.count(.opened)
        let isNews = status.standing != .unavailable
        status.set(.unavailable, server: "", problem: problem.text)
        if isNews {
            log.warning("a store is not available") { line in
                line.field("store", plan.settings.name)
                line.field("server", server)
                line.field("problem", problem.text)
            }
        }
        switch health.trial(now: loop.now) {
        case .later(let until):
            state = .resting(until)
            wake(at: until)
        case .now:
            state = .resting(loop.now)
            wake(at: loop.now)
        }
        failAll(.lost)
    }

    /// Whether a connection has ended because nobody used it, which servers and firewalls do after a while: that says
    /// nothing about the store. What ends as soon as it begins is another matter.
    private func isUnused(_ problem: StoreProblem) -> Bool {
        guard waiting.sentCount == 0, isOfUse || loop.now - readySince >= Self.usefulTime else { return false }
        switch problem {
        case .closed, .notConnected: return true
        default: return false
        }
    }

    func disconnect() {
        if socketPlace != .none { loop.remove(socketPlace) }
        socketPlace = .none
        socket = nil
        tls = nil
        isWritable = false
        seesEnd = false
        input.removeAll()
        output.removeAll()
        ciphertext.removeAll()
    }
}
