import Testing

/// Calls whose media go through the real rtpengine.
@Suite struct RtpengineCallTests {
    /// Everything goes to the called side `@A`, through the proxy both ways; a BYE tells what was counted.
    static let script = """
        request_route {
            \(ScriptParts.cancel)
            if (is_method("BYE")) xlog("L_WARN", "counted: $rtpstat\\n");
            rtpengine_manage("FLAGS");
            t_on_reply("1");
            t_on_failure("1");
            $du = "sip:x@A";
            t_relay();
        }
        onreply_route[1] { rtpengine_manage("FLAGS"); }
        failure_route[1] { rtpengine_manage("FLAGS"); }
        """

    static func script(_ flags: String) -> String { script.replacing("FLAGS", with: flags) }

    /// One packet of sound.
    private static func packet(_ number: UInt16, of source: UInt8) -> [UInt8] {
        [0x80, 0, UInt8(number >> 8), UInt8(number & 0xff), 0, 0, UInt8(number), 0, 0, 0, 0, source]
            + [UInt8](repeating: 0x7f, count: 160)
    }

    /// Sends packets until one comes through, then so many more; how many came there.
    private static func talk(
        from: borrowing UDPClient, to relay: Address, at: borrowing UDPClient, count: Int, source: UInt8
    ) throws -> Int {
        var number: UInt16 = 0
        var came = 0
        while came < count, number < 400 {
            try from.send(packet(number, of: source), to: relay)
            number += 1
            if let got = at.datagram(within: .milliseconds(100)) {
                #expect(got.bytes.count == 172)
                came += 1
            }
        }
        return came
    }

    /// INVITE with an offer, 200 with the answer, sound both ways, BYE; the proxy's counters are read in the script.
    @Test func soundGoesThroughTheProxy() throws {
        let proxy = try RTPEngine()
        let call = try MediaCall([proxy.url], RtpengineCallTests.script("replace-origin"))
        let here = try UDPClient()
        let there = try UDPClient()
        let offer = MediaCall.description("127.0.0.1", here.address.port)
        let invite = call.request("INVITE", id: "sound", body: offer)
        try call.send(invite)
        let forwarded = try call.a.request("INVITE")
        #expect(forwarded.hasExactLength && forwarded.body.contains("o=u 1 1 IN IP4 \(proxy.host)"))
        let towardsCallee = try #require(forwarded.media)
        #expect(towardsCallee.host == proxy.host)
        try call.reply(200, forwarded, from: call.a, body: MediaCall.description("127.0.0.1", there.address.port))
        let ok = try call.caller.reply(200)
        let towardsCaller = try #require(ok.media)
        #expect(ok.hasExactLength && towardsCaller.host == proxy.host && towardsCaller.port != towardsCallee.port)
        try call.acknowledge("sound")
        _ = try call.a.request("ACK")
        let first = try RtpengineCallTests.talk(from: here, to: towardsCaller, at: there, count: 10, source: 1)
        let second = try RtpengineCallTests.talk(from: there, to: towardsCallee, at: here, count: 10, source: 2)
        #expect(first == 10 && second == 10)
        let bye = call.inDialog(call.request("BYE", id: "sound", cseq: 2))
        try call.send(bye)
        let end = try call.a.request("BYE")
        try call.reply(200, end, from: call.a)
        try call.caller.reply(200)
        try call.server.waitForLog("counted: RTP: ")
        let counted = call.server.log.split(separator: "counted: RTP: ").last?.split(separator: " ") ?? []
        #expect(counted.count > 3 && (Int(counted[2]) ?? 0) >= 20 && counted[1] == "bytes,")
        let isDone1 = proxy.got("delete", times: 1)
        #expect(isDone1)
        #expect(proxy.got("offer", times: 1) && proxy.got("answer", times: 1))
    }

