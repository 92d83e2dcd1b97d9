import PluginKit

// Invariants: a Dialog lies in a piece of its worker's memory from its making to `free`, owns its texts, and is touched on that worker only.
// Whoever made it frees it; tm keeps no list of dialogs.

typealias DialogRef = UnsafeMutablePointer<Dialog>

/// A dialog as one of its ends sees it (RFC 3261 section 12): what requests within it are made of.
struct Dialog {
    enum State: UInt32 {
        case new = 0
        case early = 1
        case confirmed = 2
        case ended = 3
    }

    let home: UnsafeMutablePointer<Home>
    var state = State.new
    var callID = Stored()
    /// Values of From and To of requests that are sent from here.
    var local = Stored()
    var remote = Stored()
    var remoteTag = Stored()
    var target = Stored()
    /// Where requests go instead of by the route set.
    var nextHop = Stored()
    /// As `RouteSet.values`.
    var routes = Stored()
    /// It does not change any more.
    var hasRoutes = false
    var localCSeq: UInt32 = 0
    /// Of the last request that was received in it; nil: none was.
    var remoteCSeq: UInt32?
}

extension UnsafeMutablePointer<Home> {
    /// An empty dialog; nil when the Call-ID belongs to another worker or memory is out.
    private func newDialog(callID: apus_str, local: apus_str, remote: apus_str, target: apus_str) -> DialogRef? {
        guard !callID.isEmpty, host.pointee.worker.pointee.home(host, callID) == pointee.index,
            apus_uri.filled({ messages.pointee.parse_uri(target, $0) }) != nil,
            apus_name_addr.filled({ messages.pointee.parse_name_addr(local, $0) }) != nil,
            apus_name_addr.filled({ messages.pointee.parse_name_addr(remote, $0) }) != nil,
            let dialog = allocate(Dialog.self)
        else { return nil }
        dialog.initialize(to: Dialog(home: self))
        dialog.pointee.callID = keep(callID)
        dialog.pointee.local = keep(local)
        dialog.pointee.remote = keep(remote)
        dialog.pointee.target = keep(target)
        guard !dialog.pointee.callID.isEmpty, !dialog.pointee.local.isEmpty, !dialog.pointee.remote.isEmpty,
            !dialog.pointee.target.isEmpty
        else {
            dialog.free()
            return nil
        }
        return dialog
    }

    /// Of a request that is going to be sent from here.
    func dialog(
        callID: apus_str, cseq: UInt32, local: apus_str, remote: apus_str, target: apus_str
    ) -> DialogRef? {
        guard let dialog = newDialog(callID: callID, local: local, remote: remote, target: target) else { return nil }
        dialog.pointee.localCSeq = cseq
        return dialog
    }

    /// Of a request that was received and is answered with that status and To tag (section 12.1.1).
    func dialog(of request: OpaquePointer, status: Int32, toTag: apus_str) -> DialogRef? {
        let message = Message(handle: request, api: messages)
        guard message.isRequest, 101...299 ~= status, !toTag.isEmpty, let from = message.find("From"),
            let to = message.find("To"), let cseq = message.field(APUS_FIELD_CSEQ_NUMBER).number
        else { return nil }
        let capacity = to.value.len + toTag.len + 5
        guard let piece = host.pointee.memory.pointee.allocate(host, capacity) else { return nil }
        defer { release(piece) }
        var local = Writer(piece, capacity: capacity)
        local.add(to.value)
        local.add(";tag=")
        local.add(toTag)
        let target = TransactionRef.contact(of: request, messages)
        guard
            let dialog = newDialog(
                callID: message.field(APUS_FIELD_CALL_ID), local: local.text, remote: from.value,
                target: target.isEmpty ? message.field(APUS_FIELD_FROM_URI) : target)
        else { return nil }
        dialog.pointee.state = status < 200 ? .early : .confirmed
        dialog.pointee.remoteCSeq = UInt32(truncatingIfNeeded: cseq)
        dialog.pointee.remoteTag = keep(message.field(APUS_FIELD_FROM_TAG))
        guard dialog.takeRoutes(of: request, reversed: false) else {
            dialog.free()
            return nil
        }
        return dialog
    }
}

extension DialogRef {
    func free() {
        let home = pointee.home
        home.release(&pointee.callID)
        home.release(&pointee.local)
        home.release(&pointee.remote)
        home.release(&pointee.remoteTag)
        home.release(&pointee.target)
        home.release(&pointee.nextHop)
        home.release(&pointee.routes)
        home.release(self)
    }

    /// Another value for one of its texts. False, and the old one stays, when memory is out.
    private func replace(_ path: WritableKeyPath<Dialog, Stored>, with text: apus_str) -> Bool {
        let new = pointee.home.keep(text)
        guard !new.isEmpty || text.isEmpty else { return false }
        pointee.home.release(&pointee[keyPath: path])
        pointee[keyPath: path] = new
        return true
    }

