import Glibc
import Testing

/// snmpstats and its master agent: connecting, losing it, traps.
@Suite struct SnmpstatsMasterTests {
    // MARK: - The connection

    /// The server starts without the master, and is served when that comes; a master that was killed is found again. Counters go on.
    @Test(arguments: [false, true])
    func mastersComeAndGo(tcp: Bool) throws {
        let master = try SnmpMaster(tcp: tcp, starts: false)
        let desk = try SnmpDesk(master: master, waits: false)
        try desk.server.waitForLog("no master agent at \(master.socket)")
        let client = try UDPClient()
        func exchange(_ id: String) throws {
            let request = SIPText.request("OPTIONS", "sip:a@127.0.0.1", from: client.address, id: id)
            #expect(try client.exchange(request, with: desk.server.port).statusCode == 200)
        }
        try exchange("1")
        let away = try desk.door.call("snmpstats.status")
        #expect(away.json.contains(#""state":"connecting","#), "\(away.json)")
        try master.start()
        #expect(try until { try answered(master) == "1" })
        for round in 2...3 {
            master.kill()
            try exchange("\(round)")
            try master.start()
            #expect(try until { try answered(master) == "\(round)" })
        }
        let status = try desk.door.call("snmpstats.status")
        #expect(status.json.contains(#""state":"connected","#) && status.json.contains(#""registrations":6,"#))
        let log = desk.server.log
        #expect(log.count(of: "no master agent at") == 1)
        #expect(log.count(of: "the connection to the master agent is lost") == 2)
        #expect(log.count(of: "connected to the master agent") == 3)
        #expect(desk.stop() == .exited(0))
    }

    /// How many requests were received, if the server is served.
    private func answered(_ master: SnmpMaster) throws -> String? {
        let result = try master.ask(
            "snmpget", [SnmpDesk.oid("3.1.1.1.3.1.0")], options: ["-Oqv"], isPatient: false)
        return result.succeeded ? result.output.split(separator: "\n").first.map(String.init) : nil
    }

    /// A master that neither answers nor goes away holds nothing up: neither traffic nor the end of the server.
    @Test func aMasterThatHangs() throws {
        let desk = try SnmpDesk()
        desk.master.hang(true)
        defer { desk.master.hang(false) }
        let client = try UDPClient()
        let request = SIPText.request("OPTIONS", "sip:a@127.0.0.1", from: client.address, id: "1")
        #expect(try client.exchange(request, with: desk.server.port).statusCode == 200)
        // The ping finds it out (every 2 s here), and says so.
        try desk.server.waitForLog("the connection to the master agent is lost", within: .seconds(30))
        #expect(desk.stop() == .exited(0))
    }

