import PluginKit
import RoutingKit

// RFC 2046 section 5.1. What is said of a body here is said of the one that will be sent: edits of it are applied before it is looked at. A body
// that is written again has neither preamble nor epilogue, which mean nothing.

/// `set_body_multipart([text, type[, boundary]])`: without a text the body that is there becomes the first part.
func setMultipart(_ call: Call) -> CInt {
    guard let message = call.settledMessage else { return .false }
    let body = call.has(0) ? call.text(0) : message.body
    let type = call.has(0) ? call.text(1) : message.field(APUS_FIELD_CONTENT_TYPE)
    guard !body.isEmpty, !type.isEmpty else { return call.fail("there is no body with a Content-Type") }
    if !call.has(0), message.isMultipart { return .true }
    let boundary = call.has(2) ? call.text(2) : unusedBoundary(call, body)
    if !call.has(2), boundary.isEmpty { return .false }
    guard isBoundary(boundary) else { return call.fail("a boundary is 1 to 70 letters, digits or '()+_,-./:=?") }
    guard var text = call.writer(body.len + type.len + 2 * boundary.len + 64) else { return .false }
    text.add(part: body, type, boundary, disposition: "")
    text.add(closing: boundary)
    guard var value = call.writer(boundary.len + 32) else { return .false }
    value.add("multipart/mixed;boundary=\"")
    value.add(boundary)
    value.add("\"")
    guard message.api.pointee.set_body(message.handle, text.text, value.text) > 0 else { return .false }
    if message.find("Mime-Version") != nil { return .true }
    return message.insert("Mime-Version: 1.0\r\n", after: nil) ? .true : .false
}

/// `append_body_part(text, type[, disposition])`
func appendPart(_ call: Call) -> CInt { append(call, call.text(0)) }

/// `append_body_part_hex(digits, type[, disposition])`
func appendPartFromHex(_ call: Call) -> CInt {
    guard let text = call.bytes(0) else { return .false }
    return append(call, text)
}

private func append(_ call: Call, _ text: apus_str) -> CInt {
    let type = call.text(1)
    guard !type.isEmpty else { return call.fail("the Content-Type is empty") }
    let disposition = call.has(2) ? call.text(2) : ""
    guard let body = Rewritten(call, added: text.len + type.len + disposition.len + 128) else {
        return call.fail("the body is not multipart")
    }
    return body.write { parts, writer, boundary in
        while let part = parts.next() { writer.add(part) }
        writer.add(part: text, type, boundary, disposition: disposition)
        return true
    }
}

/// `remove_body_part(type)`: all parts of that type.
func removePart(_ call: Call) -> CInt {
    guard let body = Rewritten(call, added: 0) else { return .false }
    var found = false
    let result = body.write { parts, writer, _ in
        while let part = parts.next() {
            if part.type.isMediaType(call.text(0)) { found = true } else { writer.add(part) }
        }
        return found
    }
    return found ? result : .false
}

/// `filter_body(type)`: the first part of that type is all that is left. Content-Type is the script's business.
func filterBody(_ call: Call) -> CInt {
    guard let message = call.settledMessage else { return .false }
    var parts = Parts(message)
    while let part = parts.next() {
        guard part.type.isMediaType(call.text(0)) else { continue }
        return message.api.pointee.set_body(message.handle, part.body, apus_str()) > 0 ? .true : .false
    }
    return .false
}

/// `get_body_part(type, result)`
func getPart(_ call: Call) -> CInt { get(call) { $0.body } }

/// `get_body_part_raw(type, result)`: with the part's own headers.
func getRawPart(_ call: Call) -> CInt {
    get(call) { part in
        guard let start = part.headers.s, let body = part.body.s else { return part.body }
        return apus_str(s: start, len: body - start + part.body.len)
    }
}

private func get(_ call: Call, _ wanted: (apus_body_part) -> apus_str) -> CInt {
    guard let message = call.settledMessage else { return .false }
    var parts = Parts(message)
    while let part = parts.next() {
        if part.type.isMediaType(call.text(0)) { return call.set(1, apus_value(wanted(part))) }
    }
    return .false
}

