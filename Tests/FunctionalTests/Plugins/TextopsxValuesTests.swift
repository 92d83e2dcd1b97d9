import Testing

/// Values of headers by index and parameter, selects on them, iterators.
@Suite struct TextopsxValuesTests {
    private static let list = [#"X-A: one, two;p=1;q="x,y" , three"#, "X-A: four"]
    private static let credentials = #"X-Auth: Digest realm="r", nonce=abc, uri="sip:x""#

    /// What is left of some headers after calls, each with its code in X-Code.
    private func changed(_ calls: [String], headers: [String], _ name: String) throws -> [(
        values: [String], code: String?
    )] {
        let script = calls.enumerated().map { index, call in
            "if ($rU == \"u\(index)\") { \(call); append_hf(\"X-Code: $rc\\r\\n\"); }"
        }
        let probe = try Probe(
            ["pv", "textops", "textopsx"], script: script.joined(separator: "\n") + "\n$du = \"NEXT\"; forward();")
        return try calls.indices.map { index in
            let message = try probe.pass(probe.request(user: "u\(index)", id: "value-\(index)", headers: headers))
            return (message.headers(name), message.header("X-Code"))
        }
    }

    private func expect(
        _ cases: [(String, [String], String)], headers: [String] = list, of name: String = "X-A",
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for (found, wanted) in zip(try changed(cases.map { $0.0 }, headers: headers, name), cases) {
            #expect(
                found.values == wanted.1 && found.code == wanted.2, "\(wanted.0): \(found)",
                sourceLocation: sourceLocation)
        }
    }

