import Base
import EventLoop
import Linux
import TestSupport
import Testing

/// Handlers that only take places, a wheel, and the clock in hand.
private final class WheelBench {
    private final class Idle: EventHandler {
        func handle(_ events: EventSet) {}
        func timerFired() {}
    }

    static let start = MonotonicTime(nanoseconds: 5_000_000_000)
    /// The wheel's precision.
    static let tick = TimeAmount.nanoseconds(1 << 24)
    var slots = SlotTable()
    var wheel = TimerWheel(start: start)

    init(places: Int) { for _ in 0..<places { _ = slots.insert(Idle()) } }

    func set(_ place: UInt32, _ amount: TimeAmount) {
        wheel.schedule(place, at: Self.start + amount, in: &slots)
    }

    func setForever(_ place: UInt32) { wheel.schedule(place, at: .distantFuture, in: &slots) }

    func cancel(_ place: UInt32) { wheel.cancel(place, in: &slots) }

    /// All places whose timers are due, in the order in which they fire.
    func due(_ amount: TimeAmount) -> [UInt32] {
        var fired: [UInt32] = []
        while let place = wheel.popDue(at: Self.start + amount, in: &slots) { fired.append(place) }
        return fired
    }
}

@Suite("Timer wheel")
struct TimerWheelTests {
    @Test(
        "a timer fires neither early nor more than two ticks late",
        arguments: [0, 1, 16, 17, 100, 999, 8_000, 8_589, 8_590, 8_591, 30_000, 75_000, 3_600_000] as [Int64])
    func precision(milliseconds: Int64) {
        let bench = WheelBench(places: 1)
        bench.set(0, .milliseconds(milliseconds))
        var now = TimeAmount.milliseconds(max(0, milliseconds - 50))
        while bench.due(now).isEmpty {
            now = now + .milliseconds(1)
            guard now < .milliseconds(milliseconds + 100) else { break }
        }
        #expect(now >= .milliseconds(milliseconds))
        #expect(now <= .milliseconds(milliseconds) + WheelBench.tick + WheelBench.tick)
        #expect(bench.wheel.count == 0)
        #expect(bench.due(.seconds(10_000)).isEmpty)
    }

    @Test("timers fire in the order of their ticks when time goes on in steps")
    func order() {
        let bench = WheelBench(places: 5)
        for (place, milliseconds) in [(0, 900), (1, 100), (2, 500), (3, 300), (4, 700)] as [(UInt32, Int64)] {
            bench.set(place, .milliseconds(milliseconds))
        }
        var fired: [UInt32] = []
        for step in 1...100 { fired += bench.due(.milliseconds(Int64(step) * 10)) }
        #expect(fired == [1, 3, 2, 4, 0])
    }

    @Test("a cancelled timer doesn't fire, its neighbours in the same slot do")
    func cancelling() {
        for cancelled in 0..<3 as Range<UInt32> {
            let bench = WheelBench(places: 3)
            for place in 0..<3 as Range<UInt32> { bench.set(place, .milliseconds(50)) }
            bench.cancel(cancelled)
            bench.cancel(cancelled)
            #expect(bench.wheel.count == 2)
            #expect(bench.due(.seconds(1)).sorted() == [0, 1, 2].filter { $0 != cancelled })
        }
    }

    @Test("an earlier call is kept, a later one is replaced by an earlier")
    func keepsEarlier() {
        let bench = WheelBench(places: 2)
        bench.set(0, .milliseconds(100))
        bench.set(0, .seconds(100))
        bench.set(1, .seconds(100))
        bench.set(1, .milliseconds(100))
        #expect(bench.wheel.count == 2)
        #expect(bench.due(.milliseconds(200)).sorted() == [0, 1])
        #expect(bench.due(.seconds(200)).isEmpty)
    }

    @Test("timers of several rounds in one slot each fire in their own round")
    func rounds() {
        let bench = WheelBench(places: 4)
        let round = TimeAmount.nanoseconds(512 << 24)
        var delay = TimeAmount.milliseconds(100)
        for place in 0..<4 as Range<UInt32> {
            bench.set(place, delay)
            delay = delay + round
        }
        var now = TimeAmount.milliseconds(200)
        for place in 0..<4 as Range<UInt32> {
            #expect(bench.due(now) == [place])
            now = now + round
        }
    }

