import Base

extension HTTPDate {
    /// Reads an IMF-fixdate. The two obsolete forms that recipients should know (RFC 9110 section 5.6.7) are nil too:
    /// who asks takes no date for a date long past.
    ///
    /// - Returns: nil for anything else, years outside of 1970...2200 included. The day's name is not judged.
    package static func read(_ text: ByteView) -> WallTime? {
        guard text.count == count, text[3] == ASCII.comma, text.from(25) == " GMT" else { return nil }
        for index in [4, 7, 11, 16] where text[index] != ASCII.space { return nil }
        for index in [19, 22] where text[index] != ASCII.colon { return nil }
        guard let day = text[5..<7].decimalValue(), let month = month(text[8..<11]),
            let year = text[12..<16].decimalValue(), let hour = text[17..<19].decimalValue(),
            let minute = text[20..<22].decimalValue(), let second = text[23..<25].decimalValue(),
            (1...31).contains(day), (1970...2200).contains(year), hour < 24, minute < 60, second <= 60
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSinceEpoch
        return WallTime(seconds: Int64(days * 86_400 + hour * 3600 + minute * 60 + second))
    }

    /// 1...12.
    private static func month(_ text: ByteView) -> Int? {
        let names = ByteView("JanFebMarAprMayJunJulAugSepOctNovDec")
        return (0..<12).first { names[$0 * 3..<$0 * 3 + 3] == text }.map { $0 + 1 }
    }
}
