import PluginKit

/// `bl_iterator_start(name)`
func startLines(_ call: Call) -> CInt { call.startIterator(.lines) }

/// `bl_iterator_end(name)`
func endLines(_ call: Call) -> CInt { call.endIterator(.lines) }

/// `bl_iterator_next(name)`: false behind the last line of the body, where it stays.
func nextLine(_ call: Call) -> CInt {
    guard let iterator = call.iterator(.lines) else { return .false }
    let body = call.message.part(APUS_PART_BODY)
    let start = iterator.pointee.place < 0 ? 0 : min(iterator.pointee.place + iterator.pointee.count, body.len)
    let end = start < body.len ? body.index(of: UInt8(ascii: "\n"), from: start).map { $0 + 1 } ?? body.len : start
    iterator.pointee.place = start
    iterator.pointee.count = end - start
    return end > start ? .true : .false
}

/// `bl_iterator_rm(name)`
func removeAtLine(_ call: Call) -> CInt {
    call.atLine { call.edited(call.message.replace($0, with: "")) }
}

/// `bl_iterator_append(name, text)`
func appendAtLine(_ call: Call) -> CInt {
    call.atLine { call.edited(call.message.insert(call.text(1), at: $0.end)) }
}

/// `bl_iterator_insert(name, text)`
func insertAtLine(_ call: Call) -> CInt {
    call.atLine { call.edited(call.message.insert(call.text(1), at: $0.s.unsafelyUnwrapped)) }
}

/// `$blitval(name)`: the line with its end.
func currentLine(_ access: Access, _ out: UnsafeMutablePointer<apus_value>) -> CInt {
    let slot = access.pointee.user.state.pointee.iterators
    guard let iterator = access.message.iterator(access.host, slot, .lines, access.pointee.inner),
        let line = access.message.line(iterator)
    else { return .false }
    return out.answer(line)
}

extension UnsafePointer<apus_call> {
    /// False when the iterator stands at no line.
    fileprivate func atLine(_ edit: (apus_str) -> CInt) -> CInt {
        guard let iterator = iterator(.lines), let line = message.line(iterator) else { return .false }
        return edit(line)
    }
}
