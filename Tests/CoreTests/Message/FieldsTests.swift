import Testing

@testable import Core

/// One header field each.
@Suite struct FieldsTests {
    private func text(_ string: String) -> Bytes { Bytes(leaking: string) }

    @Test func nameAddrs() throws {
        let list = text(
            "\"A, \\\"B\\\" <x>\" <sip:a@b;lr,x>;tag = t1 ; q=0.5, sip:c@d;tag=t2;x=\"a,b\",Carol C <sip:e@f>")
        var index = 0
        let first = try #require(NameAddr.parse(list, from: &index))
        #expect(first.displayText == "A, \\\"B\\\" <x>" && first.uri == "sip:a@b;lr,x" && first.tag?.string == "t1")
        #expect(first.q == 500 && first.isBracketed)
        let second = try #require(NameAddr.parse(list, from: &index))
        #expect(second.uri == "sip:c@d" && second.tag?.string == "t2" && !second.isBracketed)
        #expect(second.parameters["x"]?.string == "a,b")
        let third = try #require(NameAddr.parse(list, from: &index))
        #expect(third.displayName == "Carol C" && third.params.isEmpty && third.tag == nil && index == list.count)
        for bad in [
            "<sip:a@b>,", "<sip:a@b>;tag=x ,", "sip:a@b,",
            "", "<sip:a@b", "\"open <sip:a@b>", "<sip:a@b> x", "a <sip:b@c>>", "<sip:a@b>;x=\"open", "sip:a\"b",
        ] {
            #expect(NameAddr.parse(text(bad)) == nil, "\(bad)")
        }
        #expect(NameAddr.parse(text("*"))?.isStar == true && NameAddr.parse(text("<*>"))?.isStar == false)
        // What stands in a quoted parameter is no address (RFC 4475's kind of trap).
        let hidden = try #require(NameAddr.parse(text("<sip:alice@a>;x=\"<sip:ceo@a>;tag=evil\";tag=good")))
        #expect(hidden.uri == "sip:alice@a" && hidden.tag?.string == "good")
    }

    @Test func vias() throws {
        let list = text(
            "SIP / 2.0 / UDP [2001:db8::9]:5070 ;branch = z9hG4bKa ;received=1.2.3.4;rport=7 , SIP/2.0/TLS h;rport (c (d))"
        )
        var index = 0
        let first = try #require(Via.parse(list, from: &index))
        #expect(first.transport == "UDP" && first.host == "[2001:db8::9]" && first.port == 5070)
        #expect(first.branch == "z9hG4bKa" && first.hasMagicCookie)
        #expect(first.received?.string == "1.2.3.4" && first.rport?.string == "7")
        #expect(first.receivedText == ";received=1.2.3.4" && first.rportText.trimmed == ";rport=7")
        let second = try #require(Via.parse(list, from: &index))
        #expect(second.transport == "TLS" && second.host == "h" && second.port == 0 && second.rport?.isEmpty == true)
        #expect(!second.hasMagicCookie && index == list.count)
        for bad in [
            "", "SIP/2.0", "SIP/2.0/UDP", "SIP/2.0/UDP ", "SIP/3.0/UDP h", "HTTP/2.0/UDP h", "SIP/2.0/UDP h:0",
            "SIP/2.0/UDP h:65536",
            "SIP/2.0/UDP h:", "SIP/2.0/UDP [::1", "SIP/2.0/UDP h x", "SIP/2.0/UDP h (open", "SIP/2.0/UDP h;x=\"open",
        ] {
            var at = 0
            #expect(Via.parse(text(bad), from: &at) == nil, "\(bad)")
        }
    }

    @Test func cseqAndRAck() {
        #expect(CSeq.parse(text("4294967295  INVITE"))?.number == .max)
        for bad in ["", "1", "1INVITE", "INVITE", "4294967296 INVITE", "-1 A", "1 A B", "1 "] {
            #expect(CSeq.parse(text(bad)) == nil, "\(bad)")
        }
        let rack = RAck.parse(text("776656 1 INVITE"))
        #expect(rack?.rseq == 776_656 && rack?.cseqNumber == 1 && rack?.method.string == "INVITE")
        #expect(RAck.parse(text("1 INVITE")) == nil && RAck.parse(text("")) == nil)
    }

