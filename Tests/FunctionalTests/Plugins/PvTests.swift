import Testing

@Suite struct PvTests {
    @Test func variablesAreTested() throws {
        let codes = try Probe.codes(
            ["pv"],
            [
                "pv_isset(\"$avp(x)\")", "typeof(\"$avp(x)\", \"null\")", "not_empty(\"$avp(x)\")",
                "$avp(x) = 5; is_int(\"$avp(x)\")", "typeof(\"$avp(x)\", \"int\")", "typeof(\"$avp(x)\", \"str\")",
                "$avp(y) = \"t\"; is_int(\"$avp(y)\")", "typeof(\"$avp(y)\", \"str\")", "not_empty(\"$avp(y)\")",
                "pv_isset(\"$avp(y)\")", "pv_unset(\"$avp(y)\")", "pv_isset(\"$avp(y)\")", "not_empty(\"$rU\")",
            ])
        #expect(codes == [-1, 1, -1, 1, 1, -1, -1, 1, 1, 1, 1, -1, 1])
    }

    @Test func whatATextGivesIsExpandedOnceMore() throws {
        let probe = try Probe(
            ["sl", "pv"],
            script: #"""
                $var(t) = '$rU';
                pv_evalx("$var(a)", "<$var(t)>");
                pv_evalx("$var(b)", "$$rU");
                $var(t) = '$rd$$';
                pv_evalx("$avp(c)", "$var(t)");
                $var(t) = '$(rU{s.len})';
                pv_evalx("$var(d)", "$var(t)");
                $var(t) = 'bad $var(';
                pv_evalx("$var(e)", "$var(t)");
                $var(f) = $rc;
                $var(t) = '$sel(via.host)';
                pv_evalx("$var(e)", "$var(t)");
                sl_send_reply("200", "$var(a) $var(b) $avp(c) $var(d) $var(e) $var(f) $rc");
                """#)
        let reply = try probe.ask(probe.request(id: "evalx"))
        #expect(reply.reason == "<alice> alice 127.0.0.1$ 5 0 -1 -1")
        try probe.server.waitForLog("a text to be expanded means nothing: bad $var(")
    }
}
