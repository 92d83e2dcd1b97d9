import Testing

/// `nathelper`: signs of NATs, and what is done about them.
@Suite struct NathelperTests {
    private static let description = """
        v=0\r
        o=u 1 1 IN IP4 10.0.0.9\r
        s=-\r
        c=IN IP4 10.0.0.8\r
        t=0 0\r
        m=audio 4000 RTP/AVP 0\r
        c=IN IP4 192.168.1.1/127\r
        a=x:1\r
        m=video 4002 RTP/AVP 31\r
        c=IN IP4 0.0.0.0\r

        """

    private static let sdp = ["Content-Type: application/sdp"]

    /// Without the Contact that every request of a test has.
    private static func bare(_ request: String) -> String {
        request.replacing(/Contact: <sip:tester@[^>]*>\r\n/, with: "")
    }

    // MARK: Signs

    @Test func privateAddresses() throws {
        let cases: [(address: String, wide: Int, narrow: Int)] = [
            ("10.0.0.1", 1, 1), ("172.16.0.1", 1, 1), ("172.15.255.255", -1, -1), ("172.31.255.255", 1, 1),
            ("172.32.0.0", -1, -1), ("192.168.0.0", 1, 1), ("192.169.0.0", -1, -1), ("100.64.0.0", 1, 1),
            ("100.127.255.255", 1, 1), ("100.128.0.0", -1, -1), ("192.0.0.7", 1, 1), ("192.0.0.8", 1, -1),
            ("192.0.1.0", -1, -1), ("127.0.0.1", -1, -1), ("169.254.0.1", -1, -1), ("::1", -1, -1), ("fc00::1", -1, -1),
            ("example.com", -1, -1), ("", -1, -1),
        ]
        for (mode, wanted) in [(1, cases.map(\.wide)), (0, cases.map(\.narrow))] {
            let codes = try Probe.codes(
                ["nathelper"], globals: "modparam(\"nathelper\", \"nat_addr_mode\", \(mode))\n",
                cases.map { "is_rfc1918(\"\($0.address)\")" })
            #expect(codes == wanted)
        }
    }