    fileprivate func takeRoutes(of message: OpaquePointer, reversed: Bool) -> Bool {
        let home = pointee.home
        let capacity = RouteSet.capacity(message, home.messages)
        pointee.hasRoutes = true
        guard capacity > 0 else { return replace(\.routes, with: "") }
        guard let piece = home.host.pointee.memory.pointee.allocate(home.host, capacity) else { return false }
        defer { home.release(piece) }
        var out = Writer(piece, capacity: capacity)
        RouteSet.write(message, home.messages, reversed: reversed, to: &out)
        return replace(\.routes, with: out.text)
    }

    /// A reply to a request of ours in it (sections 12.1.2 and 12.2.1.2). False when it belongs to another dialog.
    func received(reply: OpaquePointer) -> Bool {
        let home = pointee.home
        let message = Message(handle: reply, api: home.messages)
        let status = home.messages.pointee.status(reply)
        let tag = message.field(APUS_FIELD_TO_TAG)
        guard status > 0, message.field(APUS_FIELD_CALL_ID).equals(pointee.callID.text) else { return false }
        if !pointee.remoteTag.isEmpty, !tag.isEmpty, !tag.equals(pointee.remoteTag.text), status < 300 { return false }
        guard status < 300 else { return refused(Int32(status), message.method) }
        guard status > 100, !tag.isEmpty else { return true }
        guard pointee.state != .ended else { return true }
        if pointee.remoteTag.isEmpty {
            guard let to = message.find("To"), replace(\.remote, with: to.value), replace(\.remoteTag, with: tag) else {
                return true
            }
        }
        if Dialog.refreshesTarget(message.method) { refreshTarget(by: reply) }
        // The final reply decides on the route set, once.
        if pointee.state != .confirmed { _ = takeRoutes(of: reply, reversed: true) }
        if status >= 200 {
            pointee.state = message.method == APUS_METHOD_BYE ? .ended : .confirmed
        } else if pointee.state == .new {
            pointee.state = .early
        }
        return true
    }

    /// A negative reply: one to the first request means that there is no dialog, 481 and 408 that there is none any more.
    private func refused(_ status: Int32, _ method: Int) -> Bool {
        if pointee.state != .confirmed || status == 481 || status == 408 || method == APUS_METHOD_BYE {
            pointee.state = .ended
        }
        return true
    }

    /// A request that was received in it (section 12.2.2). False when its CSeq is too low.
    func received(request: OpaquePointer) -> Bool {
        let home = pointee.home
        let message = Message(handle: request, api: home.messages)
        guard message.isRequest, let number = message.field(APUS_FIELD_CSEQ_NUMBER).number else { return false }
        let cseq = UInt32(truncatingIfNeeded: number)
        // ACK and CANCEL have the number of their INVITE.
        let isFollower = message.method == APUS_METHOD_ACK || message.method == APUS_METHOD_CANCEL
        if let last = pointee.remoteCSeq, isFollower ? cseq < last : cseq <= last { return isFollower }
        pointee.remoteCSeq = cseq
        if Dialog.refreshesTarget(message.method) { refreshTarget(by: request) }
        if message.method == APUS_METHOD_BYE { pointee.state = .ended }
        return true
    }

    private func refreshTarget(by message: OpaquePointer) {
        let contact = TransactionRef.contact(of: message, pointee.home.messages)
        if !contact.isEmpty { _ = replace(\.target, with: contact) }
    }

    /// Another target or next hop; null ones stay. False when a text is no URI or memory is out.
    func set(target: apus_str, nextHop: apus_str) -> Bool {
        let messages = pointee.home.messages
        func isURI(_ text: apus_str) -> Bool { apus_uri.filled { messages.pointee.parse_uri(text, $0) } != nil }
        guard target.isNull || isURI(target), nextHop.isEmpty || isURI(nextHop) else { return false }
        return (target.isNull || replace(\.target, with: target))
            && (nextHop.isNull || replace(\.nextHop, with: nextHop))
    }

    /// URI where requests in it go.
    var hop: apus_str {
        if !pointee.nextHop.isEmpty { return pointee.nextHop.text }
        let first = RouteSet(pointee.routes.text).first(pointee.home.messages)
        return first.isEmpty ? pointee.target.text : first
    }
}

extension Dialog {
    /// Methods whose Contact is the new remote target (RFC 3261 section 12.2, RFC 3311, RFC 6665).
    fileprivate static func refreshesTarget(_ method: Int) -> Bool {
        switch method {
        case APUS_METHOD_INVITE, APUS_METHOD_UPDATE, APUS_METHOD_SUBSCRIBE, APUS_METHOD_NOTIFY, APUS_METHOD_REFER: true
        default: false
        }
    }
}
