import Testing

@testable import Core

/// Where messages go, and by which Call-ID they find their worker.
@Suite struct NextHopTests {
    private func hop(_ uri: String) -> String {
        var copy = uri
        return copy.withUTF8 { buffer in
            guard let hop = URI.parse(Bytes(buffer.baseAddress!, buffer.count))?.nextHop else { return "none" }
            return "\(hop.host.string):\(hop.port) \(hop.transport.string) \(hop.isSecure)"
        }
    }

    @Test func aURIsNextHop() {
        #expect(hop("sip:a@example.com") == "example.com:0  false")
        #expect(hop("sip:example.com:5070;transport=tcp") == "example.com:5070 tcp false")
        #expect(hop("sip:a@example.com;maddr=192.0.2.1") == "192.0.2.1:0  false")
        #expect(hop("sips:[2001:db8::1]:5062") == "[2001:db8::1]:5062  true")
        #expect(hop("tel:+123") == "none")
    }

    private func callID(_ text: String) -> String? {
        var copy = text
        return copy.withUTF8 { Message.scanCallID(Bytes($0.baseAddress!, $0.count))?.string }
    }

    @Test func theCallIDIsFoundWithoutParsing() {
        #expect(callID("OPTIONS sip:a SIP/2.0\r\nVia: x\r\nCall-ID:  abc@host \r\n\r\n") == "abc@host")
        #expect(callID("OPTIONS sip:a SIP/2.0\r\ni : abc\r\n\r\n") == "abc")
        #expect(callID("OPTIONS sip:a SIP/2.0\r\nCALL-id:x") == "x")
        #expect(callID("OPTIONS sip:a SIP/2.0\nCall-ID: lf\n\n") == "lf")
        #expect(callID("OPTIONS sip:a SIP/2.0\r\nCall-IDs: no\r\nInfo: no\r\n\r\nCall-ID: body") == nil)
        #expect(callID("") == nil)
        #expect(callID("\n") == nil)
    }
}
