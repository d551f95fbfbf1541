import Base
import Identity
import Testing

private func at(_ seconds: Double) -> MonotonicTime {
    MonotonicTime(nanoseconds: 1_000_000_000_000 + Int64(seconds * 1e9))
}

extension KeyQuestions {
    fileprivate mutating func needs(_ id: String, at seconds: Double) -> Answer {
        need(id, hasKeys: true, now: at(seconds))
    }
}

@Suite("What a loop asks about keys")
struct KeyQuestionsTests {
    @Test("without keys all ask one question, which is about any")
    func any() {
        var questions = KeyQuestions()
        #expect(questions.need("a", hasKeys: false, now: at(0)) == .ask)
        #expect(questions.need("", hasKeys: false, now: at(0)) == .join)
        #expect(questions.need("b", hasKeys: false, now: at(0)) == .join)
        questions.take(.expected(nil), now: at(1))
        #expect(questions.isOpen(""))
        questions.take(.settled, now: at(1))
        #expect(!questions.isOpen(""))
    }

    @Test("with keys nothing is asked for a token without an id")
    func unnamed() {
        var questions = KeyQuestions()
        #expect(questions.needs("", at: 0) == .refuse)
        #expect(questions.needs(String(repeating: "x", count: 257), at: 0) == .refuse)
        #expect(questions.needs("a", at: 0) == .ask)
    }

    @Test("a refused key isn't asked for before its time; others are")
    func refused() {
        var questions = KeyQuestions()
        #expect(questions.needs("a", at: 0) == .ask)
        questions.take(.refused("a", until: at(10)), now: at(0))
        #expect(questions.needs("a", at: 9.9) == .refuse)
        #expect(questions.needs("b", at: 0) == .ask)
        #expect(questions.needs("a", at: 10) == .ask)
    }

    @Test("while no fetch can be made for anybody nothing is asked, until one begins")
    func quiet() {
        var questions = KeyQuestions()
        #expect(questions.needs("a", at: 0) == .ask)
        #expect(questions.needs("b", at: 0) == .ask)
        questions.take(.quiet("a", until: at(10)), now: at(0))
        #expect(questions.needs("c", at: 9.9) == .refuse)
        #expect(questions.needs("b", at: 5) == .join, "its answer is still to come")
        questions.take(.fetching, now: at(6))
        #expect(questions.needs("c", at: 6) == .ask)
        questions.take(.quiet("c", until: at(10)), now: at(7))
        #expect(questions.needs("c", at: 10) == .ask)
    }

    @Test("a fetch answers the questions that were expected when it began, and no others")
    func settled() {
        var questions = KeyQuestions()
        #expect(questions.needs("a", at: 0) == .ask)
        #expect(questions.needs("b", at: 0) == .ask)
        questions.take(.expected("a"), now: at(0))
        questions.take(.expected("unasked"), now: at(0))
        questions.take(.settled, now: at(1))
        #expect(!questions.isOpen("a") && questions.isOpen("b") && !questions.isOpen("unasked"))
        questions.take(.gone, now: at(1))
        #expect(!questions.isOpen("b"))
    }

    @Test("a flood of ids fills no memory")
    func bounds() {
        var questions = KeyQuestions()
        var sent = 0
        for number in 0..<10_000 where questions.needs("id-\(number)", at: 0) == .ask { sent += 1 }
        #expect(sent == KeyQuestions.countMax)
        questions.take(.gone, now: at(0))
        for number in 0..<10_000 { questions.take(.refused("id-\(number)", until: at(10)), now: at(0)) }
        let refused = (0..<10_000).filter { questions.needs("id-\($0)", at: 1) == .refuse }
        #expect(refused.count >= 256 && refused.count <= 10_000 - KeyQuestions.countMax)
    }

    /// Loops and fetcher as they work together, with letters that take their time: clients with bad tokens on one side,
    /// one with a good token of a new key on the other.
    @Test("whatever bad tokens ask for, a new key is learned, and with no more fetches than the cool-down allows")
    func attack() {
        for seed in UInt64(1)...8 {
            var random = RandomSource(seed: seed)
            var refresh = KeyRefresh(schedule: .init(unknownKeyCooldown: .seconds(2)), now: at(0))
            var keys: Set<String> = ["old"]
            _ = refresh.tick(now: at(0))
            _ = refresh.fetched(freshness: .seconds(3600), now: at(0), random: 0, isKnown: keys.contains)
            var questions = KeyQuestions()
            // A bad key that was looked for in vain before.
            #expect(refresh.lookUp("gone", now: at(1)) == .fetch)
            _ = refresh.fetched(freshness: .seconds(3600), now: at(1.1), random: 0, isKnown: keys.contains)
            keys.insert("new")
            var letters: [(id: String, due: MonotonicTime)] = []
            var fetchEnd: MonotonicTime?
            var learned: MonotonicTime?
            var fetches = 0
            var asked = 0
            var now = at(3.5)
            let start = now
            while now < start + .seconds(4) {
                now = now + .milliseconds(1)
                for bad in ["gone", ""] where questions.need(bad, hasKeys: true, now: now) == .ask {
                    asked += 1
                    letters.append((bad, now + .microseconds(Int64(random.next() % 3000))))
                }
                if learned == nil, questions.need("new", hasKeys: true, now: now) == .ask {
                    letters.append(("new", now + .microseconds(Int64(random.next() % 3000))))
                }
                if let end = fetchEnd, end <= now {
                    fetchEnd = nil
                    _ = refresh.fetched(freshness: .seconds(3600), now: now, random: 0, isKnown: keys.contains)
                    questions.take(.settled, now: now)
                    learned = learned ?? now
                }
                while let letter = letters.first, letter.due <= now {
                    letters.removeFirst()
                    switch refresh.lookUp(letter.id, now: now) {
                    case .fetch:
                        fetches += 1
                        questions.take(.expected(letter.id), now: now)
                        questions.take(.fetching, now: now)
                        fetchEnd = now + .milliseconds(20)
                    case .wait: questions.take(.expected(letter.id), now: now)
                    case .refuse(until: let until, everybody: true):
                        questions.take(.quiet(letter.id, until: until), now: now)
                    case .refuse(until: let until, everybody: false):
                        questions.take(.refused(letter.id, until: until), now: now)
                    }
                }
            }
            #expect(learned.map { $0 - start < .milliseconds(40) } ?? false)
            #expect(fetches <= 2)
            #expect(asked <= 6, "letters about what nothing can be done for")
        }
    }
}
