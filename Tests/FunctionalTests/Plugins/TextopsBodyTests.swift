import Testing

/// Bodies: replaced, of replies, in parts.
@Suite struct TextopsBodyTests {
    private static let parts = """
        preamble\r
        --b1\r
        Content-Type: application/sdp;x=1\r
        Content-Disposition: session\r
        \r
        v=0\r
        \r
        --b1\r
        Content-Type: text/plain\r
        \r
        hello\r
        --b1--\r
        epilogue\r

        """

    private func passed(_ script: String, type: String? = nil, body: String = "") throws -> SIPText {
        let probe = try Probe(["sl", "textops"], script: script + "\n$du = \"NEXT\"; forward();")
        return try probe.pass(
            probe.request("INVITE", id: "pass", headers: type.map { ["Content-Type: " + $0] } ?? [], body: body))
    }

    private func part(_ type: String, _ body: String, boundary: String = "b1", disposition: String? = nil) -> String {
        "--\(boundary)\r\nContent-Type: \(type)\r\n"
            + (disposition.map { "Content-Disposition: \($0)\r\n" } ?? "") + "\r\n\(body)\r\n"
    }

    @Test func aBodyBecomesTheFirstPart() throws {
        let message = try passed("set_body_multipart();", type: "application/sdp", body: "v=0\r\n")
        #expect(
            message.body == part("application/sdp", "v=0\r\n", boundary: "unique-boundary-1")
                + "--unique-boundary-1--\r\n")
        #expect(message.headers("Content-Type") == ["multipart/mixed;boundary=\"unique-boundary-1\""])
        #expect(message.headers("Content-Length") == ["\(message.body.utf8.count)"])
        #expect(message.headers("Mime-Version") == ["1.0"])
    }

    @Test func theBoundaryStandsInNoPart() throws {
        let message = try passed(#"set_body_multipart("--unique-boundary-1", "text/plain");"#)
        #expect(message.header("Content-Type") == "multipart/mixed;boundary=\"unique-boundary-2\"")
    }

    @Test func partsAreAddedToWhatIsSetBefore() throws {
        let message = try passed(
            """
            set_body_multipart("text", "text/plain", "delim");
            append_body_part("x $rm", "application/x", "signal;handling=optional");
            append_body_part_hex("414243", "application/y");
            """, type: "text/plain", body: "gone")
        #expect(
            message.body == part("text/plain", "text", boundary: "delim")
                + part("application/x", "x INVITE", boundary: "delim", disposition: "signal;handling=optional")
                + part("application/y", "ABC", boundary: "delim") + "--delim--\r\n")
        #expect(message.headers("Content-Type") == ["multipart/mixed;boundary=\"delim\""])
        #expect(message.headers("Mime-Version") == ["1.0"])
    }

    @Test func partsAreAddedToWhatWasReceived() throws {
        let message = try passed(
            #"append_body_part("more", "text/x");"#, type: "multipart/mixed;boundary=b1", body: Self.parts)
        #expect(message.body.hasPrefix("--b1\r\nContent-Type: application/sdp;x=1"))
        #expect(message.body.hasSuffix("hello\r\n" + part("text/x", "more") + "--b1--\r\n"))
    }

    @Test(arguments: [("application/sdp", "hello", "v=0"), ("TEXT/PLAIN", "v=0", "hello")])
    func partsAreRemoved(type: String, stays: String, goes: String) throws {
        let message = try passed(
            #"remove_body_part("\#(type)");"#, type: "multipart/mixed;boundary=\"b1\"", body: Self.parts)
        #expect(message.body.contains(stays))
        #expect(!message.body.contains(goes))
        #expect(message.body.hasPrefix("--b1\r\n") && message.body.hasSuffix("\r\n--b1--\r\n"))
    }

    @Test func onePartIsLeft() throws {
        let message = try passed(
            """
            filter_body("application/sdp");
            remove_hf("Content-Type");
            append_hf("Content-Type: application/sdp\\r\\n");
            """, type: "multipart/mixed;boundary=b1", body: Self.parts)
        #expect(message.body == "v=0\r\n")
        #expect(message.headers("Content-Type") == ["application/sdp"])
        #expect(message.headers("Content-Length") == ["5"])
    }

    @Test func partsAreRead() throws {
        let probe = try Probe(
            ["sl", "textops"],
            script: """
                get_body_part("text/plain", "$var(body)");
                get_body_part_raw("text/plain", "$var(raw)");
                $var(raw) = $(var(raw){s.replace,\r\n,|});
                get_body_part("application/sdp", "$avp(sdp)");
                sl_send_reply("200", "$var(body) $(avp(sdp){s.len}) $(var(raw){s.len})");
                """)
        let reply = try probe.ask(
            probe.request(
                "INVITE", id: "read", headers: ["Content-Type: multipart/mixed;boundary=b1"], body: Self.parts))
        #expect(reply.reason == "hello 5 \("Content-Type: text/plain\r\n\r\nhello".utf8.count)")
    }

    @Test func codes() throws {
        let calls = [
            #"append_body_part("a", "b/c")"#, #"remove_body_part("x/y")"#, #"get_body_part("x/y", "$var(x)")"#,
            #"get_body_part_raw("text/plain", "$var(x)")"#, #"filter_body("x/y")"#, #"filter_body("text/plain")"#,
        ]
        let multipart = try Probe.codes(
            ["textops"], headers: ["Content-Type: multipart/mixed;boundary=b1"], body: Self.parts, calls)
        #expect(multipart == [1, -1, -1, 1, -1, 1])
        let plain = try Probe.codes(["textops"], headers: ["Content-Type: text/plain"], body: "x", calls)
        #expect(plain == [-1, -1, -1, -1, -1, -1])
        let none = try Probe.codes(
            ["textops"],
            calls + ["set_body_multipart()", #"set_reply_body("", "a/b")"#, #"set_body_multipart("x", "a/b", "a b")"#])
        #expect(none == [-1, -1, -1, -1, -1, -1, -1, -1, -1])
    }

    @Test func theLastBodyCounts() throws {
        let message = try passed(
            #"set_body("one", "text/one"); append_hf("X-A: 1\r\n"); set_body("two", "text/two");"#, type: "text/plain",
            body: "gone")
        #expect(message.body == "two")
        #expect(message.headers("Content-Type") == ["text/two"])
        #expect(message.headers("X-A") == ["1"])
        let empty = try passed(#"set_body("one", "text/one"); set_body("two", "text/two");"#)
        #expect(empty.body == "two")
        #expect(empty.headers("Content-Type") == ["text/two"])
    }

    @Test func repliesHaveABody() throws {
        let probe = try Probe(
            ["sl", "textops", "tm"],
            script: """
                if ($rU == "hex") set_reply_body_hex("68690a", "text/hex");
                else set_reply_body("hello $rm", "text/plain");
                if ($rU == "stateful") { t_newtran(); t_reply("200", "OK"); }
                else sl_send_reply("200", "OK");
                """)
        for user in ["stateless", "stateful"] {
            let reply = try probe.ask(probe.request(user: user, id: user))
            #expect(reply.body == "hello OPTIONS")
            #expect(reply.headers("Content-Type") == ["text/plain"])
            #expect(reply.headers("Content-Length") == ["13"])
        }
        let hex = try probe.ask(probe.request(user: "hex", id: "hex"))
        #expect(hex.body == "hi\n" && hex.header("Content-Type") == "text/hex")
    }

    @Test(arguments: [
        (#"set_body("x", "plain")"#, "a media type is wanted"), (#"filter_body("sdp")"#, "a media type is wanted"),
        (#"set_body_hex("414", "a/b")"#, "two hexadecimal digits make a byte"),
        (#"set_reply_body_hex("4g", "a/b")"#, "two hexadecimal digits make a byte"),
        (#"append_body_part_hex("zz", "a/b")"#, "two hexadecimal digits make a byte"),
    ]) func constantsAreCheckedAtStart(call: String, complaint: String) throws {
        let result = try Server.check("loadmodule \"textops.so\"\nrequest_route { \(call); }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains(complaint))
    }

    @Test func linesOfABodyAreOneText() throws {
        let body = "a=1\r\nb=2\r\nc=3\r\n"
        for (expression, expected) in [
            ("1.*2", "a=X\r\nc=3\r\n"), ("=.", "aX\r\nbX\r\ncX\r\n"), ("9", body), ("$var(pattern)", "a=1\r\nb=X\r\n"),
        ] {
            let message = try passed(
                "$var(pattern) = \"2.*3\"; replace_body_atonce(\"\(expression)\", \"X\");", type: "text/plain",
                body: body)
            #expect(message.body == expected)
        }
        let result = try Server.check(
            "loadmodule \"textops.so\"\nrequest_route { replace_body_atonce(\"(\", \"x\"); }\n")
        #expect(!result.succeeded)
    }

    @Test(arguments: [
        (0, 1, "abc=12"), (1, 2, "abc"), (2, 3, "12"), (2, 9, "12"), (2, 2, "-1"), (3, 4, "-1"), (10, 11, "-1"),
    ])
    func groupsOfTheFirstMatch(group: Int, groups: Int, expected: String) throws {
        let probe = try Probe(
            ["sl", "textops"],
            script: """
                if (!regex_substring("abc=12,def=34", "([a-z]+)=([0-9]+)", "\(group)", "\(groups)", "$var(r)")) $var(r) = $rc;
                sl_send_reply("200", "$var(r)");
                """)
        #expect(try probe.ask(probe.request(id: "group")).reason == expected)
    }

    @Test func requestsGetADate() throws {
        let date = try #require(try passed("append_time_to_request();").header("Date"))
        #expect(
            date.wholeMatch(of: /(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT/) != nil)
    }
}
