/// A request that this server sends on its own account, from its parts (RFC 3261 §8.1.1). All texts are borrowed for the call.
struct FreshRequest {
    var method: Bytes
    var uri: Bytes
    /// Values without the names: `<sip:a@example.com>;tag=…`.
    var from: Bytes
    var to: Bytes
    var callID: Bytes
    var cseq: UInt32
    var maxForwards: UInt8 = 70
    /// Route values, comma-separated; empty: none.
    var route: Bytes = .empty
    /// Contact's value; empty: none.
    var contact: Bytes = .empty
    /// The User-Agent header field's value; empty: none.
    var userAgent: Bytes = .empty
    /// Further whole header lines with their line ends.
    var headers: Bytes = .empty
    var contentType: Bytes = .empty
    var body: Bytes = .empty

    init(method: Bytes, uri: Bytes, from: Bytes, to: Bytes, callID: Bytes, cseq: UInt32) {
        self.method = method
        self.uri = uri
        self.from = from
        self.to = to
        self.callID = callID
        self.cseq = cseq
    }

    /// - Returns: bytes written; nil when they do not fit.
    func write(into buffer: UnsafeMutableRawBufferPointer, via: OutgoingVia) -> Int? {
        var out = ByteWriter(buffer)
        out.write(method)
        out.write(" ")
        out.write(uri)
        out.write(" SIP/2.0\r\n")
        via.write(to: &out)
        out.write("Max-Forwards: ")
        out.write(decimal: UInt64(maxForwards))
        out.write("\r\n")
        writeField("Route: ", route, &out)
        writeField("From: ", from, &out)
        writeField("To: ", to, &out)
        writeField("Call-ID: ", callID, &out)
        out.write("CSeq: ")
        out.write(decimal: UInt64(cseq))
        out.write(" ")
        out.write(method)
        out.write("\r\n")
        writeField("Contact: ", contact, &out)
        writeField("User-Agent: ", userAgent, &out)
        out.write(headers)
        if !body.isEmpty { writeField("Content-Type: ", contentType, &out) }
        out.write("Content-Length: ")
        out.write(decimal: UInt64(body.count))
        out.write("\r\n\r\n")
        out.write(body)
        return out.isOverflown ? nil : out.count
    }

    private func writeField(_ name: StaticString, _ value: Bytes, _ out: inout ByteWriter) {
        if value.isEmpty { return }
        out.write(name)
        out.write(value)
        out.write("\r\n")
    }
}
