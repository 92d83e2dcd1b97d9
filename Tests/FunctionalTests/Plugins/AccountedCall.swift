/// A caller, a server that relays to a called side and accounts with flags 1 (calls), 2 (missed calls) and 3 (failures), and the called side.
struct AccountedCall: ~Copyable {
    let probe: Probe
    private let id = "call"

    /// - Parameters:
    ///   - script: what the request route does with a request; `RELAY` in it sends it to the called side.
    ///   - parameters: of acc, after the flags: `"name", value`.
    init(
        _ script: String = "setflag(1); setflag(2); setflag(3); RELAY;", flags: String? = nil,
        parameters: [String] = [], tm: [String] = [], routes: String = "", modules: [String] = []
    ) throws {
        let flags =
            flags ?? """
                modparam("acc", "log_flag", 1)
                modparam("acc", "log_missed_flag", 2)
                modparam("acc", "failed_transaction_flag", 3)
                """
        let timers = [#""wt_timer", "500ms""#, #""retr_timer1", "200ms""#]
        probe = try Probe(
            ["tm", "sl", "xlog", "pv", "siputils"] + modules + ["acc"],
            globals: ([flags] + parameters.map { "modparam(\"acc\", \($0))" }
                + (timers + tm).map { "modparam(\"tm\", \($0))" } + [routes]).joined(separator: "\n"),
            script: """
                if ($rU == "marker") { xerr("marker $cs\\n"); sl_send_reply("200", "$stat(acc:pieces_in_use)"); exit; }
                \(script.replacing("RELAY;", with: "$du = \"NEXT\"; t_relay();"))
                """)
    }

    func invite(headers: [String] = []) -> String { probe.request("INVITE", id: id, headers: headers) }

    /// A further request of the caller's in the dialog.
    func request(_ method: String, cseq: Int, headers: [String] = []) -> String {
        SIPText.request(
            method, "sip:alice@\(probe.server.address)", from: probe.client.address, id: id, cseq: cseq,
            headers: headers
        ).replacing(
            "To: <sip:alice@\(probe.server.address)>", with: "To: <sip:alice@\(probe.server.address)>;tag=answered"
        ).replacing("branch=z9hG4bK", with: "branch=z9hG4bK-\(method)")
    }

    func send(_ text: String) throws { try probe.client.send(text, to: probe.server.port) }

    /// The next request of that method that comes to the called side.
    func called(_ method: String) throws -> SIPText { try probe.nextHop.request(method) }

    func answer(_ request: SIPText, _ code: Int, _ reason: String, tag: String = "answered", body: String? = nil) throws
    {
        var text = request.response(code, reason).replacing(";tag=answered", with: ";tag=\(tag)")
        if let body {
            text = text.replacing(
                "Content-Length: 0", with: "Content-Type: application/sdp\r\nContent-Length: \(body.utf8.count)")
            text += body
        }
        try probe.nextHop.send(text, to: probe.server.port)
    }

    /// The next reply with that code that comes to the caller.
    @discardableResult
    func reply(_ code: Int) throws -> SIPText { try probe.client.reply(code) }

    /// The INVITE is relayed, answered, and the answer has come.
    func establish() throws {
        try send(invite())
        try answer(called("INVITE"), 200, "OK")
        try reply(200)
    }

    /// The ACK to a negative reply.
    func acknowledge(_ reply: SIPText) throws { try probe.acknowledge(invite(), reply) }

    /// All lines of accounting so far: what the worker of this call did before is in the log when its answer to the marker is.
    func lines(_ marker: Int = 100) throws -> [String] {
        let request = SIPText.request(
            "OPTIONS", "sip:marker@\(probe.server.address)", from: probe.client.address, id: id, cseq: marker)
        _ = try probe.client.exchange(request, with: probe.server.port)
        try probe.server.waitForLog("marker \(marker)\n")
        return probe.server.log.split(separator: "\n").compactMap { line in
            line.firstRange(of: "ACC: ").map { String(line[$0.lowerBound...]) }
        }
    }

    /// Waits until acc holds no memory any more.
    func waitForNothing() throws {
        var last = ""
        for attempt in 0..<200 {
            let request = SIPText.request(
                "OPTIONS", "sip:marker@\(probe.server.address)", from: probe.client.address, id: id, cseq: 200 + attempt
            )
            last = try probe.client.exchange(request, with: probe.server.port).reason
            if last == "0" { return }
            _ = probe.client.datagram(within: .milliseconds(50))
        }
        throw HarnessError("pieces of memory that are left: \(last)")
    }
}

extension String {
    /// A line of accounting without its time.
    var timeless: String { replacing(/timestamp=[0-9]+/, with: "timestamp=T") }
}
