import PluginKit

/// `pv_printf("$var(x)", "text")`
func assignText(_ call: Call) -> CInt { call.set(0, apus_value(call.text(1))) }

/// `is_myself("sip:host:port")`: without a port in the URI ports are not compared.
func isMyself(_ call: Call) -> CInt { isOurs(call, comparesPort: true) }

/// `is_myhost("sip:host:port")`
func isMyHost(_ call: Call) -> CInt { isOurs(call, comparesPort: false) }

private func isOurs(_ call: Call, comparesPort: Bool) -> CInt {
    let text = call.text(0)
    let net = call.host.pointee.net
    let lower = text.len > 4 ? text[0..<5] : text
    guard lower.equalsIgnoringCase("sips:") || (lower.len > 3 && lower[0..<4].equalsIgnoringCase("sip:")) else {
        return net.pointee.is_myself(call.host, text, 0) > 0 ? .true : .false
    }
    guard let uri = call.message.parse(uri: text) else { return call.fail("that is no URI") }
    let port = comparesPort ? UInt16(truncatingIfNeeded: uri.port_number) : 0
    return net.pointee.is_myself(call.host, uri.host, port) > 0 ? .true : .false
}

/// `setdebug(level)`
func setLogLevel(_ call: Call) -> CInt {
    call.host.pointee.log.pointee.set_level(call, CInt(clamping: call.int(0)))
    return .true
}

/// `resetdebug()`
func resetLogLevel(_ call: Call) -> CInt {
    call.host.pointee.log.pointee.reset_level(call)
    return .true
}
