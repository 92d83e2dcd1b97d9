import PluginKit

/// Letters of colours, as apus/log.h has them.
private let letters: StaticString = "xsrgybpcw"

extension Writer {
    /// What the log takes for a change of colours.
    mutating func add(colours: (UInt8, UInt8)) {
        // U+FDD0 in UTF-8.
        add(byte: 0xEF)
        add(byte: 0xB7)
        add(byte: 0x90)
        add(byte: colours.0)
        add(byte: colours.1)
    }
}

/// Foreground and background of a text such as `rx`; nil when it is none.
private func colours(_ text: apus_str) -> (UInt8, UInt8)? {
    let known = apus_str(start: letters.utf8Start, count: letters.utf8CodeUnitCount)
    guard text.len == 2, known.index(of: apus_str.lower(text[0])) != nil,
        known.index(of: apus_str.lower(text[1])) != nil
    else { return nil }
    return (text[0], apus_str.lower(text[1]))
}

/// `$C(fb)`
let colourChange: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, value in
    guard let colours = colours(access.pointee.inner), var text = access.writer(8) else { return .false }
    text.add(colours: colours)
    return value.answer(text.text)
}

/// `log_colors`: `L_ERR=rx`
func setColours(_ host: Host, _ text: apus_str, _ state: UnsafeMutablePointer<State>) -> CInt {
    var rest = text
    guard let name = rest.next(UInt8(ascii: "="))?.trimmed, let level = level(named: name),
        let colours = colours(rest.trimmed)
    else {
        host.log(.error, "write a level and two letters of xsrgybpcw, foreground and background: L_ERR=rx")
        return .false
    }
    state.pointee.colours[Int(level - levels.lowerBound)] = colours
    return .true
}
