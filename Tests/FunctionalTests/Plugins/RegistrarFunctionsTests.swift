import Testing

/// The functions beside save and lookup, and how replies are sent.
@Suite struct RegistrarFunctionsTests {
    @Test func codesOfSave() throws {
        var probe = try RegistrarProbe(
            [#""max_contacts", 2"#], save: #"save("location", "2"); sl_send_reply("299", "$rc");"#)
        let cases: [([String], [String], Int, String)] = [
            (["<sip:a@192.0.2.1>"], [], 1, "1"), (["<sip:a@192.0.2.1>"], [], 2, "2"),
            (["<sip:a@192.0.2.1>"], [], 2, "1"),
            ([], [], 2, "4"), (["<sip:b@192.0.2.1>", "<sip:c@192.0.2.1>"], [], 3, "-2"),
            (["<sip:a@192.0.2.1>"], [], 1, "-1"), (["<sip:a@192.0.2.1>;expires=0"], [], 4, "3"),
            (["*"], ["Expires: 0"], 5, "3"), (["*"], [], 5, "-1"),
        ]
        for (contacts, headers, cseq, code) in cases {
            let reply = try probe.register(contacts, headers, cseq: cseq)
            #expect(reply.reason == code && reply.headers("Contact").isEmpty, "\(contacts) \(cseq): \(reply)")
        }
    }

    /// Flag 2 keeps the reply back, 16 puts its headers into somebody else's.
    @Test func repliesThatWait() throws {
        var probe = try RegistrarProbe(
            save: """
                if ($hdr(X-How) == "later") { save("location", "2"); append_to_reply("X-Later: yes\\r\\n"); reg_send_reply(); }
                else if ($hdr(X-How) == "headers") { save("location", "18"); sl_send_reply("202", "Fine"); }
                else if ($hdr(X-How) == "none") { if (!reg_send_reply()) sl_send_reply("299", "none"); }
                else { save_noreply("location"); sl_send_reply("299", "mine"); }
                """)
        let later = try probe.register(["<sip:a@192.0.2.1>"], ["X-How: later"])
        #expect(later.statusCode == 200 && RegistrarProbe.contacts(later) == ["<sip:a@192.0.2.1>"])
        #expect(later.header("X-Later") == "yes")
        let refused = try probe.register(["<nonsense"], ["X-How: later"], call: "b")
        #expect(refused.statusCode == 400 && refused.header("P-Registrar-Error") == "Contact parse error")
        let headers = try probe.register(["<sip:a@192.0.2.1>"], ["X-How: headers"], cseq: 2)
        #expect(headers.statusCode == 202 && RegistrarProbe.contacts(headers) == ["<sip:a@192.0.2.1>"])
        let none = try probe.register([], ["X-How: none"], cseq: 3)
        #expect(none.reason == "none")
        let mine = try probe.register(["<sip:b@192.0.2.2>"], [], call: "c")
        #expect(mine.reason == "mine" && mine.headers("Contact").isEmpty)
        let told = try probe.told()
        #expect(told.contains("sip:b@192.0.2.2") && told.contains("sip:a@192.0.2.1"))
    }

    /// In a transaction the reply is that of the transaction: a retransmission gets it again, and the script does not run.
    @Test func inATransaction() throws {
        var probe = try RegistrarProbe(
            save: #"t_newtran(); $shv(runs) = $shv(runs) + 1; save("location");"#, look: "", told: "$shv(runs)")
        let request = probe.request(["<sip:a@192.0.2.1>"])
        let first = try probe.probe.ask(request)
        let second = try probe.probe.ask(request)
        #expect(first.statusCode == 200 && first.text == second.text)
        let runs = try probe.told()
        #expect(runs == "1")
    }

    @Test func tests() throws {
        var probe = try RegistrarProbe(
            [#""xavp_cfg", "reg""#, #""xavp_rcd", "rcd""#],
            look: """
                $xavp(reg=>match_callid) = "b"; $xavp(reg[0]=>match_contact) = "sip:b@192.0.2.2";
                registered("location"); $var(a) = $rc;
                registered("location", "sip:bob@x"); $var(b) = $rc;
                registered("location", "sip:alice@x", "5"); $var(c) = $rc;
                $xavp(reg[0]=>match_callid) = "x";
                registered("location", "sip:alice@x", "1", "2"); $var(d) = $rc;
                """, told: "$var(a) $var(b) $var(c) $var(d) $ru $xavp(rcd=>contact)")
        _ = try probe.register(["<sip:a@192.0.2.1>"])
        _ = try probe.register(["<sip:b@192.0.2.2>"], call: "b")
        let told = try probe.told()
        #expect(told == "1 -1 1 -1 sip:alice@127.0.0.1 sip:b@192.0.2.2")
        let nobody = try probe.told("bob")
        #expect(nobody.hasPrefix("-1 -1 "))
    }

    @Test func removal() throws {
        var probe = try RegistrarProbe(
            look: """
                if ($rU == "one") {
                    reg_fetch_contacts("location", "sip:alice@x", "p");
                    unregister("location", "sip:alice@x", "$(ulc(p=>ruid)[0])");
                } else unregister("location", "$ru");
                $var(rc) = $rc;
                reg_fetch_contacts("location", "sip:alice@x", "q");
                """, told: "$var(rc) $(ulc(q=>addr)[0]) $ulc(q=>count)")
        _ = try probe.register(["<sip:a@192.0.2.1>;q=0.9", "<sip:b@192.0.2.2>;q=0.1"])
        let one = try probe.told("one")
        #expect(one == "1 sip:b@192.0.2.2 1")
        let nobody = try probe.told("nobody")
        #expect(nobody == "-3 sip:b@192.0.2.2 1")
        let all = try probe.told("alice")
        #expect(all == "1 <null> <null>")
    }

    @Test func copies() throws {
        var probe = try RegistrarProbe(
            look: """
                reg_fetch_contacts("location", "$ru", "p"); $var(rc) = $rc;
                if ($rU == "freed") { reg_fetch_contacts("location", "sip:alice@x", "p"); reg_free_contacts("p"); }
                """,
            told:
                "$var(rc) $ulc(p=>aor) $ulc(p=>domain) $ulc(p=>count) $(ulc(p=>addr)[1]) $ulc(p=>callid) $ulc(p=>cseq) "
                + "$ulc(p=>q) $ulc(p=>methods) $ulc(p=>user_agent) $ulc(p=>cflags) $(ulc(p=>addr)[-1]) $(ulc(p=>addr)[2]) "
                + "$ulc(x=>addr) $ulc(p=>received)")
        _ = try probe.register(
            ["<sip:a@192.0.2.1>;q=0.9", "<sip:b@192.0.2.2>;q=0.1"],
            ["Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, FOO", "User-Agent: Phone/1"], cseq: 7)
        let told = try probe.told()
        #expect(
            told == "1 alice location 2 sip:b@192.0.2.2 a 7 900 524815 Phone/1 0 sip:b@192.0.2.2 <null> <null> <null>")
        let freed = try probe.told("freed")
        #expect(freed.hasPrefix("-1 <null> <null> <null> "))
    }

    @Test func intoXAVPs() throws {
        var probe = try RegistrarProbe(
            look: #"lookup_xavp("location", "sip:alice@x", "rx", "cx"); $var(rc) = $rc;"#,
            told:
                "$var(rc) $xavp(rx=>aor) $xavp(rx=>count) $xavp(cx[0]=>uri) $xavp(cx[1]=>uri) $xavp(cx[0]=>dsturi) $ru")
        let none = try probe.told()
        #expect(none.hasPrefix("-1 <null> "))
        _ = try probe.register([
            #"<sip:a@192.0.2.1>;q=0.9;received="sip:198.51.100.8:1""#, "<sip:b@192.0.2.2>;q=0.1",
        ])
        let told = try probe.told()
        #expect(told == "1 alice 2 sip:a@192.0.2.1 sip:b@192.0.2.2 sip:198.51.100.8:1 sip:alice@127.0.0.1")
    }

    /// Who sends from where they registered.
    @Test func senders() throws {
        var probe = try RegistrarProbe(
            look: #"reg_from_user("location", "$fu", "$rU"); $var(rc) = $rc;"#, told: "$var(rc)")
        let own = probe.probe.client.address
        _ = try probe.register(["<sip:t@127.0.0.1:1>"], to: "sip:tester@127.0.0.1")
        for (mode, code) in [("0", "1"), ("1", "-1"), ("2", "1"), ("3", "-1")] {
            let told = try probe.told(mode)
            #expect(told == code, "mode \(mode)")
        }
        _ = try probe.register(["<sip:t@\(own)>"], cseq: 2, to: "sip:tester@127.0.0.1")
        let same = try probe.told("3")
        #expect(same == "1")
        var other = try RegistrarProbe(
            look: #"reg_from_user("location", "$fu", "$rU"); $var(rc) = $rc;"#, told: "$var(rc)")
        _ = try other.register(["<sip:t@192.0.2.1;transport=tcp>"], to: "sip:tester@127.0.0.1")
        let elsewhere = try other.told("0")
        #expect(elsewhere == "-1")
    }

    /// A REGISTER that another registrar has passed on says which socket it came to.
    @Test func sockets() throws {
        var probe = try RegistrarProbe(
            [#""sock_flag", 4"#, #""sock_hdr_name", "Sock-Info""#, #""xavp_cfg", "reg""#], modules: ["textopsx"],
            save: """
                if ($hdr(X-How) == "header") setflag(4);
                if ($hdr(X-How) == "xavp") $xavp(reg=>socket) = "tcp:198.51.100.2:5060";
                save("location");
                """,
            look: """
                if ($rU == "add") { add_sock_hdr("Sock-Info"); msg_apply_changes(); }
                reg_fetch_contacts("location", "sip:alice@x", "p");
                """, told: "$ulc(p=>socket) $hdr(Sock-Info)")
        let own = "udp:127.0.0.1:\(probe.probe.server.port)"
        for (number, (headers, socket)) in [
            ([], own), (["X-How: header", "Sock-Info: tcp:198.51.100.1:5060"], "tcp:198.51.100.1:5060"),
            (["Sock-Info: tcp:198.51.100.1:5060"], own), (["X-How: xavp"], "tcp:198.51.100.2:5060"),
        ].enumerated() {
            _ = try probe.register(["<sip:a@192.0.2.1>"], headers, cseq: number + 1)
            let told = try probe.told()
            #expect(told == "\(socket) <null>")
        }
        let added = try probe.told("add")
        #expect(added.hasSuffix(" \(own)"))
    }

    /// What another registrar has accepted is kept here, too, as its reply passes.
    @Test func repliesOfAnotherRegistrar() throws {
        var probe = try RegistrarProbe(
            globals: """
                onreply_route[SAVE] {
                    if (status == 200) { save("location"); $var(rc) = $rc; append_hf("X-Code: $var(rc)\\r\\n"); }
                }

                """,
            save: #"$du = "NEXT"; t_on_reply("SAVE"); t_relay();"#)
        let request = probe.request(["<sip:a@192.0.2.1>"])
        let passed = try probe.probe.pass(request)
        try probe.probe.nextHop.send(
            passed.response(200, "OK", headers: ["Contact: <sip:a@192.0.2.1>;expires=77;q=0.3"]),
            to: probe.probe.server.port)
        let reply = try probe.probe.client.receive(within: .seconds(10)).message
        #expect(reply.statusCode == 200 && reply.header("X-Code") == "1")
        #expect(reply.headers("Contact") == ["<sip:a@192.0.2.1>;expires=77;q=0.3"])
        let query = try probe.told()
        #expect(query == "1 sip:a@192.0.2.1 <null> 0 <null>")
    }

    @Test func constantsAreChecked() throws {
        let head = """
            listen=udp:127.0.0.1:5060
            loadmodule "sl.so"
            loadmodule "usrloc.so"
            loadmodule "registrar.so"

            """
        let cases = [
            (#"save("");"#, "the table has no name"), (#"save("location", "64");"#, "flags are 1"),
            (#"save("location", "0x1g");"#, "flags are 1"),
        ]
        for (line, text) in cases {
            let result = try Server.check(head + "request_route {\n \(line)\n}\n")
            #expect(!result.succeeded && (result.output + result.errors).contains(text), "\(line): \(result.errors)")
        }
        let right = try Server.check(
            head
                + "modparam(\"registrar\", \"aor_avp\", \"$avp(x)\")\nrequest_route {\n save(\"location\", \"0x12\");\n}\n"
        )
        #expect(right.succeeded && (right.output + right.errors).contains("aor_avp has no effect"), "\(right.errors)")
    }

    @Test func statistics() throws {
        var probe = try RegistrarProbe(
            [#""max_contacts", 3"#], modules: ["statistics"],
            told: "$stat(accepted_regs) $stat(rejected_regs) $stat(max_contacts) $stat(default_expire)")
        _ = try probe.register(["<sip:a@192.0.2.1>"])
        _ = try probe.register([])
        _ = try probe.register(["nonsense"])
        let told = try probe.told()
        #expect(told == "2 1 3 3600")
    }
}
