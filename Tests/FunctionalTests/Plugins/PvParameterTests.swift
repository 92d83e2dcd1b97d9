import Testing

/// pv: what variables are at the start, aliases, a branch put together, fields with quotes.
@Suite struct PvParameterTests {
    /// The reason of the reply to a request after some statements.
    private func value(_ text: String, _ script: String = "", globals: String = "") throws -> String {
        let probe = try Probe(["sl", "pv"], globals: globals, script: script + " sl_send_reply(\"200\", \"\(text)\");")
        let first = try probe.ask(probe.request(id: "first")).reason
        // Every run begins alike.
        let second = try probe.ask(probe.request(id: "second")).reason
        return first == second ? first : "\(first), then \(second)"
    }

    @Test func variablesHaveValuesAtTheStartOfEachRun() throws {
        let globals = """
            modparam("pv", "varset", "number=i:-7")
            modparam("pv", "varset", "text=s:one; two=3")
            modparam("pv", "varset", "unused=i:1")
            """
        #expect(
            try value("$var(number) $var(text) $var(other)", globals: globals) == "-7 one; two=3 0")
        #expect(
            try value(
                "$var(number) $var(text)", #"$var(number) = $var(number) + 1; $var(text) = $null;"#, globals: globals)
                == "-6 0")
    }

    @Test func sharedVariablesHaveValuesAtTheStart() throws {
        let globals = """
            modparam("pv", "shvset", "number=i:9")
            modparam("pv", "shvset", "text=s:hello=1")
            """
        #expect(try value("$shv(number) $shv(text) $shv(other)", globals: globals) == "9 hello=1 0")
    }

    @Test func otherNamesOfAVPs() throws {
        let globals = """
            modparam("pv", "avp_aliases", "mail=s:email; seven=i:7")
            modparam("pv", "avp_aliases", "plain=name")
            """
        #expect(
            try value(
                "$avp(mail) $avp(seven) $avp(plain) $(avp(mail)[1])",
                #"$avp(s:email) = "x"; $avp(mail) = "y"; $avp(i:7) = 8; $avp(name) = "z";"#, globals: globals)
                == "y 8 z x")
    }

    @Test(arguments: ["x", "x=1", "=i:1", "x=i:", "x=i:one", "x=q:1"]) func wrongAssignmentsAreRefused(text: String)
        throws
    {
        for name in ["varset", "shvset"] {
            let result = try Server.check(
                "loadmodule \"pv.so\"\nmodparam(\"pv\", \"\(name)\", \"\(text)\")\nrequest_route { exit; }\n")
            #expect(!result.succeeded)
            #expect(result.output.contains("write name=i:number or name=s:text"))
        }
    }

    @Test(arguments: ["x", "x=i:one", "=s:a", "x=q:a"]) func wrongAliasesAreRefused(text: String) throws {
        let result = try Server.check(
            "loadmodule \"pv.so\"\nmodparam(\"pv\", \"avp_aliases\", \"\(text)\")\nrequest_route { exit; }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains("write alias=s:name or alias=i:number"))
    }

    @Test func fieldsAreWrittenWithQuotes() throws {
        let probe = try Probe(
            ["sl", "pv", "textops"],
            script: #"""
                $xavp(a=>x) = "1";
                $xavp(a[0]=>y) = "two \"words\"";
                $xavp(a[0]=>z) = 3;
                xavp_params_implode_qval("a", "$var(p)");
                append_to_reply("X-Params: $var(p)\r\n");
                xavp_params_implode_qval("none", "$var(q)");
                $var(rc) = $rc;
                sl_send_reply("200", "$var(rc)");
                """#)
        let reply = try probe.ask(probe.request(id: "qval"))
        #expect(reply.header("X-Params") == #"z=3;y="two \"words\"";x="1";"#)
        #expect(reply.reason == "-1")
    }

    @Test func aBranchIsPutTogether() throws {
        let probe = try Probe(
            ["sl", "pv"],
            script: """
                $sbranch(uri) = "sip:x@192.0.2.1";
                $sbranch(dst_uri) = "sip:192.0.2.9";
                $sbranch(q) = 500;
                $sbranch(flags) = 3;
                sbranch_append();
                $sbranch(uri) = "sip:y@192.0.2.1";
                $sbranch(q) = "0.25";
                sbranch_append();
                sbranch_reset();
                sl_send_reply("300", "$(branch(uri)[0]) $(branch(dst_uri)[0]) $(branch(flags)[0]) $sbranch(uri)");
                """)
        let reply = try probe.ask(probe.request("INVITE", id: "sbranch"))
        #expect(reply.reason == "sip:x@192.0.2.1 sip:192.0.2.9 3 <null>")
        #expect(reply.header("Contact") == "<sip:x@192.0.2.1>;q=0.5, <sip:y@192.0.2.1>;q=0.25")
    }

    @Test func thatBranchBecomesTheDestination() throws {
        let probe = try Probe(
            ["sl", "pv"],
            script: """
                $sbranch(uri) = "sip:x@192.0.2.1";
                $sbranch(dst_uri) = "NEXT";
                sbranch_set_ruri();
                forward();
                """)
        #expect(try probe.pass(probe.request(id: "ruri")).startLine == "OPTIONS sip:x@192.0.2.1 SIP/2.0")
    }

    @Test func aBranchNeedsAURI() throws {
        let codes = try Probe.codes(
            ["pv"],
            [
                "sbranch_append()", #"$sbranch(dst_uri) = "sip:h"; sbranch_set_ruri()"#, "sbranch_reset()",
                #"$sbranch(uri) = "sip:a@b"; sbranch_append()"#,
            ])
        #expect(codes == [-1, -1, 1, 1])
    }
}