    /// What listens there speaks something else: it is no master.
    @Test func somebodyElseListens() throws {
        let port = try Ports.free()
        let other = try Server { own in
            """
            listen=udp:127.0.0.1:\(own)
            listen=tcp:127.0.0.1:\(port)
            request_route { exit; }

            """
        }
        let desk = try SnmpDesk([#""agentx_socket", "tcp:127.0.0.1:\#(port)""#], waits: false)
        try desk.server.waitForLog("no master agent at tcp:127.0.0.1:\(port)", within: .seconds(20))
        #expect(desk.stop() == .exited(0))
        let status = other.status
        #expect(status == nil)
    }

    /// A name that takes for ever to look up holds nothing up: neither start nor end.
    @Test func aMasterWhoseNameIsNotFound() throws {
        let master = try SnmpMaster(starts: false)
        let desk = try SnmpDesk(
            [#""agentx_socket", "tcp:slow.example:705""#], master: master, waits: false, preload: "slownames")
        try desk.server.waitForLog(
            "no master agent at tcp:slow.example:705: its name is still being looked up", within: .seconds(30))
        let client = try UDPClient()
        let request = SIPText.request("OPTIONS", "sip:a@127.0.0.1", from: client.address, id: "1")
        #expect(try client.exchange(request, with: desk.server.port).statusCode == 200)
        #expect(desk.stop() == .exited(0))
    }

    @Test func aWrongCommunityGetsNothing() throws {
        let desk = try SnmpDesk()
        let result = try desk.master.ask(
            "snmpget", [SnmpDesk.oid("3.1.1.1.1.1.0")], community: "secret", isPatient: false)
        #expect(!result.succeeded && result.errors.contains("Timeout"), "\(result.output)\(result.errors)")
        #expect(try desk.master.set(SnmpDesk.oid("3.1.1.1.5.1.1.5.1.200"), "i", "4") == nil)
    }

    /// The master's time when the server started: its sysUpTime now, less the server's own.
    @Test func serviceStartTime() throws {
        let desk = try SnmpDesk()
        let lines = try desk.master.ask(
            "snmpget", [SnmpDesk.oid("3.1.1.1.1.2.0"), "1.3.6.1.2.1.1.3.0"], options: ["-Ovt"])
        let ticks = lines.output.split(separator: "\n").compactMap { Int($0.filter(\.isNumber)) }
        try #require(ticks.count == 2, "\(lines.output)")
        #expect(ticks[0] <= ticks[1] && ticks[1] - ticks[0] < 6000)
        let again = try desk.master.ask("snmpget", [SnmpDesk.oid("3.1.1.1.1.2.0")], options: ["-Ovt"])
        #expect(Int(again.output.filter(\.isNumber)) == ticks[0])
        let log = desk.server.log
        #expect(!log.contains("without effect"))
    }

    /// What was for a program that asked the master agent: the server starts, and says that it has no effect; the time is known nevertheless.
    @Test func parametersWithoutSenseAreNamed() throws {
        let desk = try SnmpDesk([
            #""snmpgetPath", "/opt/bin""#, #""snmpCommunity", "secret""#, #""snmpVersion", "2c""#,
            #""dlg_minor_threshold", 600"#, #""dlg_major_threshold", 500"#,
        ])
        let log = desk.server.log
        #expect(log.count(of: "snmpgetPath, snmpCommunity, snmpVersion: without effect") == 1)
        #expect(try desk.get("3.1.1.1.1.2.0") != "0:0:00:00.00")
        #expect(log.count(of: "dlg: the major threshold 500 is below the minor one, 600") == 1)
    }

    // MARK: - Alarms

    private static let dialogScript = #"set_dialogs("$rU"); sl_send_reply("200", "OK");"#

    private func dialogs(_ count: Int, _ desk: SnmpDesk, _ client: borrowing UDPClient) throws {
        let request = SIPText.request(
            "OPTIONS", "sip:\(count)@127.0.0.1", from: client.address, id: "d\(count)-\(ContinuousClock.now)".hashed)
        #expect(try client.exchange(request, with: desk.server.port).statusCode == 200)
    }

    /// A trap when a threshold is passed, none while it lasts, another one when it is passed anew; objects show how it stands in any case.
    @Test func trapsOfDialogs() throws {
        let master = try SnmpMaster()
        try master.receiveTraps()
        let desk = try SnmpDesk(
            [#""dlg_minor_threshold", 500"#, #""dlg_major_threshold", 750"#, #""alarm_interval", 1"#], master: master,
            modules: ["sl", "pv"], own: ["dialogs"], script: Self.dialogScript)
        let client = try UDPClient()
        let states = ["3.1.3.1.3.2.1.0", "3.1.3.1.3.3.1.0", "3.1.3.1.3.4.2.0", "3.1.3.1.3.4.3.0"].map(SnmpDesk.oid)
        func state() throws -> [String] { try master.get(states[0], states[1], states[2], states[3]) }
        #expect(try state() == ["0", "0", "0", "0"])
        try dialogs(500, desk, client)
        #expect(try state() == ["500", "1", "0", "0"])
        try dialogs(600, desk, client)
        #expect(until { master.received.count == 1 })
        #expect(try state() == ["600", "1", "3", "0"])
        try dialogs(800, desk, client)
        #expect(until { master.received.count == 2 })
        #expect(try state() == ["800", "2", "3", "2"])
        let status = try desk.door.call("snmpstats.status")
        #expect(status.json.contains(#""minor":"raised","major":"raised""#), "\(status.json)")
        try dialogs(10, desk, client)
        #expect(try until { try desk.door.call("snmpstats.status").json.contains(#""minor":"clear","major":"clear""#) })
        try dialogs(501, desk, client)
        #expect(until { master.received.count == 3 })
        let root = "." + SnmpDesk.kamailio + ".3.1.3"
        let traps = master.received
        for (trap, facts) in zip(traps, [(3, 5, 600, 500), (4, 6, 800, 750), (3, 5, 501, 500)]) {
            let (event, threshold, value, limit) = facts
            let parts = trap.dropFirst(5).split(separator: "\t")
            try #require(parts.count == 4, "\(trap)")
            #expect(parts[0].hasPrefix(".1.3.6.1.2.1.1.3.0 = "))
            #expect(parts[1] == ".1.3.6.1.6.3.1.1.4.1.0 = OID: \(root).2.0.\(event)")
            #expect(parts[2] == "\(root).1.3.2.1.0 = Gauge32: \(value)")
            #expect(parts[3] == "\(root).1.3.2.\(threshold).0 = INTEGER: \(limit)")
        }
    }

    /// While the master is away nobody is told; when it comes it hears once how it stands.
    @Test func alarmsOutliveTheMaster() throws {
        let master = try SnmpMaster()
        try master.receiveTraps()
        let desk = try SnmpDesk(
            [#""dlg_minor_threshold", 5"#, #""alarm_interval", 1"#, #""trap_family", "both""#], master: master,
            modules: ["sl", "pv"], own: ["dialogs"], script: Self.dialogScript)
        let client = try UDPClient()
        master.kill()
        try desk.server.waitForLog("the connection to the master agent is lost")
        try dialogs(7, desk, client)
        #expect(try until { try desk.door.call("snmpstats.status").json.contains(#""dropped":1,"#) })
        try master.start()
        #expect(until { master.received.count == 2 })
        let traps = master.received.sorted()
        #expect(
            traps.count { $0.contains(SnmpDesk.kamailio) } == 1 && traps.count { $0.contains(SnmpDesk.openser) } == 1)
    }

    /// An alarm that lasts is told again where the config says so.
    @Test func alarmsMayBeRepeated() throws {
        let master = try SnmpMaster()
        try master.receiveTraps()
        let desk = try SnmpDesk(
            [#""dlg_major_threshold", 0"#, #""alarm_interval", 1"#, #""alarm_repeat", 1"#], master: master,
            modules: ["sl", "pv"], own: ["dialogs"], script: Self.dialogScript)
        let client = try UDPClient()
        try dialogs(1, desk, client)
        #expect(until { master.received.count >= 3 })
    }

    /// Dialogs as a table.
    @Test func dialogsAreShown() throws {
        let desk = try SnmpDesk(modules: ["sl", "pv"], own: ["dialogs"], script: Self.dialogScript)
        let client = try UDPClient()
        #expect(try desk.get("3.1.2.1.3.1.0") == "3")
        try dialogs(4, desk, client)
        let table = try desk.master.ask(
            "snmpwalk", [SnmpDesk.oid("3.1.3.1.3.1")], options: ["-Oqs"], named: true)
        let lines = table.output.split(separator: "\n")
        #expect(lines.count == 7 * 4, "\(table.output)")
        for text in [
            "kamailioDialogType.1 invite", "kamailioDialogToUri.4 sip:callee@example.org",
            "kamailioDialogFromUri.2 sip:caller@example.org", "kamailioDialogState.2 confirmed",
            "kamailioDialogState.3 early", "kamailioDialogExpiryTime.1 2106-2-7,6:28:15.0,+0:0",
        ] {
            #expect(lines.contains { $0 == text }, "\(text) in\n\(table.output)")
        }
        #expect(lines.contains { $0.hasPrefix("kamailioDialogStartTime.1 2023-11-1") })
        let numbers = ["1", "2", "3", "4", "7"].map { SnmpDesk.oid("3.1.3.1.3.2.\($0).0") }
        #expect(
            try desk.master.get(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]) == [
                "4", "3", "1", "2", "4",
            ])
    }

    /// Bytes that wait for a server that does not read: the queue's depth, and its alarms.
    @Test func queueDepth() throws {
        let master = try SnmpMaster()
        try master.receiveTraps()
        // The script keeps both workers busy for longer than the test lasts.
        let desk = try SnmpDesk(
            [#""MsgQueueMinorThreshold", 1000"#, #""MsgQueueMajorThreshold", 100000000"#, #""alarm_interval", 1"#],
            master: master, modules: ["sl"], own: ["dialogs"],
            script: "hold_up(\"20000\"); sl_send_reply(\"200\", \"OK\");")
        let depth = SnmpDesk.oid("3.1.3.1.2.3.1.0")
        #expect(try master.get(depth) == ["0"])
        let client = try UDPClient()
        for number in 0..<200 {
            let request = SIPText.request(
                "OPTIONS", "sip:a@127.0.0.1", from: client.address, id: "q\(number)",
                headers: ["X-Filler: " + String(repeating: "x", count: 500)])
            try client.send(request, to: desk.server.port)
        }
        #expect(try until { try master.number(depth) > 1000 })
        #expect(until { master.received.count == 1 })
        let trap = master.received.first ?? ""
        #expect(trap.contains(".3.1.3.2.0.1\t") && trap.contains(".3.1.3.1.2.3.2.0 = INTEGER: 1000"), "\(trap)")
        desk.server.signal(SIGKILL)
    }
}

extension String {
    /// The same text as letters and digits: for Call-IDs.
    fileprivate var hashed: String { String(filter { $0.isLetter || $0.isNumber }) }
}
