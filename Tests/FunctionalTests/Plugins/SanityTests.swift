import Testing

@Suite struct SanityTests {
    private static let digest =
        #"Digest username="u", realm="r", nonce="n", uri="sip:x", response="00000000000000000000000000000000""#

    /// A server that checks by numbers in the request, and answers what passes.
    private func probe(_ globals: String = "") throws -> Probe {
        try Probe(
            ["sl", "sanity"], globals: globals,
            script: """
                if (sanity_check($(hdr(X-Checks){s.int}), $(hdr(X-URIs){s.int}))) sl_send_reply("200", "passed");
                else sl_send_reply("480", "false");
                """)
    }

    /// What the server says to a request with those headers, some of its text replaced.
    private func answer(
        _ probe: borrowing Probe, _ checks: Int, uris: Int = 7, headers: [String] = [], id: String = "checked",
        method: String = "OPTIONS", body: String = "", replacing: [(String, String)] = []
    ) throws -> SIPText {
        var request = probe.request(
            method, id: id, headers: ["X-Checks: \(checks)", "X-URIs: \(uris)"] + headers, body: body)
        for (old, new) in replacing {
            #expect(request.contains(old))
            request = request.replacing(old, with: new)
        }
        return try probe.ask(request)
    }

    /// What one check refuses, with its reply; the others let it pass.
    @Test func eachCheckHasItsReply() throws {
        let probe = try probe()
        let cases: [(Int, [String], String)] = [
            (256, ["Expires: soon"], "400 Expires value is illegal"),
            (256, ["Expires: -1"], "400 Expires value is illegal"),
            (256, ["Expires: 4294967296"], "400 Expires value is illegal"),
            (256, ["Expires:"], "400 Bad Expires Header"),
            (256, ["Expires: 1", "Expires: 1x"], "400 Expires value is illegal"),
            (512, ["Proxy-Require: foo"], "420 Bad Proxy Require Extension"),
            (2048, ["Authorization: Basic abc"], "400 Bad Auth Credentials"),
            (2048, ["Proxy-Authorization: Digest username"], "400 Bad Auth Header"),
            (
                2048, ["Proxy-Authorization: \(Self.digest.replacing("username=\"u\", ", with: ""))"],
                "400 Bad Auth Credentials"
            ),
            (2048, ["Authorization: \(Self.digest), qop=auth"], "400 Bad Auth Credentials"),
            (2048, ["Authorization: \(Self.digest.replacing("\"u\"", with: "\"\""))"], "400 Auth Empty User"),
            (2048, ["Authorization: \(Self.digest.replacing("\"n\"", with: "\"\""))"], "400 Auth Empty Nonce"),
            (
                2048, ["Authorization: \(Self.digest.replacing(String(repeating: "0", count: 32), with: ""))"],
                "400 Auth Empty Response"
            ),
            (8192, ["Authorization: Digest username"], "400 Bad Auth Header"),
            (8192, ["Proxy-Authorization: \(Self.digest.replacing("\"u\"", with: "\"\""))"], "400 Auth Empty User"),
        ]
        for (index, (check, headers, expected)) in cases.enumerated() {
            let refused = try answer(probe, check, headers: headers, id: "refused-\(index)").startLine
            #expect(refused == "SIP/2.0 \(expected)", "\(headers)")
            let others = 131071 & ~(check == 8192 ? 8192 | 2048 : check == 2048 ? 2048 | 8192 : check)
            let passed = try answer(probe, others, headers: headers, id: "passed-\(index)").startLine
            #expect(passed == "SIP/2.0 200 passed", "\(headers)")
        }
    }

    /// What is right passes all checks there are.
    @Test func soundRequestsPass() throws {
        let probe = try probe()
        let cases: [[String]] = [
            [], ["Expires: 4294967295"], ["Authorization: \(Self.digest)"],
            ["Proxy-Authorization: \(Self.digest), qop=auth, nc=00000001, cnonce=\"c\""],
            ["Route: <sip:127.0.0.1;lr>", "Record-Route: <sip:a.example;lr>, <sip:b.example;lr=on>"],
        ]
        for (index, headers) in cases.enumerated() {
            let passed = try answer(probe, 131071, uris: 15, headers: headers, id: "\(index)").startLine
            #expect(passed == "SIP/2.0 200 passed", "\(headers)")
        }
        let basic = try answer(probe, 8192, headers: ["Authorization: Basic abc"], id: "basic").startLine
        #expect(basic == "SIP/2.0 200 passed")
    }

    /// URIs that are none, chosen by the second argument; schemes that the server cannot route.
    @Test func urisAreChecked() throws {
        let probe = try probe()
        let contact = "Contact: <sip:tester@\(probe.client.address)>"
        let from = "From: <sip:tester@\(probe.client.address)>"
        let to = "To: <sip:alice@\(probe.server.address)>"
        let uri = "OPTIONS sip:alice@\(probe.server.address)"
        let cases: [(Int, Int, String, String, String)] = [
            (1024, 2, from, "From: <tester@h>", "400 Invalid From Header"),
            (1024, 13, from, "From: <tester@h>", "200 passed"), (1024, 4, to, "To: <sip:>", "400 Invalid To Header"),
            (1024, 11, to, "To: <sip:>", "200 passed"), (1024, 8, contact, "Contact: <sip:>", "400 Bad Contact URI"),
            (1024, 8, contact, contact + ", <sip:", "400 Bad Contact Header"),
            (1024, 8, contact, contact + ", <sip:>", "400 Bad Contact URI"),
            (1024, 7, contact, "Contact: <sip:>", "200 passed"), (1024, 8, contact, "Contact: *", "200 passed"),
            (2, 15, uri, "OPTIONS http://h/", "416 Unsupported URI Scheme in Request URI"),
            (131069, 15, uri, "OPTIONS http://h/", "200 passed"), (2, 15, uri, "OPTIONS tel:+12", "200 passed"),
            (2, 15, uri, "OPTIONS urn:service:sos", "200 passed"), (2, 15, uri, "OPTIONS sips:a@h", "200 passed"),
        ]
        for (index, (checks, uris, old, new, expected)) in cases.enumerated() {
            let line = try answer(probe, checks, uris: uris, id: "uri-\(index)", replacing: [(old, new)]).startLine
            #expect(line == "SIP/2.0 \(expected)", "\(new) by \(checks), \(uris)")
        }
    }

    @Test func numbersAndTagsAreChecked() throws {
        let probe = try probe()
        let cases: [(Int, String, String, String)] = [
            (64, "CSeq: 1 OPTIONS", "CSeq: 2147483648 OPTIONS", "400 CSeq number is illegal"),
            (64, "CSeq: 1 OPTIONS", "CSeq: 2147483647 OPTIONS", "200 passed"),
            (131007, "CSeq: 1 OPTIONS", "CSeq: 2147483648 OPTIONS", "200 passed"),
            (4096, ";tag=from", ";tag=a;tag=from", "400 Many From Tag Params"),
            (4096, ";tag=from", ";x=\"a;tag=b\";tag=from", "200 passed"),
            (126975, ";tag=from", ";tag=a;tag=from", "200 passed"),
            (4096, "To: <sip:alice@\(probe.server.address)>", "To: <sip:a@h>;tag=1;TAG=2", "400 Many To Tag Params"),
        ]
        for (index, (checks, old, new, expected)) in cases.enumerated() {
            let line = try answer(probe, checks, id: "number-\(index)", replacing: [(old, new)]).startLine
            #expect(line == "SIP/2.0 \(expected)", "\(new) by \(checks)")
        }
    }

    /// Checks without a reply: the script hears of it with `autodrop` 0.
    @Test func someFailSilently() throws {
        let probe = try probe(#"modparam("sanity", "autodrop", 0)"#)
        let branch = "branch=z9hG4bK"
        let cases: [(Int, [String], [(String, String)])] = [
            (32768, [], [(branch, "branch=old")]), (32768, ["Route: <sip:a.example;lr>, <sip:b.example>"], []),
            (32768, ["Record-Route: <sip:a.example>"], []),
            (65536, ["X-Long: " + String(repeating: "x", count: 2040)], []),
            (65536, ["Path: <sip:" + String(repeating: "x", count: 260) + ">"], []),
        ]
        for (index, (check, headers, replacing)) in cases.enumerated() {
            let line = try answer(probe, check, headers: headers, id: "silent-\(index)", replacing: replacing).startLine
            #expect(line == "SIP/2.0 480 false", "\(headers)")
            let other = try answer(
                probe, 131071 & ~check, headers: headers, id: "other-\(index)", replacing: replacing
            ).startLine
            #expect(other == "SIP/2.0 200 passed", "\(headers)")
        }
    }

    /// Each limit, one byte above and at it; without it anything passes.
    @Test(arguments: [
        ("message", "X-Fill: ", ""), ("header", "X-Fill: ", ""), ("headers", "X-Fill: ", ""),
        ("route_uri", "Route: <sip:", ">"), ("path_uri", "Path: <sip:", ">"),
        ("pai_uri", "P-Asserted-Identity: <sip:", ">"), ("contact_uri", "Contact: <sip:", ">"),
    ]) func sizes(name: String, before: String, after: String) throws {
        let others = [
            "message", "method", "ruri", "from_uri", "to_uri", "contact_uri", "route_uri", "path_uri", "pai_uri",
            "header",
            "headers", "body",
        ].filter { $0 != name }
        let limit = name == "message" || name == "headers" ? 3000 : 900
        let probe = try Probe(
            ["sl", "sanity"],
            globals: others.map { "modparam(\"sanity\", \"size_\($0)\", 0)\n" }.joined()
                + "modparam(\"sanity\", \"size_\(name)\", \(limit))\nmodparam(\"sanity\", \"autodrop\", 0)",
            script: #"if (sanity_check("65536")) sl_send_reply("200", "passed"); else sl_send_reply("480", "false");"#)
        for surplus in [0, 1] {
            var room = limit + surplus
            let bare = probe.request(id: "size-\(surplus)", headers: [before + after])
            switch name {
            case "message": room -= bare.utf8.count
            case "headers":
                // Neither the first line nor the empty one.
                room -= bare.utf8.count - (SIPText(bare).startLine.utf8.count + 2) - 2
            case "header": room -= before.utf8.count + 2
            default: room -= "sip:".utf8.count
            }
            let fill = String(repeating: "x", count: room)
            let line = try probe.ask(probe.request(id: "size-\(surplus)", headers: [before + fill + after])).startLine
            #expect(line == (surplus == 0 ? "SIP/2.0 200 passed" : "SIP/2.0 480 false"))
        }
    }

    @Test func furtherSizes() throws {
        let probe = try Probe(
            ["sl", "sanity"],
            globals: """
                modparam("sanity", "size_checks", 1)
                modparam("sanity", "size_method", 9)
                modparam("sanity", "size_ruri", 40)
                modparam("sanity", "size_to_uri", 41)
                modparam("sanity", "size_from_uri", 42)
                modparam("sanity", "size_body", 10)
                modparam("sanity", "autodrop", 0)
                """,
            script: #"if (sanity_check("2")) sl_send_reply("200", "passed"); else sl_send_reply("480", "false");"#)
        let long = "sip:" + String(repeating: "x", count: 36)
        let to = "To: <sip:alice@\(probe.server.address)>"
        let from = "From: <sip:tester@\(probe.client.address)>"
        let cases: [(String, String, String, Bool)] = [
            ("SUBSCRIBE", "", "", true), ("SUBSCRIBED", "", "", false), ("OPTIONS", "", "0123456789", true),
            ("OPTIONS", "", "0123456789a", false), ("OPTIONS", to, "To: <\(long)x>", true),
            ("OPTIONS", to, "To: <\(long)xx>", false), ("OPTIONS", from, "From: <\(long)xx>", true),
            ("OPTIONS", from, "From: <\(long)xxx>", false),
            ("OPTIONS", "OPTIONS sip:alice@\(probe.server.address)", "OPTIONS \(long)", true),
            ("OPTIONS", "OPTIONS sip:alice@\(probe.server.address)", "OPTIONS \(long)x", false),
        ]
        for (index, (method, old, new, passes)) in cases.enumerated() {
            var request = probe.request(method, id: "further-\(index)", body: old.isEmpty ? new : "")
            if !old.isEmpty { request = request.replacing(old, with: new) }
            let line = try probe.ask(request).startLine
            #expect(line == (passes ? "SIP/2.0 200 passed" : "SIP/2.0 480 false"), "\(method) \(new)")
        }
    }

    /// All that the proxy cannot do is named to the client (RFC 3261 section 8.2.2.3), once.
    @Test func extensionsAreListed() throws {
        let probe = try probe(#"modparam("sanity", "proxy_require", "known, Other")"#)
        let refused = try answer(probe, 512, headers: ["Proxy-Require: foo, known,bar", "Proxy-Require: other, baz"])
        #expect(refused.startLine == "SIP/2.0 420 Bad Proxy Require Extension")
        #expect(refused.headers("Unsupported") == ["foo, bar, baz"])
        let passed = try answer(probe, 512, headers: ["Proxy-Require: KNOWN, other"], id: "known")
        #expect(passed.statusCode == 200 && passed.header("Unsupported") == nil)
    }

    /// The defaults; the sums that scripts are known to use.
    @Test func sumsOfChecks() throws {
        let probe = try Probe(
            ["sl", "sanity"],
            script: """
                if ($rU == "a") sanity_check();
                if ($rU == "b") sanity_check("17895", "7");
                if ($rU == "c") sanity_check("17604", "6");
                if ($rU == "d") sanity_check("1511", "7");
                sl_send_reply("200", "passed");
                """)
        let from = "From: <sip:tester@\(probe.client.address)>"
        let cases: [(String, [String], (String, String)?, Set<String>)] = [
            ("expires", ["Expires: x"], nil, ["a", "b", "d"]), ("proxy-require", ["Proxy-Require: x"], nil, ["a"]),
            ("cseq", [], ("CSeq: 1 O", "CSeq: 2147483648 O"), ["a", "b", "c", "d"]),
            ("from", [], (from, "From: <tester@h>"), ["b", "c", "d"]),
            ("credentials", ["Authorization: Basic x"], nil, ["a"]), ("tags", [], (";tag=", ";tag=x;tag="), []),
            ("rules", [], ("branch=z9hG4bK", "branch=old"), []),
            ("size", ["X-Long: " + String(repeating: "x", count: 3000)], nil, []),
        ]
        for (name, headers, edit, refusing) in cases {
            for user in ["a", "b", "c", "d"] {
                var request = probe.request(user: user, id: "\(name)-\(user)", headers: headers)
                if let edit { request = request.replacing(edit.0, with: edit.1) }
                let code = try probe.ask(request).statusCode
                #expect((code != 200) == refusing.contains(user), "\(name) in script \(user)")
            }
        }
    }

    /// A failed check ends the script, or is false.
    @Test func scriptsEndOrGoOn() throws {
        let script = """
            xerr("before $ci\\n");
            if (!sanity_check("256")) xerr("false $ci $rc\\n");
            xerr("behind $ci\\n");
            sl_send_reply("200", "passed");
            """
        let dropping = try Probe(["sl", "xlog", "sanity"], script: script)
        let refused = try dropping.ask(dropping.request(id: "bad", headers: ["Expires: x"]))
        let passed = try dropping.ask(dropping.request(id: "good"))
        #expect(refused.statusCode == 400 && passed.statusCode == 200)
        try dropping.server.waitForLog("behind good")
        #expect(dropping.server.log.contains("before bad") && !dropping.server.log.contains("behind bad"))
        #expect(!dropping.server.log.contains("false bad"))

        let going = try Probe(
            ["sl", "xlog", "sanity"], globals: #"modparam("sanity", "autodrop", 0)"#,
            script: script.replacing("sl_send_reply", with: "if ($hdr(Expires) != \"x\") sl_send_reply"))
        let answered = try going.ask(going.request(id: "bad", headers: ["Expires: x"]))
        #expect(answered.startLine == "SIP/2.0 400 Expires value is illegal")
        try going.server.waitForLog("behind bad")
        #expect(going.server.log.contains("false bad@tests -1"))
    }

    /// With `noreply` the reply waits for sanity_reply, which knows the last failure of this message.
    @Test func repliesCanWait() throws {
        let probe = try Probe(
            ["sl", "sanity"], globals: "modparam(\"sanity\", \"noreply\", 1)\nmodparam(\"sanity\", \"autodrop\", 0)",
            script: """
                if ($rU == "bob") {
                    sanity_check("512");
                    sanity_check("65536");
                    sanity_check("256");
                }
                if ($rU == "carol") { sl_send_reply("480", "mine"); exit; }
                sanity_reply();
                """)
        let kept = try probe.ask(probe.request(user: "bob", id: "kept", headers: ["Proxy-Require: a"]))
        #expect(kept.startLine == "SIP/2.0 420 Bad Proxy Require Extension" && kept.headers("Unsupported") == ["a"])
        let last = try probe.ask(
            probe.request(user: "bob", id: "last", headers: ["Proxy-Require: a", "Expires: x"]))
        #expect(last.startLine == "SIP/2.0 400 Expires value is illegal")
        let none = try probe.ask(probe.request(user: "alice", id: "none"))
        #expect(none.startLine == "SIP/2.0 500 Server Sanity Failure")
        let own = try probe.ask(probe.request(user: "carol", id: "own", headers: ["Expires: x"]))
        #expect(own.startLine == "SIP/2.0 480 mine")
    }

    /// Without `noreply` sanity_reply has nothing to do.
    @Test func nothingIsRepliedTwice() throws {
        let codes = try Probe.codes(
            ["sl", "sanity"], globals: #"modparam("sanity", "autodrop", 0)"#, ["sanity_reply()", "sanity_check(\"2\")"])
        #expect(codes == [1, 1])
    }

    /// Neither an ACK nor a reply is answered; both are checked.
    @Test func acksAndRepliesAreNotAnswered() throws {
        let probe = try Probe(
            ["sl", "xlog", "sanity"],
            globals: """
                modparam("sanity", "autodrop", 0)
                reply_route { if (!sanity_check("256")) { sanity_reply(); xerr("reply refused $rs\\n"); } }
                """,
            script: """
                if (!sanity_check("256")) { xerr("request refused $rm\\n"); exit; }
                $du = "NEXT";
                forward();
                """)
        try probe.client.send(probe.request("ACK", id: "ack", headers: ["Expires: x"]), to: probe.server.port)
        try probe.server.waitForLog("request refused ACK")
        let forwarded = try probe.pass(probe.request(id: "asked"))
        try probe.nextHop.send(forwarded.response(200, "OK", headers: ["Expires: x"]), to: probe.server.port)
        let (first, _) = try probe.client.receive()
        #expect(first.startLine == "SIP/2.0 200 OK", "the reply goes on, and nothing came before it")
        try probe.server.waitForLog("reply refused 200")
        #expect(probe.nextHop.datagram(within: .milliseconds(100)) == nil)
    }

    /// A request with a transaction is answered in it: the repeated request gets the reply again without the script.
    @Test func transactionsAnswer() throws {
        let probe = try Probe(
            ["sl", "tm", "xlog", "sanity"],
            script: """
                xerr("script\\n");
                t_newtran();
                sanity_check("256");
                """)
        let request = probe.request(id: "stateful", headers: ["Expires: x"])
        let first = try probe.ask(request)
        let second = try probe.ask(request)
        #expect(first.startLine == "SIP/2.0 400 Expires value is illegal" && second.text == first.text)
        #expect(probe.server.log.count(of: "<script>: script") == 1)
    }

    @Test(arguments: [
        (#"sanity_check("0");"#, "a sum of checks is a number from 1 to 131071"),
        (#"sanity_check(131072);"#, "a sum of checks is a number from 1 to 131071"),
        (#"sanity_check("2", "16");"#, "a sum of checks is a number from 1 to 15"),
    ]) func wrongConstantsAreMistakes(call: String, complaint: String) throws {
        let result = try Server.check(
            "loadmodule \"sl.so\"\nloadmodule \"sanity.so\"\nrequest_route { \(call) }\n")
        #expect(!result.succeeded && result.output.contains(complaint))
    }

    @Test func numbersOutOfRangeAreFalse() throws {
        let codes = try Probe.codes(
            ["sl", "sanity"], ["$var(n) = 0; sanity_check($var(n))", "$var(n) = 16; sanity_check(2, $var(n))"])
        #expect(codes == [-1, -1])
    }

    @Test func slIsNeeded() throws {
        let result = try Server.check("loadmodule \"sanity.so\"\nrequest_route { sanity_check(); }\n")
        #expect(!result.succeeded && result.output.contains("sl/1"))
    }
}
