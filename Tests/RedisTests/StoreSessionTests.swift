import Base
import Redis
import TestSupport
import Testing

@Suite("A session with a store")
struct StoreSessionTests {
    static let digest = String(repeating: "0123456789", count: 4)

    /// A session that has greeted; its output is empty.
    private func greeted(_ settings: SessionSettings = SessionSettings()) -> Dialogue {
        let dialogue = Dialogue(settings)
        dialogue.greet()
        dialogue.hear("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n$40\r\n\(Self.digest)\r\n*2\r\n:1000\r\n:1\r\n")
        #expect(dialogue.next() == .greeted)
        _ = dialogue.said()
        return dialogue
    }

    /// A session with its buffers.
    final class Dialogue {
        private var session: StoreSession
        private var input = IOBuffer()
        private var output = IOBuffer()

        init(_ settings: SessionSettings, waitingMax: Int = 64) {
            session = StoreSession(settings, waitingMax: waitingMax)
        }

        var state: StoreSession.State { session.state }
        var takesQuestions: Bool { session.takesQuestions }
        func greet() { session.greet(into: &output) }
        func hear(_ text: String) { input.append(string: text) }
        func next() -> StoreSession.Event { session.next(&input, output: &output) }
        func ask(_ question: BucketQuestion) { session.ask(question, into: &output) }
        func probe() { session.probe(into: &output) }
        func said() -> [String] {
            let words = output.readable.string.split(separator: "\r\n").filter { !"*$".contains($0.first ?? " ") }
            output.removeAll()
            return words.map(String.init)
        }
        func raw() -> String { output.readable.string }
    }

