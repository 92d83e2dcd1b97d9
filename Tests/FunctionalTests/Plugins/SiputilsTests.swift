import Testing

@Suite struct SiputilsTests {
    @Test func messagesAreTested() throws {
        let calls = [
            "has_totag()", "is_request()", "is_reply()", "is_sip()", "is_http()", "is_first_hop()",
            #"is_supported("path")"#, #"is_supported("gruu")"#,
        ]
        let codes = try Probe.codes(["siputils"], headers: ["Supported: 100rel, path"], calls)
        #expect(codes == [-1, 1, -1, 1, -1, 1, 1, -1])
    }

    /// A reply is at its first hop when nobody is behind the one who sent it, as far as Record-Route tells.
    @Test(arguments: [
        ([], "1", "1"), (["<sip:SERVER;lr>"], "1", "1"), (["<sip:192.0.2.1;lr>", "<sip:SERVER;lr>"], "-1", "-1"),
        (["<sip:NEXTHOP;lr>"], "-1", "-1"),
    ])
    func repliesAreTested(routes: [String], plain: String, lax: String) throws {
        let probe = try Probe(
            ["siputils", "xlog", "pv"],
            globals: """
                reply_route {
                    is_request();
                    $var(a) = $rc;
                    is_reply();
                    $var(b) = $rc;
                    is_first_hop();
                    $var(c) = $rc;
                    is_first_hop("1");
                    xlog("L_ERR", "reply: $var(a) $var(b) $var(c) $rc\\n");
                }

                """,
            script: #"$du = "NEXT"; forward();"#)
        let got = try probe.pass(probe.request(id: "reply"))
        let headers = routes.map {
            "Record-Route: "
                + $0.replacing("SERVER", with: "\(probe.server.address)").replacing(
                    "NEXTHOP", with: "\(probe.nextHop.address)")
        }
        try probe.nextHop.send(got.response(200, "OK", headers: headers), to: probe.server.port)
        #expect(try probe.client.receive().message.statusCode == 200)
        try probe.server.waitForLog("reply: -1 1 \(plain) \(lax)")
    }

    @Test func aToTagMakesADialog() throws {
        let probe = try Probe(
            ["sl", "siputils"],
            script: #"if (has_totag()) sl_send_reply("200", "in"); else sl_send_reply("200", "out");"#)
        let request = probe.request(id: "dialog")
        let outside = try probe.ask(request)
        #expect(outside.reason == "out")
        let to = "To: <sip:alice@\(probe.server.address)>"
        let inside = try probe.ask(request.replacing(to, with: to + ";tag=x"))
        #expect(inside.reason == "in")
        let empty = try probe.ask(request.replacing(to, with: "\(to);tag="))
        #expect(empty.reason == "out" || empty.statusCode == 400)
    }

    @Test func textsAreTested() throws {
        let cases: [(String, Int)] = [
            (#"is_uri("sip:a@b")"#, 1), (#"is_uri("nothing")"#, -1), (#"is_tel_number("+4912")"#, 1),
            (#"is_tel_number("49-12")"#, -1), (#"is_tel_number("")"#, -1), (#"is_numeric("0123")"#, 1),
            (#"is_numeric("+0123")"#, -1), (#"is_alphanum("aZ9")"#, 1), (#"is_alphanum("a-b")"#, -1),
            (#"is_alphanumex("a-b", "-")"#, 1), (#"$var(n) = "+491234"; is_e164("$var(n)")"#, 1),
            (#"$var(n) = "491234"; is_e164("$var(n)")"#, -1),
            (#"$var(n) = "+1234567890123456"; is_e164("$var(n)")"#, -1),
            (#"$var(n) = "sip:+4912@h"; is_uri_user_e164("$var(n)")"#, 1),
            (#"cmp_uri("sip:a@B;x=1", "sip:a@b;x=1")"#, 1), (#"cmp_uri("sip:a@b", "sip:c@b")"#, -1),
            (#"cmp_uri("x", "sip:c@b")"#, -2), (#"cmp_aor("sip:a@b", "x")"#, -2),
            ("uri_param_rm(\"none\")", 1),
            (#"cmp_aor("sip:a@b:5070;x", "sip:a@B")"#, 1), (#"cmp_aor("sip:a@b", "sip:A@b")"#, -1),
            (#"cmp_hdr_name("f", "From")"#, 1), (#"cmp_hdr_name("f", "To")"#, -1),
            (#"is_gruu("sip:a@b;gr=x")"#, 1), (#"is_gruu("sip:a@b;gr")"#, 2), (#"is_gruu("sip:a@b")"#, -1),
        ]
        let codes = try Probe.codes(["siputils"], cases.map { $0.0 })
        #expect(codes == cases.map { $0.1 })
    }

    /// What a variable holds after some statements.
    private func value(_ variable: String, _ script: String, uri: String? = nil) throws -> String {
        let probe = try Probe(["sl", "siputils"], script: script + " sl_send_reply(\"200\", \"<\(variable)>\");")
        var request = probe.request(id: "value")
        if let uri { request = request.replacing("OPTIONS sip:alice@\(probe.server.address)", with: "OPTIONS \(uri)") }
        return try probe.ask(request).reason
    }

    @Test func parametersOfTheRequestURI() throws {
        let uri = "sip:alice@127.0.0.1;lr;transport=udp;foo=bar?h=v"
        #expect(
            try value("$ru", #"add_uri_param("x=1");"#, uri: uri)
                == "<sip:alice@127.0.0.1;lr;transport=udp;foo=bar;x=1?h=v>")
        #expect(try value("$ru", #"uri_param_rm("transport");"#, uri: uri) == "<sip:alice@127.0.0.1;lr;foo=bar?h=v>")
        #expect(
            try value("$ru", #"uri_param_rm("lr");"#, uri: uri) == "<sip:alice@127.0.0.1;transport=udp;foo=bar?h=v>")
        #expect(try value("$ru", #"uri_param_rm("foo");"#, uri: uri) == "<sip:alice@127.0.0.1;lr;transport=udp?h=v>")
        #expect(try value("$var(v)", #"get_uri_param("foo", "$var(v)");"#, uri: uri) == "<bar>")
        let script = #"""
            $var(v) = "";
            uri_param("lr"); $var(v) = $var(v) + $rc + " ";
            uri_param("foo"); $var(v) = $var(v) + $rc + " ";
            uri_param("foo", "bar"); $var(v) = $var(v) + $rc + " ";
            uri_param_any("foo"); $var(v) = $var(v) + $rc + " ";
            uri_param_any("none"); $var(v) = $var(v) + $rc;
            """#
        #expect(try value("$var(v)", script, uri: uri) == "<1 -1 1 1 -1>")
    }

    @Test func urisAreChanged() throws {
        let set = #"$var(u) = "sip:alice@example.com:5070;x"; "#
        #expect(try value("$var(u)", set + #"set_uri_user("$var(u)", "bob");"#) == "<sip:bob@example.com:5070;x>")
        #expect(try value("$var(u)", set + #"set_uri_user("$var(u)", "");"#) == "<sip:example.com:5070;x>")
        #expect(try value("$var(u)", set + #"set_uri_host("$var(u)", "h");"#) == "<sip:alice@h:5070;x>")
        let bare = #"$var(u) = "sip:example.com"; set_uri_user("$var(u)", "bob");"#
        #expect(try value("$var(u)", bare) == "<sip:bob@example.com>")
        let phone = #"tel2sip("tel:+49-(30).12;EXT=5-6", "h", "$var(u)");"#
        #expect(try value("$var(u)", phone) == "<sip:+493012;ext=5-6@h;user=phone>")
    }

    @Test func optionsForThisServerAreAnswered() throws {
        let probe = try Probe(
            ["sl", "siputils"], globals: #"modparam("siputils", "options_support", "path")"#,
            script: #"if (!options_reply()) sl_send_reply("404", "Not Found");"#)
        let request = probe.request(id: "options")
        let user = try probe.ask(request)
        #expect(user.statusCode == 404)
        let server = try probe.ask(request.replacing("sip:alice@", with: "sip:"))
        #expect(server.statusCode == 200)
        #expect(server.header("Accept") == "*/*")
        #expect(server.header("Accept-Language") == "en")
        #expect(server.header("Supported") == "path")
        #expect(server.header("To")?.contains(";tag=") == true)
        let elsewhere = try probe.ask(
            request.replacing("OPTIONS sip:alice@\(probe.server.address)", with: "OPTIONS sip:192.0.2.9"))
        #expect(elsewhere.statusCode == 404)
    }

    @Test func theRemotePartyIsAdded() throws {
        let probe = try Probe(
            ["sl", "siputils"],
            script: """
                if (append_rpid_hf()) exit;
                $avp(s:rpid) = "<sip:+4912@h>";
                if (!is_rpid_user_e164()) exit;
                append_rpid_hf();
                $du = "NEXT";
                forward();
                """)
        let passed = try probe.pass(probe.request("INVITE", id: "rpid"))
        #expect(
            passed.header("Remote-Party-ID") == "<sip:+4912@h>;party=calling;id-type=subscriber;screen=yes")
    }

    @Test func theFirstHopOfAReplyIsKnown() throws {
        let probe = try Probe(
            ["sl", "siputils", "textops"],
            globals: """
                reply_route {
                    is_first_hop();
                    $var(address) = $rc;
                    is_first_hop(1);
                    append_hf("X-First: $var(address) $rc\\r\\n");
                }
                """, script: #"$du = "NEXT"; forward();"#)
        let (us, next) = (probe.server.address, probe.nextHop.address)
        for (index, (recorded, expected)) in [
            // No proxy between the callee and this server, which records its route.
            (nil, "1 1"), ("<sip:\(us);lr>", "1 1"), ("<sip:192.0.2.1;lr>, <sip:\(us);lr>", "-1 -1"),
            // A name cannot be compared with where the reply came from.
            ("<sip:my.example.org;lr>", "-1 -1"),
        ].enumerated() {
            try probe.client.send(probe.request("INVITE", id: "hop-\(index)"), to: probe.server.port)
            let request = try probe.nextHop.receive().message
            let reply = request.response(200, "OK", headers: recorded.map { ["Record-Route: " + $0] } ?? [])
            try probe.nextHop.send(reply, to: probe.server.port)
            #expect(
                try probe.client.receive().message.header("X-First") == expected, "\(recorded ?? "none") from \(next)")
        }
    }
}
