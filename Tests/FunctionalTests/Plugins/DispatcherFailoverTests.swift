import Testing

/// Calls over gateways that refuse, are silent, or answer, with sipp as both sides.
@Suite struct DispatcherFailoverTests {
    /// A balancer's script: round robin, the next gateway after an error or silence.
    private func script(_ algorithm: Int) -> String {
        """
        \(ScriptParts.cancel)
        \(ScriptParts.dialogs)
        t_check_trans();
        record_route();
        if (!ds_select_dst("1", "\(algorithm)")) { send_reply("404", "No destination"); exit; }
        t_on_failure("NEXT");
        if (!t_relay()) sl_reply_error();
        """
    }

    private let next = """
        modparam("tm", "fr_timer", 400)
        modparam("tm", "retr_timer1", 150)
        failure_route[NEXT] {
            if (t_is_canceled()) exit;
            if (t_check_status("5[0-9][0-9]") or (t_branch_timeout() and !t_branch_replied())) {
                ds_mark_dst("tp");
                if (ds_next_dst()) { t_on_failure("NEXT"); t_relay(); exit; }
                t_reply("404", "No destination");
            }
        }
        """

    @Test func callsGoOnToTheNextGateway() throws {
        let folder = try TemporaryFolder()
        let ports = (refusing: try Ports.free(), deaf: try Ports.free(), answering: try Ports.free())
        let list =
            "1 sip:127.0.0.1:\(ports.refusing) 0 9\n1 sip:127.0.0.1:\(ports.deaf) 0 8\n1 sip:127.0.0.1:\(ports.answering) 0 7\n"
        let server = try Dispatching(
            list, parameters: ["flags=2", "ds_probing_threshold=3"], modules: ["rr"], routes: next, script: script(8))
        let refusing = try Sipp(
            "uas-refuse", in: folder, port: ports.refusing, calls: 3,
            values: ["status": "503", "reason": "Test", "header": "X-Seen: 1"])
        let answering = try Sipp("uas-answer", in: folder, port: ports.answering, calls: 8)
        let caller = try Sipp("uac-call", in: folder, calling: server.base.server.port, calls: 3, atOnce: 1)
        try caller.finish()
        try refusing.finish()
        // Three failures each: both are out of use.
        #expect(try server.flags() == ["IP", "IP", "AX"])
        let further = try Sipp("uac-call", in: folder, calling: server.base.server.port, calls: 5, atOnce: 5)
        try further.finish()
        try answering.finish()
        try server.base.waitForOne()
    }

    @Test func allGatewaysAreGone() throws {
        let refusing = try Ports.free()
        let folder = try TemporaryFolder()
        let server = try Dispatching(
            "1 sip:127.0.0.1:\(refusing)\n", parameters: ["flags=2"], modules: ["rr"], routes: next, script: script(4))
        let gateway = try Sipp(
            "uas-refuse", in: folder, port: refusing, calls: 1,
            values: ["status": "500", "reason": "Test", "header": "X-Seen: 1"])
        let client = try UDPClient()
        func call(_ id: String) throws -> String {
            let invite = SIPText.request(
                "INVITE", "sip:bob@\(server.base.server.address)", from: client.address, id: id)
            let reply = try client.exchange(invite, with: server.base.server.port)
            try client.send(SIPText.ack(invite, reply), to: server.base.server.port)
            return reply.startLine
        }
        #expect(try call("one") == "SIP/2.0 404 No destination")
        try gateway.finish()
        // The only one is inactive now.
        #expect(try server.flags() == ["IP"])
        #expect(try call("two") == "SIP/2.0 404 No destination")
    }

    /// Branches to all destinations at once: the first that answers has the call.
    @Test func allAtOnce() throws {
        let one = try UDPClient()
        let two = try UDPClient()
        let server = try Dispatching(
            "1 sip:\(one.address)\n1 sip:\(two.address)\n", modules: ["rr"], routes: next, script: script(12))
        let client = try UDPClient()
        let invite = SIPText.request(
            "INVITE", "sip:bob@\(server.base.server.address)", from: client.address, id: "fork")
        try client.send(invite, to: server.base.server.port)
        let first = try one.request("INVITE")
        let second = try two.request("INVITE")
        #expect(first.startLine == second.startLine && first.branch != second.branch)
        try one.send(first.response(486, "Busy"), to: server.base.server.port)
        try two.send(second.response(200, "OK"), to: server.base.server.port)
        while true {
            let reply = try client.receive().message
            if reply.statusCode == 100 { continue }
            #expect(reply.statusCode == 200)
            break
        }
    }
}
