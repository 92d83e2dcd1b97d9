import PluginKit

/// `replace(re, text)`: the first match after the first line.
func replaceFirst(_ call: Call) -> CInt { replaceOnce(call, call.message.headersAndBody) }

/// `replace_hdrs(re, text)`
func replaceInHeaders(_ call: Call) -> CInt { replaceOnce(call, call.message.headers) }

/// `replace_body(re, text)`
func replaceInBody(_ call: Call) -> CInt { replaceOnce(call, call.message.body) }

/// `replace_all(re, text)`: every match, line by line.
func replaceAll(_ call: Call) -> CInt { replaceByLine(call, call.message.headersAndBody) }

/// `replace_body_all(re, text)`
func replaceAllInBody(_ call: Call) -> CInt { replaceByLine(call, call.message.body) }

/// `replace_body_atonce(re, text)`: every match in the body as one text.
func replaceBodyAtOnce(_ call: Call) -> CInt {
    let prepared = call.argument(0).prepared.map { OpaquePointer($0) }
    guard let regex = prepared ?? call.host.pointee.regex.pointee.compile_now(call, call.text(0), wholeText) else {
        return .false
    }
    return replaceEach(call, call.message.body, regex) ? .true : .false
}

/// A line end is a character as any other.
private let wholeText = UInt32(APUS_REGEX_DOTALL)

/// Compiles a constant expression, the first argument, for the body as one text.
let prepareWholeText: Preparation = { host, index, constant, prepared, complaint in
    guard index == 0 else { return .true }
    guard let regex = host.pointee.regex.pointee.compile(host, constant, wholeText, complaint) else { return .false }
    prepared.pointee = UnsafeMutableRawPointer(regex)
    return .true
}

private func replaceOnce(_ call: Call, _ subject: apus_str) -> CInt {
    guard let match = call.match(0, in: subject) else { return .false }
    return call.message.replace(subject[match], with: call.text(1)) ? .true : .false
}

private func replaceByLine(_ call: Call, _ subject: apus_str) -> CInt {
    var rest = subject
    var any = false
    while let line = rest.next(UInt8(ascii: "\n")) {
        let text = line.hasSuffix("\r") ? line[0..<line.len - 1] : line
        if let regex = call.argument(0).regex, replaceEach(call, text, regex) { any = true }
    }
    return any ? .true : .false
}

/// Every match that is not empty; whether there was one.
private func replaceEach(_ call: Call, _ subject: apus_str, _ regex: OpaquePointer) -> Bool {
    var from = 0
    var any = false
    while from <= subject.len, let match = call.match(regex, in: subject, from: from) {
        if match.isEmpty {
            from = match.upperBound + 1
            continue
        }
        if call.message.replace(subject[match], with: call.text(1)) { any = true }
        from = match.upperBound
    }
    return any
}

/// `replace_str(match, replacement, which)`
func replaceText(_ call: Call) -> CInt { replaceLiteral(call, call.message.headersAndBody) }

/// `replace_hdrs_str(match, replacement, which)`
func replaceTextInHeaders(_ call: Call) -> CInt { replaceLiteral(call, call.message.headers) }

/// `replace_body_str(match, replacement, which)`
func replaceTextInBody(_ call: Call) -> CInt { replaceLiteral(call, call.message.body) }

private func replaceLiteral(_ call: Call, _ subject: apus_str) -> CInt {
    let wanted = call.text(0)
    guard !wanted.isEmpty else { return call.fail("the text to look for is empty") }
    var from = 0
    var any = false
    while let found = subject.find(wanted, from: from) {
        if call.message.replace(subject[found..<found + wanted.len], with: call.text(1)) { any = true }
        from = found + wanted.len
        if call.choice(2) == .first { break }
    }
    return any ? .true : .false
}
