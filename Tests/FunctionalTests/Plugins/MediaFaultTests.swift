import Testing

/// What media proxies and senders do wrong: the function is false, it is counted, and the message goes on as it was.
@Suite struct MediaFaultTests {
    static let script = """
        request_route {
            rtpengine_offer();
            append_hf("X-Code: $rc\\r\\n");
            $du = "sip:x@A";
            forward();
        }
        """

    /// What the called side gets of an offer.
    private func pass(
        _ call: borrowing MediaCall, id: String = "fault", body: String = MediaCall.plain, headers: [String]? = nil
    ) throws -> SIPText {
        try call.send(call.request("INVITE", id: id, body: body, headers: headers))
        return try call.a.request("INVITE")
    }

    private static let reason = "d6:result5:error12:error-reason8:no portse"

    /// Counters: `broken_answers`, `refused`.
    @Test(arguments: [
        ("", 1, 0), ("garbage", 1, 0), ("d6:result2:ok", 1, 0), ("d6:resulti1ee", 1, 0), ("de", 1, 0), ("le", 1, 0),
        ("d6:result2:oke", 1, 0), ("d6:result2:ok3:sdp0:e", 1, 0), ("d6:result2:ok3:sdpi1ee", 1, 0),
        ("d6:result2:ok3:sdpl1:aee", 1, 0), ("d6:result6:hello!e", 1, 0), (reason, 0, 1),
        ("d6:result5:errore", 0, 1), ("d6:result2:oke ", 1, 0),
        (String(repeating: "d1:a", count: 5000), 1, 0),
        ("d1:a" + String(repeating: "l", count: 40) + String(repeating: "e", count: 40) + "6:result2:oke", 1, 0),
        ("d6:result2:ok3:sdp99999999:e", 1, 0), ("d6:result2:ok3:sdp-1:e", 1, 0),
    ])
    func answersThatAreNone(answer: String, broken: Int, refused: Int) throws {
        let proxy = try MediaPeer { name, _ in name == "offer" ? .text(answer) : MediaPeer.good(name) }
        let call = try MediaCall([proxy.url], MediaFaultTests.script)
        let got = try pass(call)
        #expect(got.header("X-Code") == "-1" && got.body == MediaCall.plain && got.hasExactLength)
        #expect(try call.counter("broken_answers") == broken && call.counter("refused") == refused)
        #expect(try call.counter("disabled") == 0 && call.counter("replaced") == 0)
        // It stays enabled, and the next call is served.
        proxy.answer { name, _ in MediaPeer.good(name) }
        let next = try pass(call, id: "next")
        #expect(next.header("X-Code") == "1" && next.body == MediaPeer.description && next.hasExactLength)
        if refused == 1 { #expect(call.server.log.contains("the media proxy says no")) }
    }

    /// An answer of many kilobytes is one as others are.
    @Test func longAnswers() throws {
        let long = MediaPeer.description + String(repeating: "a=x:0123456789\r\n", count: 3000)
        let proxy = try MediaPeer { name, _ in
            name == "offer" ? .dictionary(["result": "ok", "sdp": .text(long)]) : MediaPeer.good(name)
        }
        let call = try MediaCall(
            [proxy.url],
            """
            request_route {
                rtpengine_offer();
                $var(c) = $rc;
                msg_apply_changes();
                sl_send_reply("200", "$var(c) $(rb{s.len})");
            }
            """)
        let reply = try call.ask(call.request("INVITE", id: "long", body: MediaCall.plain))
        #expect(reply.reason == "1 \(long.utf8.count)")
    }

    /// Cookies of others, and answers that come too late or twice, are nobody's.
    @Test func cookiesThatAreNotOurs() throws {
        let ok = Bencoded.dictionary(["result": "ok", "sdp": "v=0 wrong"]).encoded
        let proxy = try MediaPeer { name, _ in
            guard name == "offer" else { return MediaPeer.good(name) }
            return .several([
                .raw("1_0_1 \(ok)"), .raw("x \(ok)"), .raw(ok), .raw(""), .raw(" \(ok)"),
                .raw("99999999999999999999_0_1 \(ok)"),
                MediaPeer.good(name), MediaPeer.good(name),
            ])
        }
        let call = try MediaCall([proxy.url], MediaFaultTests.script)
        let got = try pass(call)
        #expect(got.header("X-Code") == "1" && got.body == MediaPeer.description)
        #expect(try until { try call.counter("strange_answers") == 7 })
    }

    @Test func answersThatComeLate() throws {
        let proxy = try MediaPeer { name, _ in
            name == "offer" ? .late(700, MediaPeer.good(name)) : MediaPeer.good(name)
        }
        let call = try MediaCall(
            [proxy.url], parameters: MediaCall.shortTimes + [#""rtpengine_disable_tout", 1"#], MediaFaultTests.script)
        // It is known to be there before the offer is sent: who is heard meanwhile is taken for alive.
        #expect(try call.door.call("rtpengine.ping", "all").code == 200)
        let got = try pass(call)
        #expect(got.header("X-Code") == "-1" && got.body == MediaCall.plain)
        let counts = try ["repeated", "disabled", "unserved"].map { try call.counter($0) }
        #expect(counts[0] >= 1 && counts[1] >= 1 && counts[2] == 1, "\(counts), \(call.server.log)")
        // Both answers of it, by the same cookie.
        #expect(Set(proxy.cookies).count == 1 && proxy.cookies.count == 2)
        #expect(try until { try call.counter("strange_answers") >= 2 })
        #expect(try until { try call.counter("enabled") >= 1 })
    }

    /// The message goes on as it was, and the next call finds out without waiting as long.
    @Test func answersThatNeverCome() throws {
        let proxy = try MediaPeer { name, _ in name == "offer" ? .silence : MediaPeer.good(name) }
        let call = try MediaCall([proxy.url], parameters: MediaCall.shortTimes, MediaFaultTests.script)
        #expect(try call.door.call("rtpengine.ping", "all").code == 200)
        let got = try pass(call)
        #expect(got.header("X-Code") == "-1" && got.body == MediaCall.plain && got.hasExactLength)
        #expect(try call.counter("unserved") == 1 && call.counter("disabled") == 1 && call.counter("repeated") == 1)
        #expect(call.server.log.contains("no media proxy of the set is there"))
    }

    /// A set that is not there, by the function and by a variable.
    @Test func setsThatAreNotThere() throws {
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url], parameters: [#""setid_avp", "$avp(set)""#],
            """
            request_route {
                if ($rU == "function") { if (!set_rtpengine_set("7")) append_hf("X-Set: none\\r\\n"); }
                else { $avp(set) = 7; rtpengine_offer(); append_hf("X-Code: $rc\\r\\n"); }
                $du = "sip:x@A";
                forward();
            }
            """)
        try call.send(call.request("INVITE", id: "one", user: "function", body: MediaCall.plain))
        let first = try call.a.request("INVITE")
        #expect(first.header("X-Set") == "none" && first.body == MediaCall.plain)
        try call.send(call.request("INVITE", id: "two", user: "variable", body: MediaCall.plain))
        let second = try call.a.request("INVITE")
        #expect(second.header("X-Code") == "-1" && second.body == MediaCall.plain && second.hasExactLength)
        #expect(try call.counter("no_set") == 2 && call.counter("unserved") == 1)
        #expect(proxy.commands.isEmpty)
    }

    /// Dictionaries with thousands of keys, with and without what is wanted.
    @Test(arguments: [true, false])
    func hugeDictionaries(isWhole: Bool) throws {
        var pairs: [String: Bencoded] = ["result": "ok"]
        for number in 0..<3000 { pairs["key\(number)"] = .number(Int64(number)) }
        if isWhole { pairs["sdp"] = .text(MediaPeer.description) }
        let answer = pairs
        let proxy = try MediaPeer { name, _ in name == "offer" ? .dictionary(answer) : MediaPeer.good(name) }
        let call = try MediaCall([proxy.url], MediaFaultTests.script)
        let got = try pass(call)
        #expect(got.header("X-Code") == (isWhole ? "1" : "-1"))
        #expect(got.body == (isWhole ? MediaPeer.description : MediaCall.plain) && got.hasExactLength)
        #expect(try call.counter("broken_answers") == (isWhole ? 0 : 1))
    }

    /// A command that is repeated has its cookie: the proxy does it once.
    @Test func oneDatagramIsLost() throws {
        let proxy = try MediaPeer { name, _ in name == "offer" ? .silence : MediaPeer.good(name) }
        let call = try MediaCall([proxy.url], parameters: [#""rtpengine_tout_ms", 200"#], MediaFaultTests.script)
        try call.send(call.request("INVITE", id: "lost", body: MediaCall.plain))
        try proxy.wait(for: "offer")
        proxy.answer { name, _ in MediaPeer.good(name) }
        #expect(try call.a.request("INVITE").header("X-Code") == "1")
        #expect(proxy.commands("offer").count == 1 && proxy.cookies.count > 1 && Set(proxy.cookies).count == 1)
    }

    // MARK: Streams

    @Test func streams() throws {
        let folder = try TemporaryFolder()
        let proxy = try MediaPeer(path: folder.path + "/proxy")
        let call = try MediaCall([proxy.url], MediaFaultTests.script)
        for id in ["one", "two"] {
            let got = try pass(call, id: id)
            #expect(got.header("X-Code") == "1" && got.body == MediaPeer.description)
        }
        // It ends in the middle, at once, or says more than one value.
        let endless = "d6:result2:ok3:sdp99999:" + String(repeating: "x", count: 70_000)
        for (number, text) in ["d6:result2:ok3:sdp5:v=", "", "garbage", "e", endless].enumerated() {
            proxy.answer { name, _ in name == "offer" ? .cut(text) : MediaPeer.good(name) }
            let got = try pass(call, id: "cut\(number)")
            #expect(got.header("X-Code") == "-1" && got.body == MediaCall.plain)
        }
        #expect(try call.counter("broken_answers") == 5 && call.counter("disabled") == 0)
        proxy.answer { name, _ in MediaPeer.good(name) }
        #expect(try pass(call, id: "well").header("X-Code") == "1")
    }

    @Test func aStreamThatIsNotThere() throws {
        let folder = try TemporaryFolder()
        let call = try MediaCall([folder.path + "/none"], MediaFaultTests.script)
        #expect(try pass(call).header("X-Code") == "-1")
        #expect(try call.counter("disabled") == 1)
        #expect(call.server.log.contains("cannot be reached"))
    }

    @Test func overIPv6() throws {
        let proxy = try MediaPeer(host: "::1")
        let call = try MediaCall([proxy.url], MediaFaultTests.script)
        #expect(try pass(call).header("X-Code") == "1")
    }

    // MARK: Messages

    @Test(
        arguments: [
            ("", nil), ("hello", ["Content-Type: text/plain"]), (MediaCall.plain, []),
            ("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n", ["Content-Type: multipart/mixed;boundary=b"]),
            ("--b\r\nContent-Type: application/sdp\r\n\r\n\r\n--b--\r\n", ["Content-Type: multipart/mixed;boundary=b"]),
        ] as [(String, [String]?)])
    func messagesWithoutADescription(body: String, headers: [String]?) throws {
        let proxy = try MediaPeer()
        let call = try MediaCall([proxy.url], MediaFaultTests.script)
        let got = try pass(call, body: body, headers: headers)
        #expect(got.header("X-Code") == "-1" && got.body == body && got.hasExactLength)
        #expect(proxy.commands.isEmpty)
        #expect(try call.counter("no_sdp") == 1)
    }

    /// What is not one goes to the proxy, which decides.
    @Test func aDescriptionThatIsNone() throws {
        let proxy = try RTPEngine()
        let call = try MediaCall([proxy.url], MediaFaultTests.script)
        let got = try pass(call, body: "hello, world\r\n")
        #expect(got.header("X-Code") == "-1" && got.body == "hello, world\r\n")
        #expect(try call.counter("refused") == 1)
    }

    /// The command would be longer than a datagram.
    @Test func aDescriptionThatIsTooLong() throws {
        let proxy = try MediaPeer()
        let flags = String(repeating: "label=0123456789 ", count: 3500)
        let call = try MediaCall(
            [proxy.url], MediaFaultTests.script.replacing("rtpengine_offer()", with: "rtpengine_offer(\"\(flags)\")"))
        let got = try pass(call)
        #expect(got.header("X-Code") == "-1" && got.body == MediaCall.plain)
        #expect(proxy.commands.isEmpty && call.server.log.contains("too long"))
    }

    /// Flags that a variable holds are looked at when they are used.
    @Test func wrongFlagsAtRunTime() throws {
        let proxy = try MediaPeer()
        let script = """
            request_route {
                $var(f) = "via-branch=9";
                rtpengine_offer("$var(f)");
                append_hf("X-Code: $rc\\r\\n");
                $du = "sip:x@A";
                forward();
            }
            """
        let call = try MediaCall([proxy.url], script)
        #expect(try pass(call).header("X-Code") == "-1")
        #expect(proxy.commands.isEmpty && call.server.log.contains("the flags are wrong: via-branch is"))
    }
}
