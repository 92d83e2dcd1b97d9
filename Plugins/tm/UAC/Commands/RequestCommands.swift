import PluginKit

// Invariants: run on the management thread; the command's arguments, and what is made of them, are copied by `request` before it returns.

/// Commands that send a request. With `wait` and `block` they answer when its final reply has come.
func declareRequestCommands(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let arguments: StaticString =
        "method:string, ruri:string, nexthop:string, socket:string, headers:string, body:string?"
    func declare(
        _ name: StaticString, doc: StaticString, call: @escaping @convention(c) (UnsafePointer<apus_command>) -> CInt
    ) {
        host.command(name, arguments: arguments, doc: doc, user: state, call: call)
    }
    declare("tm.t_uac_start", doc: "Sends a request of our own.") { send($0, Sending(.start)) }
    declare("tm.t_uac_start_hex", doc: "The same; the body is in hexadecimal digits.") {
        send($0, Sending(.start, isHex: true))
    }
    declare("tm.t_uac_start_noack", doc: "Sends a request; the 2xx to an INVITE is not acknowledged.") {
        send($0, Sending(.start, noAck: true))
    }
    declare("tm.t_uac_start_noack_hex", doc: "The same; the body is in hexadecimal digits.") {
        send($0, Sending(.start, isHex: true, noAck: true))
    }
    declare("tm.t_uac_wait", doc: "Sends a request and answers with its final reply.") { send($0, Sending(.wait)) }
    declare("tm.t_uac_wait_hex", doc: "The same; the body is in hexadecimal digits.") {
        send($0, Sending(.wait, isHex: true))
    }
    declare("tm.t_uac_wait_noack", doc: "The same as t_uac_wait; the 2xx to an INVITE is not acknowledged.") {
        send($0, Sending(.wait, noAck: true))
    }
    declare("tm.t_uac_wait_noack_hex", doc: "The same; the body is in hexadecimal digits.") {
        send($0, Sending(.wait, isHex: true, noAck: true))
    }
    declare(
        "tm.t_uac_wait_block", doc: "Sends a request and answers with its final code and reason, within 80 seconds."
    ) {
        send($0, Sending(.block))
    }
    declare("tm.t_uac_wait_block_hex", doc: "The same; the body is in hexadecimal digits.") {
        send($0, Sending(.block, isHex: true))
    }
    declare("tm.t_uac_wait_block_noack", doc: "The same as t_uac_wait_block; the 2xx is not acknowledged.") {
        send($0, Sending(.block, noAck: true))
    }
    declare("tm.t_uac_wait_block_noack_hex", doc: "The same; the body is in hexadecimal digits.") {
        send($0, Sending(.block, isHex: true, noAck: true))
    }
    declare("t_uac_dlg", doc: "As tm.t_uac_wait; !! in the headers is the local address and port.") {
        send($0, Sending(.wait, namesSocket: true))
    }
    declareRequestForms(host, state)
    host.command(
        "tm.t_uac_attrs",
        arguments:
            "attributes:string, method:string, ruri:string, nexthop:string, socket:string, headers:string, body:string?",
        doc:
            "As the others, by mode=start|wait|block;cbflags=noack;rpflags=1 (body in hexadecimal digits);fr_timeout=ms;fr_inv_timeout=ms.",
        user: state, call: sendByAttributes)
    host.command(
        "t_uac_from", arguments: "method:string, from:string, to:string, headers:string, body:string?",
        doc: "Sends a request to a URI, from another or from uac_from, and answers with its final code and reason.",
        user: state
    ) { sendBetween($0, from: $0.text(1), to: $0.text(2), headers: $0.text(3), body: $0.text(4), .codeAndText) }
    host.command(
        "t_uac", arguments: "method:string, to:string, headers:string, body:string?",
        doc: "Sends a request from uac_from to a URI and answers with its final code and reason.", user: state
    ) { sendBetween($0, from: "", to: $0.text(1), headers: $0.text(2), body: $0.text(3), .codeAndText) }
}

