import PluginKit

// Invariants: prepared levels and facilities are numbers as the pointer's bits, shifted to be above 0; nothing is behind them.

/// Added to a prepared level: levels go from −5 to 3.
private let levelShift = 16
/// Added to a prepared facility, which may be 0.
private let facilityShift = 1

/// From L_ALERT to L_DBG.
let levels = CInt(-5)...3

/// A level by its name, which its third letter decides as in `L_DBG`; or by its number.
func level(named text: apus_str) -> CInt? {
    if let number = text.number { return levels ~= CInt(clamping: number) ? CInt(number) : nil }
    guard text.len >= 3, text[1] == 0x5f, apus_str.lower(text[0]) == 0x6c else { return nil }
    switch apus_str.lower(text[2]) {
    case UInt8(ascii: "a"): return -5
    case UInt8(ascii: "b"): return -4
    case UInt8(ascii: "c"): return -2
    case UInt8(ascii: "e"): return -1
    case UInt8(ascii: "w"): return 0
    case UInt8(ascii: "n"): return 1
    case UInt8(ascii: "i"): return 2
    case UInt8(ascii: "d"): return 3
    default: return nil
    }
}

/// Checks a constant level, the first argument.
let prepareLevel: Preparation = { _, index, constant, prepared, complaint in
    guard index == 0 else { return .true }
    guard let level = level(named: constant) else {
        return complaint.say("a level is L_ALERT, L_BUG, L_CRIT, L_ERR, L_WARN, L_NOTICE, L_INFO or L_DBG")
    }
    prepared.pointee = UnsafeMutableRawPointer(bitPattern: Int(level) + levelShift)
    return .true
}

/// Checks a constant facility, the first argument, and a constant level, the second.
let prepareFacilityAndLevel: Preparation = { host, index, constant, prepared, complaint in
    if index == 1 { return prepareLevel(host, 0, constant, prepared, complaint) }
    guard index == 0 else { return .true }
    let facility = host.pointee.log.pointee.facility(constant)
    guard facility >= 0 else { return complaint.say("no syslog facility: LOG_LOCAL0 to LOG_LOCAL7, LOG_DAEMON, …") }
    prepared.pointee = UnsafeMutableRawPointer(bitPattern: Int(facility) + facilityShift)
    return .true
}

extension UnsafePointer<apus_call> {
    /// The level that the argument says; L_ERR when it says none.
    func level(_ index: Int) -> CInt {
        let given = argument(index)
        if let prepared = given.prepared { return CInt(Int(bitPattern: prepared) - levelShift) }
        if given.value & UInt32(APUS_INT) != 0 { return CInt(clamping: given.num) }
        return xlog.level(named: given.str) ?? LogLevel.error.rawValue
    }

    /// The facility that a constant argument says.
    func facility(_ index: Int) -> CInt {
        CInt(Int(bitPattern: argument(index).prepared) - facilityShift)
    }
}
