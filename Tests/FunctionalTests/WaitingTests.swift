import Glibc
import Testing

/// Functions that wait: in every kind of route, from C and from scripts, while other traffic flows.
@Suite struct WaitingTests {
    /// A server whose script picks what to do by the user of the Request-URI.
    private func server(_ folder: borrowing TemporaryFolder, workers: Int = 1, _ body: String) throws -> Server {
        try CModule.build("waits", into: folder.path)
        let path = folder.path
        return try Server { port in
            """
            children=\(workers)
            listen=udp:127.0.0.1:\(port)
            loadpath "\(path)"
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "xlog.so"
            loadmodule "textops.so"
            loadmodule "waits.so"
            \(body)
            """
        }
    }

    /// Asks for one case and returns the reply's reason phrase.
    private func ask(_ user: String, _ port: UInt16) throws -> String {
        let client = try UDPClient()
        let text = SIPText.request("OPTIONS", "sip:\(user)@127.0.0.1:\(port)", from: client.address, id: "ask-\(user)")
        return try client.exchange(text, with: port, within: .seconds(20)).startLine
    }

    /// Whichever worker the script runs on.
    @Test func workersAskEachOther() throws {
        let folder = try TemporaryFolder()
        let server = try server(
            folder, workers: 2,
            """
            request_route {
                $var(text) = "abc";
                $var(a) = ask("0", "$var(text)");
                $var(b) = ask("1", "$var(text)de");
                $var(c) = ask("7", "x");
                if ($rU == "stuck") { $var(a) = ask_stuck(); }
                sl_send_reply("200", "$var(a) $var(b) $var(c)");
            }
            """)
        for _ in 0..<8 {
            let client = try UDPClient()
            let text = SIPText.request(
                "OPTIONS", "sip:ask@\(server.address)", from: client.address, id: "ask\(client.address.port)")
            #expect(try client.exchange(text, with: server.port).reason == "103 205 -1")
        }
        #expect(try ask("stuck", server.port).hasSuffix(" -1 205 -1"))
        #expect(try ask("ask", server.port).hasSuffix(" 103 205 -1"))
    }

    private let cases = """
        request_route {
            $var(before) = "kept-" + $rU;
            $var(result) = 99;
            switch ($rU) {
                case "timer": $var(result) = wait(50); break;
                case "thread": $var(result) = wait_thread(50); break;
                case "never": $var(result) = wait_never(50); break;
                case "late": $var(result) = answer_late(50); break;
                case "twice": $var(result) = answer_twice(); break;
                case "once": $var(result) = answer_at_once(); break;
                case "route": $var(result) = run_route("WAITS"); break;
                case "exits": $var(result) = run_route("EXITS"); break;
                case "drops": $var(result) = run_route("DROPS"); break;
                case "both": $var(result) = run_twice("WAITS", "WAITS"); break;
                case "nested": $var(result) = run_route("NESTED"); break;
                case "says": $var(result) = says_wait(); break;
                case "begins": $var(result) = begins_only(); break;
                case "loop":
                    $var(i) = 0;
                    while ($var(i) < 10) { wait(1); $var(i) = $var(i) + 1; }
                    $var(result) = $var(i);
                    break;
                case "called": route(DEEP); $var(result) = $rc; break;
            }
            sl_send_reply("200", "$var(result) $var(before)");
        }
        route[WAITS] { wait(20); wait_thread(20); return 7; }
        route[EXITS] { wait(1); exit; }
        route[DROPS] { wait(1); drop; }
        route[NESTED] { if (!run_route("WAITS")) return -1; return 3; }
        route[DEEP] { route(DEEPER); return 5; }
        route[DEEPER] { wait_thread(10); return; }
        """

