import Testing

/// `rtpproxy-ng`: what it asks a proxy for, by its flags and by the message.
@Suite struct RtpproxyNgTests {
    /// Answers a request with the code of a call, having told the proxy's body.
    private static func asking(_ call: String, _ globals: String = "") -> String {
        """
        \(globals)
        request_route {
            if (is_method("ACK")) exit;
            \(call);
            $var(rc) = $rc;
            msg_apply_changes();
            xlog("L_WARN", "body <$rb>\\n");
            sl_send_reply("200", "code $var(rc)");
        }
        """
    }

    private func ask(
        _ proxy: MediaPeer, _ call: String, parameters: [String] = [], globals: String = "", method: String = "INVITE",
        body: String = MediaCall.plain, headers: [String]? = nil, toTag: Bool = false
    ) throws -> (code: String, log: String) {
        let desk = try MediaCall(
            [proxy.url], module: "rtpproxy-ng", parameters: parameters, RtpproxyNgTests.asking(call, globals))
        var request = desk.request(method, id: "ask", body: body, headers: headers)
        if toTag { request = request.replacing(">\r\nCall-ID", with: ">;tag=to\r\nCall-ID") }
        let reply = try desk.ask(request)
        return (reply.reason, desk.server.log)
    }

    // MARK: The command

