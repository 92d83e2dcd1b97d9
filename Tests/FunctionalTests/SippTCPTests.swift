import Testing

/// A server between a caller and a called side that use TCP or UDP, with Record-Route.
private struct Bridge: ~Copyable {
    let folder: TemporaryFolder
    let server: Server
    let port: UInt16

    init(toTCP: Bool, children: Int = 2, _ globals: String = "") throws {
        let port = try Ports.free()
        let folder = try TemporaryFolder()
        let transport = toTCP ? "tcp" : "udp"
        server = try Server { own in
            """
            #!KAMAILIO
            children=\(children)
            listen=127.0.0.1:\(own)
            \(globals)
            loadmodule "tm.so"
            loadmodule "tmx.so"
            loadmodule "sl.so"
            loadmodule "rr.so"
            loadmodule "pv.so"
            loadmodule "textops.so"
            loadmodule "siputils.so"
            modparam("tm", "wt_timer", "500ms")
            request_route {
                if ($rU == "stat") {
                    sl_send_reply("200", "$stat(tmx:inuse_transactions) $stat(tm:pieces_in_use)");
                    exit;
                }
                \(ScriptParts.cancel)
                \(ScriptParts.dialogs)
                record_route();
                $ru = "sip:called@127.0.0.1:\(port);transport=\(transport)";
                if (!t_relay()) sl_reply_error();
            }
            """
        }
        self.folder = folder
        self.port = port
    }

    func called(_ scenario: String, calls: Int, _ transport: Sipp.Transport) throws -> Sipp {
        try Sipp(scenario, in: folder, port: port, calls: calls, transport: transport)
    }

    func caller(_ scenario: String, calls: Int, atOnce: Int = 10, _ transport: Sipp.Transport) throws -> Sipp {
        try Sipp(
            scenario, in: folder, calling: server.port, calls: calls, atOnce: atOnce,
            transport: transport)
    }

    /// Waits until the server has no transaction any more and tm no memory, and ends the server.
    func end() throws {
        var last = ""
        var attempt = 0
        let isEmpty = until {
            attempt += 1
            guard let client = try? UDPClient() else { return false }
            let request = SIPText.request(
                "OPTIONS", "sip:stat@\(server.address)", from: client.address, id: "stat\(attempt)")
            last = (try? client.exchange(request, with: server.port, within: .seconds(20)).reason) ?? "no answer"
            return last == "0 0"
        }
        #expect(
            isEmpty, "transactions and pieces of memory that are left: \(last); the log:\n\(server.log.suffix(3000))")
        let status = server.stop(within: .seconds(30))
        #expect(status == .exited(0))
    }
}

/// Calls over TCP between sipp and sipp.
@Suite struct SippTCPTests {
    @Test(arguments: [Sipp.Transport.tcp, .tcpEach])
    func calls(transport: Sipp.Transport) throws {
        let bridge = try Bridge(toTCP: true)
        let called = try bridge.called("uas-answer", calls: 30, .tcp)
        let caller = try bridge.caller("uac-call", calls: 30, transport)
        try caller.finish()
        try called.finish()
        try bridge.end()
    }

    @Test(arguments: [Sipp.Transport.tcp, .tcpEach])
    func callsThatTheCallerCancels(transport: Sipp.Transport) throws {
        let bridge = try Bridge(toTCP: true)
        let called = try bridge.called("uas-ring", calls: 20, .tcp)
        let caller = try bridge.caller("uac-cancel", calls: 20, transport)
        try caller.finish()
        try called.finish()
        try bridge.end()
    }

    @Test func manyCallsAtOnceOverOneConnection() throws {
        let bridge = try Bridge(toTCP: true, "tcp_conn_wq_max=10000000")
        let called = try bridge.called("uas-answer", calls: 500, .tcp)
        let caller = try bridge.caller("uac-call", calls: 500, atOnce: 500, .tcp)
        try caller.finish()
        try called.finish()
        try bridge.end()
    }

    @Test func callsFromUDPToTCP() throws {
        let bridge = try Bridge(toTCP: true)
        let called = try bridge.called("uas-answer", calls: 20, .tcp)
        let caller = try bridge.caller("uac-call", calls: 20, .udp)
        try caller.finish()
        try called.finish()
        try bridge.end()
    }

    @Test func callsFromTCPToUDP() throws {
        let bridge = try Bridge(toTCP: false)
        let called = try bridge.called("uas-answer", calls: 20, .udp)
        let caller = try bridge.caller("uac-call", calls: 20, .tcp)
        try caller.finish()
        try called.finish()
        try bridge.end()
    }
}
