import Testing

/// What becomes of requests to those who are registered.
@Suite struct RegistrarLookupTests {
    private static let instance = "urn:uuid:00000000-0000-1000-8000-aabbccddeeff"

    @Test func bestContactFirst() throws {
        var probe = try RegistrarProbe(
            [#""xavp_rcd", "rcd""#, #""xavp_rcd_mask", 1"#],
            told: "$var(rc) $ru $du $branch(count) $(branch(uri)[0]) $(branch(q)[0]) $xavp(rcd[0]=>contact) "
                + "$xavp(rcd[1]=>contact) $xavp(rcd[0]=>ruid)")
        let none = try probe.told()
        #expect(none.hasPrefix("-1 sip:alice@127.0.0.1 <null> 0 "))
        _ = try probe.register(["<sip:low@192.0.2.1>;q=0.2", "<sip:high@192.0.2.2>;q=0.8"])
        let told = try probe.told()
        #expect(
            told == "1 sip:high@192.0.2.2 <null> 1 sip:low@192.0.2.1 0.2 sip:high@192.0.2.2 sip:low@192.0.2.1 <null>")
        let nobody = try probe.told(to: "sip:127.0.0.1")
        #expect(nobody.hasPrefix("-3 "))
    }

    @Test func oneContactOnly() throws {
        var probe = try RegistrarProbe([#""append_branches", 0"#])
        _ = try probe.register(["<sip:low@192.0.2.1>;q=0.2", "<sip:high@192.0.2.2>;q=0.8"])
        let told = try probe.told()
        #expect(told == "1 sip:high@192.0.2.2 <null> 0 <null>")
    }

    /// What SER's guide says of it is the contrary of what SER does.
    @Test func aNoticeInOldConfigs() throws {
        let probe = try RegistrarProbe([#""append_branches", 1"#], marker: "#!SER")
        #expect(probe.probe.server.log.contains("append_branches 1: lookup forks to all contacts"))
    }

    @Test func branchesOnly() throws {
        var probe = try RegistrarProbe(
            look: #"lookup_to_dset("location", "sip:alice@elsewhere"); $var(rc) = $rc;"#,
            told: "$var(rc) $ru $branch(count) $(branch(uri)[0]) $(branch(uri)[1])")
        _ = try probe.register(["<sip:low@192.0.2.1>;q=0.2", "<sip:high@192.0.2.2>;q=0.8"])
        let told = try probe.told("bob")
        #expect(told == "1 sip:bob@127.0.0.1 2 sip:high@192.0.2.2 sip:low@192.0.2.1")
    }

    /// A branch that is nothing but a URI is looked up; another one stays.
    @Test func branchesAreLookedUp() throws {
        var probe = try RegistrarProbe(
            look: """
                append_branch("sip:bob@127.0.0.1"); append_branch("sip:nobody@127.0.0.1");
                lookup_branches("location"); $var(rc) = $rc;
                """, told: "$var(rc) $ru $branch(count) $(branch(uri)[0]) $(branch(uri)[1])")
        _ = try probe.register(["<sip:a@192.0.2.1>"])
        _ = try probe.register(["<sip:b@192.0.2.2>"], call: "b", to: "sip:bob@127.0.0.1")
        let told = try probe.told()
        #expect(told == "1 sip:a@192.0.2.1 1 sip:b@192.0.2.2 <null>")
        let other = try probe.told("carol")
        #expect(other == "-1 sip:carol@127.0.0.1 1 sip:b@192.0.2.2 <null>")
    }

    /// Initial requests go to those who support their method: by `methods`, else by Allow; who says nothing supports all.
    @Test func methods() throws {
        var probe = try RegistrarProbe([#""method_filtering", 1"#])
        _ = try probe.register(
            [#"<sip:m@192.0.2.1>;methods="INVITE, MESSAGE""#, "<sip:a@192.0.2.2>"], ["Allow: INVITE, ACK, BYE"])
        let options = try probe.told()
        #expect(options.hasPrefix("-2 sip:alice@127.0.0.1 "))
        let message = try probe.told(method: "MESSAGE")
        #expect(message == "1 sip:m@192.0.2.1 <null> 0 <null>")
        _ = try probe.register(["<sip:all@192.0.2.3>"], call: "c")
        let everything = try probe.told(method: "SUBSCRIBE")
        #expect(everything == "1 sip:all@192.0.2.3 <null> 0 <null>")
    }

    /// What nathelper leaves in the AVP, else the parameter of Contact, is where requests go.
    @Test func wherePhonesAre() throws {
        var probe = try RegistrarProbe(
            [#""received_avp", "$avp(RECEIVED)""#, #""received_param", "rcv""#], usrloc: [#""nat_bflag", 6"#],
            save: """
                setbflag(6);
                if ($hdr(X-Nat) == "1") $avp(RECEIVED) = "sip:198.51.100.7:4321;transport=tcp";
                save("location");
                """, told: "$var(rc) $ru $du $bf $fs")
        let reply = try probe.register(["<sip:a@10.0.0.1>"], ["X-Nat: 1"])
        #expect(
            reply.header("Contact")?.hasSuffix(#";rcv="sip:198.51.100.7:4321;transport=tcp""#) == true, "\(reply)")
        let told = try probe.told()
        #expect(
            told
                == "1 sip:a@10.0.0.1 sip:198.51.100.7:4321;transport=tcp 64 udp:127.0.0.1:\(probe.probe.server.port)")
        _ = try probe.register(
            [#"<sip:b@10.0.0.1>;received="sip:198.51.100.8:1""#], call: "b", to: "sip:bob@127.0.0.1")
        let other = try probe.told("bob")
        #expect(other.hasPrefix("1 sip:b@10.0.0.1 sip:198.51.100.8:1 64 "))
    }

    @Test func path() throws {
        let values = "<sip:p1@198.51.100.1;lr>,<sip:p2@198.51.100.2;lr>"
        for mode in 0...2 {
            var probe = try RegistrarProbe([#""use_path", 1"#, "\"path_mode\", \(mode)"])
            let plain = try probe.register(["<sip:a@192.0.2.1>"], ["Path: \(values)"])
            #expect(plain.statusCode == (mode == 2 ? 420 : 200) && plain.header("Path") == (mode == 2 ? values : nil))
            #expect(plain.header("Unsupported") == (mode == 2 ? "path" : nil))
            let told = try probe.told()
            #expect(told.hasPrefix(mode == 2 ? "-1 " : "1 sip:a@192.0.2.1 sip:p1@198.51.100.1;lr "), "\(told)")
            let able = try probe.register(
                ["<sip:a@192.0.2.1>"], ["Path: \(values)", "Supported: 100rel, path"], cseq: 2)
            #expect(able.statusCode == 200 && able.header("Path") == (mode == 0 ? nil : values))
            let broken = try probe.register(["<sip:a@192.0.2.1>"], ["Path: <nonsense"], cseq: 3)
            #expect(broken.statusCode == 400 && broken.header("P-Registrar-Error") == "Path parse error")
        }
    }

    /// Requests carry the path as Route.
    @Test func pathIsARoute() throws {
        var probe = try RegistrarProbe(
            [#""use_path", 1"#, #""path_mode", 0"#, #""path_use_received", 1"#, #""path_check_local", 1"#],
            look: #"lookup("location"); t_relay(); exit;"#)
        let hop = probe.probe.nextHop.address
        let own = "sip:127.0.0.1:\(probe.probe.server.port);lr"
        _ = try probe.register(
            ["<sip:a@192.0.2.1>"],
            ["Path: <\(own);received=sip:203.0.113.1:9%3Btransport%3Dtcp>, <sip:\(hop);lr>"])
        let query = try probe.register([], call: "q")
        #expect(query.header("Contact")?.hasSuffix(#";received="sip:203.0.113.1:9;transport=tcp""#) == true)
        let passed = try probe.probe.pass(probe.probe.request("OPTIONS", user: "alice", id: "route"))
        #expect(passed.startLine == "OPTIONS sip:a@192.0.2.1 SIP/2.0")
        #expect(passed.headers("Route") == ["<sip:\(hop);lr>"])
    }

    @Test func gruus() throws {
        var probe = try RegistrarProbe()
        let contact = "<sip:a@192.0.2.1>;+sip.instance=\"<\(Self.instance)>\""
        let plain = try probe.register([contact])
        #expect(plain.header("Contact")?.hasSuffix(";+sip.instance=\"<\(Self.instance)>\"") == true)
        #expect(plain.header("Contact")?.contains("gruu") == false)
        let reply = try probe.register([contact, "<sip:other@192.0.2.9>"], ["Supported: gruu"], cseq: 2)
        let listed = try #require(
            reply.header("Contact")?.split(separator: ", ").first { $0.contains("sip:a@") }.map { String($0) })
        #expect(listed.contains(";pub-gruu=\"sip:alice@127.0.0.1;gr=\(Self.instance)\""))
        let temporary = try #require(listed.split(separator: "\"").first { $0.hasSuffix(";gr") })
        #expect(temporary.hasPrefix("sip:") && !temporary.contains("alice"))
        for uri in ["sip:alice@127.0.0.1;gr=\(Self.instance)", String(temporary)] {
            let told = try probe.told(to: uri)
            #expect(told == "1 sip:a@192.0.2.1 <null> 0 <null>", "\(uri)")
        }
        for uri in ["sip:alice@127.0.0.1;gr=urn:uuid:other", "sip:alice@127.0.0.1;gr"] {
            let told = try probe.told(to: uri)
            #expect(told.hasPrefix("-1 "), "\(uri)")
        }
        var off = try RegistrarProbe([#""gruu_enabled", 0"#])
        let ignored = try off.register([contact], ["Supported: gruu"])
        #expect(RegistrarProbe.contacts(ignored) == ["<sip:a@192.0.2.1>"])
    }

    /// RFC 5626: flows of one phone stand beside each other, and each is replaced by its like.
    @Test func outbound() throws {
        var probe = try RegistrarProbe([#""outbound_mode", 2"#, #""flow_timer", 25"#])
        func contact(_ uri: String, _ flow: String) -> String {
            "<\(uri)>;+sip.instance=\"<\(Self.instance)>\";reg-id=\(flow)"
        }
        let without = try probe.register([contact("sip:a@192.0.2.1", "1")])
        #expect(without.startLine == "SIP/2.0 421 Extension Required" && without.header("Require") == "outbound")
        #expect(without.header("P-Registrar-Error") == "No support for Outbound indicated")
        let first = try probe.register([contact("sip:a@192.0.2.1", "1")], ["Supported: outbound"])
        #expect(first.header("Require") == "outbound" && first.header("Flow-Timer") == "25")
        _ = try probe.register([contact("sip:a@192.0.2.2", "2")], ["Supported: outbound"], call: "b")
        let moved = try probe.register([contact("sip:a@192.0.2.3", "1")], ["Supported: outbound"], call: "c")
        let uris = RegistrarProbe.contacts(moved).map { String($0.prefix { $0 != ";" }) }
        #expect(Set(uris) == ["<sip:a@192.0.2.2>", "<sip:a@192.0.2.3>"])
        let wrong = try probe.register([contact("sip:a@192.0.2.1", "0")], ["Supported: outbound"], call: "d")
        #expect(wrong.statusCode == 400 && wrong.header("P-Registrar-Error") == "Invalid Reg-Id number")
        let far = try probe.register(
            [contact("sip:a@192.0.2.1", "1")], ["Supported: outbound", "Path: <sip:edge@192.0.2.8;lr>"], call: "e",
            vias: ["SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK-far"])
        #expect(far.startLine == "SIP/2.0 439 First Hop Lacks Outbound Support")
        let through = try probe.register(
            [contact("sip:a@192.0.2.1", "1")], ["Supported: outbound", "Path: <sip:edge@192.0.2.8;lr;ob>"], call: "f",
            vias: ["SIP/2.0/UDP 192.0.2.7;branch=z9hG4bK-far"])
        #expect(through.statusCode == 200)
    }

    /// The filter by branch flags.
    @Test func flags() throws {
        var probe = try RegistrarProbe(
            [#""lookup_filter_mode", 1"#, #""xavp_cfg", "reg""#],
            save: #"if ($hdr(X-Flag) == "1") setbflag(3); save("location");"#,
            look: #"$xavp(reg=>rlf_bflags) = 8; lookup("location"); $var(rc) = $rc;"#)
        _ = try probe.register(["<sip:a@192.0.2.1>"])
        let none = try probe.told()
        #expect(none.hasPrefix("-1 "))
        _ = try probe.register(["<sip:b@192.0.2.2>"], ["X-Flag: 1"], call: "b")
        let told = try probe.told()
        #expect(told == "1 sip:b@192.0.2.2 <null> 0 <null>")
    }
}
