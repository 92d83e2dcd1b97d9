import Testing

/// Messages that change under the script, replies with another status, parts that are left out, patterns.
@Suite struct TextopsxTests {
    private static let modules = ["sl", "pv", "xlog", "tm", "textops", "rr", "maxfwd", "textopsx"]

    private func passed(
        _ script: String, globals: String = "", method: String = "OPTIONS", headers: [String] = [], body: String = ""
    ) throws -> SIPText {
        let probe = try Probe(Self.modules, globals: globals, script: script + "\n$du = \"NEXT\"; forward();")
        return try probe.pass(probe.request(method, id: "pass", headers: headers, body: body))
    }

    // MARK: - Changes

    /// What was added, removed and replaced is seen at once, and further changes count from there.
    @Test func changesAreSeen() throws {
        let message = try passed(
            #"""
            setflag(3); $avp(a) = "kept"; append_branch("sip:z@h");
            append_hf("X-New: 1\r\n"); remove_hf("X-Old"); set_body("hello", "text/plain");
            append_hf("X-Before: $hdr(X-New) $hdr(X-Old) $rb\r\n");
            msg_apply_changes();
            append_hf("X-Code: $rc\r\n");
            append_hf("X-After: $hdr(X-New) $hdr(X-Old) $rb $avp(a) $mf $branch(count)\r\n");
            remove_hf("X-New"); replace_body("l+", "L");
            if (msg_apply_changes()) append_hf("X-Again: <$hdr(X-New)> $rb\r\n");
            """#, headers: ["X-Old: 0"])
        #expect(message.header("X-Before") == "<null> 0 <null>")
        #expect(message.header("X-Code") == "1")
        #expect(message.header("X-After") == "1 <null> hello kept 8 1")
        #expect(message.header("X-Again") == "<<null>> heLo")
        #expect(message.header("X-New") == nil && message.header("X-Old") == nil)
        #expect(message.body == "heLo" && message.headers("Content-Length") == ["4"])
    }

    /// What is decided when the message leaves stays so: Record-Route, Max-Forwards, the Request-URI in force.
    @Test func whatIsWrittenLaterStays() throws {
        let message = try passed(
            #"""
            record_route(); maxfwd_process(10); $ru = "sip:bob@example.com";
            append_hf("X-New: 1\r\n");
            msg_apply_changes();
            append_hf("X-Code: $rc $ru $hdr(X-New)\r\n");
            maxfwd_process(10);
            """#)
        #expect(message.header("X-Code") == "1 sip:bob@example.com 1")
        #expect(message.startLine == "OPTIONS sip:bob@example.com SIP/2.0")
        #expect(message.headers("Record-Route").count == 1 && message.headers("Max-Forwards") == ["68"])
    }

    /// Requests only in request_route and before their transaction.
    @Test func changesComeTooLate() throws {
        let probe = try Probe(
            Self.modules,
            globals:
                "route[CHANGE] { append_hf(\"X-New: 1\\r\\n\"); msg_apply_changes(); xerr(\"$rc <$hdr(X-New)>\\n\"); }",
            script: """
                t_newtran();
                append_hf("X-New: 1\\r\\n");
                msg_apply_changes();
                $var(code) = $rc;
                msg_set_buffer("$mb");
                t_reply("200", "$var(code) $rc <$hdr(X-New)>");
                """)
        let reply = try probe.ask(probe.request(id: "late"))
        #expect(reply.reason == "-1 -1 <<null>>")
        #expect(probe.server.log.contains("the request has a transaction"))
    }

    @Test func failureRoutesRefuseThem() throws {
        let result = try Server.check(
            """
            loadmodule "tm.so"
            loadmodule "textopsx.so"
            request_route { t_on_failure("F"); t_relay(); }
            failure_route[F] { msg_apply_changes(); }

            """)
        #expect(!result.succeeded && result.output.contains("`msg_apply_changes`"))
    }

    /// A route that is also called where the request may not change any more.
    @Test func otherRoutesAnswerFalse() throws {
        let probe = try Probe(
            Self.modules,
            globals: """
                route[CHANGE] { append_hf("X-New: 1\\r\\n"); msg_apply_changes(); xerr("changed $rc <$hdr(X-New)>\\n"); }
                branch_route[B] { route("$var(name)"); }
                """,
            script: """
                $var(name) = "CHANGE";
                t_on_branch("B");
                $du = "NEXT";
                t_relay();
                """)
        let message = try probe.pass(probe.request(id: "branch"))
        #expect(message.header("X-New") == "1", "it is an edit of the branch all the same")
        try probe.server.waitForLog("changed -1 <<null>>")
        #expect(probe.server.log.contains("in request_route only"))
    }

    /// Replies change in reply_route and in onreply_route.
    @Test(arguments: [("forward()", "reply_route"), ("t_on_reply(\"R\"); t_relay()", "onreply_route[R]")])
    func repliesChange(sending: String, route: String) throws {
        let probe = try Probe(
            Self.modules,
            globals: """
                \(route) {
                    append_hf("X-New: 1\\r\\n");
                    msg_apply_changes();
                    append_hf("X-Seen: $rc $hdr(X-New)\\r\\n");
                }
                """, script: "$du = \"NEXT\"; \(sending);")
        let request = try probe.pass(probe.request(id: "reply"))
        try probe.nextHop.send(request.response(200, "OK"), to: probe.server.port)
        let reply = try probe.client.receive().message
        #expect(reply.statusCode == 200 && reply.header("X-New") == "1" && reply.header("X-Seen") == "1 1")
        #expect(reply.headers("Via").count == 1)
    }

    // MARK: - Another message

    private static let other =
        #"MESSAGE sip:new@example.com SIP/2.0\r\nVia: SIP/2.0/UDP $si:$sp;branch=z9hG4bKnew\r\nFrom: <sip:f@h>;tag=1\r\n"#
        + #"To: <sip:t@h>\r\nCall-ID: $ci\r\nCSeq: 9 MESSAGE\r\nX-Set: $rU\r\nContent-Length: 2\r\n\r\nhi"#

    @Test func theWholeMessageIsReplaced() throws {
        let message = try passed(
            #"""
            $ru = "sip:lost@example.com"; append_hf("X-Lost: 1\r\n");
            msg_set_buffer("OTHER");
            append_hf("X-Seen: $rc $rm $ru <$hdr(X-Old)> $rb\r\n");
            """#.replacing("OTHER", with: Self.other), headers: ["X-Old: 1"])
        #expect(message.startLine == "MESSAGE sip:new@example.com SIP/2.0")
        #expect(message.header("X-Seen") == "1 MESSAGE sip:new@example.com <<null>> hi")
        #expect(message.header("X-Set") == "lost" && message.header("X-Lost") == nil && message.header("X-Old") == nil)
        #expect(message.header("CSeq") == "9 MESSAGE" && message.body == "hi")
    }

    /// What is no such message changes nothing.
    @Test func otherTextsAreRefused() throws {
        let reply =
            #"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP $si:$sp;branch=z9hG4bKnew\r\nFrom: <sip:f@h>;tag=1\r\nTo: <sip:t@h>\r\n"#
            + #"Call-ID: $ci\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"#
        let message = try passed(
            #"""
            append_hf("X-Kept: 1\r\n");
            $var(codes) = "";
            msg_set_buffer("nonsense"); $var(codes) = $var(codes) + $rc;
            msg_set_buffer(""); $var(codes) = $var(codes) + " " + $rc;
            msg_set_buffer("ELSEWHERE"); $var(codes) = $var(codes) + " " + $rc;
            msg_set_buffer("REPLY"); $var(codes) = $var(codes) + " " + $rc;
            append_hf("X-Codes: $var(codes)\r\n");
            """#.replacing("ELSEWHERE", with: Self.other.replacing("$ci", with: "another")).replacing(
                "REPLY", with: reply))
        #expect(message.header("X-Codes") == "-1 -1 -1 -1" && message.header("X-Kept") == "1")
        #expect(message.method == "OPTIONS")
    }

    // MARK: - A route on a copy

    @Test func aRouteSeesTheChanges() throws {
        let probe = try Probe(
            Self.modules,
            globals: #"""
                route[SEES] {
                    $avp(seen) = $hdr(X-New) + " " + $ru + " " + $mf + " " + $rb;
                    append_hf("X-In: 1\r\n"); $ru = "sip:in@example.com"; setflag(7); $var(v) = "set";
                    return 7;
                }
                """#,
            script: #"""
                setflag(2); append_hf("X-New: 1\r\n"); set_body("b", "text/plain");
                msg_changed_route("SEES");
                append_hf("X-Result: $rc <$hdr(X-New)> <$hdr(X-In)> $ru $mf $var(v)\r\n");
                append_hf("X-Seen: $avp(seen)\r\n");
                $du = "NEXT"; forward();
                """#)
        let uri = "sip:alice@\(probe.server.address)"
        let message = try probe.pass(probe.request(id: "copy"))
        #expect(message.header("X-Seen") == "1 \(uri) 4 b")
        #expect(message.header("X-Result") == "1 <<null>> <<null>> \(uri) 4 set")
        #expect(message.header("X-In") == nil && message.header("X-New") == "1")
    }

    /// exit ends that route alone; it may wait; it may be named at run time.
    @Test func theRouteMayEndAndWait() throws {
        let probe = try Probe(
            Self.modules + ["cfgutils"],
            globals: #"""
                route[EXITS] { $var(c) = $var(c) + "e"; exit; }
                route[DROPS] { $var(c) = $var(c) + "d"; drop; }
                route[WAITS] { usleep(20000); $var(c) = $var(c) + "w" + $hdr(X-New); }
                """#,
            script: #"""
                $var(c) = "";
                msg_changed_route("EXITS"); $var(c) = $var(c) + $rc;
                $var(n) = "DROPS";
                msg_changed_route("$var(n)"); $var(c) = $var(c) + $rc;
                append_hf("X-New: n\r\n");
                msg_changed_route("WAITS"); $var(c) = $var(c) + $rc;
                $var(n) = "NONE";
                msg_changed_route("$var(n)"); $var(c) = $var(c) + $rc;
                sl_send_reply("200", "$var(c)");
                """#)
        let reply = try probe.ask(probe.request(id: "ends"))
        #expect(reply.reason == "e1d1wn1-1")
    }

    // MARK: - Replies

    private func reply(_ status: (Int, String), _ script: String, logging text: String) throws -> SIPText {
        let probe = try Probe(
            Self.modules, globals: "reply_route { \(script) }", script: "$du = \"NEXT\"; forward();")
        let request = try probe.pass(probe.request(id: "status"))
        try probe.nextHop.send(request.response(status.0, status.1), to: probe.server.port)
        try probe.server.waitForLog(text)
        return try probe.client.receive().message
    }

    @Test(arguments: [
        (603, "Decline", #"change_reply_status("404", "Gone Away")"#, "404 Gone Away"),
        (603, "Decline", #"change_reply_status(404, "Gone Away")"#, "404 Gone Away"),
        (603, "Decline", #"change_reply_status_code("404")"#, "404 Decline"),
        (300, "Multiple", #"$var(c) = 699; change_reply_status_code($var(c))"#, "699 Multiple"),
        (200, "OK", #"change_reply_status("202", "Accepted")"#, "202 Accepted"),
        (180, "Ringing", #"change_reply_status("183", "Session Progress")"#, "183 Session Progress"),
    ]) func aReplyGetsAnotherStatus(code: Int, reason: String, call: String, expected: String) throws {
        // The code is in force at once.
        let reply = try reply(
            (code, reason), "\(call); xerr(\"code $rc status $rs\\n\");",
            logging: "code 1 status \(expected.prefix(3))")
        #expect(reply.startLine == "SIP/2.0 \(expected)")
    }

    /// The last change counts; a class that means something stays.
    @Test(arguments: [
        (603, "Decline", ["404,a", "486,b", "200,x", "180,x", "99,x", "700,x"], "1 1 -1 -1 -1 -1", "486 b"),
        (200, "OK", ["404,x", "183,x", "202,a"], "-1 -1 1", "202 a"), (183, "P", ["200,x", "404,x"], "-1 -1", "183 P"),
    ]) func classesStay(code: Int, reason: String, changes: [String], codes: String, expected: String) throws {
        let script = changes.map { change in
            let parts = change.split(separator: ",")
            return
                "$var(n) = \(parts[0]); change_reply_status($var(n), \"\(parts[1])\"); $var(c) = $var(c) + $rc + \" \";"
        }
        let reply = try reply(
            (code, reason), "$var(c) = \"\"; \(script.joined()) xerr(\"codes $var(c)\\n\");", logging: "codes \(codes) "
        )
        #expect(reply.startLine == "SIP/2.0 \(expected)")
    }

    /// The transaction goes by the new status.
    @Test func transactionsSeeTheStatus() throws {
        let probe = try Probe(
            Self.modules,
            globals: """
                onreply_route[R] { change_reply_status("404", "Gone"); }
                failure_route[F] { if (t_check_status("404")) t_reply("480", "was 404"); }
                """,
            script: "t_on_reply(\"R\"); t_on_failure(\"F\"); $du = \"NEXT\"; t_relay();")
        let request = try probe.pass(probe.request(id: "tm"))
        try probe.nextHop.send(request.response(603, "Decline"), to: probe.server.port)
        #expect(try probe.client.receive().message.startLine == "SIP/2.0 480 was 404")
    }

    @Test func aStatusIsANumber() throws {
        for call in [#"change_reply_status("700", "x")"#, #"change_reply_status_code("99")"#] {
            let result = try Server.check(
                "loadmodule \"textopsx.so\"\nreply_route { \(call); }\nrequest_route { exit; }\n")
            #expect(!result.succeeded && result.output.contains("a status code is a number from 100 to 699"))
        }
    }

    // MARK: - Parts

    @Test func theBodyIsRemoved() throws {
        let message = try passed(
            "remove_body(); append_hf(\"X-Code: $rc\\r\\n\");", headers: ["Content-Type: text/plain"], body: "hello")
        #expect(message.body.isEmpty && message.header("Content-Type") == nil && message.header("X-Code") == "1")
        #expect(message.headers("Content-Length") == ["0"])
        let bare = try passed("remove_body(); append_hf(\"X-Code: $rc\\r\\n\");")
        #expect(bare.header("X-Code") == "1" && bare.headers("Content-Length") == ["0"])
    }

    @Test(arguments: [
        ("keep_hf()", []), (#"keep_hf("User-Agent")"#, ["User-Agent"]), (#"keep_hf("^x-")"#, ["X-A", "X-B"]),
        (#"$var(re) = "b$"; keep_hf("$var(re)")"#, ["X-B"]),
    ]) func headersAreKept(call: String, expected: [String]) throws {
        let message = try passed(
            call + ";",
            headers: [
                "User-Agent: x", "X-A: 1", "X-B: 2", "Expires: 3", "s: subject", "Content-Type: text/plain",
                "Record-Route: <sip:h;lr>", "Route: <sip:127.0.0.1;lr>", "Authorization: a", "Date: d",
            ], body: "b")
        let names = message.text.split(separator: "\r\n\r\n")[0].split(separator: "\r\n").dropFirst()
            .map { String($0.prefix { $0 != ":" }) }
        let needed = [
            "Via", "From", "To", "Call-ID", "CSeq", "Max-Forwards", "Contact", "Route", "Record-Route", "Content-Type",
            "Content-Length",
        ]
        #expect(Set(needed).isSubset(of: names))
        #expect(names.filter { !needed.contains($0) } == expected)
    }

    // MARK: - Patterns

    @Test func patterns() throws {
        let cases: [(String, String, Int)] = [
            ("12345", "123*", 1), ("12345", "12?45", 1), ("abc", "A*", -1), ("abc", "[a-c]bc", 1), ("abc", "[!b]bc", 1),
            ("abc", "[^a]bc", -1), ("a/b", "*", 1), (".ab", "*", 1), ("", "*", 1), ("", "", 1), ("abc", "", -1),
            ("abc", "[[:alpha:]]bc", 1), ("1bc", "[[:alpha:]]bc", -1), ("1bc", "[[:alpha:][:digit:]]bc", 1),
            ("abc", "[a", -1), ("[a", "[a", 1), ("a]", "[]a]]", 1), ("a-", "[a-]-", 1), ("--", "[a-]-", 1),
            ("abc", "a*c*", 1), ("abc", "a**c", 1), ("abcabd", "*abd", 1), ("abc", "abcd", -1), ("abcd", "abc", -1),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "*a*a*a*a*a*a*a*a*a*a*b", -1),
        ]
        let codes = try Probe.codes(["textopsx"], cases.map { "fnmatch(\"\($0.0)\", \"\($0.1)\")" })
        #expect(codes == cases.map { $0.2 })
        let others = try Probe.codes(
            ["textopsx"],
            [
                #"fnmatch("abc", "A*", "i")"#, #"fnmatch("ABC", "[a-b]bc", "i")"#,
                #"fnmatch("abc", "[[:upper:]]bc", "i")"#,
                #"fnmatch("a*b", "a\\*b")"#, #"fnmatch("axb", "a\\*b")"#, #"$var(p) = "1*"; fnmatch("12", "$var(p)")"#,
            ])
        #expect(others == [1, 1, 1, 1, -1, 1])
    }
}
