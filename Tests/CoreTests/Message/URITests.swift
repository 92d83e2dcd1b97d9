import Testing

@testable import Core

@Suite struct URITests {
    /// What is looked at by words is what each byte says, wherever it stands.
    @Test func whatNoURIHasIsFoundAnywhere() {
        let text = Array("sip:alice@example.com;a=1".utf8)
        for place in 10..<text.count {
            for byte in UInt8.min...UInt8.max {
                var changed = text
                changed[place] = byte
                let isForbidden = byte <= 32 || byte >= 127 || byte == 34 || byte == 60 || byte == 62
                let isURI = changed.withUnsafeBufferPointer { URI.parse(Bytes($0.baseAddress!, $0.count)) != nil }
                if isForbidden { #expect(!isURI, "\(byte) at \(place)") }
                // In a parameter's value all other characters but those that mean something may stand.
                if place == text.count - 1, !isForbidden, !Array(";?%&,@".utf8).contains(byte) {
                    #expect(isURI, "\(byte) at \(place)")
                }
            }
        }
    }

    @Test(arguments: ["sip", "SIP", "Sip", "sIP"]) func theSchemeIsReadInAnyCase(scheme: String) {
        let uri = URI.parse(Bytes(leaking: "\(scheme):a@b"))
        #expect(uri?.scheme == .sip && uri?.schemeText.string == scheme && uri?.user.string == "a")
        #expect(URI.parse(Bytes(leaking: "\(scheme);a@b")) == nil)
    }

    private func parse(_ text: String) -> URI? { URI.parse(Bytes(leaking: text)) }

    @Test func allParts() throws {
        let uri = try #require(
            parse(
                "sips:al%69ce;x=1:pa$s@[2001:db8::1]:5061;transport=TCP;lr;maddr=239.1.1.1;ttl=1;user=phone;method=INVITE?a=b&c=d"
            ))
        #expect(uri.scheme == .sips && uri.isSecure && uri.hasUser)
        #expect(uri.user == "al%69ce;x=1" && uri.password == "pa$s")
        #expect(uri.host == "[2001:db8::1]" && uri.hostKind == .v6 && uri.port == 5061)
        #expect(uri.hostPort == "[2001:db8::1]:5061")
        #expect(uri.transport == "TCP" && uri.isLooseRouter && uri.maddr == "239.1.1.1" && uri.ttl == "1")
        #expect(uri.userParam == "phone" && uri.method == "INVITE")
        #expect(uri.headers == "a=b&c=d" && uri.headerFields["c"]?.string == "d")
    }

    @Test(arguments: [
        "sip:example.net", "SIP:a@b", "sip:+1-234;phone-context=x@gw", "sip:a_b@my_host", "sip:a@1.2.3.4:5060",
        "sip:a?b@c",
        "sip:user;par=u%40example.net@example.com", "sip:a@b;", "sip:a@b;x=%41", "tel:+358-555-1234567;postd=pp22",
        "tel:*100#",
        "urn:service:sos", "http://a/b", "soap.beep://192.0.2.103:3002", "sip:a@b:0", "sip:a@b;r2=on", "sip:a@[::1]",
    ]) func accepted(text: String) { #expect(parse(text) != nil) }

    @Test(arguments: [
        "", "sip", "sip:", ":a", "bob@example.net", "sip:@example.net", "sip::@example.net", "sip:a@", "sip:a@b@c",
        "sip:a@b:99999", "sip:a@b:1e9", "sip:a@b:5060x", "sip:a@b:", "sip:a@[::1", "sip:a@[]", "sip:[::1]5060",
        "sip:a@[::g]",
        "sip:%zz@b", "sip:a%4@b", "sip:a b@c", "sip:a@b ", "sip:a\u{1}@b", "sip:a@b;x=%4", "sip:a@b;transport=",
        "sip:a@b;maddr=", "sip:a@b;user=phone;user=ip", "sip:a:b:c@d", "sip:<a@b>", "sip:\"a\"@b", "sip:a\u{202e}@b",
        "tel:",
        "tel:+", "tel:abcx", "1sip:a@b",
    ]) func refused(text: String) { #expect(parse(text) == nil) }

    /// The examples of RFC 3261 §19.1.4.
    @Test(arguments: [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtlanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x"
        ),
        ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0:0::1]"), ("tel:+1-234", "tel:+1.2(3)4"), ("SIP:a@b", "sip:a@b"),
    ]) func equal(a: String, b: String) throws {
        let (left, right) = (try #require(parse(a)), try #require(parse(b)))
        #expect(left.isEquivalent(to: right) && right.isEquivalent(to: left))
    }

    @Test(arguments: [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"), ("sip:a@b", "sips:a@b"),
        ("sip:a%3Bx@b", "sip:a;x@b"), ("sip:a@b", "sip:b"), ("tel:+12", "tel:+12;ext=1"), ("urn:a:b", "urn:a:B"),
    ]) func different(a: String, b: String) throws {
        let (left, right) = (try #require(parse(a)), try #require(parse(b)))
        #expect(!left.isEquivalent(to: right) && !right.isEquivalent(to: left))
    }

    @Test func escapes() {
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { memory in
            var out = ByteWriter(memory)
            Bytes("a%41%zz%4").unescape(into: &out)
            #expect(out.bytes == "aA%zz%4")
            var again = ByteWriter(memory)
            Bytes("a b%@").escape(into: &again, allowed: .unreserved)
            #expect(again.bytes == "a%20b%25%40")
        }
    }
}