    @Test func anOfferAsItIsSent() throws {
        let proxy = try MediaPeer()
        let got = try ask(proxy, "rtpproxy_offer(\"froc+z20SPie\", \"192.0.2.7\")")
        #expect(
            got.code == "code 1" && got.log.contains("body <\(MediaPeer.description)".replacing("\r\n", with: "\r\n"))
                || got.log.contains("m=audio 9999"))
        let offer = try #require(proxy.commands("offer").first)
        #expect(offer["sdp"]?.text == MediaCall.plain && offer["call-id"]?.text == "ask@tests")
        #expect(offer["from-tag"]?.text == "from-ask" && offer["to-tag"] == nil && offer["via-branch"] == nil)
        #expect(offer["received-from"] == .list(["IP4", "127.0.0.1"]))
        #expect(offer["media address"]?.text == "192.0.2.7" && offer["ICE"]?.text == "force")
        #expect(offer["flags"] == .list(["force", "trust-address"]))
        #expect(offer["replace"] == .list(["origin", "session-connection"]))
        #expect(offer["direction"] == .list(["internal", "external"]))
        #expect(offer["repacketize"] == .number(20) && offer["transport-protocol"]?.text == "RTP/SAVPF")
    }

    @Test(arguments: [
        ("1", "z9hG4bK-ask-1"), ("3", "z9hG4bK-ask-1"), ("b", "its own"),
    ])
    func branches(flag: String, branch: String) throws {
        let proxy = try MediaPeer()
        let got = try ask(
            proxy, "$avp(id) = \"its own\"; rtpproxy_offer(\"\(flag)\")", parameters: [#""extra_id_pv", "$avp(id)""#])
        #expect(got.code == "code 1" && proxy.commands("offer").first?["via-branch"]?.text == branch)
    }

    /// No second Via, no value: the function is false, and nothing is sent.
    @Test(arguments: ["2", "b"])
    func branchesThatAreNotThere(flag: String) throws {
        let proxy = try MediaPeer()
        let got = try ask(proxy, "rtpproxy_offer(\"\(flag)\")", parameters: [#""extra_id_pv", "$avp(id)""#])
        #expect(got.code == "code -1" && proxy.commands.isEmpty)
    }

    /// Whoever made the offer is `from-tag`, in the answer too.
    @Test func tags() throws {
        let proxy = try MediaPeer()
        #expect(try ask(proxy, "rtpproxy_answer()", method: "INVITE", toTag: true).code == "code -1")
        #expect(proxy.commands.isEmpty)
        let script = "request_route { rtpproxy_answer(); exit; }"
        let desk = try MediaCall([proxy.url], module: "rtpproxy-ng", script)
        try desk.send(
            desk.request("ACK", id: "tags", body: MediaCall.plain).replacing(
                ">\r\nCall-ID", with: ">;tag=to\r\nCall-ID"))
        let answer = try #require(try proxy.wait(for: "answer").first)
        #expect(answer["from-tag"]?.text == "to" && answer["to-tag"]?.text == "from-tags")
        // Without a To tag there is nothing to answer.
        try desk.send(desk.request("ACK", id: "none", body: MediaCall.plain))
        try desk.server.waitForLog("lacks a tag")
        #expect(proxy.commands("answer").count == 1)
    }

    @Test(arguments: ["rtpproxy_destroy()", "unforce_rtp_proxy(\"t\")", "unforce_rtpproxy()"])
    func endsOfCalls(function: String) throws {
        let proxy = try MediaPeer()
        #expect(try ask(proxy, function, method: "BYE", body: "", toTag: true).code == "code 1")
        let command = try #require(try proxy.wait(for: "delete").first)
        #expect(command["to-tag"] == nil && command["from-tag"]?.text == "from-ask" && command["sdp"] == nil)
        #expect(command["flags"] == nil && command["direction"] == nil)
    }

    @Test func recording() throws {
        let proxy = try MediaPeer()
        #expect(try ask(proxy, "start_recording()").code == "code 1")
        #expect(proxy.commands("start recording").count == 1)
    }

    /// The letter `l` makes an answer of an offer: only a session that is there is changed.
    @Test func onlyWhatIsThere() throws {
        let proxy = try MediaPeer()
        #expect(try ask(proxy, "rtpproxy_offer(\"l\")", toTag: true).code == "code 1")
        #expect(proxy.commands("answer").count == 1 && proxy.commands("offer").isEmpty)
    }

    // MARK: By the message

    @Test(
        arguments: [
            ("INVITE", true, "offer"), ("INVITE", false, nil), ("UPDATE", true, "offer"), ("PRACK", true, "offer"),
            ("BYE", false, "delete"), ("BYE", true, "delete"), ("MESSAGE", true, nil), ("OPTIONS", true, nil),
            ("INFO", false, nil),
        ] as [(String, Bool, String?)])
    func requestsAreManaged(method: String, hasBody: Bool, command: String?) throws {
        let proxy = try MediaPeer()
        let got = try ask(
            proxy, "$var(f) = \"co\"; rtpproxy_manage(\"$var(f)\")", method: method,
            body: hasBody ? MediaCall.plain : "", toTag: true)
        #expect(got.code == (command == nil ? "code -1" : "code 1"))
        if let command { try proxy.wait(for: command) }
        #expect(proxy.commands.compactMap { $0["command"]?.text } == (command.map { [$0] } ?? []))
    }

    private static let managing = """
        request_route {
            rtpproxy_manage();
            t_on_reply("1");
            t_on_failure("1");
            $du = "sip:x@A";
            t_relay();
        }
        onreply_route[1] { rtpproxy_manage(); }
        failure_route[1] { if (rtpproxy_manage()) xlog("L_WARN", "failure managed\\n"); }
        """

    /// Replies by whether the request had a description: so it is remembered without a mark of the script's.
    @Test func repliesAreManaged() throws {
        let proxy = try MediaPeer()
        let desk = try MediaCall([proxy.url], module: "rtpproxy-ng", RtpproxyNgTests.managing)
        try desk.send(desk.request("INVITE", id: "with", body: MediaCall.plain))
        let first = try desk.a.request("INVITE")
        try desk.reply(183, first, from: desk.a, body: MediaCall.plain)
        #expect(try desk.caller.reply(183).body == MediaPeer.description)
        try desk.reply(486, first, from: desk.a)
        try desk.caller.reply(486)
        try desk.server.waitForLog("failure managed")
        try proxy.wait(for: "delete", times: 2)
        #expect(proxy.commands.compactMap { $0["command"]?.text } == ["offer", "answer", "delete", "delete"])

        try desk.send(desk.request("INVITE", id: "without"))
        let second = try desk.a.request("INVITE")
        #expect(second.body.isEmpty)
        try desk.reply(200, second, from: desk.a, body: MediaCall.plain)
        #expect(try desk.caller.reply(200).body == MediaPeer.description)
        let offer = try #require(proxy.commands("offer").last)
        // The called side makes it.
        #expect(offer["from-tag"]?.text == "answered" && offer["to-tag"]?.text == "from-without")
        // Its answer may come in a PRACK; a second PRACK makes an offer of its own.
        let prack = desk.request("PRACK", id: "without", cseq: 2, body: MediaCall.plain)
            .replacing(">\r\nCall-ID", with: ">;tag=answered\r\nCall-ID")
        try desk.send(prack)
        let third = try desk.a.request("PRACK")
        #expect(proxy.commands("answer").count == 2)
        try desk.reply(200, third, from: desk.a)
        try desk.caller.reply(200)
        try desk.send(prack.replacing("2 PRACK", with: "3 PRACK").replacing("without-2", with: "without-3"))
        let fourth = try desk.a.request("PRACK")
        #expect(proxy.commands("answer").count == 2 && proxy.commands("offer").count == 3)
        try desk.reply(200, fourth, from: desk.a, body: MediaCall.plain)
        #expect(try desk.caller.reply(200).body == MediaPeer.description)
        #expect(proxy.commands("answer").count == 3)
    }

    /// Without tm nobody knows of the request: a reply's description is an answer.
    @Test func withoutTransactions() throws {
        let proxy = try MediaPeer()
        let desk = try MediaCall(
            [proxy.url], module: "rtpproxy-ng", without: ["tm"],
            """
            request_route { $du = "sip:x@A"; forward(); }
            reply_route { rtpproxy_manage(); }
            """)
        try desk.send(desk.request("INVITE", id: "stateless"))
        let forwarded = try desk.a.request("INVITE")
        try desk.reply(200, forwarded, from: desk.a, body: MediaCall.plain)
        #expect(try desk.caller.reply(200).body == MediaPeer.description)
        #expect(proxy.commands.compactMap { $0["command"]?.text } == ["answer"])
    }

    // MARK: Sets

    @Test func setsAreChosen() throws {
        let zero = try MediaPeer()
        let five = try MediaPeer()
        let script = """
            request_route {
                if ($rU == "five") { if (!set_rtp_proxy_set("5")) xlog("L_ERR", "no five\\n"); }
                if ($rU == "var") { $var(s) = 5; set_rtp_proxy_set("$var(s)"); }
                if ($rU == "none") { if (!set_rtp_proxy_set("6")) { sl_send_reply("404", "No Set"); exit; } }
                if ($rU == "word") { $var(s) = "x"; if (!set_rtp_proxy_set("$var(s)")) { sl_send_reply("404", "No Number"); exit; } }
                if (is_method("BYE")) rtpproxy_destroy(); else rtpproxy_offer();
                sl_send_reply("200", "code $rc");
            }
            """
        let desk = try MediaCall([zero.url, "5 == \(five.url)"], module: "rtpproxy-ng", script)
        #expect(try desk.ask(desk.request("INVITE", id: "s0", body: MediaCall.plain)).reason == "code 1")
        #expect(zero.commands.count == 1 && five.commands.isEmpty)
        for (id, user) in [("s5", "five"), ("sv", "var")] {
            #expect(try desk.ask(desk.request("INVITE", id: id, user: user, body: MediaCall.plain)).reason == "code 1")
        }
        #expect(zero.commands.count == 1 && five.commands.count == 2)
        #expect(try desk.ask(desk.request("INVITE", id: "s6", user: "none", body: MediaCall.plain)).reason == "No Set")
        #expect(
            try desk.ask(desk.request("INVITE", id: "sx", user: "word", body: MediaCall.plain)).reason == "No Number")
        // The end of the call finds it, whatever the script says now.
        #expect(try desk.ask(desk.request("BYE", id: "s5", cseq: 2)).reason == "code 1")
        try five.wait(for: "delete")
        #expect(zero.commands.count == 1)
    }

    /// A call whose set is remembered, and of which nobody has heard: both are ended.
    @Test func withoutProxies() throws {
        let desk = try MediaCall([""], module: "rtpproxy-ng", RtpproxyNgTests.asking("rtpproxy_offer()"))
        #expect(try desk.ask(desk.request("INVITE", id: "empty", body: MediaCall.plain)).reason == "code -1")
        #expect(desk.server.log.contains("no media proxy is named"))
        #expect(try desk.counter("unserved", of: "rtpproxy-ng") == 1)
    }

    // MARK: What is counted

    @Test func countersInAVariable() throws {
        let proxy = try MediaPeer()
        let text = "RTP: 3440 bytes, 20 packets, 0 errors; RTCP: 96 bytes, 2 packets, 0 errors"
        // Before anything is there, while the call runs by each name, and behind its end, though that has not been confirmed yet.
        let script = """
            request_route {
                xlog("L_WARN", "1 <$rtpstat>\\n");
                rtpproxy_offer();
                if ($rtpstat == "\(text)") xlog("L_WARN", "2 equal\\n");
                $var(x) = $rtpstart;
                append_to_reply("X-RTP-Statistics: $rtpestat\\r\\n");
                xlog("L_WARN", "3 <$var(x)>\\n");
                $rc;
                rtpproxy_destroy();
                xlog("L_WARN", "4 <$rtpstat> <$(rtpstat{s.select,0, })>\\n");
                sl_send_reply("200", "OK");
            }
            """.replacing("    $rc;\n", with: "")
        let desk = try MediaCall([proxy.url], module: "rtpproxy-ng", script)
        proxy.answer { name, command in
            if name == "query", command["from-tag"]?.text == "from-none" { return .silence }
            if name == "delete" { return .late(200, MediaPeer.good(name)) }
            return MediaPeer.good(name)
        }
        let reply = try desk.ask(desk.request("INVITE", id: "counted", body: MediaCall.plain))
        #expect(reply.header("X-RTP-Statistics") == text)
        let log = desk.server.log
        #expect(log.contains("1 <\(text)>") && log.contains("2 equal") && log.contains("3 <\(text)>"))
        #expect(log.contains("4 <\(text)> <RTP:>"))
        #expect(proxy.commands("query").count == 4 && proxy.commands("delete").count == 1)
    }

    @Test func noSessionNoCounters() throws {
        let proxy = try MediaPeer { name, _ in
            name == "query"
                ? .dictionary(["result": "error", "error-reason": "Unknown call-id"]) : MediaPeer.good(name)
        }
        let desk = try MediaCall(
            [proxy.url], module: "rtpproxy-ng",
            """
            request_route {
                if ($rtpstat == $null) sl_send_reply("200", "null"); else sl_send_reply("200", "<$rtpstat>");
            }
            """)
        #expect(try desk.ask(desk.request("OPTIONS", id: "null")).reason == "null")
    }

    // MARK: The config

    @Test(arguments: [
        ("rtpproxy_offer(\"q\")", "there is no such flag"), ("rtpproxy_manage(\"+-\")", "do not go together"),
        ("rtpproxy_offer(\"b\")", "extra_id_pv"), ("rtpproxy_destroy(\"b1\")", "does not go together"),
        ("rtpproxy_offer(\"\", \"host\")", "an IP address is wanted"),
        ("set_rtp_proxy_set(\"x\")", "a set is a number"),
    ])
    func mistakesInTheScript(call: String, complaint: String) throws {
        let result = try Server.check(
            "listen=udp:127.0.0.1:5060\nloadmodule \"rtpproxy-ng.so\"\nrequest_route { \(call); }\n")
        #expect(!result.succeeded && result.output.contains(complaint), "\(result.output)")
    }

    @Test(arguments: [
        ("\"rtpproxy_sock\", \"x == udp:127.0.0.1:1\"", "no number of a set"),
        ("\"rtpproxy_sock\", \"1 ==\"", "has no proxies"), ("\"rtpproxy_sock\", \"tcp:a:1\"", "is no proxy"),
        ("\"rtpproxy_disable\", 1", "rtpproxy_disable"), ("\"rtpproxy_tout\", \"1s\"", "milliseconds"),
    ])
    func mistakesInParameters(parameter: String, complaint: String) throws {
        let result = try Server.check(
            "listen=udp:127.0.0.1:5060\nloadmodule \"rtpproxy-ng.so\"\nmodparam(\"rtpproxy-ng\", \(parameter))\nrequest_route { exit; }\n"
        )
        #expect(!result.succeeded && result.output.contains(complaint), "\(result.output)")
    }
}
