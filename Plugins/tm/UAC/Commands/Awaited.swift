import PluginKit

// Invariants: an Awaited is made on the management thread and then the transaction's worker's alone, which frees it with the transaction. Its
// deferral is finished once: with the final reply, by the timer, or, if nothing else came, when the transaction ends.

/// A command that waits for the final reply to its request.
struct Awaited {
    /// What the answer says.
    enum Answer {
        /// Code and reason, within 80 seconds.
        case codeAndText
        /// Code, reason, what further requests in its dialog need, and its headers.
        case reply
        /// One line, code and reason, within 80 seconds.
        case status
        /// SER's text: such a line; what further requests in its dialog need, a line each; its headers.
        case text
        /// The management interface's: the same below a line that says that the command was executed.
        case textBelowStatus

        /// It does not wait for ever.
        fileprivate var isBlocking: Bool { self == .codeAndText || self == .status }
    }

    /// How long a blocking command waits, in milliseconds.
    private static let longestBlock: UInt32 = 80_000

    private let host: Host
    private let deferral: UInt64
    fileprivate let answer: Answer
    private var isAnswered = false
    private var timer: UInt64 = 0

    /// Sends the request; the command's answer is put off.
    static func send(_ command: UnsafePointer<apus_command>, _ asked: tm_request, _ answer: Answer) -> CInt {
        let host = command.pointee.host
        let deferral = host.pointee.rpc.pointee.defer(command, 0)
        guard deferral != 0 else { return .false }
        let awaited = UnsafeMutablePointer<Awaited>.allocate(capacity: 1)
        awaited.initialize(to: Awaited(host: host, deferral: deferral, answer: answer))
        var asked = asked
        asked.kinds = UInt32(TM_LOCAL_COMPLETED | TM_LOCAL_REQUEST_DROP | TM_LOCAL_REQUEST_IN)
        asked.call = Awaited.happened
        asked.user = UnsafeMutableRawPointer(awaited)
        asked.release = Awaited.released
        do throws(RequestFault) { try command.state.request(asked, for: host) } catch {
            awaited.fail(CInt(error.code), error.reason)
            awaited.deallocate()
        }
        return .suspended
    }

    private static let happened: tm_callback = { event in
        guard let awaited = event.pointee.user?.assumingMemoryBound(to: Awaited.self) else { return }
        switch Int(event.pointee.type) {
        case TM_LOCAL_REQUEST_IN: awaited.watch()
        case TM_LOCAL_REQUEST_DROP: awaited.fail(500, "The request was dropped by the script")
        default: awaited.answer(event)
        }
    }

    private static let released: @convention(c) (UnsafeMutableRawPointer?) -> Void = { user in
        guard let awaited = user?.assumingMemoryBound(to: Awaited.self) else { return }
        awaited.fail(500, "The request has ended without a reply")
        awaited.stopWatching()
        awaited.deallocate()
    }

    private static let waitedTooLong: @convention(c) (UnsafePointer<apus_tick>) -> Void = { tick in
        guard let awaited = tick.pointee.user?.assumingMemoryBound(to: Awaited.self) else { return }
        awaited.pointee.timer = 0
        awaited.fail(500, "No final reply within 80 seconds")
    }

    // For the pointer's methods, which an extension of another type cannot give what is private here.
    fileprivate static func watch(_ awaited: UnsafeMutablePointer<Awaited>) {
        guard awaited.pointee.answer.isBlocking else { return }
        let host = awaited.pointee.host
        awaited.pointee.timer = host.pointee.timer.pointee.after(host, longestBlock, waitedTooLong, awaited)
    }

    fileprivate static func stopWatching(_ awaited: UnsafeMutablePointer<Awaited>) {
        guard awaited.pointee.timer != 0 else { return }
        let host = awaited.pointee.host
        _ = host.pointee.timer.pointee.cancel(host, awaited.pointee.timer)
        awaited.pointee.timer = 0
    }

    /// The command, to be answered now; nil when it was. After it the deferral must be finished.
    fileprivate static func take(_ awaited: UnsafeMutablePointer<Awaited>) -> UnsafePointer<apus_command>? {
        guard !awaited.pointee.isAnswered else { return nil }
        awaited.pointee.isAnswered = true
        let host = awaited.pointee.host
        return host.pointee.rpc.pointee.resume(host, awaited.pointee.deferral)
    }