/// A multipart body that is written anew.
private struct Rewritten {
    let message: Message
    let parts: Parts
    let boundary: apus_str
    let writer: Writer

    /// nil when the body is not multipart, or memory is out.
    init?(_ call: Call, added: Int) {
        guard let message = call.settledMessage else { return nil }
        self.message = message
        parts = Parts(message)
        guard let boundary = parts.boundary, let writer = call.writer(message.body.len + added + 2 * boundary.len + 16)
        else { return nil }
        self.boundary = boundary
        self.writer = writer
    }

    /// - Parameter write: false to leave the body as it is.
    func write(_ write: (inout Parts, inout Writer, apus_str) -> Bool) -> CInt {
        var (parts, writer) = (parts, writer)
        guard write(&parts, &writer, boundary) else { return .false }
        writer.add(closing: boundary)
        guard !writer.overflowed else { return .false }
        return message.api.pointee.set_body(message.handle, writer.text, apus_str()) > 0 ? .true : .false
    }
}

/// The parts of a multipart body in their order.
private struct Parts {
    private let message: Message
    private let type: apus_str
    private var index: UInt32 = 0

    init(_ message: Message) {
        self.message = message
        type = message.field(APUS_FIELD_CONTENT_TYPE)
    }

    /// nil: the body is not multipart.
    var boundary: apus_str? {
        guard message.isMultipart, let start = type.index(of: UInt8(ascii: ";")),
            let value = message.parameter("boundary", in: type.dropFirst(start)), !value.isEmpty
        else { return nil }
        return value
    }

    mutating func next() -> apus_body_part? {
        let part = apus_body_part.filled { message.api.pointee.body_part(message.body, type, index, $0) }
        index += 1
        return part
    }
}

extension Message {
    fileprivate var isMultipart: Bool {
        !body.isEmpty && field(APUS_FIELD_CONTENT_TYPE).len > 10
            && field(APUS_FIELD_CONTENT_TYPE)[0..<10].equalsIgnoringCase("multipart/")
    }
}

extension UnsafePointer<apus_call> {
    /// The call's message with the body that will be sent; nil when memory is out.
    fileprivate var settledMessage: Message? {
        let message = message
        guard message.api.pointee.is_body_edited(message.handle) > 0 else { return message }
        return message.api.pointee.apply_edits(message.handle) > 0 ? message : nil
    }
}

/// Boundaries that are tried: a text that holds all of them was made to.
private let boundaryLimit: Int64 = 32

/// A boundary that does not stand in the text; none, with a line in the log, when all that are tried do.
private func unusedBoundary(_ call: Call, _ text: apus_str) -> apus_str {
    for number in 1...boundaryLimit {
        guard var boundary = call.writer(40) else { return "" }
        boundary.add("unique-boundary-")
        boundary.add(number: number)
        if text.find(boundary.text) == nil { return boundary.text }
    }
    call.log(.error, "every boundary that was tried stands in the body: give set_body_multipart one")
    return ""
}

/// RFC 2046 section 5.1.1, `boundary`, without the blank.
private func isBoundary(_ text: apus_str) -> Bool {
    for byte in text.bytes {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: continue
        default: if apus_str("'()+_,-./:=?").index(of: byte) == nil { return false }
        }
    }
    return 1...70 ~= text.len
}

extension Writer {
    /// A part as it stands, from its delimiter line on.
    fileprivate mutating func add(_ part: apus_body_part) {
        add(part.text)
        if !part.text.hasSuffix("\n") { add("\r\n") }
    }

    fileprivate mutating func add(part body: apus_str, _ type: apus_str, _ boundary: apus_str, disposition: apus_str) {
        add("--")
        add(boundary)
        add("\r\nContent-Type: ")
        add(type)
        if !disposition.isEmpty {
            add("\r\nContent-Disposition: ")
            add(disposition)
        }
        add("\r\n\r\n")
        add(body)
        add("\r\n")
    }

    fileprivate mutating func add(closing boundary: apus_str) {
        add("--")
        add(boundary)
        add("--\r\n")
    }
}
