import Glibc
import Testing

/// Calls of sipp through two proxies, one of which is killed in the middle and started again.
@Suite struct MediaLoadTests {
    private static let calls = 500

    @Test func aProxyDiesAmongCalls() throws {
        let first = try RTPEngine()
        let second = try RTPEngine()
        let folder = try TemporaryFolder()
        let called = try Sipp("uas-media", in: folder, calls: MediaLoadTests.calls)
        let call = try MediaCall(
            ["\(first.url) \(second.url)"],
            parameters: [#""rtpengine_tout_ms", 500"#, #""rtpengine_retr", 3"#, #""rtpengine_disable_tout", 1"#],
            """
            request_route {
                \(ScriptParts.cancel)
                if (is_method("INVITE")) record_route();
                if (!is_method("ACK")) rtpengine_manage();
                t_on_reply("1");
                if (has_totag()) { loose_route(); t_relay(); exit; }
                $du = "sip:\(called.address)";
                t_relay();
            }
            onreply_route[1] { if (is_method("INVITE") && status =~ "^2") rtpengine_manage(); }
            """)
        let caller = try Sipp(
            "uac-call", in: folder, calling: call.server.port, calls: MediaLoadTests.calls, atOnce: 100,
            arguments: ["-d", "200"])
        #expect(until { first.commands("offer") >= 30 })
        first.kill()
        #expect(try until { try call.counter("disabled") == 1 })
        let again = try RTPEngine(port: first.port, host: first.host)
        #expect(try until { try call.counter("enabled") == 1 })
        try caller.finish()
        try called.finish()
        let offers = try call.counter("offers")
        let answers = try call.counter("answers")
        let replaced = try call.counter("replaced")
        let refused = try call.counter("refused")
        print(
            "media proxies, one killed: \(offers) offers, \(answers) answers, \(replaced) replaced, \(refused) answers to offers that died with the proxy, \(try call.counter("failovers")) taken to the other one"
        )
        // Every offer was served; an answer is lost only with the proxy that had its offer.
        #expect(offers == MediaLoadTests.calls && answers == MediaLoadTests.calls)
        #expect(replaced + refused == offers + answers && refused < 30)
        #expect(try call.counter("unserved") == 0 && call.counter("broken_answers") == 0)
        #expect(first.commands("offer") + second.commands("offer") + again.commands("offer") >= offers)
        #expect(again.commands("offer") > 0)
    }
}
