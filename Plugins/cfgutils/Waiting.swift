import Glibc
import PluginKit

/// Longest wait of a script, in milliseconds: about 24 days, what a timer takes.
private let longestWait: Int64 = 0x7fff_ffff

/// A constant that must be a time.
let prepareDuration: Preparation = { _, _, constant, _, complaint in
    guard let number = constant.number, number >= 0 else { return complaint.say("a time is not negative") }
    return .true
}

/// `sleep(seconds)`
func sleepSeconds(_ call: Call) -> CInt {
    call.wait(call.int(0), inSecond: 1)
}

/// `usleep(microseconds)`
func sleepMicroseconds(_ call: Call) -> CInt {
    call.wait(call.int(0), inSecond: 1_000_000)
}

extension UnsafePointer<apus_call> {
    /// - Parameter inSecond: how many units of the time make a second.
    fileprivate func wait(_ time: Int64, inSecond units: Int64) -> CInt {
        guard time >= 0 else { return fail("a time is not negative") }
        guard time > 0 else { return .true }
        let seconds = min(time / units, longestWait / 1000)
        let milliseconds = seconds * 1000 + (time % units * 1000 + units - 1) / units
        let token = host.pointee.suspend.pointee.begin(self, UInt32(min(milliseconds, longestWait)), waited, nil)
        return token.value == 0 ? fail("too many scripts wait, or this one cannot") : .suspended
    }
}

/// The time is over; or the server ends, which is no reason to be false.
private let waited: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { _, _, _ in .true }

/// `abort()`
func abortServer(_ call: Call) -> CInt {
    call.log(.critical, "the script ends the server")
    abort()
}
