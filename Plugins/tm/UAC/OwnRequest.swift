import PluginKit
import RoutingKit

// Invariants: borrows what it was made of. A dialog in it is this worker's.

/// A request of our own as it is going to be written: what was asked for, checked, with what a dialog and this server add.
struct OwnRequest {
    let asked: tm_request
    var method: apus_str
    var uri: apus_str
    var from: apus_str
    var to: apus_str
    var callID: apus_str
    var cseq: UInt32
    var dialog: DialogRef?
    var routes = RouteSet(apus_str())
    /// The core's header line User-Agent; empty: none.
    var userAgent = apus_str()

    /// Looks at everything that can be wrong with it, but for header lines beyond their names.
    init(_ asked: tm_request, _ messages: UnsafePointer<apus_message_api>) throws(RequestFault) {
        self.asked = asked
        method = asked.method
        uri = asked.uri
        from = asked.from
        to = asked.to
        callID = asked.callid
        cseq = asked.cseq == 0 ? 1 : asked.cseq
        dialog = asked.dialog.map { DialogRef($0) }
        if let dialog {
            guard dialog.pointee.state != .ended else { throw RequestFault(481, "Dialog has ended") }
            from = dialog.pointee.local.text
            to = dialog.pointee.remote.text
            callID = dialog.pointee.callID.text
            cseq = dialog.pointee.localCSeq &+ 1
            routes = RouteSet(dialog.pointee.routes.text)
            if uri.isEmpty { uri = dialog.pointee.target.text }
        }
        try check(messages)
    }

    /// What must be read again before it is written: the method's number.
    func number(_ messages: UnsafePointer<apus_message_api>) -> UInt32 { messages.pointee.method_of(method) }

    private func check(_ messages: UnsafePointer<apus_message_api>) throws(RequestFault) {
        guard method.isToken else { throw RequestFault(400, "Invalid method") }
        let number = number(messages)
        guard number != UInt32(APUS_METHOD_ACK), number != UInt32(APUS_METHOD_CANCEL) else {
            throw RequestFault(400, "ACK and CANCEL belong to their INVITE")
        }
        guard OwnRequest.isURI(uri, messages) else { throw RequestFault(400, "Invalid RURI") }
        guard asked.next_hop.isEmpty || OwnRequest.isURI(asked.next_hop, messages) else {
            throw RequestFault(400, "Invalid NEXTHOP")
        }
        guard !from.isEmpty else { throw RequestFault(400, "From missing") }
        guard !to.isEmpty else { throw RequestFault(400, "To missing") }
        guard OwnRequest.isNameAddr(from, messages) else { throw RequestFault(400, "Invalid From") }
        guard OwnRequest.isNameAddr(to, messages) else { throw RequestFault(400, "Invalid To") }
        guard callID.bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7f }) else { throw RequestFault(400, "Invalid Call-ID") }
        guard cseq < 1 << 31 else { throw RequestFault(400, "Bad CSeq number") }
        let hasType = try checkHeaders(messages)
        guard asked.body.isEmpty || hasType || !asked.body_type.isEmpty else {
            throw RequestFault(400, "Content-Type missing")
        }
        guard OwnRequest.isOneLine(asked.body_type) else { throw RequestFault(400, "Invalid Content-Type") }
    }

    /// Whether the header lines have a Content-Type.
    private func checkHeaders(_ messages: UnsafePointer<apus_message_api>) throws(RequestFault) -> Bool {
        var hasType = false
        var lines = asked.headers
        while let line = SentRequest.next(&lines) {
            guard let colon = line.index(of: 0x3a), colon > 0, line.hasSuffix("\r\n") else {
                throw RequestFault(400, "Bad headers")
            }
            let name = line[0..<colon].trimmed
            guard !OwnRequest.isReserved(name, messages) else { throw RequestFault(400, "Bad headers") }
            if messages.pointee.same_header(name, "Content-Type") > 0 { hasType = true }
        }
        guard lines.isEmpty else { throw RequestFault(400, "Bad headers") }
        return hasType
    }

    /// Headers that are written here.
    private static func isReserved(_ name: apus_str, _ messages: UnsafePointer<apus_message_api>) -> Bool {
        func isNamed(_ other: apus_str) -> Bool { messages.pointee.same_header(name, other) > 0 }
        return isNamed("Via") || isNamed("From") || isNamed("To") || isNamed("Call-ID") || isNamed("CSeq")
            || isNamed("Content-Length")
    }

    private static func isURI(_ text: apus_str, _ messages: UnsafePointer<apus_message_api>) -> Bool {
        guard text.bytes.allSatisfy({ $0 > 0x20 && $0 != 0x7f && $0 != 0x3e }) else { return false }
        return apus_uri.filled { messages.pointee.parse_uri(text, $0) } != nil
    }

    private static func isNameAddr(_ text: apus_str, _ messages: UnsafePointer<apus_message_api>) -> Bool {
        guard isOneLine(text), let parts = apus_name_addr.filled({ messages.pointee.parse_name_addr(text, $0) }) else {
            return false
        }
        return isURI(parts.uri, messages)
    }

    private static func isOneLine(_ text: apus_str) -> Bool { text.bytes.allSatisfy { $0 != 0x0a && $0 != 0x0d } }

}

