// Compiled into the unit tests and, with FUZZ set, into the fuzz harnesses: asks a message for everything it can say and writes it in every way,
// so that a wrong read or an endless loop shows.
#if !FUZZ
    @testable import Core
#endif

/// Touches all that is parsed on demand. Answers a number made of it, so that nothing is optimised away.
func readEverything(_ m: Message) -> Int {
    var sum = m.check() == .none ? 1 : 0
    sum += m.requestURIText.count + m.callID.count + m.body.count + m.headersText.count + m.startLine.count
    for via in m.vias { sum += via.host.count + (via.parameters.first("ttl")?.value.count ?? 0) }
    for id in 1..<UInt8(HeaderID.count) {
        guard let id = HeaderID(rawValue: id), m.first(id) != nil else { continue }
        for address in m.nameAddrs(id) {
            sum +=
                address.displayText.count + (address.q.map { Int($0) } ?? 0)
                + (address.expires.map { Int($0 & 7) } ?? 0)
            if let uri = URI.parse(address.uri) { sum += uri.hostPort.count + (uri.isEquivalent(to: uri) ? 1 : 0) }
        }
        for token in m.tokens(id) { sum += token.count }
    }
    for index in 0..<m.headerCount { sum += m.unfolded(m.header(at: index))?.count ?? 0 }
    sum += m.credentials(.authorization)?.credentials.user.count ?? 0
    sum += m.credentials(.proxyAuthorization)?.credentials.domain.count ?? 0
    sum += (m.event?.id?.count ?? 0) + (m.subscriptionState?.name.count ?? 0) + (m.rack?.method.count ?? 0)
    sum += (m.replaces?.callID.count ?? 0) + (m.sessionExpires == nil ? 0 : 1) + Int(m.privacy.rawValue)
    if let sdp = m.sessionDescription { sum += readEverything(sdp) }
    return sum
}

func readEverything(_ sdp: SDP) -> Int {
    var sum = sdp.session.count + (sdp.check() == .none ? 1 : 0)
    var end = sdp.session.count
    for section in sdp.media {
        precondition(section.offset == end, "media sections follow each other without a gap")
        end += section.text.count
        sum += section.formats.count + (section.attribute("rtpmap")?.count ?? 0)
        sum += sdp.connection(of: section)?.address.count ?? 0
    }
    precondition(end == sdp.text.count, "session level and media sections are the whole text")
    return sum
}

/// Edits the message and writes it in all ways; parses what was written and compares the body's length.
func writeEverything(_ m: Message, _ buffer: UnsafeMutableRawBufferPointer, arena: UnsafeMutablePointer<Arena>) -> Int {
    m.routing.source = SocketAddress(v4: 0x7F00_0001, port: 5070)
    let mark = m.editMark
    var sum = 0
    let via = OutgoingVia(transport: Bytes("UDP"), host: Bytes("127.0.0.1"), port: 5060, branch: Bytes("z9hG4bKx"))
    for edited in [false, true] {
        if edited { makeEdits(m) }
        if m.isRequest { sum += m.writeRequest(into: buffer, via: via) { _, out in out.write("X-Late: 1\r\n") } ?? 0 }
        sum += m.writeForwardedReply(into: buffer) ?? 0
        sum += m.writeEdited(into: buffer) ?? 0
    }
    m.rewindEdits(to: mark)
    var parts = ReplyParts(code: 400, reason: Bytes("Bad Request"))
    parts.toTag = Bytes("x")
    if m.isRequest { sum += m.writeReply(into: buffer, parts) ?? 0 }
    let size = m.cloneSize
    withUnsafeTemporaryAllocation(byteCount: size, alignment: 8) { chunk in
        guard let base = chunk.baseAddress else { return }
        let copy = m.clone(into: base, arena: arena)
        sum += copy.received.count + copy.headerCount
        precondition(copy.received == m.received && copy.headerCount == m.headerCount)
        precondition(copy.topVia?.text.count == m.topVia?.text.count)
    }
    return sum
}

private func makeEdits(_ m: Message) {
    _ = m.insertFirst(Bytes("Record-Route: <sip:127.0.0.1;lr>\r\n"))
    _ = m.editLate(offset: Int(m.record.pointee.headersStart), payload: Bytes("x"))
    _ = m.append(Bytes("X-Last: 1\r\n"))
    for route in m.routes { _ = m.removeValue(route.text) }
    if let header = m.first(.userAgent) { _ = m.remove(header) }
    if let header = m.first(.subject) { _ = m.replaceValue(of: header, with: Bytes("changed")) }
    _ = m.replaceBody(Bytes("new body"), contentType: Bytes("text/plain"))
    _ = m.setRequestURI(Bytes("sip:new@127.0.0.1"))
    _ = m.appendToReply(Bytes("X-Reply: 1\r\n"))
}
