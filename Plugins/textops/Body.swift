import PluginKit
import RoutingKit

/// `has_body([type])`: there is a body, of that media type when one is given; multipart bodies are not searched.
func hasBody(_ call: Call) -> CInt {
    guard !call.message.body.isEmpty else { return .false }
    return !call.has(0) || isOfType(call.message, call.text(0)) ? .true : .false
}

/// `has_sdp()`
func hasSDP(_ call: Call) -> CInt {
    !call.message.body.isEmpty && isOfType(call.message, "application/sdp") ? .true : .false
}

/// Content-Type without its parameters (RFC 3261 section 20.15: case does not matter).
func isOfType(_ message: Message, _ type: apus_str) -> Bool {
    message.field(APUS_FIELD_CONTENT_TYPE).isMediaType(type)
}

/// `set_body(text, type)`
func setBody(_ call: Call) -> CInt { setBody(call, call.text(0)) }

/// `set_body_hex(digits, type)`
func setBodyFromHex(_ call: Call) -> CInt {
    guard let body = call.bytes(0) else { return .false }
    return setBody(call, body)
}

private func setBody(_ call: Call, _ body: apus_str) -> CInt {
    guard !call.text(1).isEmpty else { return call.fail("the Content-Type is empty") }
    return call.message.api.pointee.set_body(call.pointee.msg, body, call.text(1)) > 0 ? .true : .false
}

/// `set_reply_body(text, type)`
func setReplyBody(_ call: Call) -> CInt { setReplyBody(call, call.text(0)) }

/// `set_reply_body_hex(digits, type)`
func setReplyBodyFromHex(_ call: Call) -> CInt {
    guard let body = call.bytes(0) else { return .false }
    return setReplyBody(call, body)
}

private func setReplyBody(_ call: Call, _ body: apus_str) -> CInt {
    guard !body.isEmpty else { return call.fail("the body is empty") }
    guard !call.text(1).isEmpty else { return call.fail("the Content-Type is empty") }
    return call.message.api.pointee.set_reply_body(call.pointee.msg, body, call.text(1)) > 0 ? .true : .false
}

/// Checks a constant Content-Type, the first argument.
let prepareType: Preparation = { _, index, constant, _, complaint in
    index == 0 ? checkType(constant, complaint) : .true
}

/// Checks a constant Content-Type, the second argument.
let prepareSecondType: Preparation = { _, index, constant, _, complaint in
    index == 1 ? checkType(constant, complaint) : .true
}

/// Checks constant hexadecimal digits, the first argument, and a constant Content-Type, the second.
let prepareHex: Preparation = { _, index, constant, _, complaint in
    if index == 1 { return checkType(constant, complaint) }
    guard index == 0 else { return .true }
    guard constant.len % 2 == 0 else { return complaint.say("two hexadecimal digits make a byte", at: constant.len) }
    for (place, byte) in constant.bytes.enumerated() where nibble(byte) == nil {
        return complaint.say("two hexadecimal digits make a byte", at: place)
    }
    return .true
}

private func checkType(_ constant: apus_str, _ complaint: UnsafeMutablePointer<apus_complaint>) -> CInt {
    guard let slash = constant.index(of: UInt8(ascii: "/")), slash > 0, slash + 1 < constant.len else {
        return complaint.say("a media type is wanted: application/sdp")
    }
    return .true
}

extension UnsafePointer<apus_call> {
    /// The bytes that an argument of hexadecimal digits means; nil, with a line in the log, when it is none.
    func bytes(_ index: Int) -> apus_str? {
        let hex = text(index)
        guard hex.len % 2 == 0, var writer = writer(hex.len / 2 + 1) else {
            log(.error, "two hexadecimal digits make a byte")
            return nil
        }
        for index in stride(from: 0, to: hex.len, by: 2) {
            guard let high = nibble(hex[index]), let low = nibble(hex[index + 1]) else {
                log(.error, "two hexadecimal digits make a byte")
                return nil
            }
            writer.add(byte: high << 4 | low)
        }
        return writer.text
    }
}

private func nibble(_ byte: UInt8) -> UInt8? {
    switch apus_str.lower(byte) {
    case 0x30...0x39: byte - 0x30
    case 0x61...0x66: apus_str.lower(byte) - 0x61 + 10
    default: nil
    }
}

/// `is_audio_on_hold()`: 1 by a zero connection address (RFC 2543), 2 by `sendonly` or `inactive` (RFC 3264 section 8.4).
func isAudioOnHold(_ call: Call) -> CInt {
    guard isOfType(call.message, "application/sdp") else { return .false }
    var rest = call.message.body
    /// The session's own lines hold for every stream that does not say otherwise.
    var session = (address: CInt.false, direction: CInt.false)
    var stream = session
    var inAudio = false
    var sawStream = false
    while let line = rest.next(UInt8(ascii: "\n")) {
        let text = line.trimmed
        if text.hasPrefix("m=") {
            if inAudio, let held = answer(stream) { return held }
            sawStream = true
            inAudio = text.hasPrefix("m=audio ")
            stream = session
        } else if text.hasPrefix("c=IN IP4 ") {
            let held: CInt = text.dropFirst(9).trimmed.equals("0.0.0.0") ? 1 : .false
            if sawStream { stream.address = held } else { session.address = held }
        } else if text.equals("a=sendonly") || text.equals("a=inactive") {
            if sawStream { stream.direction = 2 } else { session.direction = 2 }
        } else if text.equals("a=sendrecv") || text.equals("a=recvonly") {
            if sawStream { stream.direction = .false } else { session.direction = .false }
        }
    }
    return inAudio ? answer(stream) ?? .false : .false
}

private func answer(_ stream: (address: CInt, direction: CInt)) -> CInt? {
    stream.address > 0 ? 1 : stream.direction > 0 ? 2 : nil
}