    @Test func everyWayToWaitGivesItsResultAndKeepsWhatTheScriptHad() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder, cases)
        let expected = [
            "timer": 1, "thread": 1, "never": -2, "late": -2, "twice": 1, "once": 1, "route": 1, "exits": -4,
            "drops": -5, "both": 1, "nested": 1, "says": -1, "begins": 1, "loop": 10, "called": 5,
        ]
        for (user, result) in expected {
            let line = try ask(user, server.port)
            #expect(line == "SIP/2.0 200 \(result) kept-\(user)")
        }
    }

    @Test func aWorkerThatWaitsServesOthersMeanwhile() throws {
        let folder = try TemporaryFolder()
        let server = try server(
            folder,
            """
            request_route {
                if ($rU == "slow") wait_never(1500);
                sl_send_reply("200", "$rU");
            }
            """)
        let slow = try UDPClient()
        for number in 0..<100 {
            let text = SIPText.request(
                "OPTIONS", "sip:slow@127.0.0.1", from: slow.address, id: "slow-\(number)")
            try slow.send(text, to: server.port)
        }
        // One worker, a hundred of whose scripts wait: a request that need not wait is answered at once.
        for number in 0..<50 {
            let client = try UDPClient()
            let text = SIPText.request("OPTIONS", "sip:fast@127.0.0.1", from: client.address, id: "fast-\(number)")
            #expect(try client.exchange(text, with: server.port).startLine == "SIP/2.0 200 fast")
        }
        let early = slow.datagram(within: .zero)
        #expect(early == nil)
        for _ in 0..<100 { #expect(try slow.receive(within: .seconds(10)).message.startLine == "SIP/2.0 200 slow") }
    }

    @Test func retransmissionsAreAbsorbedAnInviteGetsItsTryingAndACancelWaits() throws {
        let folder = try TemporaryFolder()
        let server = try server(
            folder,
            """
            request_route {
                if (is_method("INVITE")) wait_never(900);
                sl_send_reply("480", "$rm answered");
            }
            """)
        let client = try UDPClient()
        let invite = SIPText.request("INVITE", "sip:a@127.0.0.1", from: client.address, id: "wait-1")
        try client.send(invite, to: server.port)
        try client.send(invite, to: server.port)
        try client.send(invite.replacing("INVITE", with: "CANCEL"), to: server.port)
        var lines: [String] = []
        for _ in 0..<3 { lines.append(try client.receive(within: .seconds(5)).message.startLine) }
        #expect(lines == ["SIP/2.0 100 Trying", "SIP/2.0 480 INVITE answered", "SIP/2.0 480 CANCEL answered"])
        // The second INVITE was absorbed: nothing more comes.
        let more = client.datagram(within: .milliseconds(300))
        #expect(more == nil)
    }

    @Test func repliesMayWaitToo() throws {
        let folder = try TemporaryFolder()
        let next = try UDPClient()
        let server = try server(
            folder,
            """
            request_route { $du = "sip:\(next.address)"; forward(); }
            reply_route { if ($rs == 180) { wait(50); drop; } wait_thread(50); }
            """)
        let client = try UDPClient()
        let request = SIPText.request("OPTIONS", "sip:a@127.0.0.1", from: client.address, id: "reply-1")
        try client.send(request, to: server.port)
        let forwarded = try next.receive().message
        try next.send(forwarded.response(180, "Ringing"), to: server.port)
        try next.send(forwarded.response(200, "OK"), to: server.port)
        #expect(try client.receive().message.startLine == "SIP/2.0 200 OK")
        let dropped = client.datagram(within: .milliseconds(300))
        #expect(dropped == nil)
    }

    @Test func messagesOfOneCallStayInOrderOverWorkersAndWaits() throws {
        let folder = try TemporaryFolder()
        let server = try server(
            folder, workers: 4,
            """
            request_route {
                if ($rU == "wait") wait(5);
                sl_send_reply("200", "$rU");
            }
            """)
        let client = try UDPClient()
        let (calls, turns) = (40, 25)
        var last: [String: Int] = [:]
        var outOfOrder = 0
        var answered = 0
        func take(within limit: Duration) -> Bool {
            guard let got = client.datagram(within: limit) else { return false }
            answered += 1
            let reply = SIPText(String(decoding: got.bytes, as: UTF8.self))
            guard reply.startLine == "SIP/2.0 200 go" else { return true }
            let call = reply.header("Call-ID") ?? ""
            let number = Int(reply.header("CSeq")?.split(separator: " ").first ?? "") ?? 0
            if number < last[call, default: 0] { outOfOrder += 1 }
            last[call] = number
            return true
        }
        for turn in 1...turns {
            for call in 0..<calls {
                let user = (turn + call) % 5 == 0 ? "wait" : "go"
                let text = SIPText.request(
                    "OPTIONS", "sip:\(user)@127.0.0.1", from: client.address, id: "order-\(call)", cseq: turn)
                try client.send(text, to: server.port)
            }
            // Not all are awaited, so that calls overlap; but the socket's buffer must not overflow.
            while answered < turn * calls - 80, take(within: .seconds(5)) {}
        }
        while answered < calls * turns, take(within: .seconds(5)) {}
        #expect(answered == calls * turns)
        #expect(outOfOrder == 0)
    }

    @Test func whatWaitsWhenTheServerEndsIsToldSo() throws {
        let folder = try TemporaryFolder()
        let server = try server(
            folder,
            """
            drain_time=0
            request_route {
                xlog("L_ERR", "it waits\\n");
                if (wait_never(60000)) exit;
                xlog("L_ERR", "result $rc\\n");
            }
            """)
        let client = try UDPClient()
        let text = SIPText.request("OPTIONS", "sip:a@127.0.0.1", from: client.address, id: "end-1")
        try client.send(text, to: server.port)
        try server.waitForLog("it waits")
        let status = server.stop()
        #expect(status == .exited(0))
        #expect(server.log.contains("result -3"))
    }

    @Test func anEventsScriptMayWaitAfterItsMessageHasGone() throws {
        let folder = try TemporaryFolder()
        let server = try server(
            folder,
            """
            request_route { sl_send_reply("486", "Busy"); }
            event_route[sl:filtered-ack] { wait(100); xlog("L_ERR", "ack of $ci from $fu\\n"); }
            """)
        let client = try UDPClient()
        let invite = SIPText.request("INVITE", "sip:a@127.0.0.1", from: client.address, id: "ack-1")
        let busy = try client.exchange(invite, with: server.port)
        let tag = busy.header("To")?.split(separator: ";").last.map(String.init) ?? ""
        let ack = invite.replacing("INVITE", with: "ACK")
            .replacing("To: <sip:a@127.0.0.1>", with: "To: <sip:a@127.0.0.1>;\(tag)")
        try client.send(ack, to: server.port)
        // Its slot and its memory are used again while the event's script waits.
        for number in 0..<20 {
            let other = SIPText.request("OPTIONS", "sip:b@127.0.0.1", from: client.address, id: "other-\(number)")
            #expect(try client.exchange(other, with: server.port).statusCode == 486)
        }
        try server.waitForLog("ack of ack-1@tests from sip:tester@\(client.address)")
    }
}
