import Testing

/// cfg_select: instances of the script's own parameters, for one run.
@Suite struct ConfigSelectionTests {
    @Test func anInstanceIsChosenForTheRun() throws {
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            children=1
            loadmodule "sl.so"
            limits.calls = 5
            limits.name = "all"
            limits[2].calls = 7
            limits[3].calls = 9
            limits[3].name = "few"
            request_route {
                if ($rU == "plain") route(SAY);
                if (cfg_select("limits", 2)) $avp(said) = @cfg_selected.limits + ":";
                if ($rU == "two") route(SAY);
                $var(n) = 3;
                cfg_select("limits", $var(n));
                if ($rU == "three") route(SAY);
                if (!cfg_select("limits", $var(n) + 1)) $avp(said) = "none:";
                if ($rU == "four") route(SAY);
                cfg_reset("limits");
                route(SAY);
            }
            route[SAY] {
                sl_send_reply("200", "$avp(said)$sel(cfg_get.limits.calls) $sel(cfg_get.limits.name)");
                exit;
            }
            """
        }
        let client = try UDPClient()
        let cases = [
            ("plain", "<null>5 all"), ("two", "2:7 all"), ("three", "2:9 few"), ("four", "none:9 few"),
            ("reset", "none:5 all"), ("plain", "<null>5 all"),
        ]
        for (index, (user, said)) in cases.enumerated() {
            let request = SIPText.request(
                "OPTIONS", "sip:\(user)@example.net", from: client.address, id: "\(user)\(index)")
            #expect(try client.exchange(request, with: server.port).reason == said)
        }
        try server.waitForLog("that instance does not exist, of group limits")
    }

    @Test func groupsAreCheckedAtStart() throws {
        let result = try Server.check(
            """
            limits.calls = 5
            limits[2].calls = 7
            request_route {
                cfg_select("limit", 2);
                cfg_select("limits", 4);
                if (@cfg_selected.limts == 2) exit;
                cfg_reset("core");
            }
            """)
        #expect(result.output.contains(":4:16: error: there are no parameters of group `limit`\n"))
        #expect(result.output.contains(":5:26: warning: group `limits` has no instance 4\n"))
        #expect(result.output.contains(":6:9: error: there are no parameters of group `limts`\n"))
        #expect(result.output.contains("hint: did you mean `limits`?"))
        #expect(result.output.hasSuffix("2 errors, 1 warning\n"))
    }
}
