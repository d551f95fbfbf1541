/// A day of the proleptic Gregorian calendar.
package struct CivilDate: Sendable, Equatable {
    package let year: Int
    /// 1...12.
    package let month: Int
    /// 1...31.
    package let day: Int

    /// The month must be one of 1...12; the day may be any: a month's thirty-first is the next one's first where the
    /// month has thirty.
    package init(year: Int, month: Int, day: Int) {
        self.year = year
        self.month = month
        self.day = day
    }

    // Years are counted from March, so that the leap day is a year's last day, and days from 0000-03-01 in cycles of
    // 400 years, which all have 146,097 days.

    private static let daysOfCycle = 146_097
    /// From 0000-03-01 to 1970-01-01.
    private static let daysBeforeEpoch = 719_468

    /// - Parameter days: since 1970-01-01; within some ten thousand years of it.
    package init(daysSinceEpoch days: Int) {
        let shifted = days + Self.daysBeforeEpoch
        let cycle = Self.cycle(of: shifted, length: Self.daysOfCycle)
        let dayOfCycle = shifted - cycle * Self.daysOfCycle
        let yearOfCycle = (dayOfCycle - dayOfCycle / 1_460 + dayOfCycle / 36_524 - dayOfCycle / 146_096) / 365
        let dayOfYear = dayOfCycle - (365 * yearOfCycle + yearOfCycle / 4 - yearOfCycle / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = cycle * 400 + yearOfCycle + (month <= 2 ? 1 : 0)
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
    }

    package var daysSinceEpoch: Int {
        let yearFromMarch = month <= 2 ? year - 1 : year
        let monthFromMarch = (month + 9) % 12
        let cycle = Self.cycle(of: yearFromMarch, length: 400)
        let yearOfCycle = yearFromMarch - cycle * 400
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let dayOfCycle = yearOfCycle * 365 + yearOfCycle / 4 - yearOfCycle / 100 + dayOfYear
        return cycle * Self.daysOfCycle + dayOfCycle - Self.daysBeforeEpoch
    }

    /// `number` / `length`, rounded down.
    private static func cycle(of number: Int, length: Int) -> Int {
        number >= 0 ? number / length : (number + 1) / length - 1
    }
}
