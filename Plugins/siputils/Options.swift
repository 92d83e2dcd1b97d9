import PluginKit

/// `options_reply()`: answers OPTIONS that asks for this server itself (RFC 3261 section 11.2).
func replyToOptions(_ call: Call) -> CInt {
    let message = call.message
    guard message.method == APUS_METHOD_OPTIONS, message.isRequest,
        let uri = message.parse(uri: message.field(APUS_FIELD_REQUEST_URI)), uri.user.isEmpty
    else { return .false }
    let port =
        uri.port_number == 0 ? (uri.scheme == 2 ? UInt16(5061) : 5060) : UInt16(truncatingIfNeeded: uri.port_number)
    guard call.host.pointee.net.pointee.is_myself(call.host, uri.host, port) > 0 else { return .false }

    let state = call.state.pointee
    let capacity =
        state.accept.len + state.acceptEncoding.len + state.acceptLanguage.len + state.supported.len + 80
    guard var headers = call.writer(capacity) else { return .false }
    headers.add("Accept: ")
    headers.add(state.accept)
    headers.add("\r\nAccept-Encoding: ")
    headers.add(state.acceptEncoding)
    headers.add("\r\nAccept-Language: ")
    headers.add(state.acceptLanguage)
    headers.add("\r\nSupported: ")
    headers.add(state.supported)
    headers.add("\r\n")

    let replies = call.host.pointee.reply.pointee
    var reply = apus_reply()
    reply.size = UInt32(MemoryLayout<apus_reply>.size)
    reply.code = 200
    reply.reason = "OK"
    reply.headers = headers.text
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { tag in
        guard let start = tag.baseAddress else { return .false }
        reply.to_tag = apus_str(s: start, len: replies.stateless_tag(message.handle, start, tag.count))
        return replies.send(message.handle, &reply) > 0 ? .true : .false
    }
}
