import PluginKit

/// `cmp_uri(a, b)`: by RFC 3261 section 19.1.4.
func compareURIs(_ call: Call) -> CInt {
    // -2: one of the two is no URI.
    call.message.api.pointee.same_uri(call.text(0), call.text(1))
}

/// `cmp_aor(a, b)`: user and host.
func compareAORs(_ call: Call) -> CInt {
    let message = call.message
    guard let a = message.parse(uri: call.text(0)), let b = message.parse(uri: call.text(1)) else {
        call.log(.error, "one of the two is no URI")
        return -2
    }
    return a.user.equals(b.user) && a.host.equalsIgnoringCase(b.host) ? .true : .false
}

/// `cmp_hdr_name(a, b)`: compact forms count.
func compareHeaderNames(_ call: Call) -> CInt {
    call.message.api.pointee.same_header(call.text(0), call.text(1)) > 0 ? .true : .false
}

/// `set_uri_user($x, user)`: of the URI in the variable; an empty user takes it away.
func setURIUser(_ call: Call) -> CInt {
    change(call) { uri, text in
        guard let start = text.s, let place = uri.user.s ?? uri.host.s else { return nil }
        let from = place - start
        let had = !uri.user.isNull
        if call.text(1).isEmpty {
            guard had, let host = uri.host.s else { return (from..<from, "") }
            return (from..<host - start, "")
        }
        return (from..<from + uri.user.len, had ? "" : "@")
    }
}

/// `set_uri_host($x, host)`
func setURIHost(_ call: Call) -> CInt {
    guard !call.text(1).isEmpty else { return call.fail("the host is empty") }
    return change(call) { uri, text in
        guard let start = text.s, let host = uri.host.s, !uri.host.isEmpty else { return nil }
        return (host - start..<host - start + uri.host.len, "")
    }
}

/// Replaces a piece of the URI that the first argument holds by the second argument and what follows that.
private func change(
    _ call: Call, _ piece: (_ uri: apus_uri, _ text: apus_str) -> (Range<Int>, apus_str)?
) -> CInt {
    guard let value = call.value(0), value.isText, let uri = call.message.parse(uri: value.str),
        let (range, suffix) = piece(uri, value.str)
    else { return call.fail("the variable holds no URI") }
    let text = value.str
    guard var writer = call.writer(text.len + call.text(1).len + 1) else { return .false }
    writer.add(text[0..<range.lowerBound])
    writer.add(call.text(1))
    writer.add(suffix)
    writer.add(text[range.upperBound..<text.len])
    return call.set(0, apus_value(writer.text))
}

/// `tel2sip(uri, host, result)`: 1 converted, 2 it is no tel URI (RFC 3261 section 19.1.6).
func telephoneToSIP(_ call: Call) -> CInt {
    let uri = call.text(0)
    guard uri.len > 4, uri[0..<4].equalsIgnoringCase("tel:") else { return 2 }
    guard !call.text(1).isEmpty else { return call.fail("the host is empty") }
    guard var writer = call.writer(uri.len + call.text(1).len + 16) else { return .false }
    writer.add("sip:")
    var inNumber = true
    for byte in uri.dropFirst(4).bytes {
        if byte == UInt8(ascii: ";") { inNumber = false }
        switch byte {
        // Visual separators (RFC 3966 section 5.1.1) mean nothing.
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "("), UInt8(ascii: ")"):
            if !inNumber { writer.add(byte: byte) }
        default: writer.add(byte: apus_str.lower(byte))
        }
    }
    writer.add("@")
    writer.add(call.text(1))
    writer.add(";user=phone")
    return call.set(2, apus_value(writer.text)) > 0 ? .true : .false
}