// MARK: - Its text

extension OwnRequest {
    /// Bytes that `write` needs at most.
    var capacity: Int {
        2 * uri.len + 2 * method.len + from.len + to.len + callID.len + asked.headers.len + asked.body.len
            + asked.body_type.len + routes.values.len + userAgent.len + Identity.longest + 322
    }

    /// The request with a Via that stands for ours: which listener it leaves by is not known yet.
    /// - Parameters:
    ///   - tag: for a From that has none.
    func write(
        _ branch: apus_str, tag: apus_str, _ messages: UnsafePointer<apus_message_api>, to out: inout Writer
    ) {
        out.add(method)
        out.add(" ")
        out.add(asked.uri.isEmpty ? routes.requestURI(uri, messages) : uri)
        out.add(" SIP/2.0\r\nVia: SIP/2.0/UDP localhost;branch=")
        out.add(branch)
        out.add("\r\n")
        routes.writeHeader(uri, messages, to: &out)
        if !has("Max-Forwards", messages) { out.add("Max-Forwards: 70\r\n") }
        out.add("From: ")
        out.add(from)
        if !hasTag(messages) {
            out.add(";tag=")
            out.add(tag)
        }
        out.add("\r\nTo: ")
        out.add(self.to)
        out.add("\r\nCall-ID: ")
        out.add(callID)
        out.add("\r\nCSeq: ")
        out.add(number: Int64(cseq))
        out.add(" ")
        out.add(method)
        out.add("\r\n")
        if !userAgent.isEmpty, !has("User-Agent", messages) {
            out.add(userAgent)
            out.add("\r\n")
        }
        out.add(asked.headers)
        if !asked.body_type.isEmpty, !has("Content-Type", messages) {
            out.add("Content-Type: ")
            out.add(asked.body_type)
            out.add("\r\n")
        }
        out.add("Content-Length: ")
        out.add(number: Int64(asked.body.len))
        out.add("\r\n\r\n")
        out.add(asked.body)
    }

    private func has(_ name: apus_str, _ messages: UnsafePointer<apus_message_api>) -> Bool {
        var lines = asked.headers
        while let line = SentRequest.next(&lines) {
            let own = line[0..<(line.index(of: 0x3a) ?? 0)].trimmed
            if messages.pointee.same_header(own, name) > 0 { return true }
        }
        return false
    }

    private func hasTag(_ messages: UnsafePointer<apus_message_api>) -> Bool {
        guard let parts = apus_name_addr.filled({ messages.pointee.parse_name_addr(from, $0) }) else { return false }
        var value = apus_str()
        return messages.pointee.find_param(parts.params, "tag", &value) > 0
    }
}
