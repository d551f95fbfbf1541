import Base

/// What the thread that fetches an issuer's keys tells the loops about their questions.
package enum KeyNews: Sendable, Equatable {
    /// A fetch has begun: whoever asks from now on waits for it.
    case fetching
    /// The question for this key (nil: for any at all) waits for the fetch under way, or for the one that begins now.
    case expected(String?)
    /// No fetch is made for this key, nor will one be before `until`.
    case refused(String?, until: MonotonicTime)
    /// No fetch is made for this key, nor will one be for any before `until`, unless `fetching` comes first.
    case quiet(String?, until: MonotonicTime)
    /// A fetch has ended, well or not. The keys themselves came before.
    case settled
    /// The issuer is gone, or its keys come from somewhere else now: nothing more is said about it.
    case gone
}

/// What one loop has asked about an issuer's keys, and what it was told: each key that nobody knows is asked for by
/// itself, so that no answer about one key is taken for another's.
///
/// ```
///            need                  expected                   settled
///  unasked ───────▶ asked ────────────────────▶ expected ───────────────▶ unasked
///    ▲ ▲              │ refused, quiet             │ gone
///    │ └──────────────┴────────────────────────────┘
///    └─ until the time that `refused` and `quiet` told, no question is sent: it would change nothing
/// ```
/// So bad tokens cost the other thread nothing while it could do nothing about them, and it hears of every key for
/// which it could.
package struct KeyQuestions: Sendable {
    /// What becomes of a request whose key isn't there.
    package enum Answer: Sendable, Equatable {
        /// To be asked for; then the request waits.
        case ask
        /// It has been asked for: the request waits for the same answer.
        case join
        /// There is nothing to wait for.
        case refuse
    }

    private enum Question { case asked, expected }

    /// Questions that are open at a time. Beyond, requests are refused: that many unknown keys are nobody's tokens.
    package static let countMax = 1_024

    /// By the key's id; empty for any key at all.
    private var questions: [String: Question] = [:]
    /// Before, no fetch is made for anybody.
    private var quietEnd = MonotonicTime.zero
    /// Until when a key stays refused. The other thread refuses no more than these, `UnknownKeys.countMax`, at a time.
    private var refusals: [String: MonotonicTime] = [:]

    package init() {}

    /// A request needs a key that isn't there.
    /// - Parameters:
    ///   - id: the key's; empty for none.
    ///   - hasKeys: whether there are any keys: then a token without an id has been tried with all of them.
    package mutating func need(_ id: String, hasKeys: Bool, now: MonotonicTime) -> Answer {
        if hasKeys, id.isEmpty || id.utf8.count > UnknownKeys.idBytesMax { return .refuse }
        let name = Self.question(for: id, hasKeys: hasKeys)
        if questions[name] != nil { return .join }
        if now < quietEnd { return .refuse }
        if let end = refusals[name] {
            if now < end { return .refuse }
            refusals[name] = nil
        }
        if questions.count >= Self.countMax { return .refuse }
        questions[name] = .asked
        return .ask
    }

    /// The question that a request which needs this key is about.
    package static func question(for id: String, hasKeys: Bool) -> String { hasKeys ? id : "" }

    /// Whether the answer to this question is still to come.
    package func isOpen(_ question: String) -> Bool { questions[question] != nil }

    /// Takes what the other thread tells. Who waited for a question that isn't open any more goes on.
    package mutating func take(_ news: KeyNews, now: MonotonicTime) {
        switch news {
        case .fetching: quietEnd = .zero
        case .expected(let id):
            if questions[id ?? ""] != nil { questions[id ?? ""] = .expected }
        case .refused(let id, let until):
            questions[id ?? ""] = nil
            guard until > now else { break }
            if refusals.count >= UnknownKeys.countMax { refusals = refusals.filter { $0.value > now } }
            if refusals.count < UnknownKeys.countMax { refusals[id ?? ""] = until }
        case .quiet(let id, let until):
            questions[id ?? ""] = nil
            quietEnd = until
        case .settled: questions = questions.filter { $0.value == .asked }
        case .gone: questions.removeAll()
        }
    }
}
