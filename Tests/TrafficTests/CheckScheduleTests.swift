import Base
import Testing
import Traffic

@Suite("When targets are checked")
struct CheckScheduleTests {
    static let extremes: [UInt64] = [0, 1, .max / 2, .max - 1, .max]

    @Test(
        "an interval is shorter or longer by its jitter at most",
        arguments: [(1_000, 20, 800, 1_200), (100, 0, 100, 100), (50, 50, 25, 75), (3_600_000, 100, 0, 7_200_000)]
            as [(Int64, Int, Int64, Int64)])
    func jitter(milliseconds: Int64, percent: Int, least: Int64, most: Int64) {
        let schedule = CheckSchedule(interval: .milliseconds(milliseconds), jitterPercent: percent)
        var random = RandomSource(seed: 7)
        let pauses = (Self.extremes + (0..<2_000).map { _ in random.next() }).map { schedule.pause(random: $0) }
        #expect(pauses.allSatisfy { $0 >= .milliseconds(least) && $0 <= .milliseconds(most) })
        let mean = pauses.reduce(0.0) { $0 + Double($1.nanoseconds) } / Double(pauses.count)
        #expect(abs(mean - Double(milliseconds) * 1e6) <= Double(most - least) * 1e6 * 0.03)
    }

    @Test(
        "first checks are spread over the interval, but over no more than a second",
        arguments: [(50, 50), (1_000, 1_000), (5_000, 1_000), (3_600_000, 1_000)] as [(Int64, Int64)])
    func first(milliseconds: Int64, spread: Int64) {
        let schedule = CheckSchedule(interval: .milliseconds(milliseconds), jitterPercent: 0)
        var random = RandomSource(seed: 3)
        let pauses = (Self.extremes + (0..<1_000).map { _ in random.next() }).map { schedule.firstPause(random: $0) }
        #expect(pauses.allSatisfy { $0 >= .zero && $0 < .milliseconds(spread) })
        // A tenth of the time holds about a tenth of them: no moment is that of many.
        var tenths = [Int](repeating: 0, count: 10)
        for pause in pauses { tenths[Int(pause.nanoseconds * 10 / (spread * 1_000_000))] += 1 }
        #expect(tenths.allSatisfy { $0 > 60 && $0 < 145 }, "\(tenths)")
    }

    @Test("settings beyond their bounds neither trap nor go round without a pause", arguments: [-5, 0, 1_000])
    func odd(percent: Int) {
        let schedule = CheckSchedule(interval: .zero, jitterPercent: percent)
        for random in Self.extremes {
            #expect(schedule.firstPause(random: random) < .milliseconds(1))
            #expect(schedule.pause(random: random) <= .milliseconds(2))
        }
    }
}
