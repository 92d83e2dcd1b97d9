import Testing

@Suite struct TextopsTests {
    private static let sdp = """
        v=0\r
        o=- 1 1 IN IP4 192.0.2.1\r
        s=call\r
        c=IN IP4 192.0.2.1\r
        t=0 0\r
        m=audio 4000 RTP/AVP 0\r
        a=sendrecv\r

        """

    private func passed(
        _ script: String, method: String = "INVITE", headers: [String] = [], body: String = ""
    ) throws -> SIPText {
        let probe = try Probe(["sl", "textops"], script: script + "\n$du = \"NEXT\"; forward();")
        return try probe.pass(probe.request(method, id: "pass", headers: headers, body: body))
    }

    @Test(arguments: [
        ("INVITE", "1 1 -1 -1"), ("SUBSCRIBE", "-1 1 -1 -1"), ("FOO", "-1 -1 1 -1"), ("BYE", "-1 -1 -1 -1"),
    ])
    func methodsAreCompared(method: String, expected: String) throws {
        let codes = try Probe.codes(
            ["textops"], method: method,
            [
                #"is_method("INVITE")"#, #"is_method("INVITE|SUBSCRIBE")"#, #"is_method("FOO|ACK")"#,
                #"is_method("CANCEL")"#,
            ])
        #expect(codes == expected.split(separator: " ").compactMap { Int($0) })
    }

