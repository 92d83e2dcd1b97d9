import Glibc

/// What an object has, in the syntaxes of SMIv2 that the MIBs use.
enum Value: Equatable {
    case integer(Int32)
    case counter(UInt32)
    /// Gauge32 and Unsigned32.
    case gauge(UInt32)
    /// Hundredths of a second.
    case ticks(UInt32)
    /// Texts, BITS and DateAndTime.
    case octets([UInt8])

    static func text(_ text: String) -> Value { .octets(Array(text.utf8)) }

    /// TruthValue.
    static func truth(_ isTrue: Bool) -> Value { .integer(isTrue ? 1 : 2) }

    /// A counter of 64 bits as one of 32: it wraps.
    static func counter(wrapping number: UInt64) -> Value { .counter(UInt32(truncatingIfNeeded: number)) }

    /// A level as Gauge32: it stops at its ends.
    static func gauge(stopping number: Int64) -> Value { .gauge(UInt32(clamping: number)) }

    /// A number of a parameter as Integer32.
    static func integer(stopping number: Int64) -> Value { .integer(Int32(clamping: number)) }

    /// DateAndTime (RFC 2579) of seconds since 1970, in local time with its offset from UTC. 0, never: the last second that 32 bits can tell.
    static func date(_ seconds: Int64) -> Value {
        guard seconds != 0 else { return .octets([0x08, 0x3A, 2, 7, 6, 28, 15, 0, UInt8(ascii: "+"), 0, 0]) }
        var time = time_t(seconds)
        var parts = tm()
        localtime_r(&time, &parts)
        let year = UInt16(clamping: Int(parts.tm_year) + 1900)
        let minutes = abs(Int(parts.tm_gmtoff)) / 60
        return .octets([
            UInt8(year >> 8), UInt8(truncatingIfNeeded: year), UInt8(clamping: parts.tm_mon + 1),
            UInt8(clamping: parts.tm_mday), UInt8(clamping: parts.tm_hour), UInt8(clamping: parts.tm_min),
            UInt8(clamping: parts.tm_sec), 0, UInt8(ascii: parts.tm_gmtoff < 0 ? "-" : "+"),
            UInt8(clamping: minutes / 60), UInt8(clamping: minutes % 60),
        ])
    }
}
