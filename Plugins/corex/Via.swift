import PluginKit
import RoutingKit

/// What our Via says: `via_add_srvid`, `via_add_xavp_params`, `via_use_xavp_fields`, `msg_vbflag_set` and its kin.
func declareVia(_ host: Host) {
    host.function(
        "via_add_srvid", "on:int", doc: "1: our Via says the server_id, unless that is 0; 0: it does not.",
        call: addServerID)
    host.function(
        "via_add_xavp_params", "on:int",
        doc: "1: the fields of the XAVP that xavp_via_params names become parameters of our Via; 0: they do not.",
        call: addFields)
    host.function(
        "via_use_xavp_fields", "on:int",
        doc: "1: address and port in our Via are the fields of the XAVP that xavp_via_fields names; 0: they are not.",
        call: useFields)
    host.function(
        "via_reply_add_xavp_params", "on:int",
        doc:
            "1: the fields of the XAVP that xavp_via_reply_params names become parameters of the topmost Via of replies; 0: they do not.",
        call: addReplyFields)
    host.function("msg_vbflag_set", "flag:flag", doc: "Sets a flag that our Via carries (;kvf=).") {
        $0.changeViaFlags { $0 | $1 }
    }
    host.function("msg_vbflag_reset", "flag:flag", doc: "Clears a flag that our Via carries.") {
        $0.changeViaFlags { $0 & ~$1 }
    }
    host.function("msg_vbflag_is_set", "flag:flag", doc: "Whether a flag that our Via carries is set.") { call in
        ViaParameters(call).flags & (1 << UInt32(truncatingIfNeeded: call.int(0))) != 0 ? .true : .false
    }
    host.function(
        "msg_vbflag_parse", doc: "Takes the flags from the topmost Via: from ours, in a reply.", call: parseViaFlags)
}

/// The parameters that this module puts into our Via, as the message keeps them: `[;kvf=3][;srvid=7][;fields of the XAVP]`.
private struct ViaParameters {
    let call: Call
    var flags: UInt32 = 0
    var serverID = apus_str()
    var fields = apus_str()

    init(_ call: Call) {
        self.call = call
        var rest = call.message.api.pointee.via_params(call.pointee.msg)
        if rest.hasPrefix(";kvf=") {
            let end = rest.index(of: UInt8(ascii: ";"), from: 1) ?? rest.len
            flags = rest[5..<end].viaFlags ?? 0
            rest = rest.dropFirst(end)
        }
        if rest.hasPrefix(";srvid=") {
            let end = rest.index(of: UInt8(ascii: ";"), from: 1) ?? rest.len
            serverID = rest[0..<end]
            rest = rest.dropFirst(end)
        }
        fields = rest
    }

    /// The message has them from now on.
    func store() -> CInt {
        guard var out = call.writer(32 + serverID.len + fields.len) else { return .false }
        if flags != 0 {
            out.add(";kvf=")
            out.add(hex: UInt64(flags))
        }
        out.add(serverID)
        out.add(fields)
        return call.message.api.pointee.set_via_params(call.pointee.msg, out.text) > 0 ? .true : .false
    }
}

extension UnsafePointer<apus_call> {
    fileprivate func changeViaFlags(_ change: (UInt32, UInt32) -> UInt32) -> CInt {
        var parameters = ViaParameters(self)
        parameters.flags = change(parameters.flags, 1 << UInt32(truncatingIfNeeded: int(0)))
        return parameters.store()
    }
}

/// `msg_vbflag_parse()`
private func parseViaFlags(_ call: Call) -> CInt {
    guard let via = call.message.via(0) else { return call.fail("there is no Via") }
    var parameters = ViaParameters(call)
    parameters.flags = call.message.parameter("kvf", in: via.params)?.viaFlags ?? 0
    return parameters.store()
}

/// `via_add_srvid(0|1)`
private func addServerID(_ call: Call) -> CInt {
    var parameters = ViaParameters(call)
    parameters.serverID = apus_str()
    if call.int(0) != 0, state.pointee.serverID != 0 {
        guard var out = call.writer(32) else { return .false }
        out.add(";srvid=")
        out.add(number: state.pointee.serverID)
        parameters.serverID = out.text
    }
    return parameters.store()
}

/// `via_add_xavp_params(0|1)`: the fields as they are now.
private func addFields(_ call: Call) -> CInt {
    var parameters = ViaParameters(call)
    parameters.fields = apus_str()
    if call.int(0) != 0 {
        guard let text = call.parameters(of: state.pointee.viaParamsName) else { return .false }
        parameters.fields = text
    }
    return parameters.store()
}

/// `via_reply_add_xavp_params(0|1)`: the fields as they are now.
private func addReplyFields(_ call: Call) -> CInt {
    var parameters = apus_str()
    if call.int(0) != 0 {
        guard let text = call.parameters(of: state.pointee.replyViaParamsName) else { return .false }
        parameters = text
    }
    return call.message.api.pointee.set_reply_via_params(call.pointee.msg, parameters) > 0 ? .true : .false
}

extension UnsafePointer<apus_call> {
    /// The fields of an XAVP as parameters of a Via, with their semicolons; nil, with the reason in the log, when they are none.
    fileprivate func parameters(of name: apus_str) -> apus_str? {
        guard let fields = fields(of: name), var out = writer(1024) else {
            log(.error, "the core parameter names no XAVP that is there")
            return nil
        }
        var next = fields.first
        while let one = next {
            let facts = fields.facts(one)
            next = fields.next(one)
            guard facts.is_list == 0, facts.name.isToken else { continue }
            out.add(";")
            out.add(facts.name)
            if facts.value.isText, facts.value.str.isEmpty { continue }
            out.add("=")
            if facts.value.isText, !facts.value.str.isViaValue {
                log(.error, "a field is no value of a Via parameter")
                return nil
            }
            if facts.value.isText { out.add(facts.value.str) } else { out.add(number: facts.value.num) }
        }
        guard !out.overflowed else {
            log(.error, "the fields are too long for a Via")
            return nil
        }
        return out.text
    }
}

/// `via_use_xavp_fields(0|1)`: the fields as they are now.
private func useFields(_ call: Call) -> CInt {
    let messages = call.message.api
    guard call.int(0) != 0 else {
        return messages.pointee.set_via_sent_by(call.pointee.msg, apus_str(), 0) > 0 ? .true : .false
    }
    guard let fields = call.fields(of: state.pointee.viaFieldsName) else {
        return call.fail("xavp_via_fields names no XAVP that is there")
    }
    let host = fields.value("address").map { $0.isText ? $0.str : apus_str() } ?? apus_str()
    let port = fields.value("port").map { $0.isText ? $0.str.number ?? -1 : $0.num } ?? 0
    guard 0...65535 ~= port, host.isEmpty || host.isViaValue else {
        return call.fail("the fields are no address and port")
    }
    return messages.pointee.set_via_sent_by(call.pointee.msg, host, UInt16(port)) > 0 ? .true : .false
}

extension UnsafePointer<apus_call> {
    fileprivate func fields(of name: apus_str) -> XAVPs? {
        guard !name.isEmpty, let list = xavps().find(name) else { return nil }
        return xavps().fields(of: list)
    }
}

extension apus_str {
    /// A token or a host: nothing that could end the parameter or the line.
    fileprivate var isViaValue: Bool {
        !isEmpty
            && bytes.allSatisfy {
                apus_str.isTokenByte($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "[")
                    || $0 == UInt8(ascii: "]")
            }
    }

    /// Flags in hexadecimal; nil for anything else.
    fileprivate var viaFlags: UInt32? { hex.flatMap { UInt32(exactly: $0) } }
}
