import Testing

/// A server that relays calls to three called sides, with Record-Route and short timers.
private struct Relay: ~Copyable {
    let folder: TemporaryFolder
    let server: Server
    let ports: [UInt16]

    /// - Parameters:
    ///   - choose: what is done to the first request of a call; `@A`, `@B` and `@C` are the called sides.
    ///   - routes: further routes.
    init(
        _ choose: String = #"$ru = "sip:a@A";"#, routes: String = "", parameters: [String] = [],
        modules: [String] = [], children: Int = 2
    ) throws {
        let folder = try TemporaryFolder()
        for name in modules { try CModule.build(name, into: folder.path) }
        let ports = [try Ports.free(), try Ports.free(), try Ports.free()]
        let loads = ["tm", "sl", "rr", "pv", "xlog", "textops", "siputils", "maxfwd"] + modules
        let settings = [#""retr_timer1", 300"#, #""wt_timer", "500ms""#, #""fr_timer", "20s""#] + parameters
        let path = folder.path
        server = try Server { port in
            """
            #!KAMAILIO
            children=\(children)
            listen=udp:127.0.0.1:\(port)
            loadpath "\(path)"
            \(loads.map { "loadmodule \"\($0).so\"\n" }.joined())
            \(settings.map { "modparam(\"tm\", \($0))\n" }.joined())
            request_route {
                if ($rU == "stat") {
                    sl_send_reply("200", "$stat(tmx:inuse_transactions) $stat(tm:pieces_in_use)");
                    exit;
                }
                if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
                \(ScriptParts.cancel)
                \(ScriptParts.dialogs)
                t_check_trans();
                if (is_method("INVITE")) record_route();
                \(choose)
                if (!t_relay()) sl_reply_error();
            }
            \(routes)

            """.replacing("@A", with: "@127.0.0.1:\(ports[0])").replacing("@B", with: "@127.0.0.1:\(ports[1])")
                .replacing("@C", with: "@127.0.0.1:\(ports[2])")
        }
        self.folder = folder
        self.ports = ports
    }

    func called(
        _ scenario: String, at side: Int = 0, calls: Int = 1, values: [String: String] = [:], arguments: [String] = []
    ) throws -> Sipp {
        try Sipp(scenario, in: folder, port: ports[side], calls: calls, values: values, arguments: arguments)
    }

    func refusing(_ status: Int, at side: Int = 0, calls: Int = 1, header: String = "X-Seen: 1") throws -> Sipp {
        try called(
            "uas-refuse", at: side, calls: calls,
            values: ["status": "\(status)", "reason": "Test", "header": header])
    }

    func caller(
        _ scenario: String, calls: Int = 1, atOnce: Int = 10, values: [String: String] = [:], arguments: [String] = []
    ) throws -> Sipp {
        try Sipp(
            scenario, in: folder, calling: server.port, calls: calls, atOnce: atOnce, values: values,
            arguments: arguments)
    }

    /// A caller who is to hear that status, in a reply that holds a text.
    func refused(_ status: Int, calls: Int = 1, seen: String = "Call-ID") throws -> Sipp {
        try caller("uac-refused", calls: calls, values: ["status": "\(status)", "contact": seen])
    }

    /// Waits until the server has no transaction any more and tm no memory, and ends the server.
    func end() throws {
        var last = ""
        for attempt in 0..<600 {
            let client = try UDPClient()
            let request = SIPText.request(
                "OPTIONS", "sip:stat@\(server.address)", from: client.address, id: "stat\(attempt)")
            last = try client.exchange(request, with: server.port, within: .seconds(20)).reason
            if last == "0 0" { break }
            _ = client.datagram(within: .milliseconds(100))
        }
        #expect(last == "0 0", "transactions and pieces of memory that are left; the log:\n\(server.log.suffix(3000))")
        let status = server.stop(within: .seconds(30))
        #expect(status == .exited(0))
    }
}

/// Calls between sipp and sipp: user agents that somebody else wrote.
@Suite struct SippTests {
    @Test func calls() throws {
        let relay = try Relay()
        let called = try relay.called("uas-answer", calls: 20)
        let caller = try relay.caller("uac-call", calls: 20)
        try caller.finish()
        try called.finish()
        try relay.end()
    }

    @Test func callsThatTheCallerCancels() throws {
        let relay = try Relay()
        let called = try relay.called("uas-ring", calls: 20)
        let caller = try relay.caller("uac-cancel", calls: 20)
        try caller.finish()
        try called.finish()
        try relay.end()
    }

    @Test(arguments: [486, 404, 603])
    func callsThatAreRefused(status: Int) throws {
        let relay = try Relay()
        let called = try relay.refusing(status, calls: 10)
        let caller = try relay.refused(status, calls: 10)
        try caller.finish()
        try called.finish()
        try relay.end()
    }

    @Test func aRedirectionIsTheCallersBusiness() throws {
        let relay = try Relay()
        let called = try relay.refusing(302, calls: 5, header: "Contact: <sip:elsewhere@192.0.2.1>")
        let caller = try relay.refused(302, calls: 5, seen: "Contact: .sip:elsewhere@192.0.2.1.")
        try caller.finish()
        try called.finish()
        try relay.end()
    }

