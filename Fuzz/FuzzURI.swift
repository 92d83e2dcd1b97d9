// A URI, an address, a Via, credentials, a date and the other small things, each of the whole input. A URI equals itself, and what is escaped
// comes back.
import Glibc

nonisolated(unsafe) private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 100_000, alignment: 16)
nonisolated(unsafe) private let second = UnsafeMutableRawBufferPointer.allocate(byteCount: 100_000, alignment: 16)

@c(LLVMFuzzerTestOneInput)
public func fuzzURI(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    guard let data, size < 30_000 else { return 0 }
    let text = Bytes(data, size)
    if let uri = URI.parse(text) {
        precondition(uri.isEquivalent(to: uri))
        precondition(text.contains(uri.user) || uri.user.isEmpty)
        precondition(text.contains(uri.hostPort) || uri.host.isEmpty)
        _ = uri.nextHop?.address
    }
    addresses(text)
    escapes(text)
    _ = Credentials.parse(text)?.isComplete
    _ = ContentType.parse(text)?.boundary
    _ = Event.parse(text)?.id
    _ = RAck.parse(text)
    _ = CSeq.parse(text)
    _ = SessionExpires.parse(text)
    _ = DialogReference.parse(text)
    _ = Privacy.parse(text)
    _ = text.qvalue
    _ = HeaderName.id(of: text)
    if let date = SIPDate.parse(text) { dates(date) }
    return 0
}

private func addresses(_ text: Bytes) {
    var index = 0
    while index < text.count, let value = NameAddr.parse(text, from: &index) {
        precondition(text.contains(value.text) && text.contains(value.uri))
        _ = value.isWellFormed
        for parameter in value.parameters { precondition(text.contains(parameter.text)) }
    }
    index = 0
    while index < text.count, let via = Via.parse(text, from: &index) {
        precondition(text.contains(via.text) && text.contains(via.host) && text.contains(via.params))
        _ = via.isWellFormed
    }
    index = 0
    while let element = text.nextListElement(&index) { precondition(element.isEmpty || text.contains(element)) }
}

private func escapes(_ text: Bytes) {
    var out = ByteWriter(buffer)
    text.escape(into: &out, allowed: .unreserved)
    var back = ByteWriter(second)
    out.bytes.unescape(into: &back)
    precondition(back.bytes == text, "what is escaped comes back")
    precondition(!out.isOverflown && !back.isOverflown)
}

private func dates(_ seconds: Int64) {
    var out = ByteWriter(buffer)
    SIPDate.write(seconds, to: &out)
    precondition(out.count == 0 || SIPDate.parse(out.bytes) == seconds, "a date comes back")
}
