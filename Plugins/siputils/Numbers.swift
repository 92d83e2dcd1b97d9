import PluginKit

extension apus_str {
    func consists(of isAllowed: (UInt8) -> Bool) -> Bool {
        for byte in bytes where !isAllowed(byte) { return false }
        return !isEmpty
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 <= 9 }
    static func isLetterOrDigit(_ byte: UInt8) -> Bool { isDigit(byte) || lower(byte) &- 0x61 < 26 }

    /// `+` and two digits up to `longest` characters in all.
    func isE164(longest: Int64) -> Bool {
        len >= 3 && len <= longest && self[0] == UInt8(ascii: "+") && dropFirst(1).consists(of: apus_str.isDigit)
    }
}

/// `is_e164($x)`
func isE164(_ call: Call) -> CInt {
    guard let value = call.value(0), value.isText else { return .false }
    return value.str.isE164(longest: call.state.pointee.longestNumber) ? .true : .false
}

/// `is_uri_user_e164($x)`
func isUserE164(_ call: Call) -> CInt {
    guard let value = call.value(0), value.isText, let uri = call.message.parse(uri: value.str) else { return .false }
    return uri.user.isE164(longest: call.state.pointee.longestNumber) ? .true : .false
}

/// `is_uri(text)`
func isURI(_ call: Call) -> CInt { call.message.parse(uri: call.text(0)) != nil ? .true : .false }

/// `is_tel_number(text)`
func isTelephoneNumber(_ call: Call) -> CInt {
    let text = call.text(0)
    let digits = text.hasPrefix("+") ? text.dropFirst(1) : text
    return digits.consists(of: apus_str.isDigit) ? .true : .false
}

/// `is_numeric(text)`
func isNumeric(_ call: Call) -> CInt { call.text(0).consists(of: apus_str.isDigit) ? .true : .false }

/// `is_alphanum(text)`
func isAlphanumeric(_ call: Call) -> CInt { call.text(0).consists(of: apus_str.isLetterOrDigit) ? .true : .false }

/// `is_alphanumex(text, others)`
func isAlphanumericOr(_ call: Call) -> CInt {
    let others = call.text(1)
    return call.text(0).consists { apus_str.isLetterOrDigit($0) || others.index(of: $0) != nil } ? .true : .false
}
