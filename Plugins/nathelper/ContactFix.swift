import PluginKit
import RoutingKit

/// `fix_nated_contact()`: the address that the message came from in each Contact.
func fixContact(_ call: Call) -> CInt {
    let message = call.message
    var isThere = false
    let isDone = message.changeContacts { text in
        guard let fixed = message.rewritten(text, { call.writer($0) }) else { return nil }
        isThere = true
        return fixed
    }
    return isDone && isThere ? .true : .false
}

extension Message {
    /// The URI with the address that the message came from; nil when it cannot be read, or memory is out.
    /// - Parameter writer: room for so many bytes.
    func rewritten(_ text: apus_str, _ writer: (Int) -> Writer?) -> apus_str? {
        let address = field(APUS_FIELD_SOURCE_IP)
        guard let uri = parse(uri: text), let start = text.s, let host = uri.host.s,
            var out = writer(text.len + address.len + 16)
        else { return nil }
        let from = host - start
        let end = uri.port.s.map { $0 - start + uri.port.len } ?? (from + uri.host.len)
        out.add(text[0..<from])
        out.add(host: address)
        out.add(":")
        out.add(number: Int64(source.remote.port))
        out.add(text[end..<text.len])
        return out.text
    }
}

/// `fix_nated_register()`: the source as a URI in `received_avp`, for the registrar.
func fixRegister(_ call: Call) -> CInt {
    guard let variable = call.state.pointee.received else { return call.fail("received_avp is not set") }
    guard let uri = call.sourceURI(separator: ";") else { return .false }
    var value = apus_value(uri)
    return call.host.pointee.vars.pointee.set(call, variable, &value) > 0 ? .true : .false
}

/// `add_rcv_param([inURI])`: the source as a parameter of each Contact, for another registrar.
func addReceivedParameter(_ call: Call) -> CInt {
    call.has(0) && call.int(0) != 0 ? addToURIs(call) : addToHeaders(call)
}

private func addToHeaders(_ call: Call) -> CInt {
    guard let source = call.sourceURI(separator: ";"), var parameter = call.writer(source.len + 16) else {
        return .false
    }
    parameter.add(";received=\"")
    parameter.add(source)
    parameter.add("\"")
    let text = parameter.text
    let isDone = call.message.eachValue("Contact") { value in
        value.equals("*") || call.message.replace(value[value.len..<value.len], with: text)
    }
    return isDone ? .true : .false
}

private func addToURIs(_ call: Call) -> CInt {
    // A parameter's value holds no semicolon (RFC 3261 section 25.1).
    guard let source = call.sourceURI(separator: "%3B") else { return .false }
    let isDone = call.message.changeContacts { text in
        guard let uri = call.message.parse(uri: text), var writer = call.writer(text.len + source.len + 16) else {
            return nil
        }
        let end = uri.endOfParameters(in: text)
        writer.add(text[0..<end])
        writer.add(";received=")
        writer.add(source)
        writer.add(text[end..<text.len])
        return writer.text
    }
    return isDone ? .true : .false
}

extension UnsafePointer<apus_call> {
    /// `sip:192.0.2.1:5060;transport=tcp`, without the transport over UDP.
    fileprivate func sourceURI(separator: apus_str) -> apus_str? {
        let address = message.field(APUS_FIELD_SOURCE_IP)
        let source = message.source
        guard var writer = writer(address.len + 48) else { return nil }
        writer.add("sip:")
        writer.add(host: address)
        writer.add(":")
        writer.add(number: Int64(source.remote.port))
        if Int(source.transport) != APUS_UDP {
            writer.add(separator)
            writer.add("transport=")
            writer.add(transportName(source.transport))
        }
        return writer.text
    }
}

extension apus_uri {
    /// Where a further parameter goes: in front of the URI's headers.
    func endOfParameters(in text: apus_str) -> Int {
        guard let start = text.s, let headers = headers.s else { return text.len }
        return headers - start - 1
    }
}