    /// The bits that are true of a request from 127.0.0.1:PORT.
    @Test(arguments: [
        (via: "127.0.0.1:PORT", contact: "sip:a@127.0.0.1:PORT", body: "", bits: [Int]()),
        ("127.0.0.1", "sip:a@127.0.0.1:PORT", "", [16]),
        ("127.0.0.1:PORT", "sip:a@10.0.0.1:PORT", "", [1]),
        ("127.0.0.1:PORT", "sip:a@127.0.0.1:PORT>, <sip:b@192.168.0.1", "", [1, 128]),
        ("10.0.0.1:PORT", "sip:a@127.0.0.1:PORT", "", [2, 4]), ("a.example.com:PORT", "", "", [2]),
        ("127.0.0.1:PORT", "sip:a@example.com", "", [128]),
        ("127.0.0.1:PORT", "*", "c=IN IP4 10.0.0.1\r\n", [8, 256]),
        ("127.0.0.1:PORT", "", "c=IN IP4 127.0.0.1\r\n", []), ("127.0.0.1:PORT", "", "c=IN IP6 2001:db8::1\r\n", [256]),
    ])
    func signsOfNATs(via: String, contact: String, body: String, bits: [Int]) throws {
        let all = [1, 2, 4, 8, 16, 32, 64, 128, 256]
        let calls = all.map { "    if (nat_uac_test(\"\($0)\")) $var(bits) = $var(bits) + \" \($0)\";\n" }.joined()
        let probe = try Probe(
            ["sl", "nathelper"],
            script: "force_rport(); $var(bits) = \"bits\";\n\(calls) sl_send_reply(\"200\", \"$var(bits)\");")
        func here(_ text: String) -> String {
            text.replacing("PORT", with: "\(probe.client.address.port)")
        }
        var headers = body.isEmpty ? [] : NathelperTests.sdp
        if !contact.isEmpty { headers.append("Contact: " + (contact == "*" ? "*" : "<\(here(contact))>")) }
        let request = probe.request(id: "signs", headers: headers, body: body)
            .replacing("UDP \(probe.client.address)", with: "UDP \(here(via))")
        #expect(
            try probe.ask(NathelperTests.bare(request)).reason
                == (["bits"] + bits.map(String.init)).joined(separator: " "))
        // Any of them is enough.
        let sum = try Probe(
            ["sl", "nathelper"],
            script:
                "force_rport(); if (nat_uac_test(\"1023\")) sl_send_reply(\"200\", \"yes\"); else sl_send_reply(\"200\", \"no\");"
        )
        func there(_ text: String) -> String { text.replacing("PORT", with: "\(sum.client.address.port)") }
        headers = body.isEmpty ? [] : NathelperTests.sdp
        if !contact.isEmpty { headers.append("Contact: " + (contact == "*" ? "*" : "<\(there(contact))>")) }
        let whole = sum.request(id: "sum", headers: headers, body: body)
            .replacing("UDP \(sum.client.address)", with: "UDP \(there(via))")
        #expect(try sum.ask(NathelperTests.bare(whole)).reason == (bits.isEmpty ? "no" : "yes"))
    }

    /// 512: `$du` says otherwise than the Request-URI, or it goes over a WebSocket.
    @Test func otherTargets() throws {
        let cases: [(du: String, code: Int)] = [
            ("", -1), ("sip:192.0.2.1:5070", -1), ("sip:192.0.2.1", 1), ("sip:192.0.2.2:5070", 1),
            ("sip:192.0.2.1:5070;transport=ws", 1),
        ]
        let script = cases.enumerated().map { index, one in
            """
            $ru = "sip:a@192.0.2.1:5070"; $du = \(one.du.isEmpty ? "$null" : "\"\(one.du)\"");
            if (nat_uac_test("512")) $var(c) = 1; else $var(c) = -1;
            $var(all) = $var(all) + " " + $var(c);

            """
        }.joined()
        let probe = try Probe(
            ["sl", "pv", "nathelper"],
            script: "$var(all) = \"codes\";\n\(script) sl_send_reply(\"200\", \"$var(all)\");")
        #expect(
            try probe.ask(probe.request(id: "target")).reason
                == (["codes"] + cases.map { "\($0.code)" }).joined(separator: " "))
    }

    /// The same of replies: the second Via and what it was received from.
    @Test(arguments: [
        ("UDP 192.0.2.1:5070;branch=z9hG4bKx", -1), ("UDP 192.0.2.1:5070;branch=z9hG4bKx;received=192.0.2.9", 1),
        ("UDP 192.0.2.1;branch=z9hG4bKx;rport=5060;received=192.0.2.1", -1),
        ("UDP 192.0.2.1;branch=z9hG4bKx;rport=5070", 1), ("WS h.invalid;branch=z9hG4bKx", 1),
    ])
    func otherTargetsOfReplies(via: String, code: Int) throws {
        let probe = try Probe(
            ["sl", "xlog", "nathelper"],
            globals: """
                reply_route {
                    if (nat_uac_test("512")) xlog("L_NOTICE", "code 1\\n"); else xlog("L_NOTICE", "code -1\\n");
                    drop;
                }
                """, script: "exit;")
        try probe.client.send(
            """
            SIP/2.0 200 OK\r
            Via: SIP/2.0/UDP \(probe.server.address);branch=z9hG4bKown\r
            Via: SIP/2.0/\(via)\r
            From: <sip:a@b>;tag=1\r
            To: <sip:a@b>;tag=2\r
            Call-ID: replies\r
            CSeq: 1 OPTIONS\r
            Content-Length: 0\r
            \r

            """, to: probe.server.port)
        try probe.server.waitForLog("code \(code)\n")
    }

    @Test func theSelectOfContacts() throws {
        let probe = try Probe(
            ["sl", "nathelper"],
            script: """
                $var(a) = @nathelper.rewrite_contact[1];
                $var(b) = @nathelper.rewrite_contact[2].nameaddr.uri;
                $var(c) = @nathelper.rewrite_contact[3];
                sl_send_reply("200", "$var(a) | $var(b) | $var(c)");
                """)
        let own = probe.client.address
        let request = probe.request(
            id: "select", headers: ["Contact: \"N\" <sip:bob@10.0.0.1:5070;x=1>;q=1, sip:c@10.0.0.2"])
        #expect(
            try probe.ask(NathelperTests.bare(request)).reason
                == "\"N\" <sip:bob@\(own);x=1>;q=1 | sip:c@\(own) | ")
        for path in ["rewrite_contact", "rewrite_contact[0]", "rewrite_contact[1].host", "other[1]"] {
            do {
                _ = try Probe(["sl", "nathelper"], script: "$var(a) = @nathelper.\(path);")
                Issue.record("\(path) is taken")
            } catch { #expect("\(error)".contains("config") || "\(error)".contains("ontact"), "\(error)") }
        }
    }

    // MARK: Contacts

    /// What the next hop sees of a request; `HERE` is the client's port.
    private func passed(
        _ call: String, globals: String = "", _ headers: [String], body: String = "", uri: String? = nil
    ) throws -> (message: SIPText, code: String, port: UInt16) {
        let probe = try Probe(
            ["textops", "nathelper"], globals: globals,
            script:
                "\(call); append_hf(\"X-Code: $rc\\r\\n\"); append_hf(\"X-Du: $du\\r\\n\"); $du = \"NEXT\"; forward();")
        let port = probe.client.address.port
        let headers = headers.map { $0.replacing("HERE", with: "127.0.0.1:\(port)") }
        var request = probe.request(id: "passed", headers: headers, body: body)
        if let uri { request = request.replacing("sip:alice@\(probe.server.address)", with: uri) }
        let got = try probe.pass(NathelperTests.bare(request))
        return (got, got.header("X-Code") ?? "", port)
    }

    @Test(arguments: [
        (
            "<sip:bob@10.0.0.1:5070;x=1?a=b>;q=1, sip:c@10.0.0.2;y=2", "<sip:bob@HERE;x=1?a=b>;q=1, <sip:c@HERE>;y=2",
            "1"
        ),
        ("\"N\" <sips:[2001:db8::1]:5070>", "\"N\" <sips:HERE>", "1"), ("*", "*", "-1"),
    ])
    func contactsAreFixed(contact: String, fixed: String, code: String) throws {
        let got = try passed("fix_nated_contact()", ["Contact: \(contact)"])
        #expect(got.code == code)
        #expect(got.message.header("Contact") == fixed.replacing("HERE", with: "127.0.0.1:\(got.port)"))
    }

    @Test(arguments: [
        ("add_contact_alias()", "<sip:b@10.0.0.1;x=1?a=b>", "<sip:b@10.0.0.1;x=1;alias=HERE~1?a=b>", "1"),
        ("add_contact_alias()", "sip:b@10.0.0.1;q=1", "<sip:b@10.0.0.1;alias=HERE~1>;q=1", "1"),
        ("add_contact_alias()", "<sip:b@LOCAL>", "<sip:b@LOCAL>", "2"),
        ("add_contact_alias()", "<sip:b@LOCAL;transport=tcp>", "<sip:b@LOCAL;transport=tcp;alias=HERE~1>", "1"),
        ("add_contact_alias(\"192.0.2.1\", \"5080\", \"tcp\")", "<sip:b@c>", "<sip:b@c;alias=192.0.2.1~5080~2>", "1"),
        ("add_contact_alias(\"2001:db8::1\", \"1\", \"ws\")", "<sip:b@c>", "<sip:b@c;alias=[2001:db8::1]~1~5>", "1"),
        ("add_contact_alias(\"192.0.2.1\", \"5080\", \"pigeon\")", "<sip:b@c>", "<sip:b@c>", "-1"),
        ("add_contact_alias(\"192.0.2.1\", \"0\", \"tcp\")", "<sip:b@c>", "<sip:b@c>", "-1"),
        ("set_contact_alias()", "<sip:b@LOCAL>", "<sip:b@LOCAL;alias=HERE~1>", "1"),
        ("set_contact_alias()", "<sip:b@c;alias=1~2~3>", "<sip:b@c;alias=1~2~3;alias=HERE~1>", "1"),
        ("set_contact_alias(1)", "<sip:b@c;alias=1~2~3;z;alias=4>", "<sip:b@c;z;alias=HERE~1>", "1"),
        (
            "add_rcv_param()", "<sip:b@c;z=1>;q=1, sip:d@e",
            "<sip:b@c;z=1>;q=1;received=\"sip:LOCAL\", sip:d@e;received=\"sip:LOCAL\"", "1"
        ),
        ("add_rcv_param(1)", "<sip:b@c;z=1?h=1>;q=1", "<sip:b@c;z=1;received=sip:LOCAL?h=1>;q=1", "1"),
    ])
    func contactsSayWhereTheyAre(call: String, contact: String, wanted: String, code: String) throws {
        let got = try passed(call, ["Contact: " + contact.replacing("LOCAL", with: "HERE")])
        #expect(got.code == code)
        let expected = wanted.replacing("HERE", with: "127.0.0.1~\(got.port)")
            .replacing("LOCAL", with: "127.0.0.1:\(got.port)")
        #expect(got.message.header("Contact") == expected)
    }

    @Test(arguments: [
        ("fix_nated_contact()", "-1"), ("add_contact_alias()", "2"), ("set_contact_alias()", "-1"),
        ("add_rcv_param()", "1"),
    ])
    func withoutAContactNothingIsDone(call: String, code: String) throws {
        let got = try passed(call, [])
        #expect(got.code == code && got.message.header("Contact") == nil)
    }

    @Test func theAliasMayHaveAnotherName() throws {
        let globals = "modparam(\"nathelper\", \"alias_name\", \"nat\")\n"
        let got = try passed("set_contact_alias()", globals: globals, ["Contact: <sip:b@c>"])
        #expect(got.message.header("Contact") == "<sip:b@c;nat=127.0.0.1~\(got.port)~1>")
    }

    @Test func variablesGetTheSource() throws {
        let globals = "modparam(\"nathelper\", \"received_avp\", \"$avp(rcv)\")\n"
        let probe = try Probe(
            ["sl", "nathelper"], globals: globals,
            script: """
                fix_nated_register();
                $var(a) = "before";
                set_alias_to_pv("$var(a)");
                sl_send_reply("200", "$rc $avp(rcv) $var(a)");
                """)
        let port = probe.client.address.port
        let request = probe.request(id: "source", headers: ["Contact: <sip:b@c;x?y=z>"])
        let reply = try probe.ask(NathelperTests.bare(request))
        #expect(reply.reason == "1 sip:127.0.0.1:\(port) sip:b@c;x;alias=127.0.0.1~\(port)~1?y=z")
        #expect(try Probe.codes(["nathelper"], ["fix_nated_register()"]) == [-1])
    }

    // MARK: Request-URIs

    @Test(
        arguments: [
            (";alias=192.0.2.1~5080~1", "1", "", "sip:192.0.2.1:5080"),
            (";a=b;alias=192.0.2.1~5080~2;c=d", "1", ";a=b;c=d", "sip:192.0.2.1:5080;transport=tcp"),
            (";alias=[2001:db8::1]~5080~3", "1", "", "sip:[2001:db8::1]:5080;transport=tls"),
            (";alias=192.0.2.1~5080~6", "1", "", "sip:192.0.2.1:5080;transport=ws"),
            (";alias=192.0.2.1~1~1;alias=192.0.2.2~2~1", "1", ";alias=192.0.2.2~2~1", "sip:192.0.2.1:1"),
            (";alias=192.0.2.1~5080~9", "-1", ";alias=192.0.2.1~5080~9", "<null>"),
            (";alias=192.0.2.1~5080", "-1", ";alias=192.0.2.1~5080", "<null>"),
            (";alias=192.0.2.1~70000~1", "-1", ";alias=192.0.2.1~70000~1", "<null>"),
            (";alias=", "-1", ";alias=", "<null>"), (";alias", "2", ";alias", "<null>"),
            (";x=1", "2", ";x=1", "<null>"), ("", "2", "", "<null>"),
        ])
    func aliasesAreFollowed(parameters: String, code: String, left: String, target: String) throws {
        let got = try passed("handle_ruri_alias()", [], uri: "sip:u@example.com\(parameters)")
        #expect(got.code == code)
        #expect(got.message.header("X-Du") == target)
        #expect(got.message.startLine == "OPTIONS sip:u@example.com\(left) SIP/2.0")
    }

    @Test func theLastAliasMayCount() throws {
        let got = try passed(
            "handle_ruri_alias(1)", [], uri: "sip:u@example.com;alias=192.0.2.1~1~1;x;alias=192.0.2.2~2~2")
        #expect(got.message.startLine == "OPTIONS sip:u@example.com;alias=192.0.2.1~1~1;x SIP/2.0")
        #expect(got.message.header("X-Du") == "sip:192.0.2.2:2;transport=tcp")
    }

    // MARK: Session descriptions

    @Test(
        arguments: [
            ("fix_nated_sdp(\"1\")", "2", ["a=x:1\r\n": "a=x:1\r\na=direction:active\r\n"], "a=direction:active\r\n"),
            (
                "fix_nated_sdp(\"2\")", "1", ["10.0.0.8": "127.0.0.1", "192.168.1.1": "127.0.0.1"],
                "a=oldmediaip:10.0.0.8\r\na=oldmediaip:192.168.1.1\r\n"
            ),
            ("fix_nated_sdp(\"4\")", "2", [:], "a=nortpproxy:yes\r\n"),
            ("fix_nated_sdp(\"8\")", "1", ["10.0.0.9": "127.0.0.1"], "a=oldmediaip:10.0.0.9\r\n"),
            (
                "fix_nated_sdp(\"15\", \"192.0.2.5\")", "1",
                [
                    "10.0.0.9": "192.0.2.5", "10.0.0.8": "192.0.2.5", "192.168.1.1": "192.0.2.5",
                    "a=x:1\r\n": "a=x:1\r\na=direction:active\r\n",
                ],
                "a=direction:active\r\na=nortpproxy:yes\r\na=oldmediaip:10.0.0.8\r\na=oldmediaip:192.168.1.1\r\na=oldmediaip:10.0.0.9\r\n"
            ),
            (
                "fix_nated_sdp(\"8\", \"[2001:db8::1]\")", "1", ["IP4 10.0.0.9": "IP6 2001:db8::1"],
                "a=oldmediaip:10.0.0.9\r\n"
            ),
            ("fix_nated_sdp(\"8\", \"10.0.0.9\")", "2", [:], ""),
            ("fix_nated_sdp(\"8\", \"example.com\")", "-1", [:], ""),
        ] as [(String, String, [String: String], String)])
    func descriptionsAreFixed(call: String, code: String, changes: [String: String], tail: String) throws {
        let got = try passed(call, NathelperTests.sdp, body: NathelperTests.description)
        #expect(got.code == code)
        var wanted = NathelperTests.description
        for (old, new) in changes { wanted = wanted.replacing(old, with: new) }
        wanted += tail
        #expect(got.message.text.hasSuffix("\r\n\r\n" + wanted))
        #expect(got.message.header("Content-Length") == "\(wanted.utf8.count)")
    }

    @Test func oldAddressesNeedNotStay() throws {
        let globals = "modparam(\"nathelper\", \"append_sdp_oldmediaip\", 0)\n"
        let got = try passed(
            "fix_nated_sdp(\"8\")", globals: globals, NathelperTests.sdp, body: NathelperTests.description)
        #expect(got.message.text.hasSuffix(NathelperTests.description.replacing("10.0.0.9", with: "127.0.0.1")))
    }

    @Test func aMultipartBodyHasADescriptionToo() throws {
        let body =
            "--b\r\nContent-Type: text/plain\r\n\r\nc=IN IP4 10.0.0.1\r\n--b\r\nContent-Type: application/sdp\r\n\r\n"
        let rest = "\r\n--b--\r\n"
        let got = try passed(
            "fix_nated_sdp(\"10\")", ["Content-Type: multipart/mixed;boundary=b"],
            body: body + "o=u 1 1 IN IP4 10.0.0.2\r\n" + rest)
        #expect(got.code == "1")
        #expect(got.message.text.contains("text/plain\r\n\r\nc=IN IP4 10.0.0.1\r\n"))
        #expect(got.message.text.contains("o=u 1 1 IN IP4 127.0.0.1\r\n"))
    }

    @Test func withoutADescriptionNothingIsFixed() throws {
        #expect(try Probe.codes(["nathelper"], ["fix_nated_sdp(\"2\")"]) == [-1])
        #expect(
            try Probe.codes(
                ["nathelper"], headers: ["Content-Type: text/plain"], body: "c=IN IP4 10.0.0.1\r\n",
                ["fix_nated_sdp(\"2\")", "nat_uac_test(\"8\")"]) == [-1, -1])
    }

    // MARK: Record-Route

    @Test(arguments: [
        ([], "0 0"), (["<sip:192.0.2.1;lr>, <sip:192.0.2.2;lr;r2=on>"], "2 1"),
        (["<sip:192.0.2.1;lr;r2=on>,<sip:192.0.2.2;lr;r2=on>", "<sip:192.0.2.3;lr>"], "3 2"),
    ])
    func recordRoutesAreCounted(values: [String], wanted: String) throws {
        let probe = try Probe(["sl", "nathelper"], script: "sl_send_reply(\"200\", \"$rr_count $rr_top_count\");")
        let request = probe.request(id: "routes", headers: values.map { "Record-Route: \($0)" })
        #expect(try probe.ask(request).reason == wanted)
    }
}
