import PluginKit

/// `hf_iterator_start(name)`
func startHeaders(_ call: Call) -> CInt { call.startIterator(.headers) }

/// `hf_iterator_end(name)`
func endHeaders(_ call: Call) -> CInt { call.endIterator(.headers) }

/// `hf_iterator_next(name)`: false behind the last header, where it stays.
func nextHeader(_ call: Call) -> CInt {
    guard let iterator = call.iterator(.headers) else { return .false }
    let count = Int(call.message.api.pointee.header_count(call.pointee.msg))
    iterator.pointee.place = min(iterator.pointee.place + 1, count)
    return iterator.pointee.place < count ? .true : .false
}

/// `hf_iterator_prev(name)`: false before the first header, where it stays.
func previousHeader(_ call: Call) -> CInt {
    guard let iterator = call.iterator(.headers) else { return .false }
    iterator.pointee.place = max(iterator.pointee.place - 1, -1)
    return iterator.pointee.place >= 0 ? .true : .false
}

/// `hf_iterator_rm(name)`
func removeAtHeader(_ call: Call) -> CInt {
    call.atHeader { header in
        var header = header
        return call.message.remove(&header) ? .true : .false
    }
}

/// `hf_iterator_append(name, lines)`
func appendAtHeader(_ call: Call) -> CInt {
    guard let lines = call.lines(1) else { return call.fail("the header text is empty") }
    return call.atHeader { header in
        var header = header
        return call.edited(call.message.insert(lines, after: &header))
    }
}

/// `hf_iterator_insert(name, lines)`
func insertAtHeader(_ call: Call) -> CInt {
    guard let lines = call.lines(1) else { return call.fail("the header text is empty") }
    return call.atHeader { header in
        var header = header
        return call.edited(call.message.insert(lines, before: &header))
    }
}

/// `$hfitname(name)`
func currentName(_ access: Access, _ out: UnsafeMutablePointer<apus_value>) -> CInt {
    out.answer(access.currentHeader?.name ?? apus_str())
}

/// `$hfitbody(name)`
func currentBody(_ access: Access, _ out: UnsafeMutablePointer<apus_value>) -> CInt {
    out.answer(access.currentHeader?.value ?? apus_str())
}

extension Message {
    fileprivate func header(of iterator: UnsafeMutablePointer<Iterators.Iterator>?) -> apus_header? {
        guard let iterator, iterator.pointee.place >= 0 else { return nil }
        return header(at: iterator.pointee.place)
    }
}

extension UnsafePointer<apus_access> {
    fileprivate var currentHeader: apus_header? {
        let slot = pointee.user.state.pointee.iterators
        return message.header(of: message.iterator(host, slot, .headers, pointee.inner))
    }
}

extension UnsafePointer<apus_call> {
    /// False when the iterator stands at no header.
    fileprivate func atHeader(_ edit: (apus_header) -> CInt) -> CInt {
        guard let header = message.header(of: iterator(.headers)) else { return .false }
        return edit(header)
    }
}
