import PluginKit

extension apus_str {
    /// Where `other` first stands at `from` or later; an empty one stands everywhere.
    func find(_ other: apus_str, from: Int = 0, ignoringCase: Bool = false) -> Int? {
        var place = from
        while place + other.len <= len {
            if other.isEmpty { return place }
            let piece = self[place..<place + other.len]
            if ignoringCase ? piece.equalsIgnoringCase(other) : piece.equals(other) { return place }
            place += 1
        }
        return nil
    }
}

/// `in_list(subject, list, separator)`
func inList(_ call: Call) -> CInt { isListed(call) { $0.equals($1) } }

/// `in_list_prefix(subject, list, separator)`: an item of the list begins the subject.
func inListPrefix(_ call: Call) -> CInt { isListed(call) { $0.hasPrefix($1) } }

private func isListed(_ call: Call, _ test: (_ subject: apus_str, _ item: apus_str) -> Bool) -> CInt {
    let subject = call.text(0).trimmed
    let separator = call.text(2)
    guard separator.len == 1 else { return call.fail("a separator is one character") }
    guard !subject.isEmpty else { return .false }
    var rest = call.text(1)
    while let item = rest.next(separator[0]) {
        let text = item.trimmed
        if !text.isEmpty, test(subject, text) { return .true }
    }
    return .false
}

/// `cmp_str(a, b)`
func compareText(_ call: Call) -> CInt { call.text(0).equals(call.text(1)) ? .true : .false }

/// `cmp_istr(a, b)`
func compareIgnoringCase(_ call: Call) -> CInt { call.text(0).equalsIgnoringCase(call.text(1)) ? .true : .false }

/// `starts_with(text, prefix)`: −1 the text is too short, −2 it begins otherwise.
func startsWith(_ call: Call) -> CInt {
    guard call.text(0).len >= call.text(1).len else { return .false }
    return call.text(0).hasPrefix(call.text(1)) ? .true : -2
}

/// `ends_with(text, suffix)`
func endsWith(_ call: Call) -> CInt { call.text(0).hasSuffix(call.text(1)) ? .true : .false }

/// `str_find(text, part)`
func findText(_ call: Call) -> CInt { call.text(0).find(call.text(1)) != nil ? .true : .false }

/// `str_ifind(text, part)`
func findIgnoringCase(_ call: Call) -> CInt {
    call.text(0).find(call.text(1), ignoringCase: true) != nil ? .true : .false
}

/// `str_any_in(text, set)`: a character of the text is in the set.
func anyInSet(_ call: Call) -> CInt {
    for byte in call.text(0).bytes where call.text(1).index(of: byte) != nil { return .true }
    return .false
}

/// `str_all_in(text, set)`: every character of the text is in the set.
func allInSet(_ call: Call) -> CInt {
    guard !call.text(0).isEmpty else { return .false }
    for byte in call.text(0).bytes where call.text(1).index(of: byte) == nil { return .false }
    return .true
}
