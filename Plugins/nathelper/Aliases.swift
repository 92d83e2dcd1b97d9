import PluginKit
import RoutingKit

// The alias of a Contact's URI, `;alias=192.0.2.1~5060~1`: where requests to it go, by transport number.

/// `add_contact_alias([address, port, transport])`: without arguments where the Contact differs from the source; 2 when nothing is to be done.
func addContactAlias(_ call: Call) -> CInt {
    if call.has(0) { return addGivenAlias(call) }
    let message = call.message
    guard let alias = call.sourceAlias(call.state.pointee.aliasName) else { return .false }
    let source = message.source
    var isThere = false
    var isChanged = false
    let isDone = message.changeContacts { text in
        guard let uri = message.parse(uri: text) else { return nil }
        isThere = true
        if let address = call.host.address(uri.host), address.hasIP(of: source.remote),
            uri.effectivePort == source.remote.port, uri.transportNumber == Int(source.transport)
        {
            return ""
        }
        isChanged = true
        return call.uri(text, uri, with: alias)
    }
    guard isDone else { return .false }
    if isChanged { return .true }
    return isThere || message.find("Contact") == nil ? 2 : .false
}

private func addGivenAlias(_ call: Call) -> CInt {
    guard call.has(2), call.host.address(call.text(0)) != nil, let port = call.text(1).number, 1...65535 ~= port else {
        return call.fail("an address, a port and a transport are wanted")
    }
    let transport = call.host.pointee.net.pointee.transport(call.text(2))
    guard transport != 0 else { return call.fail("there is no such transport") }
    let alias = call.alias(
        call.state.pointee.aliasName, address: call.text(0), port: UInt16(port), transport: transport)
    return alias.map { addToContacts(call, $0, trims: false) } ?? .false
}

/// `set_contact_alias([trim])`: with 1 in the place of aliases that are there.
func setContactAlias(_ call: Call) -> CInt {
    guard let alias = call.sourceAlias(call.state.pointee.aliasName) else { return .false }
    return addToContacts(call, alias, trims: call.has(0) && call.int(0) != 0)
}

private func addToContacts(_ call: Call, _ alias: apus_str, trims: Bool) -> CInt {
    var isThere = false
    let isDone = call.message.changeContacts { text in
        isThere = true
        guard let trimmed = trims ? call.withoutAliases(text) : text, let uri = call.message.parse(uri: trimmed) else {
            return nil
        }
        return call.uri(trimmed, uri, with: alias)
    }
    return isDone && isThere ? .true : .false
}

/// `set_alias_to_pv(variable)`: the first Contact's URI with the alias.
func setAliasToVariable(_ call: Call) -> CInt {
    var contacts = Contacts(call.message)
    guard let text = contacts.next(), let uri = call.message.parse(uri: text),
        let alias = call.sourceAlias(call.state.pointee.aliasName), let result = call.uri(text, uri, with: alias)
    else { return .false }
    return call.set(0, apus_value(result))
}

/// `handle_ruri_alias([mode])`: takes the first alias out of the Request-URI, with 1 the last, and sends the request there; 2 without one.
func handleAlias(_ call: Call) -> CInt {
    let message = call.message
    let text = message.field(APUS_FIELD_REQUEST_URI)
    guard message.isRequest, let uri = message.parse(uri: text) else { return .false }
    let name = call.state.pointee.aliasName
    var found: Range<Int>?
    var place = uri.place(ofParameter: name, in: text)
    while let this = place {
        if found == nil || (call.has(0) && call.int(0) != 0) { found = this }
        place = uri.place(ofParameter: name, in: text, from: this.upperBound)
    }
    guard let found, let equals = text[found].index(of: UInt8(ascii: "=")) else { return 2 }
    var value = text[found].dropFirst(equals + 1)
    guard let host = value.next(UInt8(ascii: "~")), let port = value.next(UInt8(ascii: "~"))?.number,
        1...65535 ~= port, let transport = value.number, Int64(APUS_UDP)...Int64(APUS_WSS) ~= transport,
        let target = call.target(host, port, UInt32(transport)), var rest = call.writer(text.len)
    else { return call.fail("the alias names no address, port and transport") }
    rest.add(text[0..<found.lowerBound])
    rest.add(text[found.upperBound..<text.len])
    // The destination first: what it refuses leaves the Request-URI as it is.
    guard message.api.pointee.set_destination(message.handle, target) > 0 else {
        return call.fail("the alias names no address, port and transport")
    }
    return message.api.pointee.set_request_uri(message.handle, rest.text) > 0 ? .true : .false
}

extension UnsafePointer<apus_call> {
    /// The URI with a further parameter.
    fileprivate func uri(_ text: apus_str, _ uri: apus_uri, with parameter: apus_str) -> apus_str? {
        guard var writer = writer(text.len + parameter.len) else { return nil }
        let end = uri.endOfParameters(in: text)
        writer.add(text[0..<end])
        writer.add(parameter)
        writer.add(text[end..<text.len])
        return writer.text
    }

    fileprivate func withoutAliases(_ text: apus_str) -> apus_str? {
        var text = text
        while let uri = message.parse(uri: text),
            let place = uri.place(ofParameter: state.pointee.aliasName, in: text)
        {
            guard var writer = writer(text.len) else { return nil }
            writer.add(text[0..<place.lowerBound])
            writer.add(text[place.upperBound..<text.len])
            text = writer.text
        }
        return text
    }

    /// `sip:192.0.2.1:5060;transport=tcp`, without the transport for UDP.
    fileprivate func target(_ host: apus_str, _ port: Int64, _ transport: UInt32) -> apus_str? {
        guard !host.isEmpty, var writer = writer(host.len + 48) else { return nil }
        writer.add("sip:")
        writer.add(host: host)
        writer.add(":")
        writer.add(number: port)
        if Int(transport) != APUS_UDP {
            writer.add(";transport=")
            writer.add(transportName(transport))
        }
        return writer.text
    }
}
