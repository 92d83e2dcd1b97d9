import Testing

/// The functions of pv on XAVPs. What is expected is what Kamailio 5.6 does, where that has the function.
@Suite struct PvXAVPTests {
    /// What a script writes with `say(TEXT)`, line by line, of one request.
    private func lines(_ script: String) throws -> [String] {
        let probe = try Probe(
            ["pv", "xlog", "sl"], script: script.replacing("say(\"", with: "xerr(\"@@") + "\nxerr(\"@@end\\n\");")
        try probe.client.send(probe.request(id: "xavp"), to: probe.server.port)
        try probe.server.waitForLog("@@end")
        return probe.server.log.split(separator: "\n")
            .compactMap { line in line.firstRange(of: "@@").map { String(line[$0.upperBound...]) } }
            .filter { $0 != "end" }
    }

    @Test func copies() throws {
        let said = try lines(
            """
            $xavp(s=>a) = 1;
            $xavp(s[0]=>b) = "two";
            $xavp(s[0]=>b) = "three";
            xavp_copy("s", "0", "d");
            say("$xavp(d=>a) $xavp(d=>b) $xavp(d[0]=>b[1])\\n");
            $xavp(s=>a) = 9;
            xavp_copy("s", "0", "d");
            say("$xavp(d[0]=>a) $xavp(d[1]=>a) $xavp(s[0]=>a) $xavp(s[1]=>a)\\n");
            $var(r) = xavp_copy("none", "0", "d");
            say("$var(r)\\n");
            $xavp(r=>a) = 77;
            xavp_copy("r", "0", "d", "1");
            say("$xavp(d[0]=>a) $xavp(d[1]=>a) $xavp(d[1]=>b)\\n");
            $var(r) = xavp_copy_dst("r", "0", "d", "5");
            say("$var(r)\\n");
            xavp_copy("d", "0", "d", "0");
            $xavp(v) = "scalar";
            xavp_copy("v", "0", "w");
            say("$xavp(w) $xavp(d=>b)\\n");
            """)
        #expect(said == ["1 three two", "1 9 9 1", "-1", "1 77 <null>", "-1", "scalar three"])
    }

