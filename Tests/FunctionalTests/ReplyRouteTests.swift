import Testing

/// reply_route: which ways to leave it let a reply pass.
@Suite struct ReplyRouteTests {
    /// By Call-ID: what the block does with the reply, and whether it goes on then.
    private static let cases: [(id: String, body: String, passes: Bool)] = [
        ("exit", "exit;", true), ("return", "return;", true), ("positive", "return 5;", true),
        ("zero", "return 0;", false), ("negative", "return -1;", false), ("drop", "drop;", false),
        ("exit-negative", "exit -1;", true), ("route-exits", "route(EXITS);", true),
        ("route-drops", "route(DROPS);", false), ("route-zero", "route(ZERO);", false),
        ("computed", "$var(x) = -3; return $var(x);", false), ("ends", "break;", true),
    ]

    @Test func whatPasses() throws {
        let sink = try UDPClient()
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            children=1
            request_route { exit; }
            reply_route {
                switch ($ci) {
            \(ReplyRouteTests.cases.map { "case \"\($0.id)\": \($0.body)\n break;" }.joined(separator: "\n"))
                }
                # The code of the last action is no verdict.
                isflagset(7);
            }
            route[EXITS] { exit; }
            route[DROPS] { drop; }
            route[ZERO] { return 0; }
            """
        }
        let sender = try UDPClient()
        for id in ReplyRouteTests.cases.map(\.id) + ["end"] {
            let text = """
                SIP/2.0 200 OK\r
                Via: SIP/2.0/UDP \(server.address);branch=z9hG4bK1\r
                Via: SIP/2.0/UDP \(sink.address);branch=z9hG4bK2\r
                From: <sip:a@example.com>;tag=1\r
                To: <sip:b@example.com>;tag=2\r
                Call-ID: \(id)\r
                CSeq: 1 MESSAGE\r
                Content-Length: 0\r
                \r

                """
            try sender.send(text, to: server.port)
        }
        var passed: [String] = []
        while passed.last != "end" { passed.append(try #require(try sink.receive().message.header("Call-ID"))) }
        #expect(passed.dropLast() == ReplyRouteTests.cases.filter(\.passes).map(\.id)[...])
        try server.waitForLog("it answered -1")
    }
}
