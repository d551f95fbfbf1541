import Base
import Testing

@Suite("Dates")
struct CivilDateTests {
    @Test(
        "days and dates",
        arguments: [
            (0, 1970, 1, 1), (-1, 1969, 12, 31), (58, 1970, 2, 28), (59, 1970, 3, 1), (10_956, 1999, 12, 31),
            (11_016, 2000, 2, 29), (11_017, 2000, 3, 1), (47_540, 2100, 2, 28), (47_541, 2100, 3, 1),
            (2_932_896, 9999, 12, 31), (-719_468, 0, 3, 1), (-719_469, 0, 2, 29), (-719_528, 0, 1, 1),
            (-135_140, 1600, 1, 1),
        ])
    func table(days: Int, year: Int, month: Int, day: Int) {
        let date = CivilDate(year: year, month: month, day: day)
        #expect(CivilDate(daysSinceEpoch: days) == date)
        #expect(date.daysSinceEpoch == days)
    }

    @Test("each day of 800 years follows the one before, and comes back from its date")
    func every() {
        let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var before = CivilDate(daysSinceEpoch: -146_098)
        for days in -146_097..<146_097 {
            let date = CivilDate(daysSinceEpoch: days)
            guard date.daysSinceEpoch == days else {
                Issue.record("\(date) does not come back")
                return
            }
            let isLeap = before.year % 4 == 0 && (before.year % 100 != 0 || before.year % 400 == 0)
            let length = lengths[before.month - 1] + (isLeap && before.month == 2 ? 1 : 0)
            var next = CivilDate(year: before.year, month: before.month, day: before.day + 1)
            if before.day == length {
                next = CivilDate(year: before.year + before.month / 12, month: before.month % 12 + 1, day: 1)
            }
            guard date == next else {
                Issue.record("\(date) follows \(before)")
                return
            }
            before = date
        }
    }
}
