import Testing

@testable import Core

@Suite struct MessageTests {
    @Test func firstPass() {
        let test = TestMessage(Sample.invite)
        let m = test.message
        #expect(test.result.isAccepted && test.result.isReplyAllowed)
        #expect(m.isRequest && m.method == .invite)
        #expect(m.requestURIText.string == "sip:bob@example.net")
        #expect(m.callID.string == "a84b4c76e66710@198.51.100.7")
        #expect(m.cseqNumber == 314_159 && m.cseqMethod == .invite)
        #expect(m.fromTag?.string == "1928301774" && m.toTag == nil)
        #expect(m.maxForwards == 70 && m.contentLength == 4)
        #expect(m.topVia?.branch.string == "z9hG4bKabc" && m.topVia?.rport?.count == 0)
        #expect(m.body.string == "v=0\n")
        #expect(m.headerCount == 10)
        #expect(m.routes.count == 2 && m.routes[1].uri.string == "sip:p2.example.com;lr")
        #expect(m.contacts.first?.parameters["expires"]?.string == "60")
    }
}
