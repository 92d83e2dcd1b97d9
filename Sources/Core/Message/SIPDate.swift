/// Dates as SIP writes them (RFC 3261 §20.17, RFC 1123, always GMT): `Sat, 13 Nov 2010 23:29:00 GMT`.
enum SIPDate {
    private static let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"
    private static let weekdays: StaticString = "SunMonTueWedThuFriSat"

    /// Seconds since 1970; nil when the text is no such date. The day of the week is not compared with the date.
    static func parse(_ text: Bytes) -> Int64? {
        let rest: Bytes
        if text.count > 5, text[3] == UInt8(ascii: ",") { rest = text.dropFirst(4).trimmed } else { return nil }
        // "13 Nov 2010 23:29:00 GMT", the day with one digit or two.
        let dayEnd = rest.end(of: .digit)
        guard dayEnd == 1 || dayEnd == 2, rest.count == dayEnd + 22, rest[dayEnd] == 32, rest[dayEnd + 4] == 32,
            rest[dayEnd + 9] == 32, rest[dayEnd + 12] == 58, rest[dayEnd + 15] == 58,
            rest.dropFirst(dayEnd + 18).equalsIgnoringCase(" GMT"),
            let day = rest.prefix(dayEnd).decimal(limit: 31), let month = month(rest[dayEnd + 1..<dayEnd + 4]),
            let year = rest[dayEnd + 5..<dayEnd + 9].decimal(limit: 9999),
            let hour = rest[dayEnd + 10..<dayEnd + 12].decimal(limit: 23),
            let minute = rest[dayEnd + 13..<dayEnd + 15].decimal(limit: 59),
            let second = rest[dayEnd + 16..<dayEnd + 18].decimal(limit: 60), day > 0, year >= 1900
        else { return nil }
        return days(Int64(year), Int64(month), Int64(day)) * 86_400 + Int64(hour * 3600 + minute * 60 + second)
    }

    /// Writes the date; nothing for years beyond 9999.
    static func write(_ seconds: Int64, to out: inout ByteWriter) {
        let day = (seconds - (seconds < 0 ? 86_399 : 0)) / 86_400
        let second = seconds - day * 86_400
        let (year, month, monthDay) = civil(day)
        guard year >= 1900, year <= 9999 else { return }
        let weekday = Int(((day + 4) % 7 + 7) % 7)
        out.write(Bytes(weekdays)[weekday * 3..<weekday * 3 + 3])
        out.write(", ")
        two(monthDay, &out)
        out.write(" ")
        out.write(Bytes(months)[Int(month - 1) * 3..<Int(month) * 3])
        out.write(" ")
        out.write(decimal: UInt64(year))
        out.write(" ")
        two(second / 3600, &out)
        out.write(":")
        two(second / 60 % 60, &out)
        out.write(":")
        two(second % 60, &out)
        out.write(" GMT")
    }

    private static func two(_ value: Int64, _ out: inout ByteWriter) {
        if value < 10 { out.write("0") }
        out.write(decimal: UInt64(value))
    }

    /// 1 to 12.
    private static func month(_ text: Bytes) -> Int? {
        for index in 0..<12 where text.equalsIgnoringCase(Bytes(months)[index * 3..<index * 3 + 3]) { return index + 1 }
        return nil
    }

    /// Days since 1970 of a date of the Gregorian calendar; years are counted from March, so that the leap day comes last.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        let y = month <= 2 ? year - 1 : year
        let era = y / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// The date of a number of days since 1970: the inverse of `days`.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let mp = (5 * dayOfYear + 2) / 153
        let month = mp < 10 ? mp + 3 : mp - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * mp + 2) / 5 + 1)
    }
}

extension Message {
    /// Seconds since 1970 of the Date header field.
    var date: Int64? { value(.date).flatMap { SIPDate.parse($0) } }
}
