import Base
import Proxy
import Testing

@Suite("The end of a connection whose client still sends")
struct LingerTests {
    private let start = MonotonicTime.zero + .seconds(1000)

    private func deadline(_ linger: Linger, lastActivity: TimeAmount) -> TimeAmount {
        linger.deadline(lastActivity: start + lastActivity, writeIdleTimeout: .seconds(7)) - start
    }

    @Test("while the answer is being written, its reading counts")
    func writing() {
        let linger = Linger(now: start, isDraining: false)
        #expect(deadline(linger, lastActivity: .zero) == .seconds(7))
        #expect(deadline(linger, lastActivity: .seconds(100)) == .seconds(107))
    }

    @Test("behind it, pauses are short, and the whole has an end")
    func shut() {
        var linger = Linger(now: start, isDraining: false)
        linger.shut()
        #expect(deadline(linger, lastActivity: .zero) == Linger.pauseMax)
        #expect(deadline(linger, lastActivity: .seconds(10)) == .seconds(10) + Linger.pauseMax)
        #expect(deadline(linger, lastActivity: .seconds(29)) == Linger.durationMax)
    }

    @Test("a process that is about to end waits no longer than for a pause")
    func draining() {
        var fresh = Linger(now: start, isDraining: true)
        fresh.shut()
        #expect(fresh.end == start + Linger.pauseMax)
        var old = Linger(now: start, isDraining: false)
        old.drain(now: start + .seconds(1))
        #expect(old.end == start + .seconds(1) + Linger.pauseMax)
        old.drain(now: start + .seconds(3))
        #expect(old.end == start + .seconds(1) + Linger.pauseMax)
    }

    @Test("bytes are dropped up to a limit")
    func bytes() {
        var linger = Linger(now: start, isDraining: false)
        let mayGoOn = [Linger.bytesMax - 1, 1, 1].map { linger.drop($0) }
        #expect(mayGoOn == [true, true, false])
    }
}