/// The same in the text protocols.
private func declareRequestForms(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    host.form("t_uac_from", of: APUS_RPC_SER_TEXT, "line blank line lines body", user: state) { command in
        if let missing = command.missing("method", "from", "destination", "HFs", "body") { return missing }
        return sendBetween(
            command, from: command.text(1), to: command.text(2), headers: command.text(3), body: command.text(4),
            .status)
    }
    host.form("t_uac", of: APUS_RPC_SER_TEXT, "line line lines body", user: state) { command in
        if let missing = command.missing("method", "destination", "HFs", "body") { return missing }
        return sendBetween(
            command, from: "", to: command.text(1), headers: command.text(2), body: command.text(3), .status)
    }
    host.form("t_uac_dlg", of: APUS_RPC_SER_TEXT, "line line line lines body", user: state) { command in
        if let missing = command.missing("method", "ruri", "nexthop", "HFs", "body") { return missing }
        return send(command, Sending(.wait, namesSocket: true, answer: .text))
    }
    host.form("t_uac_dlg", of: APUS_RPC_MI_TEXT, user: state) { command in
        guard 5...6 ~= command.pointee.count else { return command.fail(400, "Too few or too many arguments") }
        return send(command, Sending(.wait, namesSocket: true, answer: .textBelowStatus))
    }
}

extension UnsafePointer<apus_command> {
    /// The fault for the first of these arguments that was not given.
    fileprivate func missing(_ names: String...) -> CInt? {
        guard Int(pointee.count) < names.count else { return nil }
        var text = "fifo_uac: \(names[Int(pointee.count)]) expected"
        return text.withUTF8 { fail(400, apus_str(start: $0.baseAddress, count: $0.count)) }
    }
}

/// How a request is sent, and how its command answers.
private struct Sending {
    enum Mode {
        case start
        case wait
        case block
    }

    var mode: Mode
    var isHex = false
    var noAck = false
    /// `!!` in headers stands for our address and port.
    var namesSocket = false
    /// Place of the method among the arguments.
    var first = 0
    /// How a form's command answers; nil: by mode.
    var form: Awaited.Answer?
    /// Milliseconds; 0: as the parameters say.
    var fr: UInt32 = 0
    var frInvite: UInt32 = 0

    init(
        _ mode: Mode, isHex: Bool = false, noAck: Bool = false, namesSocket: Bool = false, answer: Awaited.Answer? = nil
    ) {
        self.mode = mode
        self.isHex = isHex
        self.noAck = noAck
        self.namesSocket = namesSocket
        form = answer
    }

    var answer: Awaited.Answer { form ?? (mode == .block ? .codeAndText : .reply) }
    /// Places of the header lines and the body; SER's text names no socket before them.
    var headers: Int { first + (form == .text ? 3 : 4) }
}

/// The request as texts that the command owns.
private struct Texts {
    var method: apus_str
    var uri: apus_str
    var nextHop: apus_str = ""
    var listener: OpaquePointer?
    var headers: [UInt8]
    var body: [UInt8]
    /// Of a body whose headers do not say it.
    var bodyType: apus_str = ""
}

private func send(_ command: UnsafePointer<apus_command>, _ sending: Sending) -> CInt {
    do throws(RequestFault) {
        let first = sending.first
        let host = command.pointee.host
        let listener = try host.listener(named: sending.form == .text ? "" : command.text(first + 3))
        var texts = Texts(
            method: command.text(first), uri: command.text(first + 1), nextHop: command.textOrDot(first + 2),
            listener: listener, headers: Array(command.textOrDot(sending.headers).bytes),
            body: Array(command.textOrDot(sending.headers + 1).bytes))
        if sending.isHex { texts.body = try bytes(ofHex: texts.body) }
        if sending.namesSocket {
            texts.headers = naming(listener ?? host.pointee.net.pointee.at(host, 0), host, texts.headers)
        }
        return try send(command, sending, texts)
    } catch { return command.fail(error.code, error.reason) }
}

/// `tm.t_uac_attrs`
private let sendByAttributes: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    var sending = Sending(.start)
    sending.first = 1
    var attributes = command.text(0)
    while let attribute = attributes.next(0x3b) {
        var value = attribute.trimmed
        guard let name = value.next(0x3d) else { continue }
        guard sending.set(name, value) else { return command.fail(400, "Invalid attributes") }
    }
    return send(command, sending)
}

extension Sending {
    fileprivate mutating func set(_ name: apus_str, _ value: apus_str) -> Bool {
        switch (name.string, value.string) {
        case ("mode", "start"): mode = .start
        case ("mode", "wait"): mode = .wait
        case ("mode", "block"): mode = .block
        case ("cbflags", "noack"): noAck = true
        case ("rpflags", _):
            guard let flags = value.number, 0...1 ~= flags else { return false }
            isHex = flags == 1
        case ("fr_timeout", _):
            guard let time = value.number, 1...Duration.longest ~= time else { return false }
            fr = UInt32(time)
        case ("fr_inv_timeout", _):
            guard let time = value.number, 1...Duration.longest ~= time else { return false }
            frInvite = UInt32(time)
        default: return false
        }
        return true
    }
}