    @Test func credentials() throws {
        let digest = try #require(
            Credentials.parse(
                text(
                    "Digest username=\"bob@b.com\", realm=\"b, \\\"c\\\"\",nonce=\"n=1\", uri=\"sip:x\",\r\n response=\"r\", qop=auth, "
                        + "nc=00000001, cnonce=\"c\", algorithm=SHA-256,opaque=\"\"")))
        #expect(digest.isDigest && digest.isComplete && digest.user == "bob" && digest.domain == "b.com")
        #expect(
            digest.realm?.string == "b, \\\"c\\\"" && digest.nonce?.string == "n=1" && digest.opaque?.isEmpty == true)
        #expect(digest.algorithm?.string == "SHA-256" && digest.nonceCount?.string == "00000001")
        for bad in [
            "", "Digest", "Digest ", "Digest username", "Digest realm=\"open", "Digest realm=\"a\",realm=\"b\"",
            "Digest x y=1",
        ] {
            #expect(Credentials.parse(text(bad)) == nil, "\(bad)")
        }
        #expect(Credentials.parse(text("Bearer abc"))?.isDigest == false)
        #expect(
            Credentials.parse(text("Digest username=\"a\",realm=\"r\",nonce=\"n\",uri=\"u\",response=\"r\",qop=auth"))?
                .isComplete == false)
    }

    @Test func numbersAndTokens() {
        #expect(
            text("0.5").qvalue == 500 && text("1").qvalue == 1000 && text("1.000").qvalue == 1000
                && text("0.123").qvalue == 123)
        for bad in ["", "1.1", "2", "0.1234", ".5", "0,5", "-1", "4294967295"] {
            #expect(text(bad).qvalue == nil, "\(bad)")
        }
        #expect(SessionExpires.parse(text("90 ;refresher=UAS"))?.refresher == .uas)
        #expect(SessionExpires.parse(text("x")) == nil && SessionExpires.parse(text("90 uas")) == nil)
        #expect(Event.parse(text("presence.winfo ; id=7"))?.id?.string == "7" && Event.parse(text("")) == nil)
        #expect(Privacy.parse(text("id; critical")) == [.id, .critical] && Privacy.parse(text("what")).isEmpty)
        let replaces = DialogReference.parse(text("a@b;to-tag=1;from-tag=2;early-only"))
        #expect(replaces?.callID.string == "a@b" && replaces?.toTag?.string == "1" && replaces?.isEarlyOnly == true)
    }

    @Test func contentTypes() {
        let type = ContentType.parse(text("Multipart / Mixed ; boundary=\"a b\";x"))
        #expect(type?.isType("multipart", "mixed") == true && type?.boundary?.string == "a b")
        for bad in ["", "text", "text/", "/plain", "text/plain x", "a/b;c=\"open"] {
            #expect(ContentType.parse(text(bad)) == nil, "\(bad)")
        }
        #expect(ContentType.parse(text("multipart/mixed;boundary="))?.boundary == nil)
    }

    @Test func dates() {
        #expect(SIPDate.parse(text("Sat, 13 Nov 2010 23:29:00 GMT")) == 1_289_690_940)
        #expect(SIPDate.parse(text("Thu, 1 Jan 1970 00:00:00 GMT")) == 0)
        for bad in [
            "", "Sat, 13 Nov 2010 23:29:00 EST", "Sat, 13 Nox 2010 23:29:00 GMT", "13 Nov 2010 23:29:00 GMT",
            "Sat, 32 Nov 2010 23:29:00 GMT",
        ] {
            #expect(SIPDate.parse(text(bad)) == nil, "\(bad)")
        }
        withUnsafeTemporaryAllocation(byteCount: 64, alignment: 1) { memory in
            for seconds: Int64 in [0, -1, 951_782_400, 1_289_690_940, 4_102_444_799, 86_399, 68_169_600] {
                var out = ByteWriter(memory)
                SIPDate.write(seconds, to: &out)
                #expect(SIPDate.parse(out.bytes) == seconds, "\(out.bytes.string)")
            }
            var out = ByteWriter(memory)
            SIPDate.write(1_289_690_940, to: &out)
            #expect(out.bytes == "Sat, 13 Nov 2010 23:29:00 GMT")
        }
    }

    @Test func parameters() {
        let all = Parameters(text(";a; b = 1 ;;c=\"x;y\";a=2"))
        #expect(all.map { $0.name.string } == ["a", "b", "c", "a"])
        #expect(all["b"]?.string == "1" && all["c"]?.string == "x;y" && all["A"]?.isEmpty == true && all["d"] == nil)
    }

    @Test func sessionDescriptions() throws {
        let body = "v=0\r\no=- 1 2 IN IP4 a.example\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=sendrecv\r\n"
        let audio = "m=audio 49170/2 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n"
        let video = "m=video 0 RTP/SAVP 31\nc=IN IP6 2001:db8::1\n"
        let sdp = SDP(text(body + audio + video))
        #expect(sdp.check() == .none && sdp.session.string == body && sdp.attribute("sendrecv")?.isEmpty == true)
        let media = Array(sdp.media)
        try #require(media.count == 2)
        #expect(
            media[0].text.string == audio && media[1].text.string == video
                && media[1].offset == body.utf8.count + audio.utf8.count)
        #expect(
            media[0].kind == "audio" && media[0].port == 49170 && media[0].portCount == 2 && media[0].formats == "0 8")
        #expect(media[0].attribute("rtpmap")?.string == "0 PCMU/8000" && media[0].attribute("rtp") == nil)
        #expect(
            sdp.connection(of: media[0])?.address.string == "192.0.2.1" && sdp.connection(of: media[1])?.isV6 == true)
        #expect(SDP(text("v=0\r\no=- 1 2 IN IP4 a\r\nm=audio\r\n")).check() == .sdp && SDP(text("")).check() == .sdp)
    }

    @Test func multipartBodies() {
        let body = """
            preamble\r
            --b\r
            Content-Type: text/plain\r
            X-Folded: a\r
             b\r
            \r
            --bx is no delimiter\r
            --b \r
            \r
            no headers\r
            --b--\r
            --b\r
            epilogue
            """
        let parts = Array(Multipart(text(body), boundary: text("b")))
        #expect(parts.map { $0.body.string } == ["--bx is no delimiter", "no headers"])
        #expect(
            parts.first?.contentType?.isType("text", "plain") == true
                && parts.first?.value("x-folded")?.string == "a\r\n b")
        #expect(Array(Multipart(text("no parts"), boundary: text("b"))).isEmpty)
    }
}
