import Testing

/// Media that run through two proxies: the caller's side's and the called side's.
@Suite struct MediaChainTests {
    /// Makes what it was shown recognisable.
    private static func peer(_ name: String) throws -> MediaPeer {
        try MediaPeer { command, dictionary in
            guard let sdp = dictionary["sdp"]?.text else { return MediaPeer.good(command) }
            return .dictionary(["result": "ok", "sdp": .text(sdp + "a=\(name)\r\n")])
        }
    }

    private static let script = """
        request_route {
            if (is_method("BYE")) { rtpengine_delete(); sl_send_reply("200", "$rc"); exit; }
            if (is_method("INFO")) { rtpengine_query(); sl_send_reply("200", "$rc"); exit; }
            set_rtpengine_set("1", "2");
            rtpengine_offer();
            t_on_reply("1");
            $du = "sip:x@A";
            t_relay();
        }
        onreply_route[1] { rtpengine_answer(); }
        """

    private func names(_ body: String) -> [String] {
        body.split(separator: "\r\n").filter { $0.hasPrefix("a=") }.map { String($0.dropFirst(2)) }
    }

    /// An answer comes from the other end, and so does what belongs to the call later, though nothing chooses the sets then.
    @Test func oneBehindTheOther() throws {
        let one = try MediaChainTests.peer("one")
        let two = try MediaChainTests.peer("two")
        let call = try MediaCall(["1 == \(one.url)", "2 == \(two.url)"], MediaChainTests.script)
        try call.send(call.request("INVITE", id: "chain", body: MediaCall.plain))
        let invite = try call.a.request("INVITE")
        #expect(names(invite.body) == ["one", "two"] && invite.hasExactLength)
        #expect(one.commands("offer").first?["sdp"]?.text == MediaCall.plain)
        #expect(two.commands("offer").first?["sdp"]?.text == MediaCall.plain + "a=one\r\n")
        try call.reply(200, invite, from: call.a, body: MediaCall.plain)
        let ok = try call.caller.reply(200)
        #expect(names(ok.body) == ["two", "one"] && ok.hasExactLength)
        #expect(try call.counter("replaced") == 2 && call.counter("offers") == 2 && call.counter("answers") == 2)
        #expect(try call.ask(call.request("INFO", id: "chain", cseq: 2)).reason == "1")
        #expect(one.commands("query").count == 1 && two.commands("query").count == 1)
        #expect(try call.ask(call.request("BYE", id: "chain", cseq: 3)).reason == "1")
        try one.wait(for: "delete")
        try two.wait(for: "delete")
    }

    /// When the second one does not serve it the message stays as it was.
    @Test func theSecondSaysNo() throws {
        let one = try MediaChainTests.peer("one")
        let two = try MediaPeer { name, _ in
            name == "offer" ? .dictionary(["result": "error", "error-reason": "no"]) : MediaPeer.good(name)
        }
        let call = try MediaCall(["1 == \(one.url)", "2 == \(two.url)"], MediaChainTests.script)
        try call.send(call.request("INVITE", id: "no", body: MediaCall.plain))
        let invite = try call.a.request("INVITE")
        #expect(invite.body == MediaCall.plain && invite.hasExactLength)
        #expect(try call.counter("refused") == 1 && call.counter("replaced") == 0)
    }

    @Test func setsThatDoNotGoTogether() throws {
        let one = try MediaPeer()
        let call = try MediaCall(
            ["1 == \(one.url)"],
            """
            request_route {
                $var(one) = 1;
                if (set_rtpengine_set("1", "$var(one)")) xlog("L_ERR", "twice\\n");
                if (set_rtpengine_set("1", "2")) xlog("L_ERR", "there is no two\\n");
                if (set_rtpengine_set("1")) sl_send_reply("200", "one");
            }
            """)
        #expect(try call.ask(call.request("OPTIONS", id: "sets")).reason == "one")
        #expect(!call.server.log.contains("twice\n") && !call.server.log.contains("there is no two"))
    }
}
