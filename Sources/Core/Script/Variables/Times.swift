import Glibc
import PluginAPI

// Invariants: localtime_r and gmtime_r read the zone of the process, which is set before threads start.

/// The wall clock in nanoseconds since 1970.
private enum Wall {
    static var now: Int64 { Int64(Syscalls.wallNanoseconds()) }
    static var second: Int64 { 1_000_000_000 }
}

/// `$Ts`, `$time(k)` …
extension CoreVariables {
    static func declareTimes(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable("Ts", number: true, "Seconds since 1970 when the message came.") {
            $1.give($0.receivedTime / Wall.second)
        }
        try declare.variable("TS", number: true, "Seconds since 1970 now.") { $1.give(Wall.now / Wall.second) }
        try declare.variable("Tf", "When the message came, as text.") {
            $1.give($0.run.dateText($0.receivedTime / Wall.second))
        }
        try declare.variable("TF", "The time now, as text.") { $1.give($0.run.dateText(Wall.now / Wall.second)) }
        try declare.variable("Tb", "Seconds since 1970 when the server started.") { _, out in
            out.give(ScriptEnvironment.current.facts.startTime)
        }
        try declareParts(declare)
        try declareCalendar(declare)
    }

    /// `$TV(k)`: small letters: when the message came, remembered for all of its script; capitals: now.
    private static func declareParts(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.variable(
            "TV", inner: "s|u|sn|un|Sn|Fn|Sm",
            "Parts of a time: s seconds, u microseconds when the message came; sn, un the same now; Sn now as"
                + " seconds.microseconds; Fn now as text; Sm now as milliseconds."
        ) { access, out in
            let now = Wall.now
            switch access.pointee.inner_id {
            case 0: return out.give(access.receivedTime / Wall.second)
            case 1: return out.give(access.receivedTime % Wall.second / 1000)
            case 2: return out.give(now / Wall.second)
            case 3: return out.give(now % Wall.second / 1000)
            case 4:
                return out.give(
                    access.run.compose(32) {
                        $0.write(decimal: UInt64(now / Wall.second))
                        $0.write(".")
                        $0.write(decimal: UInt64(now % Wall.second / 1000), digits: 6)
                    })
            case 5: return out.give(access.run.dateText(now / Wall.second))
            default: return out.give(now / 1_000_000)
            }
        }
    }

    /// `$time(k)`, `$timef(f)` in local time, `$utime(k)`, `$utimef(f)` in UTC, of now.
    private static func declareCalendar(_ declare: Declaring) throws(Registry.Refusal) {
        let parts = "sec|min|hour|mday|mon|year|wday|yday|isdst"
        try declare.variable("time", inner: parts, "A part of the local time; mon, wday, yday count from 1.") {
            $1.give(part: $0.pointee.inner_id, of: CoreVariables.calendar(utc: false))
        }
        try declare.variable("utime", inner: parts, "A part of the time in UTC; mon, wday, yday count from 1.") {
            $1.give(part: $0.pointee.inner_id, of: CoreVariables.calendar(utc: true))
        }
        try declare.variable("timef", inner: "*", dynamic: true, "The local time by a strftime format.") {
            $1.give($0.run.format(CoreVariables.calendar(utc: false), $0.inner))
        }
        try declare.variable("utimef", inner: "*", dynamic: true, "The time in UTC by a strftime format.") {
            $1.give($0.run.format(CoreVariables.calendar(utc: true), $0.inner))
        }
    }

    private static func calendar(utc: Bool) -> tm {
        var seconds = time_t(Wall.now / Wall.second)
        var parts = tm()
        if utc { gmtime_r(&seconds, &parts) } else { localtime_r(&seconds, &parts) }
        return parts
    }
}

extension UnsafePointer<apus_access> {
    /// Nanoseconds since 1970; now for messages that nobody received.
    fileprivate var receivedTime: Int64 {
        let time = message.routing.receivedTime
        return time > 0 ? time : Wall.now
    }
}

extension UnsafeMutablePointer<apus_value> {
    fileprivate func give(part: Int32, of time: tm) -> CInt {
        switch part {
        case 0: give(time.tm_sec)
        case 1: give(time.tm_min)
        case 2: give(time.tm_hour)
        case 3: give(time.tm_mday)
        case 4: give(time.tm_mon + 1)
        case 5: give(time.tm_year + 1900)
        case 6: give(time.tm_wday + 1)
        case 7: give(time.tm_yday + 1)
        case 8: give(time.tm_isdst)
        default: -1
        }
    }
}

extension UnsafeMutablePointer<Run> {
    /// `Sat Nov 21 09:46:17 2026`, local time.
    fileprivate func dateText(_ seconds: Int64) -> Bytes? {
        var seconds = time_t(seconds)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return format(parts, Bytes("%a %b %e %H:%M:%S %Y"))
    }

    /// By strftime; nil when the text would be empty or longer than 256 bytes.
    func format(_ time: tm, _ format: Bytes) -> Bytes? {
        guard let place = allocate(256) else { return nil }
        let out = place.assumingMemoryBound(to: CChar.self)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: format.count + 1) { buffer in
            guard let text = buffer.baseAddress else { return nil }
            UnsafeMutableRawPointer(text).copyMemory(from: format.start, byteCount: format.count)
            text[format.count] = 0
            var time = time
            let count = strftime(out, 256, text, &time)
            return count == 0 ? nil : Bytes(UnsafePointer(place.assumingMemoryBound(to: UInt8.self)), count)
        }
    }
}

extension ByteWriter {
    /// With zeros in front.
    fileprivate mutating func write(decimal value: UInt64, digits: Int) {
        var bound: UInt64 = 10
        var count = 1
        while count < digits {
            if value < bound { write("0") }
            bound *= 10
            count += 1
        }
        write(decimal: value)
    }
}