    /// One answers, one rings until it is cancelled, one is busy.
    @Test func forkedCallsHaveOneWinner() throws {
        let relay = try Relay(#"$ru = "sip:a@A"; append_branch("sip:b@B"); append_branch("sip:c@C");"#)
        let winner = try relay.called("uas-answer", at: 0, calls: 10)
        let ringing = try relay.called("uas-ring", at: 1, calls: 10)
        let busy = try relay.refusing(486, at: 2, calls: 10)
        let caller = try relay.caller("uac-call", calls: 10)
        try caller.finish()
        try winner.finish()
        try ringing.finish()
        try busy.finish()
        try relay.end()
    }

    /// Two refuse one after the other, the third one answers.
    @Test func failureRoutesFindWhoAnswers() throws {
        let relay = try Relay(
            #"t_on_failure("SECOND"); $ru = "sip:a@A";"#,
            routes: """
                failure_route[SECOND] {
                    if (!t_check_status("486")) return;
                    t_on_failure("THIRD");
                    $ru = "sip:b@B";
                    t_relay();
                }
                failure_route[THIRD] {
                    if (!t_check_status("5[0-9][0-9]")) return;
                    append_branch("sip:c@C");
                    t_relay();
                }
                """)
        let first = try relay.refusing(486, at: 0, calls: 10)
        let second = try relay.refusing(503, at: 1, calls: 10)
        let third = try relay.called("uas-answer", at: 2, calls: 10)
        let caller = try relay.caller("uac-call", calls: 10)
        try caller.finish()
        try first.finish()
        try second.finish()
        try third.finish()
        try relay.end()
    }

    /// Nobody is there: 408 when fr_timer is over, and no CANCEL.
    @Test func aSideThatIsSilentTimesOut() throws {
        let relay = try Relay(parameters: [#""fr_timer", "1500ms""#])
        let silent = try UDPClient(port: relay.ports[0])
        let caller = try relay.refused(408, calls: 3)
        try caller.finish()
        while let request = silent.datagram(within: .milliseconds(10)) {
            #expect(String(decoding: request.bytes, as: UTF8.self).hasPrefix("INVITE "))
        }
        try relay.end()
    }

    /// It rings for longer than fr_inv_timer: the branch is cancelled, the caller hears 408.
    @Test func ringingTooLongTimesOut() throws {
        let relay = try Relay(parameters: [#""fr_inv_timer", "1500ms""#])
        let called = try relay.called("uas-ring", calls: 5)
        let caller = try relay.refused(408, calls: 5)
        try caller.finish()
        try called.finish()
        try relay.end()
    }

    /// The first copy of INVITE and of BYE is not heard: the server repeats them.
    @Test func aCalledSideThatHearsTheSecondCopyOnly() throws {
        let relay = try Relay()
        let called = try relay.called("uas-deaf", calls: 1, arguments: ["-nr"])
        let caller = try relay.caller("uac-call", calls: 1, arguments: ["-max_retrans", "20"])
        try caller.finish()
        try called.finish()
        try relay.end()
    }

    /// Of all that caller and server, server and called side send to each other, the first copy is lost.
    @Test func bothSidesLoseMessages() throws {
        let called = try Ports.free()
        let far = try LossyHop(to: Address("127.0.0.1", called))
        defer { far.stop() }
        let relay = try Relay("force_rport(); $ru = \"sip:a@\(far.address)\";")
        let near = try LossyHop(to: relay.server.address)
        defer { near.stop() }
        let answering = try Sipp("uas-answer", in: relay.folder, port: called, values: ["wait": "4000"])
        // It talks until its ACK must have come through: sipp hears no BYE before the ACK.
        let caller = try Sipp(
            "uac-call", in: relay.folder, calling: near.address.port, arguments: ["-max_retrans", "12", "-d", "3000"])
        try caller.finish()
        try answering.finish()
        // INVITE, 200, ACK and BYE at least.
        #expect(near.lostCount >= 4)
        #expect(far.lostCount >= 2)
        try relay.end()
    }

    /// The CANCEL is answered 200, but the called side has answered, too: the call stands.
    @Test func anAnswerThatCrossesACancel() throws {
        let relay = try Relay()
        let called = try relay.called("uas-late-answer", calls: 10)
        let caller = try relay.caller("uac-late-answer", calls: 10)
        try caller.finish()
        try called.finish()
        try relay.end()
    }

    /// A re-INVITE by the caller and a BYE by the called side follow the recorded route.
    @Test func dialogsGoThroughTheRecordedRoute() throws {
        let relay = try Relay()
        let called = try relay.called("uas-dialog", calls: 10)
        let caller = try relay.caller("uac-dialog", calls: 10)
        try caller.finish()
        try called.finish()
        try relay.end()
    }

    @Test func manyCallsAtOnce() throws {
        let relay = try Relay(
            #"t_on_reply("SEEN"); t_on_failure("NEVER"); $ru = "sip:a@A";"#,
            routes: """
                onreply_route[SEEN] { if (status == "180") append_hf("X-Rings: 1\\r\\n"); }
                failure_route[NEVER] { xerr("refused\\n"); }
                """, children: 4)
        let called = try relay.called("uas-answer", calls: 500)
        let caller = try relay.caller("uac-call", calls: 500, atOnce: 250)
        try caller.finish()
        try called.finish()
        try relay.end()
    }
}