    @Test("after a long sleep everything that is due fires at once", arguments: [9, 60, 3_600, 1_000_000] as [Int64])
    func longSleep(seconds: Int64) {
        let bench = WheelBench(places: 64)
        for place in 0..<32 as Range<UInt32> { bench.set(place, .milliseconds(Int64(place) * 270)) }
        for place in 32..<64 as Range<UInt32> { bench.set(place, .seconds(seconds + 1 + Int64(place))) }
        #expect(bench.due(.seconds(seconds)).sorted() == Array(0..<32))
        #expect(bench.wheel.count == 32)
        bench.set(0, .seconds(seconds + 1))
        #expect(bench.due(.seconds(seconds) + .milliseconds(1_050)) == [0])
        #expect(bench.due(.seconds(seconds + 100)).sorted() == Array(32..<64))
    }

    @Test("a timer for the past fires in the next tick, and not twice in one turn")
    func past() {
        let bench = WheelBench(places: 1)
        _ = bench.due(.seconds(100))
        bench.set(0, .seconds(1))
        #expect(bench.due(.seconds(100) + WheelBench.tick + WheelBench.tick) == [0])
        bench.set(0, TimeAmount(nanoseconds: -1_000_000_000))
        #expect(bench.due(.seconds(101)) == [0])
    }

    @Test("`distantFuture` is never")
    func never() {
        let bench = WheelBench(places: 1)
        bench.setForever(0)
        #expect(bench.due(.seconds(1 << 32)).isEmpty)
        #expect(bench.wheel.count == 1)
    }

    @Test("the time to the next timer is never too long, and none without timers")
    func timeToNext() {
        var random = FuzzPlan.random(seed: 3)
        for _ in 0..<500 {
            let bench = WheelBench(places: 1)
            #expect(bench.wheel.timeToNext(from: WheelBench.start) == nil)
            let now = TimeAmount.milliseconds(.random(in: 0...20_000, using: &random))
            _ = bench.due(now)
            let delay = TimeAmount.milliseconds(.random(in: 0...30_000, using: &random))
            bench.set(0, now + delay)
            var instant = now
            var turns = 0
            while bench.due(instant).isEmpty {
                guard let wait = bench.wheel.timeToNext(from: WheelBench.start + instant) else { break }
                instant = instant + .nanoseconds(max(1_000_000, wait.nanoseconds))
                turns += 1
                guard turns < 100 else { break }
            }
            #expect(instant >= now + delay)
            #expect(instant <= now + delay + .milliseconds(40))
            // A wake-up for each round that a far timer lies ahead, and one for itself.
            #expect(turns <= 6)
        }
    }

    @Test("thousands of random timers behave like a list of deadlines")
    func model() {
        var random = FuzzPlan.random(seed: 11)
        let places = 2_000
        let bench = WheelBench(places: places)
        var deadlines = [TimeAmount?](repeating: nil, count: places)
        var now = TimeAmount.zero
        for _ in 0..<FuzzPlan.iterations(usual: 20_000) {
            let place = Int.random(in: 0..<places, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let delay = TimeAmount.milliseconds(.random(in: 0...40_000, using: &random))
                let deadline = now + delay
                bench.set(UInt32(place), deadline)
                deadlines[place] = min(deadlines[place] ?? deadline, deadline)
            case 6..<8:
                bench.cancel(UInt32(place))
                deadlines[place] = nil
            default:
                let isLong = Int.random(in: 0..<100, using: &random) == 0
                now = now + .milliseconds(.random(in: 0...(isLong ? 30_000 : 50), using: &random))
                for fired in bench.due(now) {
                    guard let deadline = deadlines[Int(fired)] else {
                        Issue.record("place \(fired) fired without a timer")
                        return
                    }
                    #expect(deadline <= now, "early")
                    deadlines[Int(fired)] = nil
                }
                let late = now.nanoseconds - 2 * WheelBench.tick.nanoseconds
                let missed = deadlines.firstIndex { $0.map { $0.nanoseconds < late } ?? false }
                #expect(missed == nil, "a timer is late")
                if missed != nil { return }
            }
        }
        #expect(bench.wheel.count == deadlines.count { $0 != nil })
    }
}