    @Test func parametersAndLists() throws {
        let said = try lines(
            """
            xavp_params_explode("a=b;c=d;e=\\"f;g\\";h;i=", "px");
            say("$xavp(px=>a) $xavp(px=>c) $xavp(px=>e) [$xavp(px=>h)] [$xavp(px=>i)]\\n");
            xavp_params_implode("px", "$var(o)");
            say("<$var(o)>\\n");
            xavp_xparams_explode("x=1,y=2", ",", "px");
            say("$xavp(px[0]=>x) $xavp(px[0]=>y) $xavp(px[1]=>a)\\n");
            $var(r) = xavp_params_explode("", "py");
            $xavp(v) = "scalar";
            $var(r1) = xavp_params_implode("nope", "$var(o)");
            $var(r2) = xavp_params_implode("v", "$var(o)");
            say("$var(r) $var(r1) $var(r2)\\n");
            $xavp(num=>n) = 5;
            $xavp(num[0]=>s) = "t;u";
            $xavp(num[0]=>s) = "t2";
            xavp_params_implode("num", "$var(o)");
            say("<$var(o)>\\n");
            xavp_slist_explode("one, two ,three", ",", "t", "sl");
            say("[$xavp(sl[0]=>v[0])] [$xavp(sl[0]=>v[1])] [$xavp(sl[0]=>v[2])] [$xavp(sl[0]=>v[3])]\\n");
            xavp_slist_explode("one, two ,,three,", ",", "", "sm");
            say("[$xavp(sm[0]=>v[0])] [$xavp(sm[0]=>v[1])] [$xavp(sm[0]=>v[2])] [$xavp(sm[0]=>v[3])]\\n");
            xavu_params_explode("a=b;c=d", "u");
            xavu_params_explode("a=z;e=f", "u");
            xavu_params_implode("u", "$var(o)");
            say("$xavu(u=>a) $xavu(u=>c) <$var(o)>\\n");
            """)
        #expect(
            said == [
                "b d f;g [] []", "<a=b;c=d;e=f;g;h;i;>", "1 2 b", "-1 -1 -1", "<s=t2;s=t;u;n=5;>",
                "[one] [two] [three] [<null>]", "[one] [ two ] [three] [<null>]", "z d <a=z;c=d;e=f;>",
            ])
    }

    @Test func orderAndRemoval() throws {
        let said = try lines(
            """
            $xavp(l) = 1; $xavp(l) = 2; $xavp(other) = 0; $xavp(l) = 3; $xavp(l) = 4;
            $var(r) = xavp_lshift("l", "1");
            say("$var(r) $xavp(l[*])\\n");
            xavp_lshift("l", "6");
            say("$xavp(l[*])\\n");
            xavp_lshift("l", "-1");
            say("$xavp(l[*])\\n");
            $var(r) = xavp_lshift("none", "1");
            say("$var(r)\\n");
            xavp_rm("l");
            say("$xavp(l[*])\\n");
            xavp_rm_all("l");
            $var(r) = xavp_rm("l");
            say("$var(r) [$xavp(l)] $xavp(other)\\n");
            $xavp(c=>k) = 1; $xavp(c[0]=>k) = 2; $xavp(c[0]=>m) = 3;
            xavp_child_rm("c", "k");
            say("[$xavp(c=>k)] [$xavp(c=>k[1])] $xavp(c=>m)\\n");
            $var(r) = xavp_child_rm("c", "no");
            $var(s) = xavp_child_rm("no", "no");
            say("$var(r) $var(s)\\n");
            xavp_child_seti("c", "m", "8");
            xavp_child_seti("new", "m", "9");
            xavp_child_sets("c", "z", "text");
            say("$xavp(c=>m) [$xavp(c=>m[1])] $xavp(new=>m) $xavp(c=>z)\\n");
            xavi_child_sets("C", "Z", "text");
            xavi_child_seti("c", "n", "1");
            say("$xavi(c=>z) $xavi(C=>N) [$xavp(C=>Z)]\\n");
            xavi_child_rm("c", "z");
            say("[$xavi(c=>z)] $xavi(c=>n)\\n");
            xavi_rm("c");
            $xavi(a) = 1; $xavi(A) = 2;
            xavi_rm_all("a");
            say("[$xavi(c)] [$xavi(a)]\\n");
            """)
        #expect(
            said == [
                "1 3, 2, 1, 4", "1, 4, 3, 2", "2, 1, 4, 3", "-2", "1, 4, 3", "1 [<null>] 0", "[1] [<null>] 3", "1 1",
                "8 [<null>] 9 text", "text 1 [<null>]", "[<null>] 1", "[<null>] [<null>]",
            ])
    }

    @Test func variablesOfTheScript() throws {
        let said = try lines(
            """
            $var(k1) = 5; $var(k2) = "txt";
            pv_var_to_xavp("k2", "vx");
            say("$xavp(vx=>k2) [$xavp(vx=>k1)]\\n");
            pv_var_to_xavp("k1", "vx");
            say("$xavp(vx[0]=>k1) [$xavp(vx[0]=>k2)] [$xavp(vx[1]=>k2)]\\n");
            pv_var_to_xavp("*", "va");
            say("$xavp(va=>k1) $xavp(va=>k2)\\n");
            $xavp(tv=>k1) = 42; $xavp(tv[0]=>k2) = "new"; $xavp(tv[0]=>unknown) = 1;
            pv_xavp_to_var("tv");
            say("$var(k1) $var(k2)\\n");
            $var(r) = pv_xavp_to_var("nope");
            $var(s) = pv_var_to_xavp("undefined", "vb");
            say("$var(r) $var(s)\\n");
            """)
        #expect(said == ["txt [<null>]", "5 [<null>] [<null>]", "5 txt", "42 new", "-1 -1"])
    }

    @Test func allAreShown() throws {
        let probe = try Probe(
            ["pv", "xlog", "sl"], globals: "debug=2\n",
            script: """
                $xavp(a) = 1; $xavp(l=>f) = "text"; $xavu(u=>n) = 2; $xavi(I) = "i";
                pv_xavp_print();
                pv_xavu_print();
                pv_xavi_print();
                xerr("=end\\n");
                """)
        try probe.client.send(probe.request(id: "shown"), to: probe.server.port)
        try probe.server.waitForLog("=end")
        for line in ["$xavp(a) = 1", "$xavp(l=>f) = text", "$xavu(u=>n) = 2", "$xavi(I) = i"] {
            #expect(probe.server.log.contains(line), "\(line)")
        }
    }

    @Test func destinationsArePushed() throws {
        let probe = try Probe(
            ["pv", "sl", "xlog"],
            script: """
                $xavp(d=>uri) = "sip:pushed@example.net";
                $xavp(d[0]=>dsturi) = "NEXT";
                $xavp(d[0]=>socket) = "udp:127.0.0.1:PORT";
                $xavp(bad=>socket) = "udp:127.0.0.1:1";
                if (xavp_push_dst("none") || xavp_push_dst("bad")) { sl_send_reply("500", "No"); exit; }
                xavp_push_dst("d");
                xerr("=$fs\\n");
                forward();
                """)
        let sent = try probe.pass(probe.request(id: "push"))
        #expect(sent.startLine == "OPTIONS sip:pushed@example.net SIP/2.0")
        try probe.server.waitForLog("=udp:127.0.0.1:\(probe.server.port)")
    }
}
