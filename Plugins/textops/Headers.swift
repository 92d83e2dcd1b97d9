import PluginKit
import RoutingKit

/// Looks at a constant header text.
let prepareLines: Preparation = { host, index, constant, _, complaint in
    index == 0 ? checkLines(host, constant, complaint) : .true
}

/// `append_hf(text[, name])`
func appendHeader(_ call: Call) -> CInt {
    guard let lines = call.lines(0) else { return call.fail("the header text is empty") }
    let message = call.message
    guard call.has(1) else { return message.insert(lines, after: nil) ? .true : .false }
    var last: apus_header?
    _ = message.each(call.text(1), .last) {
        last = $0
        return true
    }
    guard var last else { return message.insert(lines, after: nil) ? .true : .false }
    return message.insert(lines, after: &last) ? .true : .false
}

/// `insert_hf(text[, name])`
func insertHeader(_ call: Call) -> CInt {
    guard let lines = call.lines(0) else { return call.fail("the header text is empty") }
    let message = call.message
    guard call.has(1), var first = message.find(call.text(1)) else {
        return message.insert(lines, before: nil) ? .true : .false
    }
    return message.insert(lines, before: &first) ? .true : .false
}

/// `append_urihf(prefix, suffix)`: a header with the Request-URI as received.
func appendURIHeader(_ call: Call) -> CInt {
    let uri = call.message.field(APUS_FIELD_ORIGINAL_URI)
    guard var writer = call.writer(call.text(0).len + uri.len + call.text(1).len + 2) else { return .false }
    writer.add(call.text(0))
    writer.add(uri)
    writer.add(call.text(1))
    if !writer.text.hasSuffix("\r\n") { writer.add("\r\n") }
    return call.message.insert(writer.text, after: nil) ? .true : .false
}

/// `append_to_reply(text)`
func appendToReply(_ call: Call) -> CInt {
    guard let lines = call.lines(0) else { return call.fail("the header text is empty") }
    return call.message.api.pointee.append_to_reply(call.pointee.msg, lines) > 0 ? .true : .false
}

/// `remove_hf(name)`
func removeHeaders(_ call: Call) -> CInt {
    let message = call.message
    return message.each(call.text(0), .all) {
        var header = $0
        return message.remove(&header)
    } ? .true : .false
}

/// `remove_hf_idx(name, index)`: the index counts from 0, or from the end with −1.
func removeHeaderAt(_ call: Call) -> CInt {
    let message = call.message
    var index = call.int(1)
    if index < 0 {
        _ = message.each(call.text(0), .all) { _ in
            index += 1
            return true
        }
    }
    guard index >= 0 else { return .false }
    var place = 0
    while var header = message.find(call.text(0), from: place) {
        if index == 0 { return message.remove(&header) ? .true : .false }
        index -= 1
        place = Int(header.index) + 1
    }
    return .false
}

/// `remove_hf_re(re)`: by the name.
func removeHeadersMatching(_ call: Call) -> CInt { remove(call) { call.matches(0, $0.name) } }

/// `remove_hf_exp(match, skip)`: names that the first matches and the second does not.
func removeHeadersExcept(_ call: Call) -> CInt {
    remove(call) { call.matches(0, $0.name) && !call.matches(1, $0.name) }
}

/// `remove_hf_match(name, operator, value)`: those of that name whose value is, is not, contains or matches.
func removeHeadersByValue(_ call: Call) -> CInt {
    let name = call.text(0)
    let value = call.text(2)
    let api = call.message.api.pointee
    let regexes = call.host.pointee.regex.pointee
    var regex: OpaquePointer?
    if call.int(1) == 3 {
        regex = regexes.compile_now(call, value, 0)
        guard regex != nil else { return .false }
    }
    return remove(call) { header in
        guard api.same_header(header.name, name) > 0 else { return false }
        switch call.int(1) {
        case 0: return header.value.equals(value)
        case 1: return !header.value.equals(value)
        case 2: return header.value.find(value) != nil
        default: return regexes.match(regex.unsafelyUnwrapped, header.value, 0, nil, 0) > 0
        }
    }
}

private func remove(_ call: Call, _ wanted: (apus_header) -> Bool) -> CInt {
    let message = call.message
    var index = 0
    var any = false
    while var header = message.header(at: index) {
        if wanted(header), message.remove(&header) { any = true }
        index += 1
    }
    return any ? .true : .false
}

/// `is_present_hf(name)`
func isPresent(_ call: Call) -> CInt { call.message.find(call.text(0)) != nil ? .true : .false }

/// `is_present_hf_re(re)`: by the name.
func isPresentMatching(_ call: Call) -> CInt {
    var index = 0
    while let header = call.message.header(at: index) {
        if call.matches(0, header.name) { return .true }
        index += 1
    }
    return .false
}

/// `via_param_rm(name, index)`: from the Via of that place; −1 is the last.
func removeViaParameter(_ call: Call) -> CInt {
    let message = call.message
    var index = Int(clamping: call.int(1))
    if index < 0 { index += Int(message.api.pointee.via_count(call.pointee.msg)) }
    guard index >= 0, let via = message.via(index) else { return .false }
    guard let found = parameter(call.text(0), in: via.params) else { return .false }
    return message.replace(via.params[found], with: "") ? .true : .false
}

/// Where `;name=value` stands in parameters, quoted values respected.
private func parameter(_ name: apus_str, in params: apus_str) -> Range<Int>? {
    var start = 0
    while start < params.len {
        let end = params.end(of: UInt8(ascii: ";"), from: start + 1)
        var rest = params[start..<end]
        if rest[0] == UInt8(ascii: ";") { rest = rest.dropFirst(1) }
        if let found = rest.next(UInt8(ascii: "=")), found.trimmed.equalsIgnoringCase(name) { return start..<end }
        start = end
    }
    return nil
}

/// `is_privacy(type)`: a value of the header Privacy (RFC 3323 section 4.2).
func isPrivacy(_ call: Call) -> CInt {
    call.message.each("Privacy", .all) { header in
        var rest = header.value
        while let value = rest.next(UInt8(ascii: ";")) {
            if value.trimmed.equalsIgnoringCase(call.text(0)) { return true }
        }
        return false
    } ? .true : .false
}
