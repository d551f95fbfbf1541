import Testing
import portcullis

@Suite("When a reload begins")
struct ReloadSequenceTests {
    /// What may happen, and whether a reload begins (or, with `drained`, is given up).
    enum Event { case requested, finished, drained }

    @Test(
        "one at a time; what is asked for meanwhile, however often, makes one more; a drain ends it all",
        arguments: [
            [(.requested, true), (.finished, false), (.requested, true)],
            [(.requested, true), (.requested, false), (.requested, false), (.finished, true), (.finished, false)],
            [(.requested, true), (.requested, false), (.finished, true), (.requested, false), (.finished, true)],
            [(.finished, false), (.requested, true)],
            [(.drained, false), (.requested, false), (.finished, false), (.drained, false)],
            [(.requested, true), (.drained, true), (.finished, false), (.requested, false), (.drained, false)],
            [(.requested, true), (.requested, false), (.drained, true), (.finished, false)],
        ] as [[(Event, Bool)]])
    func sequence(_ steps: [(event: Event, answer: Bool)]) {
        var reloads = ReloadSequence.idle
        for (index, step) in steps.enumerated() {
            let answer =
                switch step.event {
                case .requested: reloads.requested()
                case .finished: reloads.finished()
                case .drained: reloads.ended()
                }
            #expect(answer == step.answer, "step \(index)")
        }
    }
}