    @Test func valuesAreAppended() throws {
        let two = #"one, two;p=1;q="x,y" , three"#
        try expect([
            (#"append_hf_value("X-A", "new")"#, [two, "four", "new"], "1"),
            (#"append_hf_value("X-A[1]", "new$rm")"#, [#"one,newOPTIONS, two;p=1;q="x,y" , three"#, "four"], "1"),
            (#"append_hf_value("x-a[2]", "new")"#, [#"one, two;p=1;q="x,y",new , three"#, "four"], "1"),
            (#"append_hf_value("X-A[-1]", "new")"#, [two, "four,new"], "1"),
            (#"append_hf_value("X-A[-2]", "new")"#, [#"one, two;p=1;q="x,y" , three,new"#, "four"], "1"),
            (#"append_hf_value("X-A[5]", "new")"#, [two, "four", "new"], "1"),
            (#"append_hf_value("X-A[-5]", "new")"#, [two, "four", "new"], "1"),
            (
                #"append_hf_value("X-A[1]", "a"); append_hf_value("X-A[1]", "b")"#,
                [#"one,a,b, two;p=1;q="x,y" , three"#, "four"], "1"
            ),
        ])
        try expect([(#"append_hf_value("X-None[-1]", "new")"#, ["new"], "1")], of: "X-None")
    }

    @Test func valuesAreInserted() throws {
        let two = #"one, two;p=1;q="x,y" , three"#
        try expect([
            (#"insert_hf_value("X-A", "new")"#, ["new", two, "four"], "1"),
            (#"insert_hf_value("X-A[1]", "new")"#, ["new," + two, "four"], "1"),
            (#"insert_hf_value("X-A[2]", "new")"#, [#"one, new,two;p=1;q="x,y" , three"#, "four"], "1"),
            (#"insert_hf_value("X-A[-1]", "new")"#, [two, "new,four"], "1"),
            (#"insert_hf_value("X-A[5]", "new")"#, [two, "four"], "-1"),
            (#"insert_hf_value("X-A[-5]", "new")"#, [two, "four"], "-1"),
        ])
        try expect(
            [
                (#"insert_hf_value("X-None[1]", "new")"#, ["new"], "1"),
                (#"insert_hf_value("X-None[2]", "new")"#, [], "-1"),
            ],
            of: "X-None")
    }

    @Test func valuesAreRemoved() throws {
        let two = #"one, two;p=1;q="x,y" , three"#
        let none = [two, "four"]
        try expect([
            (#"remove_hf_value("X-A")"#, [#"two;p=1;q="x,y" , three"#, "four"], "1"),
            (#"remove_hf_value("X-A[2]")"#, ["one, three", "four"], "1"),
            (#"remove_hf_value("X-A[3]")"#, [#"one, two;p=1;q="x,y""#, "four"], "1"),
            (#"remove_hf_value("X-A[-1]")"#, [two], "1"), (#"remove_hf_value("X-A[4]")"#, [two], "1"),
            (#"remove_hf_value("X-A[5]")"#, none, "-1"), (#"remove_hf_value("X-A[*]")"#, [], "1"),
            (#"remove_hf_value("X-None")"#, none, "-1"), (#"remove_hf_value("X-None[*]")"#, none, "-1"),
            (#"remove_hf_value("X-A[2].p")"#, [#"one, two;q="x,y" , three"#, "four"], "1"),
            (#"remove_hf_value("X-A[2].Q")"#, ["one, two;p=1 , three", "four"], "1"),
            (#"remove_hf_value("X-A.p")"#, none, "-1"), (#"remove_hf_value("X-A[2].zz")"#, none, "-1"),
            (#"remove_hf_value("X-A[*].p")"#, [#"one, two;q="x,y" , three"#, "four"], "1"),
            (#"remove_hf_value("X-A[2]"); remove_hf_value("X-A[2]")"#, ["one, three", "four"], "-1"),
        ])
    }

    @Test func valuesAreAssigned() throws {
        let two = #"one, two;p=1;q="x,y" , three"#
        try expect([
            (#"assign_hf_value("X-A", "new")"#, [#"new, two;p=1;q="x,y" , three"#, "four"], "1"),
            (#"assign_hf_value("X-A[2]", "new")"#, ["one, new , three", "four"], "1"),
            (#"assign_hf_value("X-A[-1]", "new")"#, [two, "new"], "1"),
            (#"assign_hf_value("X-A[5]", "new")"#, [two, "four"], "-1"),
            (#"assign_hf_value("X-None.p", "new")"#, [two, "four"], "-1"),
            (#"assign_hf_value("X-A[2].p", "9")"#, [#"one, two;p=9;q="x,y" , three"#, "four"], "1"),
            (#"assign_hf_value("X-A[2].q", "9")"#, ["one, two;p=1;q=9 , three", "four"], "1"),
            (#"assign_hf_value("X-A[2].p", "")"#, [#"one, two;p;q="x,y" , three"#, "four"], "1"),
            (#"assign_hf_value("X-A.z", "9")"#, [#"one;z=9, two;p=1;q="x,y" , three"#, "four"], "1"),
            (#"assign_hf_value("X-A.z", "")"#, [#"one;z, two;p=1;q="x,y" , three"#, "four"], "1"),
            (
                #"assign_hf_value("X-A[*].z", "9")"#, [#"one;z=9, two;p=1;q="x,y";z=9 , three;z=9"#, "four;z=9"], "1"
            ),
            (
                #"assign_hf_value("X-A", "a"); assign_hf_value("X-A", "b")"#, [#"a, two;p=1;q="x,y" , three"#, "four"],
                "-1"
            ),
        ])
        let identity = #"P-Asserted-Identity: "Al, ice" <sip:al@h;x=1>;hp=2, <tel:+12>"#
        try expect(
            [
                (
                    #"assign_hf_value("P-Asserted-Identity.hp", "3")"#, [#""Al, ice" <sip:al@h;x=1>;hp=3, <tel:+12>"#],
                    "1"
                ),
                (
                    #"assign_hf_value("P-Asserted-Identity.x", "3")"#,
                    [#""Al, ice" <sip:al@h;x=1>;hp=2;x=3, <tel:+12>"#], "1"
                ),
                (
                    #"assign_hf_value("P-Asserted-Identity[2].z", "1")"#,
                    [#""Al, ice" <sip:al@h;x=1>;hp=2, <tel:+12>;z=1"#], "1"
                ),
            ], headers: [identity], of: "P-Asserted-Identity")
    }

    /// Headers whose commas part parameters.
    @Test func headersThatAreNoLists() throws {
        let all = #"Digest realm="r", nonce=abc, uri="sip:x""#
        try expect(
            [
                (#"remove_hf_value2("X-Auth")"#, [], "1"),
                (#"remove_hf_value2("X-Auth.realm")"#, [#"Digest nonce=abc, uri="sip:x""#], "1"),
                (#"remove_hf_value2("X-Auth.nonce")"#, [#"Digest realm="r", uri="sip:x""#], "1"),
                (#"remove_hf_value2("X-Auth[1].uri")"#, [#"Digest realm="r", nonce=abc"#], "1"),
                (#"remove_hf_value2("X-Auth[*].uri")"#, [#"Digest realm="r", nonce=abc"#], "1"),
                (#"remove_hf_value2("X-Auth.zz")"#, [all], "-1"), (#"remove_hf_value2("X-Auth[2]")"#, [all], "-1"),
                (#"assign_hf_value2("X-Auth.realm", "new")"#, [#"Digest realm=new, nonce=abc, uri="sip:x""#], "1"),
                (#"assign_hf_value2("X-Auth.zz", "\"new\"")"#, [all + #",zz="new""#], "1"),
                (#"assign_hf_value2("X-Auth.nonce", "")"#, [#"Digest realm="r", nonce, uri="sip:x""#], "1"),
                (#"assign_hf_value2("X-Auth", "new")"#, ["new"], "1"),
            ], headers: [Self.credentials], of: "X-Auth")
        try expect([
            (#"remove_hf_value2("X-A[2]")"#, [#"one, two;p=1;q="x,y" , three"#], "1"),
            (#"remove_hf_value2("X-A[*]")"#, [], "1"), (#"assign_hf_value2("X-A", "new")"#, ["new", "four"], "1"),
            (#"assign_hf_value2("X-A[-1]", "new")"#, [#"one, two;p=1;q="x,y" , three"#, "new"], "1"),
        ])
    }

    @Test func valuesInSets() throws {
        try expect(
            [
                (#"include_hf_value("Supported", "PATH")"#, ["path, 100rel"], "1"),
                (#"include_hf_value("k", "timer")"#, ["path, 100rel,timer"], "1"),
                (#"include_hf_value("Supported", "")"#, ["path, 100rel"], "-1"),
                (#"exclude_hf_value("Supported", "Path")"#, ["100rel"], "1"),
                (#"exclude_hf_value("Supported", "100rel")"#, ["path"], "1"),
                (#"exclude_hf_value("Supported", "timer")"#, ["path, 100rel"], "1"),
                (#"exclude_hf_value("Supported", "")"#, ["path, 100rel"], "-1"),
                (#"exclude_hf_value("Supported", "path"); exclude_hf_value("Supported", "100rel")"#, [], "1"),
                (#"hf_value_exists("Supported", "Path")"#, ["path, 100rel"], "1"),
                (#"hf_value_exists("Supported", "pat")"#, ["path, 100rel"], "-1"),
                (#"hf_value_exists("Supported", "")"#, ["path, 100rel"], "-1"),
            ], headers: ["Supported: path, 100rel"], of: "Supported")
        try expect([(#"include_hf_value("X-None", "path")"#, ["path"], "1")], of: "X-None")
        try expect([
            (#"hf_value_exists("X-A", "two")"#, [#"one, two;p=1;q="x,y" , three"#, "four"], "-1"),
            (#"hf_value_exists("X-A", "two;p=1;q=\"x,y\"")"#, [#"one, two;p=1;q="x,y" , three"#, "four"], "1"),
            (#"hf_value_exists("X-A", "four")"#, [#"one, two;p=1;q="x,y" , three"#, "four"], "1"),
        ])
    }

    @Test(arguments: [
        (#"append_hf_value("X-A[*]", "x")"#, "there is no [*]"), (#"append_hf_value("X-A.p", "x")"#, "no parameter"),
        (#"insert_hf_value("X-A[0]", "x")"#, "counted from 1"), (#"insert_hf_value("X-A[x]", "x")"#, "counted from 1"),
        (#"assign_hf_value("X-A[*]", "x")"#, "[*] is for a parameter"),
        (#"remove_hf_value("X-A[1")"#, "counted from 1"),
        (#"include_hf_value("X-A[1]", "x")"#, "there is no index"), (#"hf_value_exists("X-A.p", "x")"#, "no parameter"),
        (#"remove_hf_value("")"#, "name of a header"), (#"remove_hf_value("X-A.")"#, "name of a parameter"),
        (#"remove_hf_value("X-A[1]x")"#, "expected name[index].parameter"),
        (#"$var(x) = @hf_value.x_a[0]"#, "counted from 1"),
        (#"$var(x) = @hf_value.x_a.uri.nonsense"#, "nothing like this"),
        (#"$var(x) = @hf_value_exists.x_a"#, "the value to look for"), (#"$var(x) = @hf_value"#, "name of a header"),
        (#"$var(x) = @hf_value_exists.x_a[1].b"#, "there is no index"),
        (#"$var(x) = @hf_valu.x_a"#, "did you mean `hf_value`"),
        (#"hf_iterator_append("i", "")"#, "no header in an empty text"),
    ]) func mistakesInPaths(statement: String, complaint: String) throws {
        let result = try Server.check("loadmodule \"textopsx.so\"\nrequest_route { \(statement); }\n")
        #expect(!result.succeeded && result.output.contains(complaint), "\(result.output)")
    }

    @Test func selectsOfAModuleThatIsNotLoaded() throws {
        let result = try Server.check("request_route { $var(x) = @hf_value.x_a; }\n")
        #expect(!result.succeeded && result.output.contains("is a select of module textopsx"))
    }

    // MARK: - Selects

    @Test func selects() throws {
        let cases: [(String, String)] = [
            ("@hf_value.x_a[1]", "one"), ("@hf_value.x_a[2]", #"two;p=1;q="x,y""#), ("@hf_value.x_a[-1]", "four"),
            ("@hf_value.x_a[9]", ""), ("@hf_value.x_none", ""), ("@hf_value.x_b", "single"),
            ("@hf_value.x_a", #"one,two;p=1;q="x,y",three,four"#),
            ("$sel(hf_value.x_a[*])", #"one,two;p=1;q="x,y",three,four"#),
            ("@hf_value.x_a[2].p.p", "1"), ("@hf_value.x_a[2].q", "x,y"), ("@hf_value.x_a[2].param.q", "x,y"),
            ("@hf_value.x_a[2].zz", ""), ("@hf_value.x_a[2].uri", "two"), (#"@hf_value["X-A"][2].q"#, "x,y"),
            ("@hf_value.p_asserted_identity.uri", "sip:al@ex.org:5070;x=1,tel:+12"),
            ("$sel(hf_value.p_asserted_identity[*].uri)", "sip:al@ex.org:5070;x=1,tel:+12"),
            ("@hf_value.p_asserted_identity[2].uri", "tel:+12"),
            ("@hf_value.p_asserted_identity[1].name", "Al, ice"), ("@hf_value.p_asserted_identity.name", "Al, ice"),
            ("@hf_value.p_asserted_identity[1].nameaddr.name", #""Al, ice""#),
            ("@hf_value.p_asserted_identity[1].nameaddr.uri.host", "ex.org"),
            ("@hf_value.p_asserted_identity[1].uri.user", "al"), ("@hf_value.p_asserted_identity[1].uri.port", "5070"),
            ("@hf_value.p_asserted_identity[1].uri.hostport", "ex.org:5070"),
            ("@hf_value.p_asserted_identity[1].uri.params.x", "1"),
            ("@hf_value.p_asserted_identity[1].uri.type", "sip"),
            ("@hf_value.p_asserted_identity[1].uri.transport", "udp"),
            ("@hf_value.p_asserted_identity[1].hp_x", "2"), ("@hf_value.p_asserted_identity.hp_x", "2"),
            ("@hf_value.p_asserted_identity[1].p", "hp-x=2"), ("@hf_value.p_asserted_identity[1].p.uri", ""),
            ("@hf_value.from.tag", "from-select"), ("@hf_value2.x_auth", #"Digest realm="r", nonce=abc, uri="sip:x""#),
            ("@hf_value2.x_auth.realm", "r"), ("@hf_value2.x_auth[1].nonce", "abc"), ("@hf_value2.x_auth.uri", "sip:x"),
            ("@hf_value2.x_auth.zz", ""), ("@hf_value2.x_a[2]", "four"),
            ("@hf_value2.x_a[-2]", #"one, two;p=1;q="x,y" , three"#),
            ("@hf_value_exists.supported.path", "1"), ("@hf_value_exists.supported.timer", "0"),
            ("@hf_value_exists.x_none.path", "0"), ("@hf_value_exists.supported.x_y", "1"),
            (#"@hf_value_exists.supported["x_y"]"#, "0"), (#"@hf_value_exists.supported["100rel"]"#, "1"),
        ]
        let script = cases.enumerated().map { index, one in
            "if (defined \(one.0)) { $var(x) = \(one.0); append_to_reply(\"X-\(index): <$var(x)>\\r\\n\"); }"
        }
        let probe = try Probe(
            ["sl", "pv", "textops", "textopsx"],
            script: script.joined(separator: "\n") + "sl_send_reply(\"200\", \"OK\");")
        let reply = try probe.ask(
            probe.request(
                id: "select",
                headers: Self.list + [
                    "X-B: single", "Supported: path, 100rel, x-y", Self.credentials,
                    #"P-Asserted-Identity: "Al, ice" <sip:al@ex.org:5070;x=1>;hp-x=2, <tel:+12>"#,
                ]))
        for (index, one) in cases.enumerated() {
            #expect(reply.header("X-\(index)") == (one.1.isEmpty ? nil : "<\(one.1)>"), "\(one.0)")
        }
    }

    // MARK: - Iterators

    private func walked(_ script: String, body: String = "") throws -> SIPText {
        let probe = try Probe(
            ["pv", "textops", "textopsx"],
            script: "$var(c) = \"\";\n\(script)\nappend_hf(\"X-Result: $var(c)\\r\\n\"); $du = \"NEXT\"; forward();")
        return try probe.pass(
            probe.request(
                id: "walk", headers: ["X-A: 1", "X-B: 2", "X-C: a,b", "Content-Type: text/plain"], body: body))
    }

    @Test func headersAreGoneThrough() throws {
        let message = try walked(
            #"""
            hf_iterator_start("i");
            while (hf_iterator_next("i")) {
                if ($hfitname(i) =~ "^X-") $var(c) = $var(c) + $hfitname(i) + "=" + $hfitbody(i) + "/";
            }
            if ($hfitname(i) == $null) $var(c) = $var(c) + "none";
            hf_iterator_next("i"); $var(c) = $var(c) + $rc;
            hf_iterator_prev("i"); $var(c) = $var(c) + $rc + $hfitname(i);
            hf_iterator_end("i"); $var(c) = $var(c) + $rc;
            hf_iterator_end("i"); $var(c) = $var(c) + $rc;
            hf_iterator_next("i"); $var(c) = $var(c) + $rc; if ($hfitbody(i) == $null) $var(c) = $var(c) + "none";
            """#)
        #expect(message.header("X-Result") == "X-A=1/X-B=2/X-C=a,b/none-11Content-Length1-1-1none")
    }

    @Test func backAndAgain() throws {
        let message = try walked(
            #"""
            $var(n) = "name";
            hf_iterator_start("$var(n)"); $var(c) = $var(c) + $rc;
            if ($hfitname($var(n)) == $null) $var(c) = $var(c) + "none";
            hf_iterator_next("name"); hf_iterator_next("name");
            $var(c) = $var(c) + $hfitname($var(n)) + "/";
            hf_iterator_prev("name"); $var(c) = $var(c) + $rc + $hfitname(name) + "/";
            hf_iterator_prev("name"); $var(c) = $var(c) + $rc;
            if ($hfitname(name) == $null) $var(c) = $var(c) + "none/";
            hf_iterator_prev("name"); $var(c) = $var(c) + $rc + "/";
            hf_iterator_next("name"); $var(c) = $var(c) + $rc + $hfitname(name) + "/";
            hf_iterator_next("name"); hf_iterator_start("name"); hf_iterator_next("name"); $var(c) = $var(c) + $hfitname(name);
            """#)
        #expect(message.header("X-Result") == "1noneMax-Forwards/1Via/-1none/-1/1Via/Via")
    }

    @Test func fourAtATime() throws {
        let codes = try Probe.codes(
            ["textopsx"],
            [
                #"hf_iterator_start("a")"#, #"hf_iterator_start("b")"#, #"hf_iterator_start("c")"#,
                #"hf_iterator_start("d")"#, #"hf_iterator_start("e")"#, #"hf_iterator_start("a")"#,
                #"bl_iterator_start("e")"#,
                #"hf_iterator_end("b")"#, #"hf_iterator_start("e")"#, #"hf_iterator_next("b")"#,
                #"hf_iterator_rm("a")"#,
                #"hf_iterator_append("a", "X: 1\r\n")"#, #"hf_iterator_insert("none", "X: 1\r\n")"#,
                "hf_iterator_start(\"\(String(repeating: "x", count: 64))\")",
                "hf_iterator_end(\"e\"); hf_iterator_start(\"\(String(repeating: "x", count: 65))\")",
                "hf_iterator_start(\"\(String(repeating: "x", count: 64))\")",
            ])
        #expect(codes == [1, 1, 1, 1, -1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, 1])
    }

    @Test func headersAreEditedOnTheWay() throws {
        let message = try walked(
            #"""
            hf_iterator_start("i");
            while (hf_iterator_next("i")) {
                if ($hfitname(i) == "X-A") { hf_iterator_rm("i"); $var(c) = $var(c) + $rc; hf_iterator_rm("i"); $var(c) = $var(c) + $rc; }
                if ($hfitname(i) == "X-B") { hf_iterator_append("i", "X-After: $rm\r\n"); hf_iterator_insert("i", "X-Before: 1"); }
            }
            """#)
        let names = message.text.split(separator: "\r\n").map { String($0.prefix { $0 != ":" }) }.filter {
            $0.hasPrefix("X-")
        }
        #expect(names == ["X-Before", "X-B", "X-After", "X-C", "X-Result"])
        #expect(message.header("X-After") == "OPTIONS" && message.header("X-Result") == "1-1")
    }

    /// Applied changes begin another message: iterators of before are over.
    @Test func appliedChangesEndIterators() throws {
        let message = try walked(
            #"""
            hf_iterator_start("i"); hf_iterator_next("i");
            append_hf("X-New: 1\r\n"); msg_apply_changes();
            if ($hfitname(i) == $null) $var(c) = $var(c) + "none";
            hf_iterator_next("i"); $var(c) = $var(c) + $rc;
            hf_iterator_start("i");
            while (hf_iterator_next("i")) { if ($hfitname(i) == "X-New") { hf_iterator_rm("i"); $var(c) = $var(c) + $rc; } }
            """#)
        #expect(message.header("X-Result") == "none-11" && message.header("X-New") == nil)
    }

    @Test func linesAreGoneThrough() throws {
        let script = #"""
            bl_iterator_start("i"); $var(c) = $var(c) + $rc;
            if ($blitval(i) == $null) $var(c) = $var(c) + "none/";
            while (bl_iterator_next("i")) { $var(c) = $var(c) + $(blitval(i){s.len}) + "/"; }
            if ($blitval(i) == $null) $var(c) = $var(c) + "none/";
            bl_iterator_next("i"); $var(c) = $var(c) + $rc;
            bl_iterator_rm("i"); $var(c) = $var(c) + $rc;
            bl_iterator_end("i"); $var(c) = $var(c) + $rc;
            bl_iterator_next("i"); $var(c) = $var(c) + $rc;
            """#
        let message = try walked(script, body: "one\ntwo\r\n\r\nlast")
        #expect(message.header("X-Result") == "1none/4/5/2/4/none/-1-11-1")
        let bare = try walked(script)
        #expect(bare.header("X-Result") == "1none/none/-1-11-1")
    }

    @Test func linesAreEditedOnTheWay() throws {
        let message = try walked(
            #"""
            bl_iterator_start("i");
            while (bl_iterator_next("i")) {
                if ($blitval(i) =~ "^a=1") bl_iterator_rm("i");
                if ($blitval(i) =~ "^o=") { bl_iterator_append("i", "b=$rm\r\n"); bl_iterator_insert("i", "c=new\r\n"); }
            }
            """#, body: "v=0\r\no=x\r\na=1\r\na=2\r\n")
        #expect(message.body == "v=0\r\nc=new\r\no=x\r\nb=OPTIONS\r\na=2\r\n")
        #expect(message.headers("Content-Length") == ["\(message.body.utf8.count)"])
    }
}
