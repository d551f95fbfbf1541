import Base

/// What a session is for, and how it begins.
package struct SessionSettings: Sendable, Hashable {
    package enum Purpose: Sendable, Hashable {
        /// To charge buckets.
        case buckets
        /// To ask a Sentinel where the master of that name is.
        case findMaster(String)
    }

    package var purpose = Purpose.buckets
    /// Nil for the server's default user.
    package var username: String?
    /// Nil when the server asks for none.
    package var password: String?
    package var database = 0
    /// What all keys begin with.
    package var prefix = ""

    package init() {}
}

/// One connection's conversation with a server, without its socket and without TLS.
///
/// ```
/// new ──greet──▶ greeting ──▶ ready ◀─┐ answers, in the order of the questions
///                   │           │ └───┘
///                   └───────────┴─────▶ failed      for good: the connection is to be closed
/// ```
/// The greeting is one batch: AUTH, SELECT, ROLE (only a master is of use), SCRIPT LOAD, and then a charge of a bucket
/// of its own, which shows that the server takes writes. A Sentinel's is AUTH and the question for the master.
package struct StoreSession: ~Copyable {
    package enum State: Sendable, Equatable {
        case new
        case greeting
        case ready
        case failed(SessionProblem)
    }

    package enum Event: Sendable, Equatable {
        /// Nothing more before more comes.
        case needsMore
        /// The greeting is done.
        case greeted
        /// The oldest question's answer.
        case answer(BucketAnswer)
        /// The oldest question was refused.
        case refused(ServerError)
        /// The oldest question must be asked again: the script had been forgotten, and is being loaded.
        case askAgain
        /// A probe was answered as it should be.
        case proved
        /// Where the master is; the session is at its end.
        case master(IPEndpoint)
        case failed(SessionProblem)
    }

    package private(set) var state = State.new
    private let settings: SessionSettings
    private var decoder = ReplyDecoder()
    private var script = IOBuffer()
    private var isScriptLoading = false
    /// What the coming replies answer: a ring.
    private let expected: UnsafeMutablePointer<Expected>
    private let mask: Int
    private var first = 0
    private var expectedCount = 0

    private struct Expected {
        let step: SessionStep
        /// Of a question: how many buckets it has.
        let count: UInt8
    }

    /// Questions and probes that may be without an answer at a time.
    package static let waitingMax = 16 * 1_024

    /// - Parameter waitingMax: questions without an answer at a time.
    package init(_ settings: SessionSettings, waitingMax: Int = Self.waitingMax) {
        self.settings = settings
        var capacity = 16
        // Room for a greeting, probes and a script that is loaded again besides.
        while capacity < min(waitingMax, Self.waitingMax) + 16 { capacity *= 2 }
        mask = capacity - 1
        expected = .allocate(capacity: capacity)
    }

    deinit { expected.deallocate() }

    /// How many replies are still to come.
    package var waitingCount: Int { expectedCount }

    // MARK: Asking

    /// Begins the conversation.
    package mutating func greet(into output: inout IOBuffer) {
        state = .greeting
        if let password = settings.password {
            CommandEncoder.append(["AUTH"] + (settings.username.map { [$0] } ?? []) + [password], to: &output)
            expect(.authenticate)
        }
        if case .findMaster(let name) = settings.purpose {
            CommandEncoder.append(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name], to: &output)
            return expect(.findMaster)
        }
        if settings.database != 0 {
            CommandEncoder.append(["SELECT", "\(settings.database)"], to: &output)
            expect(.select)
        }
        CommandEncoder.append(["ROLE"], to: &output)
        expect(.role)
        loadScript(into: &output)
    }

    private mutating func loadScript(into output: inout IOBuffer) {
        isScriptLoading = true
        CommandEncoder.append(["SCRIPT", "LOAD", BucketScript.text], to: &output)
        expect(.loadScript)
    }

    /// Whether a question can be asked now.
    package var takesQuestions: Bool { state == .ready && expectedCount <= mask - 8 }

    /// Asks; there must be room.
    package mutating func ask(_ question: borrowing BucketQuestion, into output: inout IOBuffer) {
        precondition(takesQuestions)
        question.append(script: script.readable, to: &output)
        expect(.check, count: question.count)
    }

    /// Charges the session's own bucket, which shows that everything that a question needs is there.
    package mutating func probe(into output: inout IOBuffer) {
        guard !script.isEmpty, expectedCount <= mask else { return }
        let texts = TextArena()
        let bucket = SharedBucket(
            prefix: settings.prefix, limit: "probe", interval: 1, burst: 1, onlyCounts: true, texts: texts)
        var question = BucketQuestion()
        _ = question.add(bucket, key: SharedKey(high: 0, low: 0), cost: 1)
        question.append(script: script.readable, to: &output)
        // The question's texts are the arena's.
        withExtendedLifetime(texts) {}
        expect(.probe, count: 1)
    }

    private mutating func expect(_ step: SessionStep, count: Int = 0) {
        precondition(expectedCount <= mask)
        (expected + (first + expectedCount) & mask).initialize(to: Expected(step: step, count: UInt8(count)))
        expectedCount += 1
    }

    // MARK: Replies

    /// Takes the next reply out of `input`.
    /// - Parameter output: where what has to be said in return goes.
    package mutating func next(_ input: inout IOBuffer, output: inout IOBuffer) -> Event {
        while true {
            if case .failed(let problem) = state { return .failed(problem) }
            let progress: ReplyDecoder.Progress
            do throws(ReplyError) {
                progress = try decoder.decode(input.readable)
            } catch {
                return fail(.malformed(error))
            }
            switch progress {
            case .needsMore: return .needsMore
            case .push(let count): input.consume(count)
            case .complete(let count):
                let event = take(input.readable.prefix(count), output: &output)
                input.consume(count)
                if let event { return event }
            }
        }
    }

    /// - Returns: nil when the caller has nothing to do about it.
    private mutating func take(_ reply: ByteView, output: inout IOBuffer) -> Event? {
        guard let item = decoder.items.first else { return fail(.unexpected(.check)) }
        guard expectedCount > 0 else { return fail(.unexpected(.check)) }
        let due = expected[first]
        first = (first + 1) & mask
        expectedCount -= 1
        let error = item.kind == .error ? ServerError(item.text(in: reply)) : nil
        switch due.step {
        case .authenticate, .select:
            if let error { return fail(.refused(due.step, error)) }
            return item.kind == .simpleText ? nil : fail(.unexpected(due.step))
        case .role: return takeRole(reply, error)
        case .loadScript: return takeScript(item, in: reply, error, output: &output)
        case .findMaster: return takeMaster(reply, error)
        case .probe: return takeProbe(error)
        case .check:
            if let error { return takeRefusal(error, output: &output) }
            guard let answer = BucketAnswer(decoder.items, count: Int(due.count)) else {
                return fail(.unexpected(.check))
            }
            return .answer(answer)
        }
    }

    private mutating func takeRole(_ reply: ByteView, _ error: ServerError?) -> Event? {
        // A user who may not ask: should it be a replica, the probe shows.
        if error == .notPermitted || error == .other { return nil }
        if let error { return fail(.refused(.role, error)) }
        guard decoder.items.count > 1 else { return fail(.unexpected(.role)) }
        return decoder.items[1].text(in: reply) == "master" ? nil : fail(.notMaster)
    }

    private mutating func takeScript(
        _ item: ReplyItem, in reply: ByteView, _ error: ServerError?, output: inout IOBuffer
    ) -> Event? {
        if let error { return fail(.refused(.loadScript, error)) }
        let digest = item.text(in: reply)
        guard item.kind == .text || item.kind == .simpleText, digest.count == 40 else {
            return fail(.unexpected(.loadScript))
        }
        isScriptLoading = false
        script.removeAll()
        CommandEncoder.append(digest, to: &script)
        if state == .greeting { probe(into: &output) }
        return nil
    }

    private mutating func takeProbe(_ error: ServerError?) -> Event {
        if let error { return fail(.refused(.probe, error)) }
        guard BucketAnswer(decoder.items, count: 1) != nil else { return fail(.unexpected(.probe)) }
        if state == .greeting {
            state = .ready
            return .greeted
        }
        return .proved
    }

    private mutating func takeRefusal(_ error: ServerError, output: inout IOBuffer) -> Event {
        guard error == .unknownScript else {
            return error.isAboutTheNode ? fail(.refused(.check, error)) : .refused(error)
        }
        if !isScriptLoading { loadScript(into: &output) }
        return .askAgain
    }

    /// `[host, port]`, or null for a name that it doesn't know.
    private mutating func takeMaster(_ reply: ByteView, _ error: ServerError?) -> Event {
        if let error { return fail(.refused(.findMaster, error)) }
        let items = decoder.items
        guard items[0].kind != .null else { return fail(.masterUnknown) }
        guard items.count == 3, items[1].kind == .text, items[2].kind == .text else {
            return fail(.unexpected(.findMaster))
        }
        guard let address = IPAddress(text: items[1].text(in: reply)),
            let port = items[2].text(in: reply).decimalValue().flatMap({ UInt16(exactly: $0) }), port > 0
        else { return fail(.masterNotAnAddress) }
        return .master(IPEndpoint(address: address, port: port))
    }

    private mutating func fail(_ problem: SessionProblem) -> Event {
        state = .failed(problem)
        return .failed(problem)
    }
}