    @Test("it greets with what the settings ask for, in one batch")
    func greeting() {
        var settings = SessionSettings()
        settings.username = "gateway"
        settings.password = "secret"
        settings.database = 3
        let dialogue = Dialogue(settings)
        dialogue.greet()
        #expect(
            dialogue.said().prefix(9) == [
                "AUTH", "gateway", "secret", "SELECT", "3", "ROLE", "SCRIPT", "LOAD",
                BucketScript.text.split(separator: "\r\n").map(String.init)[0],
            ])
        dialogue.hear("+OK\r\n+OK\r\n*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")
        #expect(dialogue.next() == .needsMore)
        #expect(dialogue.said() == [])
        dialogue.hear("$40\r\n\(Self.digest)\r\n")
        #expect(dialogue.next() == .needsMore)
        // The probe shows that a bucket can be charged.
        #expect(dialogue.said().prefix(3) == ["EVALSHA", Self.digest, "1"])
        dialogue.hear("*2\r\n:1000\r\n:1\r\n")
        #expect(dialogue.next() == .greeted)
        #expect(dialogue.state == .ready)
    }

    static let refusals: [(String, SessionProblem)] = [
        ("-WRONGPASS invalid username-password pair or user is disabled.\r\n", .refused(.authenticate, .wrongPassword)),
        ("-ERR invalid password\r\n", .refused(.authenticate, .wrongPassword)),
        ("+OK\r\n-LOADING Redis is loading the dataset in memory\r\n", .refused(.role, .loading)),
        ("+OK\r\n*5\r\n$5\r\nslave\r\n$9\r\n127.0.0.1\r\n:6379\r\n$9\r\nconnected\r\n:0\r\n", .notMaster),
        ("+OK\r\n*2\r\n$8\r\nsentinel\r\n*0\r\n", .notMaster),
        ("+OK\r\n*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n-NOPERM no\r\n", .refused(.loadScript, .notPermitted)),
        ("+OK\r\n-NOPERM no\r\n$3\r\nabc\r\n", .unexpected(.loadScript)),
        ("+OK\r\n-NOPERM no\r\n$40\r\n\(digest)\r\n-READONLY no\r\n", .refused(.probe, .readOnly)),
        ("+OK\r\n-NOPERM no\r\n$40\r\n\(digest)\r\n-OOM no\r\n", .refused(.probe, .outOfMemory)),
        ("+OK\r\n-NOPERM no\r\n$40\r\n\(digest)\r\n-MOVED 1 127.0.0.1:7001\r\n", .refused(.probe, .moved)),
        (":1\r\n", .unexpected(.authenticate)),
        ("HTTP/1.1 400 Bad Request\r\n", .malformed(.unknownType)),
    ]

    @Test("a greeting that is refused names the step and the reason", arguments: refusals)
    func refused(bytes: String, problem: SessionProblem) {
        var settings = SessionSettings()
        settings.password = "secret"
        let dialogue = Dialogue(settings)
        dialogue.greet()
        dialogue.hear(bytes)
        var event = dialogue.next()
        if event == .needsMore { event = dialogue.next() }
        #expect(event == .failed(problem))
        #expect(dialogue.state == .failed(problem))
        // For good.
        dialogue.hear("+OK\r\n")
        #expect(dialogue.next() == .failed(problem))
    }

    @Test("questions are pipelined, and answered in their order")
    func questions() {
        let texts = TextArena()
        let bucket = SharedBucket(
            prefix: "p:", limit: "a", interval: 10_000, burst: 200, onlyCounts: false, texts: texts)
        let dialogue = greeted()
        var question = BucketQuestion()
        let isAdded = question.add(bucket, key: SharedKey(high: 1, low: 0xabcdef), cost: 1)
        #expect(isAdded)
        dialogue.ask(question)
        #expect(
            dialogue.raw()
                == "*9\r\n$7\r\nEVALSHA\r\n$40\r\n\(Self.digest)\r\n$1\r\n1\r\n"
                + "$36\r\np:a:00000000000000010000000000abcdef\r\n$7\r\n10000.0\r\n$9\r\n2000000.0\r\n$1\r\n0\r\n$1\r\n1\r\n$1\r\n0\r\n"
        )
        _ = question.add(bucket, key: SharedKey(high: 2, low: 2), cost: 12)
        dialogue.ask(question)
        dialogue.hear("*2\r\n:10000000\r\n:1\r\n*4\r\n:0\r\n:5\r\n:-2000000000\r\n:0\r\n")
        guard case .answer(let one) = dialogue.next(), case .answer(let two) = dialogue.next() else {
            Issue.record("no answers")
            return
        }
        #expect(one.count == 1 && one.isAllowed(0) && one.timeToFull(0) == .milliseconds(10))
        #expect(two.isAllowed(0) && two.timeToFull(0) == .zero && two.taken(0) == 5)
        #expect(!two.isAllowed(1) && two.timeToFull(1).nanoseconds == 1_999_999_999)
        #expect(dialogue.next() == .needsMore)
        withExtendedLifetime(texts) {}
    }

    @Test("what was charged is given back by a negative cost, for those buckets alone")
    func returns() {
        let texts = TextArena()
        let bucket = SharedBucket(prefix: "", limit: "a", interval: 1, burst: 9, onlyCounts: false, texts: texts)
        var question = BucketQuestion()
        for (index, cost) in [3, 12, 1].enumerated() {
            _ = question.add(bucket, key: SharedKey(high: 0, low: UInt64(index)), cost: cost, batch: 50)
        }
        var returns = BucketQuestion()
        returns.addReturn(1, of: question)
        returns.addReturn(3, of: question)
        #expect(returns.count == 1)
        let dialogue = greeted()
        dialogue.ask(returns)
        let said = dialogue.raw()
        #expect(said.hasPrefix("*9\r\n$7\r\nEVALSHA\r\n$40\r\n\(Self.digest)\r\n$1\r\n1\r\n"))
        #expect(said.contains("a:\(String(repeating: "0", count: 31))1\r\n"))
        #expect(said.hasSuffix("$3\r\n-12\r\n$1\r\n0\r\n"))
        dialogue.hear("*2\r\n:5\r\n:-12\r\n")
        guard case .answer(let answer) = dialogue.next() else {
            Issue.record("no answer")
            return
        }
        #expect(answer.isAllowed(0) && answer.taken(0) == 0)
        withExtendedLifetime(texts) {}
    }

    @Test(
        "an answer that the script can't have given isn't one",
        arguments: [
            // Two buckets: one for 3 tokens, one for 1 or a batch of 100.
            (":0\r\n:3\r\n:0\r\n:1", true), (":5\r\n:3\r\n:5\r\n:100", true), (":0\r\n:0\r\n:-9\r\n:0", true),
            (":0\r\n:3\r\n:-9\r\n:0", true), (":31536000000000000\r\n:3\r\n:0\r\n:1", true),
            (":0\r\n:3\r\n:0\r\n:9223372036854775807", false), (":0\r\n:3\r\n:0\r\n:101", false),
            (":0\r\n:3\r\n:0\r\n:99", false), (":0\r\n:100\r\n:0\r\n:1", false), (":0\r\n:4\r\n:0\r\n:1", false),
            (":0\r\n:2\r\n:0\r\n:1", false), (":0\r\n:3\r\n:-1\r\n:1", false), (":0\r\n:-3\r\n:0\r\n:1", false),
            (":0\r\n:3\r\n:0\r\n:-9223372036854775808", false),
            (":9223372036854775807\r\n:3\r\n:0\r\n:1", false), (":-9223372036854775808\r\n:0\r\n:0\r\n:0", false),
        ])
    func lies(numbers: String, isPossible: Bool) {
        let texts = TextArena()
        let bucket = SharedBucket(prefix: "", limit: "a", interval: 1, burst: 900, onlyCounts: true, texts: texts)
        var question = BucketQuestion()
        _ = question.add(bucket, key: SharedKey(high: 0, low: 1), cost: 3)
        _ = question.add(bucket, key: SharedKey(high: 0, low: 2), cost: 1, batch: 100)
        let dialogue = greeted()
        dialogue.ask(question)
        dialogue.hear("*4\r\n\(numbers)\r\n")
        guard case .answer(let answer) = dialogue.next() else {
            Issue.record("no answer")
            return
        }
        #expect(question.canHave(answer) == isPossible)
        #expect(!BucketQuestion().canHave(answer))
        withExtendedLifetime(texts) {}
    }

    @Test("a question has room for eight buckets, and no more")
    func room() {
        let texts = TextArena()
        let bucket = SharedBucket(prefix: "", limit: "a", interval: 1, burst: 1, onlyCounts: false, texts: texts)
        var question = BucketQuestion()
        for index in 0..<8 {
            let isAdded = question.add(bucket, key: SharedKey(high: 0, low: UInt64(index)), cost: 1)
            #expect(isAdded)
        }
        let isAdded = question.add(bucket, key: SharedKey(high: 0, low: 9), cost: 1)
        #expect(!isAdded)
        withExtendedLifetime(texts) {}
    }

    @Test("a forgotten script is loaded once, and those who asked for it ask again")
    func forgottenScript() {
        let dialogue = greeted()
        let question = BucketQuestion()
        dialogue.ask(question)
        dialogue.ask(question)
        _ = dialogue.said()
        dialogue.hear("-NOSCRIPT No matching script.\r\n-NOSCRIPT No matching script.\r\n")
        #expect(dialogue.next() == .askAgain)
        #expect(dialogue.next() == .askAgain)
        #expect(dialogue.said().prefix(2) == ["SCRIPT", "LOAD"])
        dialogue.ask(question)
        dialogue.hear("$40\r\n\(Self.digest)\r\n*0\r\n")
        #expect(dialogue.next() == .answer(BucketAnswer()))
        #expect(dialogue.state == .ready)
    }

    @Test(
        "an error about the node ends the session, any other only the question",
        arguments: [
            ("-READONLY You can't write against a read only replica.", true),
            ("-LOADING Redis is loading", true), ("-MASTERDOWN Link with MASTER is down", true),
            ("-OOM command not allowed", true), ("-BUSY Redis is busy running a script", false),
            ("-MOVED 3999 127.0.0.1:6381", false), ("-ERR Error running script", false),
            ("-WRONGTYPE Operation against a key", false),
        ])
    func serverErrors(line: String, isFatal: Bool) {
        let dialogue = greeted()
        dialogue.ask(BucketQuestion())
        dialogue.hear(line + "\r\n")
        let event = dialogue.next()
        if isFatal {
            guard case .failed(.refused(.check, _)) = event else {
                Issue.record("\(event)")
                return
            }
        } else {
            guard case .refused = event else {
                Issue.record("\(event)")
                return
            }
            #expect(dialogue.state == .ready)
        }
    }

    @Test(
        "an answer that is none of the question's ends the session",
        arguments: [
            "+OK\r\n", "*4\r\n:1\r\n:1\r\n:1\r\n:1\r\n", "*2\r\n:1\r\n$1\r\n1\r\n", "*1\r\n:1\r\n", ":1\r\n", "*0\r\n",
        ])
    func wrongAnswer(reply: String) {
        let texts = TextArena()
        let bucket = SharedBucket(prefix: "", limit: "a", interval: 1, burst: 1, onlyCounts: false, texts: texts)
        let dialogue = greeted()
        var question = BucketQuestion()
        _ = question.add(bucket, key: SharedKey(high: 0, low: 0), cost: 1)
        dialogue.ask(question)
        dialogue.hear(reply)
        #expect(dialogue.next() == .failed(.unexpected(.check)))
        withExtendedLifetime(texts) {}
    }

    @Test("a reply that nobody asked for ends the session")
    func unasked() {
        let dialogue = greeted()
        dialogue.hear("+OK\r\n")
        #expect(dialogue.next() == .failed(.unexpected(.check)))
    }

    @Test("the number of questions without an answer is bounded")
    func bound() {
        let dialogue = greeted()
        var asked = 0
        while dialogue.takesQuestions, asked < 1_000 {
            dialogue.ask(BucketQuestion())
            asked += 1
        }
        #expect(asked >= 64 && asked < 200)
    }

    static let masters: [(String, StoreSession.Event)] = [
        (
            "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n6380\r\n",
            .master(IPEndpoint(address: IPAddress(ipv4: 0x7f00_0001), port: 6_380))
        ),
        ("*-1\r\n", .failed(.masterUnknown)),
        ("_\r\n", .failed(.masterUnknown)),
        ("*2\r\n$7\r\nredis-1\r\n$4\r\n6380\r\n", .failed(.masterNotAnAddress)),
        ("*2\r\n$9\r\n127.0.0.1\r\n$5\r\n65536\r\n", .failed(.masterNotAnAddress)),
        ("*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n", .failed(.masterNotAnAddress)),
        ("*1\r\n$9\r\n127.0.0.1\r\n", .failed(.unexpected(.findMaster))),
        ("-NOAUTH Authentication required.\r\n", .failed(.refused(.findMaster, .notAuthenticated))),
    ]

    @Test("a Sentinel is asked where the master is", arguments: masters)
    func sentinel(reply: String, event: StoreSession.Event) {
        var settings = SessionSettings()
        settings.purpose = .findMaster("main")
        let dialogue = Dialogue(settings)
        dialogue.greet()
        #expect(dialogue.said() == ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"])
        dialogue.hear(reply)
        #expect(dialogue.next() == event)
    }

    @Test("whatever a server says, a session answers, waits or fails")
    func fuzz() {
        var random = FuzzPlan.random(seed: 0x5e551)
        let replies =
            ReplyDecoderTests.replies.map(\.bytes) + [
                "-NOSCRIPT x\r\n", "$40\r\n\(Self.digest)\r\n", "*2\r\n:1\r\n:1\r\n",
            ]
        for _ in 0..<FuzzPlan.iterations(usual: 2_000) {
            let dialogue = Dialogue(SessionSettings())
            dialogue.greet()
            for _ in 0..<8 {
                dialogue.hear(replies[Int.random(in: 0..<replies.count, using: &random)])
                if dialogue.takesQuestions { dialogue.ask(BucketQuestion()) }
                _ = dialogue.next()
                _ = dialogue.said()
            }
        }
    }
}