    @Test func searching() throws {
        let cases: [(String, Int)] = [
            (#"search("^x-note:.*hello")"#, 1), (#"search("^OPTIONS sip")"#, 1), (#"search("nowhere")"#, -1),
            (#"search_body("^C=IN ip4")"#, 1), (#"search_body("x-note")"#, -1),
            (#"search_hf("X-Note", "^hello", "a")"#, 1), (#"search_hf("X-Note", "^hello", "l")"#, -1),
            (#"search_hf("X-Note", "^bye", "l")"#, 1), (#"search_hf("X-Note", "^bye", "f")"#, -1),
            (#"search_str("$ua", "scanner")"#, 1), (#"is_present_hf("X-Note")"#, 1), (#"is_present_hf("i")"#, 1),
            (#"is_present_hf("X-None")"#, -1), (#"is_present_hf_re("^x-n")"#, 1), (#"is_present_hf_re("^y")"#, -1),
            (#"is_privacy("id")"#, 1), (#"is_privacy("user")"#, -1), ("has_body()", 1),
            (#"has_body("application/sdp")"#, 1), (#"has_body("text/plain")"#, -1), ("has_sdp()", 1),
            ("is_audio_on_hold()", -1),
        ]
        let codes = try Probe.codes(
            ["textops"],
            headers: [
                "X-Note: hello", "X-Note: bye", "User-Agent: friendly-scanner", "Privacy: header;id",
                "Content-Type: application/sdp;charset=x",
            ], body: Self.sdp, cases.map { $0.0 })
        #expect(codes == cases.map { $0.1 })
    }

    @Test(arguments: [
        ("c=IN IP4 192.0.2.1", "c=IN IP4 0.0.0.0", 1), ("a=sendrecv", "a=sendonly", 2), ("a=sendrecv", "a=inactive", 2),
        ("m=audio", "m=video", -1),
    ]) func holding(line: String, other: String, code: Int) throws {
        let codes = try Probe.codes(
            ["textops"], headers: ["Content-Type: application/sdp"], body: Self.sdp.replacing(line, with: other),
            ["is_audio_on_hold()"])
        #expect(codes == [code])
    }

    @Test func texts() throws {
        let cases: [(String, Int)] = [
            (#"in_list("200", "100, 200 ,300", ",")"#, 1), (#"in_list("20", "100,200", ",")"#, -1),
            (#"in_list("", "a,,b", ",")"#, -1), (#"in_list_prefix("+4930", "+43,+49", ",")"#, 1),
            (#"in_list_prefix("+1", "+43,+49", ",")"#, -1), (#"cmp_str("a", "a")"#, 1), (#"cmp_str("a", "A")"#, -1),
            (#"cmp_istr("a", "A")"#, 1), (#"starts_with("abc", "ab")"#, 1), (#"starts_with("abc", "")"#, 1),
            (#"starts_with("a", "ab")"#, -1), (#"starts_with("abc", "bc")"#, -2), (#"ends_with("abc", "bc")"#, 1),
            (#"ends_with("abc", "ab")"#, -1),
            (#"str_find("abc", "bc")"#, 1), (#"str_find("abc", "BC")"#, -1), (#"str_ifind("abc", "BC")"#, 1),
            (#"str_any_in("abc", "xyzc")"#, 1), (#"str_any_in("abc", "xyz")"#, -1), (#"str_all_in("aba", "ab")"#, 1),
            (#"str_all_in("abc", "ab")"#, -1),
        ]
        let codes = try Probe.codes(["textops"], cases.map { $0.0 })
        #expect(codes == cases.map { $0.1 })
    }

    @Test func headersAreAddedAndRemoved() throws {
        let message = try passed(
            #"""
            append_hf("X-Last: $rm\r\n");
            insert_hf("X-First: 1\r\n");
            append_hf("X-After: 1\r\n", "X-A");
            insert_hf("X-Before: 1", "X-A");
            append_urihf("X-URI: ", "\r\n");
            remove_hf("X-Gone");
            remove_hf("s");
            remove_hf_re("^X-Re");
            remove_hf_exp("^Y-", "^Y-Keep");
            remove_hf_idx("X-Many", 1);
            remove_hf_idx("X-Many", -1);
            remove_hf_match("X-Value", "in", "cat");
            """#,
            headers: [
                "X-A: 1", "X-A: 2", "X-Gone: 1", "X-Gone: 2", "Subject: x", "X-Re-1: 1", "X-Re-2: 2", "Y-1: 1",
                "Y-Keep: 1",
                "X-Many: 0", "X-Many: 1", "X-Many: 2", "X-Many: 3", "X-Value: concatenate", "X-Value: dog",
            ])
        let names = message.text.split(separator: "\r\n").dropFirst().map { String($0.prefix { $0 != ":" }) }
        #expect(message.header("X-Last") == "INVITE")
        #expect(names.filter { $0 == "X-Gone" || $0 == "Subject" || $0.hasPrefix("X-Re-") || $0 == "Y-1" } == [])
        #expect(message.header("Y-Keep") == "1")
        #expect(message.headers("X-Many") == ["0", "2"])
        #expect(message.headers("X-Value") == ["dog"])
        #expect(message.header("X-URI")?.hasPrefix("sip:alice@127.0.0.1:") == true)
        let order = names.filter { $0.hasPrefix("X-A") || $0 == "X-Before" || $0 == "X-First" || $0 == "From" }
        #expect(order == ["X-First", "From", "X-Before", "X-A", "X-A", "X-After"])
    }

    @Test func codesOfRemoving() throws {
        let codes = try Probe.codes(
            ["textops"], headers: ["X-A: 1"],
            [#"remove_hf("X-None")"#, #"remove_hf("X-A")"#, #"remove_hf_idx("X-A", 5)"#, #"remove_hf_re("^z")"#])
        #expect(codes == [-1, 1, -1, -1])
    }

    @Test func bodiesAreReplaced() throws {
        let message = try passed(
            #"set_body("hello $rU", "text/plain");"#, headers: ["Content-Type: application/sdp"], body: Self.sdp)
        #expect(message.body == "hello alice")
        #expect(message.headers("Content-Type") == ["text/plain"])
        #expect(message.headers("Content-Length") == ["11"])
        let hex = try passed(#"set_body_hex("4869", "text/plain");"#)
        #expect(hex.body == "Hi")
        #expect(hex.headers("Content-Type") == ["text/plain"])
    }

    @Test func replacing() throws {
        let message = try passed(
            #"""
            replace("one", "1");
            replace_hdrs("two", "2");
            replace_body_all("[0-9]+", "N");
            replace_str("Three", "3", "a");
            search_append("four", "teen");
            """#, headers: ["X-A: one one", "X-B: two Three", "X-C: four", "Content-Type: text/plain"],
            body: "a 12 b 345 Three\n6")
        #expect(message.header("X-A") == "1 one")
        #expect(message.header("X-B") == "2 3")
        #expect(message.header("X-C") == "fourteen")
        #expect(message.body == "a N b N 3\nN")
        #expect(message.headers("Content-Length") == ["\(message.body.utf8.count)"])
    }

    @Test func substituting() throws {
        let message = try passed(
            #"""
            subst("/^X-A: ([a-z]+) ([a-z]+)/X-A: \2 \1 $rm/");
            subst_hf("X-B", "#a#\$#g", "a");
            subst_body("/(b)(c)?/[\1\2]/g");
            subst_user("/^(.)l/\0\1-/");
            """#, headers: ["X-A: one two", "X-B: banana", "X-B: a", "Content-Type: text/plain"], body: "abcab")
        #expect(message.header("X-A") == "two one INVITE")
        #expect(message.headers("X-B") == ["b$n$n$", "$"])
        #expect(message.body == "a[bc]a[b]")
        #expect(message.startLine.hasPrefix("INVITE sip:ala-ice@127.0.0.1:"))
        let uri = try passed(#"subst_uri("/ALICE@.*/bob@h/i");"#)
        #expect(uri.startLine == "INVITE sip:bob@h SIP/2.0")
    }

    @Test func substitutionsOfTexts() throws {
        let probe = try Probe(
            ["sl", "textops"],
            script: #"""
                subst_v("$rU", "/^0+([1-9])/+49\1/", "$var(n)");
                regex_substring("a=1,b=2", "([a-z])=([0-9])", 2, 3, "$var(m)");
                sl_send_reply("200", "$var(n) $var(m)");
                """#)
        let reply = try probe.ask(probe.request(user: "0301", id: "subst"))
        #expect(reply.reason == "+49301 1")
    }

    /// As Kamailio answers.
    @Test func substitutionsInValues() throws {
        let probe = try Probe(
            ["sl", "textops", "pv"],
            script: #"""
                $var(n) = 12345;
                sl_send_reply("200", "$(rU{re.subst,/e/X/})|$(rU{re.subst,/e/X/g})|$(rU{re.subst,/zz/X/g})|$(rU{re.subst,/(a)(l)/\2\1$rd/})|$(rU{re.subst,/A/,/i})|$(var(n){re.subst,/3/three/})|$(avp(no){re.subst,/3/t/})|$(rU{re.subst,/a/b/g}{s.len})|$(rU{re.subst,/l+/L/})");
                """#)
        let reply = try probe.ask(probe.request(user: "alee", id: "values"))
        #expect(reply.reason == "alXe|alXX|alee|la127.0.0.1ee|,lee|12three45||4|aLee")
    }

    @Test(arguments: [
        ("/a/", "three times"), ("/(/b/", "("), ("/a/b/x", "flags are i, g and s"), ("", "`{re.subst}` takes"),
    ])
    func aWrongSubstitutionOfValuesIsFoundAtStart(text: String, complaint: String) throws {
        let argument = text.isEmpty ? "" : "," + text
        let result = try Server.check(
            "loadmodule \"textops.so\"\nrequest_route { $var(x) = $(rU{re.subst\(argument)}); }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains(complaint))
    }

    @Test(arguments: [
        ("/a/", "three times"), ("/(/b/", "("), ("/a/b/x", "flags are i, g and s"),
        ("/a/$nope(x)/", "unknown pseudo-variable `$nope`"),
    ])
    func aWrongSubstitutionIsFoundAtStart(text: String, complaint: String) throws {
        let result = try Server.check("loadmodule \"textops.so\"\nrequest_route { subst(\"\(text)\"); }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains(complaint))
    }

    @Test func whatAFunctionRemarksOnItsConstantsIsShownByTheCheck() throws {
        let result = try Server.check("loadmodule \"textops.so\"\nrequest_route { append_hf(\"X-A: b\"); }\n")
        #expect(result.succeeded)
        #expect(result.output.contains("2:27: warning: textops: the header text") && result.output.contains("X-A: b"))
    }

    @Test func repliesGetHeaders() throws {
        let probe = try Probe(
            ["sl", "textops"],
            script:
                #"append_to_reply("X-Info: $rU\r\n"); append_to_reply("X-More: 1"); append_time(); sl_send_reply("200", "OK");"#
        )
        let reply = try probe.ask(probe.request(id: "reply"))
        #expect(reply.header("X-Info") == "alice")
        #expect(reply.header("X-More") == "1")
        let date = try #require(reply.header("Date"))
        #expect(
            date.wholeMatch(of: /(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT/) != nil)
    }

    @Test func theTimeGoesIntoTheRequest() throws {
        let probe = try Probe(["textops"], script: #"append_time_to_request(); $du = "NEXT"; forward();"#)
        let dates = try probe.pass(probe.request(id: "time")).headers("Date")
        #expect(dates.count == 1)
        #expect(
            dates[0].wholeMatch(of: /(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z][a-z] \d{4} \d\d:\d\d:\d\d GMT/)
                != nil)
    }

    @Test func viaParametersAreRemoved() throws {
        let probe = try Probe(["textops"], script: #"via_param_rm("x", -1); $du = "NEXT"; forward();"#)
        let request = probe.request(id: "via")
        let passed = try probe.pass(request.replacing(";branch=z9hG4bK-via", with: ";x=\"a;b\";branch=z9hG4bK-via;y"))
        #expect(passed.headers("Via").last?.contains(";x=") == false)
        #expect(passed.headers("Via").last?.contains(";branch=z9hG4bK-via;y") == true)
    }
}
