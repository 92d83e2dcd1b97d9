import PluginKit
import RoutingKit

// Invariants: texts of a description live as long as the run for which it was made.

/// A request as an application is told of it: 20 items, each on a line of its own but for the last two, which may take more.
struct Description {
    /// Items 1 to 19 and, when there is no body, the last.
    var lines = apus_str()
    /// The last item; no text when it is none of its own.
    var body = apus_str()

    /// Bytes that the name of the command (`sip_request.<application>`), the route set and the additional lines have at most.
    static let longestCommand = 128
    static let longestRouteSet = 512
    static let longestAddition = 4096
    static let command: StaticString = "sip_request."

    /// Of the call's request, which the transaction waits with. Nil, with the reason in the log, when something is too long.
    init?(
        _ call: Call, _ transaction: TransactionRef, application: apus_str, set: UnsafeMutablePointer<AppendSet>?
    ) {
        let message = call.message
        let uri = message.field(APUS_FIELD_REQUEST_URI)
        let fixed = Description.longestCommand + Description.longestRouteSet + Description.longestAddition + 512
        guard Description.command.utf8CodeUnitCount + application.len <= Description.longestCommand else {
            call.log(.error, "the application's name is too long")
            return nil
        }
        guard var out = call.writer(2 * message.api.pointee.bytes(message.handle).len + 3 * uri.len + fixed) else {
            call.log(.error, "no memory for the description of the request")
            return nil
        }
        out.add("0.3\n")
        out.add(apus_str(stringLiteral: Description.command))
        out.add(line: application)
        out.addTarget(message, uri, call.host)
        guard let route = Route(call, message) else {
            call.log(.error, "the route set is too long for an application")
            return nil
        }
        out.add(line: route.uri)
        out.addIdentity(message, transaction)
        out.add(line: route.set)
        out.add(line: route.nextHop)
        let start = out.count
        out.addAddition(call, set)
        guard out.count - start <= Description.longestAddition else {
            call.log(.error, "the additional lines are too long for an application")
            return nil
        }
        let wanted =
            message.method == APUS_METHOD_INVITE || message.method == APUS_METHOD_INFO
            || set?.pointee.wantsBody ?? false
        let body = wanted ? message.api.pointee.part(message.handle, UInt32(APUS_PART_BODY)) : apus_str()
        if body.isEmpty { out.add(".\n") }
        guard !out.overflowed else {
            call.log(.error, "the request is too long for an application")
            return nil
        }
        lines = out.text
        self.body = body
    }
}

/// How the application reaches the caller in the dialog (RFC 3261 section 12.1.1): the request's Record-Route and Contact.
private struct Route {
    /// Request-URI of further requests.
    var uri: apus_str
    /// `<uri>,<uri>`
    var set: apus_str = "."
    var nextHop: apus_str = "."

    /// Nil when the set is too long.
    init?(_ call: Call, _ message: Message) {
        uri = Route.contact(message)
        guard var first = message.find("Record-Route") else { return }
        guard var out = call.writer(Description.longestRouteSet), let hop = message.parse(nameAddr: first.value) else {
            return nil
        }
        // A first hop that routes strictly becomes the Request-URI, and the caller's own URI the last route.
        let isStrict = message.parse(uri: hop.uri)?.lr.isNull ?? true
        var isFirst = true
        while true {
            var rest = first.value
            while let value = message.parse(nameAddr: rest) {
                if !isFirst || !isStrict { out.add(route: value.uri) }
                isFirst = false
                rest = rest.dropFirst(Int(value.length) + 1).trimmed
            }
            guard let next = message.find("Record-Route", from: Int(first.index) + 1) else { break }
            first = next
        }
        if isStrict {
            out.add(route: uri)
            uri = hop.uri
        } else {
            nextHop = hop.uri
        }
        guard !out.overflowed else { return nil }
        if out.count > 0 { set = out.text }
    }

    private static func contact(_ message: Message) -> apus_str {
        if let header = message.find("Contact"), let contact = message.parse(nameAddr: header.value),
            !contact.uri.isEmpty, !contact.uri.equals("*")
        {
            return contact.uri
        }
        let from = message.field(APUS_FIELD_FROM_URI)
        return from.isEmpty ? "." : from
    }
}

extension Writer {
    /// One item: line breaks of a folded header, or in an AVP, are blanks.
    fileprivate mutating func add(line text: apus_str) {
        add(flat: text)
        add("\n")
    }

    fileprivate mutating func add(flat text: apus_str) {
        var rest = text
        while let end = Writer.lineEnd(rest) {
            add(rest[0..<end])
            add(" ")
            rest = rest.dropFirst(end)
            while !rest.isEmpty, rest[0] == 0x0d || rest[0] == 0x0a { rest = rest.dropFirst(1) }
        }
        add(rest)
    }

    private static func lineEnd(_ text: apus_str) -> Int? {
        text.bytes.firstIndex { $0 == 0x0a || $0 == 0x0d }
    }

    fileprivate mutating func add(route uri: apus_str) {
        if count > 0 { add(",") }
        add("<")
        add(uri)
        add(">")
    }

    /// Method, user and domain of the Request-URI, where the request came to, the Request-URI.
    fileprivate mutating func addTarget(_ message: Message, _ uri: apus_str, _ host: Host) {
        add(line: message.field(APUS_FIELD_METHOD_TEXT))
        let parts = message.parse(uri: uri)
        add(line: parts?.user ?? apus_str())
        add(line: parts?.host ?? apus_str())
        add(line: message.field(APUS_FIELD_RECEIVED_IP))
        let listener = message.api.pointee.received_on(message.handle)
        let info = listener.flatMap { listener in
            apus_listener_info.filled { host.pointee.net.pointee.info(listener, $0) }
        }
        if let info, info.port != 5060 { add(number: Int64(info.port)) } else { add(".") }
        add("\n")
        add(line: uri)
    }

    /// From, To, Call-ID, both tags, CSeq, and by what a reply names the transaction.
    fileprivate mutating func addIdentity(_ message: Message, _ transaction: TransactionRef) {
        add(line: message.find("From")?.value ?? apus_str())
        add(line: message.find("To")?.value ?? apus_str())
        add(line: message.field(APUS_FIELD_CALL_ID))
        add(line: message.field(APUS_FIELD_FROM_TAG))
        add(line: message.field(APUS_FIELD_TO_TAG))
        add(line: message.field(APUS_FIELD_CSEQ_NUMBER))
        add(number: Int64(transaction.publicIndex))
        add(":")
        add(number: Int64(transaction.label))
        add("\n")
    }

    /// The message's flags, the lines of the set, and what ends them.
    fileprivate mutating func addAddition(_ call: Call, _ set: UnsafeMutablePointer<AppendSet>?) {
        let message = call.message
        add("P-MsgFlags: ")
        add(hex: UInt64(message.api.pointee.flags(message.handle)))
        add("\n")
        if let set {
            for element in set.pointee.elements {
                switch element.kind {
                case .header:
                    guard let header = message.find(element.source) else { continue }
                    add(element.title)
                    add(": ")
                    add(line: header.value)
                case .avp:
                    var value = apus_value()
                    guard let variable = element.variable,
                        call.host.pointee.vars.pointee.get(call, variable, &value) > 0
                    else { continue }
                    add(element.title)
                    add(": ")
                    if value.isText { add(flat: value.str) } else { add(number: value.num) }
                    add("\n")
                }
            }
        }
        add(".\n")
    }
}
