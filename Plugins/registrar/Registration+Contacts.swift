import PluginKit
import Registration
import RoutingKit

// Invariants: the edits are as many as were counted, and are made one after the other; their texts are pieces of the message or lie in memory of the
// run.

/// What all contacts of one request have in common.
private struct Common {
    let now: Int64
    let rules: ExpiresRules
    let header: UInt32?
    let isSpread: Bool
    let longest: Int
    let q: Int32
    let ignoresInstance: Bool
    let readsRegID: Bool
    let received: apus_str
    let forcedExpires: UInt32?
    let methods: UInt32
}

extension Plan {
    /// The Contacts (RFC 3261 section 10.3, steps 6 and 7).
    mutating func readContacts(_ call: Call, _ settings: Settings) throws(RegistrationFault) {
        let message = call.message
        var values = 0
        var hasStar = false
        message.eachValue("Contact") {
            values += 1
            hasStar = hasStar || $0.equals("*")
            return true
        }
        let header = message.find("Expires").map { $0.value.deltaSeconds } ?? nil
        if hasStar {
            guard values == 1 else { throw .starWithOthers }
            guard header == 0 else { throw .starWithExpires }
            deletesAll = true
            return
        }
        guard values > 0 else { return }
        guard
            let memory = call.host.pointee.script.pointee.allocate(call, values * MemoryLayout<usrloc_edit>.stride)
        else { throw .writing }
        edits = memory.bindMemory(to: usrloc_edit.self, capacity: values)
        var pattern = usrloc_contact()
        let common = prepare(call, settings, header, &pattern)
        var fault: RegistrationFault?
        message.eachValue("Contact") { value in
            fault = add(value, call, common, pattern)
            return fault == nil
        }
        if let fault { throw fault }
    }

    /// What is the same for all of them.
    private mutating func prepare(
        _ call: Call, _ settings: Settings, _ header: UInt32?, _ contact: inout usrloc_contact
    ) -> Common {
        let message = call.message
        contact.size = UInt32(MemoryLayout<usrloc_contact>.size)
        contact.path = path
        contact.call_id = callID
        contact.cseq = cseq
        if let agent = message.find("User-Agent") { contact.user_agent = agent.value }
        if message.isRequest {
            var branch = apus_branch()
            branch.size = UInt32(MemoryLayout<apus_branch>.size)
            call.host.pointee.branches.pointee.current(message.handle, &branch)
            contact.cflags = branch.flags
        }
        let natFlag = call.state.pointee.location.nat_bflag
        if 0...31 ~= natFlag {
            if !pathReceived.isEmpty { contact.cflags |= 1 << UInt32(natFlag) }
            contact.keepalive = contact.cflags >> UInt32(natFlag) & 1
        }
        call.place(settings, in: &contact)
        contact.attributes = call.contactAttributes
        let config = call.config
        let forced = config?.number("expires").map { UInt32(clamping: $0) }
        let q = config?.number("q").map { Int32(min(max($0, 0), 1000)) }
        contact.q = q ?? -2
        var rules = ExpiresRules()
        (rules.initial, rules.initialSpread) = (settings.defaultExpires, settings.defaultExpiresRange)
        (rules.spread, rules.least, rules.most) = (settings.expiresRange, settings.minExpires, settings.maxExpires)
        rules.refusesBrief = settings.minExpiresMode != 0
        return Common(
            now: wallSeconds(), rules: rules, header: header, isSpread: !flags.contains(.exactExpires),
            longest: Int(settings.longestContact), q: settings.q,
            ignoresInstance: settings.hasGRUU == 0 && settings.regIDMode == 0 && settings.outboundMode == 0,
            readsRegID: usesRegID || settings.regIDMode != 0,
            received: pathReceived.isEmpty ? call.received : pathReceived,
            forcedExpires: forced, methods: message.allowedMethods)
    }

    private mutating func add(
        _ value: apus_str, _ call: Call, _ common: Common, _ pattern: usrloc_contact
    ) -> RegistrationFault? {
        let message = call.message
        guard let edits, let address = message.parse(nameAddr: value), message.parse(uri: address.uri) != nil,
            !address.uri.breaksText
        else { return .contact }
        guard address.uri.len <= common.longest else { return .contactTooLong }
        var contact = pattern
        contact.uri = address.uri
        if let fault = readIdentity(address.params, message, common, &contact) { return fault }
        if contact.q < -1 {
            contact.q = common.q
            if let text = message.parameter("q", in: address.params) {
                guard let q = text.qValue else { return .invalidQ }
                contact.q = q
            }
        }
        contact.received = common.received
        if contact.received.isEmpty, let text = message.parameter("received", in: address.params),
            message.parse(uri: text) != nil, !text.breaksText
        {
            contact.received = text
        }
        guard contact.received.len <= common.longest else { return .contactTooLong }
        contact.methods = message.parameter("methods", in: address.params).map { MethodMask($0).bits } ?? common.methods

        let parameter = common.forcedExpires == nil ? message.parameter("expires", in: address.params) : nil
        let period = common.rules.period(
            parameter: parameter, header: common.forcedExpires ?? common.header,
            random: common.isSpread ? call.home.pointee.next() : nil)
        guard case .seconds(let seconds) = period else { return .tooBrief }
        contact.expires = common.now + seconds
        let kind = seconds == 0 ? USRLOC_DROP : USRLOC_PUT
        (edits + count).initialize(to: usrloc_edit(kind: UInt32(kind), reserved: 0, contact: contact))
        count += 1
        return nil
    }

