import Glibc
import PluginKit

/// `append_time()`: Date in every reply that is made for the request.
func appendTime(_ call: Call) -> CInt {
    guard let line = dateLine(call) else { return .false }
    return call.message.api.pointee.append_to_reply(call.pointee.msg, line) > 0 ? .true : .false
}

/// `append_time_to_request()`
func appendTimeToRequest(_ call: Call) -> CInt {
    guard let line = dateLine(call) else { return .false }
    return call.message.insert(line, after: nil) ? .true : .false
}

/// `Date: Sat, 13 Nov 2010 23:29:00 GMT` (RFC 3261 section 20.17).
private func dateLine(_ call: Call) -> apus_str? {
    var now = time(nil)
    var parts = tm()
    guard gmtime_r(&now, &parts) != nil, var line = call.writer(64) else { return nil }
    line.add("Date: ")
    line.add(apus_str("SunMonTueWedThuFriSat").dropFirst(Int(parts.tm_wday) * 3)[0..<3])
    line.add(", ")
    line.add(number: Int64(parts.tm_mday), width: 2)
    line.add(" ")
    line.add(apus_str("JanFebMarAprMayJunJulAugSepOctNovDec").dropFirst(Int(parts.tm_mon) * 3)[0..<3])
    line.add(" ")
    line.add(number: Int64(parts.tm_year) + 1900)
    line.add(" ")
    line.add(number: Int64(parts.tm_hour), width: 2)
    line.add(":")
    line.add(number: Int64(parts.tm_min), width: 2)
    line.add(":")
    line.add(number: Int64(parts.tm_sec), width: 2)
    line.add(" GMT\r\n")
    return line.text
}