    fileprivate static func finish(_ awaited: UnsafeMutablePointer<Awaited>) {
        let host = awaited.pointee.host
        host.pointee.rpc.pointee.finish(host, awaited.pointee.deferral)
    }
}

extension UnsafeMutablePointer<Awaited> {
    fileprivate func watch() { Awaited.watch(self) }
    fileprivate func stopWatching() { Awaited.stopWatching(self) }

    fileprivate func fail(_ code: CInt, _ text: apus_str) {
        guard let command = Awaited.take(self) else { return }
        command.fail(code, text)
        Awaited.finish(self)
    }

    /// The request has its outcome.
    fileprivate func answer(_ event: UnsafePointer<tm_event>) {
        stopWatching()
        guard let command = Awaited.take(self) else { return }
        let code = event.pointee.code
        let messages = command.pointee.host.pointee.message
        let reply = event.pointee.reply
        let reason = reply.map { messages.pointee.field($0, UInt32(APUS_FIELD_REASON)) } ?? Awaited.reason(of: code)
        switch pointee.answer {
        case .codeAndText:
            command.openMap()
            command.add("code", Int64(code))
            command.add("text", reason)
            command.close()
        case .reply:
            command.openArray()
            command.add(nil, Int64(code))
            command.add(nil, reason)
            if let reply { Awaited.describe(reply, messages, command) }
            command.close()
        case .status: command.add(line: "\(code) \(reason.string)")
        case .text, .textBelowStatus:
            if pointee.answer == .textBelowStatus { command.add(line: "200 OK") }
            command.add(line: "\(code) \(reason.string)")
            if let reply { Awaited.write(reply, messages, command) }
        }
        Awaited.finish(self)
    }
}

extension Awaited {
    /// What further requests in the reply's dialog need: their Request-URI, next hop and route set; then its headers.
    fileprivate static func describe(
        _ reply: OpaquePointer, _ messages: UnsafePointer<apus_message_api>, _ command: UnsafePointer<apus_command>
    ) {
        withDialog(of: reply, messages) { target, hop, routes in
            command.add(nil, target)
            command.add(nil, hop)
            command.add(nil, routes)
        }
        command.add(nil, messages.pointee.part(reply, UInt32(APUS_PART_HEADERS)))
    }

    /// The same as lines, a dot for what there is not; the route set as the header that the next request needs.
    fileprivate static func write(
        _ reply: OpaquePointer, _ messages: UnsafePointer<apus_message_api>, _ command: UnsafePointer<apus_command>
    ) {
        withDialog(of: reply, messages) { target, hop, routes in
            command.add(nil, target.isEmpty ? "." : target)
            command.add(nil, hop.isEmpty ? "." : hop)
            command.add(line: routes.isEmpty ? "." : "Route: \(routes.string)")
        }
        command.add(nil, messages.pointee.part(reply, UInt32(APUS_PART_HEADERS)))
    }

    /// Shows Request-URI, next hop and route set of further requests in the reply's dialog; empty ones are texts, too.
    private static func withDialog(
        of reply: OpaquePointer, _ messages: UnsafePointer<apus_message_api>,
        _ show: (_ target: apus_str, _ hop: apus_str, _ routes: apus_str) -> Void
    ) {
        let capacity = RouteSet.capacity(reply, messages)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(1, capacity), alignment: 1)
        defer { memory.deallocate() }
        var out = Writer(memory, capacity: capacity)
        RouteSet.write(reply, messages, reversed: true, to: &out)
        let routes = RouteSet(out.text)
        let target = TransactionRef.contact(of: reply, messages)
        let hop = routes.values.isEmpty ? target : routes.first(messages)
        show(target.isEmpty ? "" : target, hop.isEmpty ? "" : hop, routes.values)
    }

    /// Of an outcome that nobody sent.
    fileprivate static func reason(of code: Int32) -> apus_str {
        switch code {
        case 408: "Request Timeout"
        case 477: "Send failed"
        case 478: "Unresolvable destination"
        case 487: "Request Terminated"
        case 503: "Service Unavailable"
        case 513: "Message Too Large"
        default: "Server Internal Error"
        }
    }
}