    /// `+sip.instance` and `reg-id` (RFC 5626 section 4.1).
    private mutating func readIdentity(
        _ params: apus_str, _ message: Message, _ common: Common, _ contact: inout usrloc_contact
    ) -> RegistrationFault? {
        guard !common.ignoresInstance, let instance = message.parameter("+sip.instance", in: params),
            !instance.isEmpty
        else { return nil }
        guard instance.len <= Int(USRLOC_LONGEST_INSTANCE), !instance.instanceName.breaksText else { return .contact }
        contact.instance = instance
        guard common.readsRegID, let text = message.parameter("reg-id", in: params) else { return nil }
        guard let number = text.deltaSeconds, 1...UInt32(Int32.max) ~= number else { return .invalidRegID }
        contact.reg_id = number
        isOutbound = isOutbound || usesRegID
        return nil
    }
}

extension apus_str {
    /// Of an instance: without angle brackets.
    var instanceName: apus_str {
        len > 2 && self[0] == UInt8(ascii: "<") && self[len - 1] == UInt8(ascii: ">") ? self[1..<len - 1] : self
    }
}

extension Message {
    /// What Allow says, for contacts that do not say it themselves.
    fileprivate var allowedMethods: UInt32 {
        guard find("Allow") != nil else { return MethodMask.all.bits }
        var bits: UInt32 = 0
        eachHeader("Allow") {
            bits |= MethodMask($0.value).bits
            return true
        }
        return bits
    }
}

extension UnsafePointer<apus_call> {
    /// What received_avp says; empty when that is no URI.
    fileprivate var received: apus_str {
        guard let variable = state.pointee.receivedVariable else { return "" }
        var value = apus_value()
        guard host.pointee.vars.pointee.get(self, variable, &value) > 0, value.isText, !value.str.isEmpty else {
            return ""
        }
        guard message.parse(uri: value.str) != nil, !value.str.breaksText else {
            log(.error, "the value of received_avp is no URI")
            return ""
        }
        return value.str
    }

    /// Socket and connection that the REGISTER came by.
    fileprivate func place(_ settings: Settings, in contact: inout usrloc_contact) {
        var source = apus_destination()
        source.size = UInt32(MemoryLayout<apus_destination>.size)
        message.api.pointee.source(pointee.msg, &source)
        if host.pointee.net.pointee.is_reliable(source.transport) > 0 { contact.connection = source.connection }
        if let given = config?.number("tcpconn_id"), given > 0 { contact.connection = UInt64(given) }
        contact.listener = message.api.pointee.received_on(pointee.msg)
        var named = apus_str()
        if let socket = config?.value("socket"), socket.isText {
            named = socket.str
        } else if settings.socketFlag >= 0, !settings.socketHeader.isEmpty,
            message.api.pointee.flag(pointee.msg, UInt32(settings.socketFlag)) > 0,
            let header = message.find(settings.socketHeader)
        {
            named = header.value
            _ = withUnsafePointer(to: header) { message.remove($0) }
        }
        if !named.isEmpty {
            // It may be another server's: its text is kept then.
            contact.listener = host.listener(named)
            if contact.listener == nil { contact.socket = named.breaksText || named.len > 64 ? "" : named }
        } else if settings.socketMode != 0, let listener = contact.listener {
            contact.socket = advertised(listener)
        }
    }

    /// `udp:192.0.2.1:5060`, as the listener is known outside.
    private func advertised(_ listener: OpaquePointer) -> apus_str {
        guard let info = apus_listener_info.filled({ host.pointee.net.pointee.info(listener, $0) }),
            !info.advertised_address.equals(info.address) || info.advertised_port != info.port,
            let colon = info.text.index(of: UInt8(ascii: ":")), var writer = writer(info.advertised_address.len + 16)
        else { return "" }
        writer.add(info.text[0..<colon + 1])
        writer.add(info.advertised_address)
        writer.add(":")
        writer.add(number: Int64(info.advertised_port))
        return writer.text
    }
}
