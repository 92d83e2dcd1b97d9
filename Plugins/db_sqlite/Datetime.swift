import PluginKit

/// Times in SQLite, which has no type for them: written as Julian day numbers, as Kamailio does and SQLite's own functions read them; read as these, as
/// seconds since 1970, and as texts in UTC.
enum Datetime {
    /// The Julian day on which 1970 began.
    private static let epoch = 2_440_587.5
    /// Numbers below are days: as seconds they would lie in the first months of 1970, as days up to the year 9999.
    private static let lastDay: Int64 = 5_373_485

    static func julianDay(ofSeconds seconds: Int64) -> Double { Double(seconds) / 86400 + epoch }

    /// Nil when it is beyond all time.
    static func seconds(ofJulianDay day: Double) -> Int64? {
        guard day.isFinite else { return nil }
        if day > Double(lastDay) { return Int64(exactly: day.rounded(.down)) }
        return Int64(exactly: ((day - epoch) * 86400).rounded())
    }

    /// A column of times keeps a day without a fraction as an integer.
    static func seconds(ofNumber number: Int64) -> Int64 {
        number > 0 && number <= lastDay ? seconds(ofJulianDay: Double(number)) ?? number : number
    }

    /// `YYYY-MM-DD[( |T)HH:MM[:SS[.…]]]`; nil when it is none.
    static func seconds(ofText text: apus_str) -> Int64? {
        guard text.len >= 10, text[4] == 0x2d, text[7] == 0x2d, let year = text[0..<4].number,
            let month = text[5..<7].number, let day = text[8..<10].number, 1...12 ~= month, 1...31 ~= day
        else { return nil }
        var seconds = days(year, month, day) * 86400
        if text.len > 10 {
            guard text.len >= 16, text[10] == 0x20 || text[10] == 0x54, text[13] == 0x3a,
                let hour = text[11..<13].number, let minute = text[14..<16].number, 0...24 ~= hour, 0...59 ~= minute
            else { return nil }
            seconds += hour * 3600 + minute * 60
            if text.len >= 19 {
                guard text[16] == 0x3a, let second = text[17..<19].number, 0...60 ~= second else { return nil }
                seconds += second
            }
        }
        return seconds
    }

    /// Days from 1970-01-01, of the Gregorian calendar.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        // Years begin in March, so that the leap day is their last.
        let y = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return y * 365 + y / 4 - y / 100 + y / 400 + dayOfYear - 719_468
    }
}