/// `t_uac_from` and `t_uac`: both URIs are From, To and Request-URI.
private func sendBetween(
    _ command: UnsafePointer<apus_command>, from: apus_str, to: apus_str, headers: apus_str, body: apus_str,
    _ answer: Awaited.Answer
) -> CInt {
    let method = command.text(0)
    guard !method.isEmpty else { return command.fail(400, "fifo_uac: method expected") }
    guard !to.isEmpty else { return command.fail(400, "fifo_uac: destination expected") }
    let sender = from.isEmpty ? command.state.pointee.settings.uacFrom : from
    var lines = Array("From: <".utf8)
    lines += sender.bytes
    lines += Array(">\r\nTo: <".utf8)
    lines += to.bytes
    lines += Array(">\r\n".utf8)
    lines += headers.bytes
    do throws(RequestFault) {
        return try send(
            command, Sending(.block, answer: answer),
            Texts(method: method, uri: to, headers: lines, body: Array(body.bytes), bodyType: "text/plain"))
    } catch { return command.fail(error.code, error.reason) }
}

private func send(
    _ command: UnsafePointer<apus_command>, _ sending: Sending, _ texts: Texts
) throws(RequestFault) -> CInt {
    let host = command.pointee.host
    let messages = host.pointee.message
    let capacity = 2 * texts.headers.count + 2
    let memory = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 1)
    // Everything that points into them is copied by `request`.
    let body = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: texts.body.count)
    let headers = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: texts.headers.count)
    _ = body.initialize(from: texts.body)
    _ = headers.initialize(from: texts.headers)
    defer {
        memory.deallocate()
        body.deallocate()
        headers.deallocate()
    }
    var out = Writer(memory, capacity: capacity)
    let lines = apus_str(start: UnsafePointer(headers.baseAddress), count: headers.count)
    let block = try HeaderBlock.read(lines, method: texts.method, messages, into: &out)
    var asked = tm_request()
    asked.size = UInt32(MemoryLayout<tm_request>.size)
    asked.method = texts.method
    asked.uri = texts.uri
    asked.next_hop = texts.nextHop
    asked.listener = texts.listener
    asked.body = apus_str(start: UnsafePointer(body.baseAddress), count: body.count)
    if !body.isEmpty, !block.hasContentType { asked.body_type = texts.bodyType }
    asked.fr_timer = sending.fr
    asked.fr_inv_timer = sending.frInvite
    if sending.noAck { asked.flags = UInt32(TM_NO_ACK) }
    block.fill(&asked)
    guard sending.mode != .start else {
        try command.state.request(asked, for: host)
        return .true
    }
    // What is wrong with it is told before the answer is put off.
    _ = try OwnRequest(asked, messages)
    return Awaited.send(command, asked, sending.answer)
}

/// The bytes that hexadecimal digits stand for; blanks between them do not count.
private func bytes(ofHex text: [UInt8]) throws(RequestFault) -> [UInt8] {
    var result: [UInt8] = []
    var high: UInt8?
    for byte in text where !apus_str.isBlank(byte) {
        let digit: UInt8
        switch byte {
        case 0x30...0x39: digit = byte - 0x30
        case 0x41...0x46: digit = byte - 0x37
        case 0x61...0x66: digit = byte - 0x57
        default: throw RequestFault(400, "Invalid body")
        }
        if let first = high {
            result.append(first << 4 | digit)
            high = nil
        } else {
            high = digit
        }
    }
    guard high == nil else { throw RequestFault(400, "Invalid body") }
    return result
}

/// The text with address and port of a socket for each `!!`.
private func naming(_ listener: OpaquePointer?, _ host: Host, _ text: [UInt8]) -> [UInt8] {
    guard let listener, let info = apus_listener_info.filled({ host.pointee.net.pointee.info(listener, $0) }) else {
        return text
    }
    let name = Array(info.advertised_address.bytes) + Array(":\(info.advertised_port)".utf8)
    var result: [UInt8] = []
    var index = 0
    while index < text.count {
        if text[index] == 0x21, index + 1 < text.count, text[index + 1] == 0x21 {
            result += name
            index += 2
        } else {
            result.append(text[index])
            index += 1
        }
    }
    return result
}