    /// A further offer in the call is about the session that is there.
    @Test func anotherOfferInTheCall() throws {
        let proxy = try RTPEngine()
        let call = try MediaCall([proxy.url], RtpengineCallTests.script(""))
        let invite = call.request("INVITE", id: "again", body: MediaCall.plain)
        try call.send(invite)
        let first = try call.a.request("INVITE")
        try call.reply(200, first, from: call.a, body: MediaCall.description("127.0.0.1", 4100))
        let ok = try call.caller.reply(200)
        try call.acknowledge("again")
        _ = try call.a.request("ACK")
        let again = call.inDialog(
            call.request("INVITE", id: "again", cseq: 2, body: MediaCall.plain))
        try call.send(again)
        let second = try call.a.request("INVITE")
        #expect(second.header("CSeq") == "2 INVITE" && second.media == first.media && second.media?.host == proxy.host)
        try call.reply(200, second, from: call.a, body: MediaCall.description("127.0.0.1", 4100))
        #expect(try call.caller.reply(200).media == ok.media)
        #expect(proxy.got("offer", times: 2) && proxy.got("answer", times: 2))
        #expect(call.server.log.contains("says no") == false)
    }

    /// The offer comes in the 200, the answer in the ACK (RFC 3264 section 5).
    @Test func lateOffer() throws {
        let proxy = try RTPEngine()
        let call = try MediaCall([proxy.url], RtpengineCallTests.script(""))
        let invite = call.request("INVITE", id: "late")
        try call.send(invite)
        let forwarded = try call.a.request("INVITE")
        #expect(forwarded.body.isEmpty)
        try call.reply(200, forwarded, from: call.a, body: MediaCall.description("127.0.0.1", 4100))
        let ok = try call.caller.reply(200)
        #expect(ok.media?.host == proxy.host && ok.hasExactLength)
        #expect(proxy.got("offer", times: 1) && proxy.commands("answer") == 0)
        try call.acknowledge("late", body: MediaCall.plain)
        let acknowledged = try call.a.request("ACK")
        #expect(acknowledged.media?.host == proxy.host && acknowledged.hasExactLength)
        #expect(proxy.got("offer", times: 1) && proxy.got("answer", times: 1))
        #expect(call.server.log.contains("says no") == false)
    }

