import PluginKit
import RoutingKit

// A Contact that leads through this server, with the client's own in a parameter: sip:here;name=base64url(uri)

/// `contact_param_encode(name, uri)`
func encodeContactParameter(_ call: Call) -> CInt { encode(call, alias: "") }

/// `contact_param_encode_alias(name, uri)`: with `;alias=` of the address that the message came from, as nathelper has it.
func encodeContactParameterWithAlias(_ call: Call) -> CInt {
    guard let alias = call.sourceAlias("alias") else { return .false }
    return encode(call, alias: alias)
}

private func encode(_ call: Call, alias: apus_str) -> CInt {
    let (name, here) = (call.text(0), call.text(1))
    guard isToken(name), let uri = call.message.parse(uri: here), uri.headers.isEmpty else {
        return call.fail("a parameter's name and a URI without headers are wanted")
    }
    return call.message.changeContacts { contact in
        guard var writer = call.writer(here.len + name.len + (contact.len + alias.len) * 4 / 3 + 8),
            var whole = call.writer(contact.len + alias.len)
        else { return nil }
        whole.add(contact)
        whole.add(alias)
        writer.add(here)
        writer.add(";")
        writer.add(name)
        writer.add("=")
        writer.add(base64URL: whole.text)
        return writer.text
    } ? .true : .false
}

/// `contact_param_decode(name)`: Contacts without the parameter stay.
func decodeContactParameter(_ call: Call) -> CInt {
    call.message.changeContacts { contact in
        switch call.decodedParameter(of: contact) {
        case .none: ""
        case .uri(let text): text
        case .broken: nil
        }
    } ? .true : .false
}

/// `contact_param_decode_ruri(name)`: a Request-URI without the parameter stays.
func decodeRequestURIParameter(_ call: Call) -> CInt {
    let message = call.message
    guard message.isRequest else { return .false }
    switch call.decodedParameter(of: message.field(APUS_FIELD_REQUEST_URI)) {
    case .none: return .true
    case .uri(let text): return message.api.pointee.set_request_uri(message.handle, text) > 0 ? .true : .false
    case .broken: return call.fail("the parameter holds no URI")
    }
}

/// `contact_param_rm(name)`
func removeContactParameter(_ call: Call) -> CInt {
    let message = call.message
    var contacts = Contacts(message)
    while let contact = contacts.next() {
        guard let uri = message.parse(uri: contact), let place = uri.place(ofParameter: call.text(0), in: contact)
        else {
            continue
        }
        guard message.replace(contact[place], with: "") else { return .false }
    }
    return contacts.isBroken ? .false : .true
}

/// `contact_param_check(name)`
func hasContactParameter(_ call: Call) -> CInt {
    let message = call.message
    var contacts = Contacts(message)
    while let contact = contacts.next() {
        if let uri = message.parse(uri: contact), uri.place(ofParameter: call.text(0), in: contact) != nil {
            return .true
        }
    }
    return .false
}

/// Checks a constant parameter's name, the first argument.
let prepareParameterName: Preparation = { _, index, constant, _, complaint in
    index > 0 || isToken(constant) ? .true : complaint.say("a parameter's name is letters, digits and -_.!~*'")
}

private func isToken(_ text: apus_str) -> Bool {
    text.consists { apus_str.isLetterOrDigit($0) || apus_str("-_.!~*'").index(of: $0) != nil }
}

private enum Decoded {
    /// There is no such parameter.
    case none
    case uri(apus_str)
    case broken
}

extension UnsafePointer<apus_call> {
    /// What the URI's parameter of the name in the first argument holds.
    fileprivate func decodedParameter(of text: apus_str) -> Decoded {
        guard let uri = message.parse(uri: text), !uri.params.isEmpty,
            let value = message.parameter(self.text(0), in: uri.params)
        else { return .none }
        guard let decoded = decoded(base64URL: value), message.parse(uri: decoded) != nil else { return .broken }
        return .uri(decoded)
    }
}