    /// Two called sides at once, a session for each; the one that does not answer is ended alone.
    @Test func aSessionForEachBranch() throws {
        let proxy = try RTPEngine()
        let script = """
            \(MediaCall.forks)
            branch_route[1] { rtpengine_offer("via-branch=extra"); }
            onreply_route[1] {
                if (status =~ "^2") rtpengine_answer("via-branch=extra");
                else if (status =~ "^[3-6]") rtpengine_delete("via-branch=extra");
            }
            """
        let call = try MediaCall(
            [proxy.url], parameters: [#""extra_id_pv", "$T_branch_idx""#], modules: ["tmx"], script)
        let invite = call.request("INVITE", id: "fork", body: MediaCall.plain)
        try call.send(invite)
        let a = try call.a.request("INVITE")
        let b = try call.b.request("INVITE")
        let toA = try #require(a.media)
        let toB = try #require(b.media)
        #expect(toA.host == proxy.host && toB.host == proxy.host && toA.port != toB.port)
        #expect(a.hasExactLength && b.hasExactLength)
        try call.reply(486, b, from: call.b)
        _ = try call.b.request("ACK")
        let isDone2 = proxy.got("delete", times: 1)
        #expect(isDone2)
        try call.reply(200, a, from: call.a, body: MediaCall.description("127.0.0.1", 4100))
        let ok = try call.caller.reply(200)
        #expect(ok.media?.host == proxy.host)
        #expect(proxy.got("offer", times: 2) && proxy.got("answer", times: 1))
        #expect(call.server.log.contains("says no") == false)
    }

    /// CANCEL ends the session, and so does a refusal in the failure route, behind which the call goes elsewhere.
    @Test func callsThatAreNotAnswered() throws {
        let proxy = try RTPEngine()
        let script = """
            request_route {
                if (is_method("CANCEL")) { rtpengine_manage(); if (t_check_trans()) t_relay(); exit; }
                rtpengine_manage();
                t_on_failure("1");
                $du = "sip:x@A";
                t_relay();
            }
            failure_route[1] {
                if (t_is_canceled()) exit;
                if (!rtpengine_manage()) xlog("L_ERR", "not deleted\\n");
                if (!rtpengine_offer()) xlog("L_ERR", "no second offer\\n");
                $du = "sip:x@B";
                append_branch();
                t_relay();
            }
            """
        let call = try MediaCall([proxy.url], script)
        let first = call.request("INVITE", id: "cancelled", body: MediaCall.plain)
        try call.send(first)
        let ringing = try call.a.request("INVITE")
        try call.reply(180, ringing, from: call.a)
        try call.caller.reply(180)
        try call.send(SIPText.cancel(first))
        let isDone3 = proxy.got("delete", times: 1)
        #expect(isDone3)
        let cancelled = try call.a.request("CANCEL")
        try call.reply(200, cancelled, from: call.a)
        try call.reply(487, ringing, from: call.a)
        try call.send(SIPText.ack(first, try call.caller.reply(487)))

        let second = call.request("INVITE", id: "refused", body: MediaCall.plain)
        try call.send(second)
        try call.reply(503, try call.a.request("INVITE"), from: call.a)
        let elsewhere = try call.b.request("INVITE")
        #expect(elsewhere.media?.host == proxy.host && elsewhere.hasExactLength)
        let isDone4 = proxy.got("offer", times: 3)
        #expect(isDone4)
        let isDone5 = proxy.got("delete", times: 2)
        #expect(isDone5)
        #expect(!call.server.log.contains("not deleted") && !call.server.log.contains("no second offer"))
    }

    /// From a browser's kind of description to a phone's, and back.
    @Test func fromABrowserToAPhone() throws {
        let proxy = try RTPEngine()
        let script = """
            request_route {
                if (!rtpengine_offer("ICE=remove RTP/AVP rtcp-mux-demux")) xlog("L_ERR", "no offer\\n");
                t_on_reply("1");
                $du = "sip:x@A";
                t_relay();
            }
            onreply_route[1] {
                if (status == "200" && !rtpengine_answer("ICE=force RTP/SAVPF rtcp-mux-offer")) xlog("L_ERR", "no answer\\n");
            }
            """
        let call = try MediaCall([proxy.url], script)
        let offer = """
            v=0\r
            o=- 1 1 IN IP4 127.0.0.1\r
            s=-\r
            t=0 0\r
            m=audio 9000 RTP/SAVPF 111 0\r
            c=IN IP4 127.0.0.1\r
            a=rtpmap:111 opus/48000/2\r
            a=ice-ufrag:abcdefgh\r
            a=ice-pwd:abcdefghijklmnopqrstuvwx\r
            a=candidate:1 1 udp 2130706431 127.0.0.1 9000 typ host\r
            a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r
            a=rtcp-mux\r
            a=sendrecv\r

            """
        let invite = call.request("INVITE", id: "browser", body: offer)
        try call.send(invite)
        let plain = try call.a.request("INVITE")
        #expect(plain.hasExactLength && plain.media?.host == proxy.host)
        #expect(
            plain.body.contains("RTP/AVP ") && !plain.body.contains("a=candidate") && !plain.body.contains("a=crypto"))
        try call.reply(200, plain, from: call.a, body: MediaCall.description("127.0.0.1", 4100))
        let ok = try call.caller.reply(200)
        #expect(ok.hasExactLength && ok.body.contains("RTP/SAVPF") && ok.body.contains("a=crypto"))
        #expect(ok.body.contains("a=candidate") && ok.body.contains("a=ice-ufrag"))
        #expect(!call.server.log.contains("no offer") && !call.server.log.contains("no answer"))
    }

    private static let furtherFunctions = [
        ("start_recording", "start recording"), ("stop_recording", "stop recording"), ("block_dtmf", "block DTMF"),
        ("unblock_dtmf", "unblock DTMF"), ("block_media", "block media"), ("unblock_media", "unblock media"),
        ("silence_media", "silence media"), ("unsilence_media", "unsilence media"),
        ("start_forwarding", "start forwarding"), ("stop_forwarding", "stop forwarding"),
        ("rtpengine_query", "query"),
    ]

    /// What else the proxy can be told of a call that runs.
    @Test func furtherCommands() throws {
        let proxy = try RTPEngine()
        let folder = try TemporaryFolder()
        // Ten seconds of silence, as RIFF.
        let samples = 80_000
        func little(_ number: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(number >> (8 * $0) & 0xff) } }
        let sound: [UInt8] =
            Array("RIFF".utf8) + little(36 + 2 * samples, 4) + Array("WAVEfmt ".utf8) + little(16, 4) + little(1, 2)
            + little(1, 2) + little(8000, 4) + little(16000, 4) + little(2, 2) + little(16, 2) + Array("data".utf8)
            + little(2 * samples, 4) + [UInt8](repeating: 0, count: 2 * samples)
        try folder.write("sound.wav", sound)
        let call = try MediaCall(
            [proxy.url], parameters: [#""media_duration", "$avp(duration)""#],
            """
            request_route {
                if (is_method("INVITE")) { rtpengine_offer(); t_on_reply("1"); $du = "sip:x@A"; t_relay(); exit; }
                if (is_method("ACK")) exit;
                if ($rU == "play_media") play_media("file=\(folder.path)/sound.wav");
                if ($rU == "stop_media") stop_media();
                if ($rU == "play_dtmf") play_dtmf("code=5");
                \(RtpengineCallTests.furtherFunctions.map { "if ($rU == \"\($0.0)\") \($0.0)();" }.joined(separator: "\n"))
                sl_send_reply("200", "$rc $avp(duration)");
            }
            onreply_route[1] { rtpengine_answer(); }
            """)
        try call.send(call.request("INVITE", id: "more", body: MediaCall.plain))
        try call.reply(200, try call.a.request("INVITE"), from: call.a, body: MediaCall.description("127.0.0.1", 4100))
        try call.caller.reply(200)
        for (number, function) in RtpengineCallTests.furtherFunctions.enumerated() {
            let reply = try call.ask(call.request("INFO", id: "more", cseq: number + 2, user: function.0))
            #expect(reply.reason.hasPrefix("1 "), "\(function): \(call.server.log.suffix(300))")
            let isThere = proxy.got(function.1)
            #expect(isThere)
        }
        #expect(try call.ask(call.request("INFO", id: "more", cseq: 50, user: "play_media")).reason == "1 10000")
        #expect(try call.ask(call.request("INFO", id: "more", cseq: 51, user: "stop_media")).reason.hasPrefix("1 "))
        // Nobody has sent sound that the digit could be put into, and the proxy says so.
        #expect(try call.ask(call.request("INFO", id: "more", cseq: 52, user: "play_dtmf")).reason.hasPrefix("-1"))
        #expect(proxy.got("play DTMF") && call.server.log.contains("says no: No SSRC"))
    }

    /// A session for each branch by the Via that a request leaves with, at the real proxy.
    @Test func branchesByTheirVia() throws {
        let proxy = try RTPEngine()
        let script = """
            \(MediaCall.forks)
            branch_route[1] { rtpengine_offer("via-branch=auto-next"); }
            onreply_route[1] { if (status =~ "^2") rtpengine_answer("via-branch=auto-next"); }
            """
        let call = try MediaCall([proxy.url], script)
        try call.send(call.request("INVITE", id: "via", body: MediaCall.plain))
        let a = try call.a.request("INVITE")
        let b = try call.b.request("INVITE")
        #expect(a.media?.host == proxy.host && b.media?.host == proxy.host && a.media != b.media)
        try call.reply(200, a, from: call.a, body: MediaCall.description("127.0.0.1", 4100))
        #expect(try call.caller.reply(200).media?.host == proxy.host)
        #expect(proxy.got("offer", times: 2) && proxy.got("answer", times: 1))
        #expect(!call.server.log.contains("says no"))
    }

    /// Only the description in it is replaced when a body has several parts.
    @Test func oneOfSeveralParts() throws {
        let proxy = try RTPEngine()
        let call = try MediaCall([proxy.url], RtpengineCallTests.script(""))
        let body =
            "--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b1\r\nContent-Type: application/sdp\r\n\r\n\(MediaCall.plain)\r\n--b1--\r\n"
        try call.send(
            call.request("INVITE", id: "parts", body: body, headers: ["Content-Type: multipart/mixed;boundary=b1"]))
        let forwarded = try call.a.request("INVITE")
        #expect(forwarded.hasExactLength && forwarded.media?.host == proxy.host)
        #expect(forwarded.body.hasPrefix("--b1\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b1\r\n"))
        #expect(forwarded.body.hasSuffix("\r\n--b1--\r\n"))
        #expect(forwarded.header("Content-Type") == "multipart/mixed;boundary=b1")
    }
}
