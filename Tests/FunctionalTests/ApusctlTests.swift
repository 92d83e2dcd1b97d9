import BinRPC
import Glibc
import Testing

/// apusctl against somebody who speaks binrpc: what it prints, and how it ends.
@Suite struct ApusctlTests {
    private static let uptime = RPCValue.members([
        "now": .text("Sat Nov 21 15:46:35 2026"), "up_since": .text("Sat Nov 21 15:34:03 2026"), "uptime": .int(752),
    ])

    private static func thread(_ index: Int64, _ text: String) -> RPCValue {
        .members(["IDX": .int(index), "PID": .int(31590 + index), "DSC": .text(text)])
    }

    private static let answers: [String: [ControlPeer.Answer]] = [
        "core.psx": [
            .values([
                thread(0, "main process - attendant"), thread(1, "udp receiver child=0 sock=127.0.0.1:5060"),
                thread(2, "udp receiver child=1 sock=127.0.0.1:5060"), thread(3, "ctl handler"),
            ])
        ],
        "core.psa": [
            .values([
                .members([
                    "index": .int(0), "pid": .int(31590), "status": .int(1), "rank": .int(0),
                    "description": .text("main process - attendant"),
                ])
            ])
        ],
        "core.uptime": [.values([uptime])],
        "core.version": [.values([.text("Apus (0.1.0 (x86_64/linux))")])],
        "core.modules": [.values([.text("sl"), .text("tm")])],
        "core.echo": [.values([.int(1), .text("two"), .double(1.5)])],
        "core.sockets_list": [
            .values([
                .array([
                    .members([
                        "socket": .members([
                            "af": .text("ipv4"), "proto": .text("udp"), "address": .text("127.0.0.1"),
                            "port": .text("5060"),
                            "mcast": .text("no"), "advertise": .text("192.0.2.1:5060"),
                        ])
                    ])
                ])
            ])
        ],
        "core.aliases_list": [
            .values([
                .members([
                    "aliases": .members([
                        "alias": .members(["proto": .text("*"), "address": .text("a.test"), "port": .text("*")]),
                        "alias": .members(["proto": .text("udp"), "address": .text("b.test"), "port": .text("5062")]),
                    ])
                ])
            ])
        ],
        "system.listMethods": [.values([.array([.text("core.echo"), .text("core.uptime")])])],
        "corex.debug": [.values([.members(["old": .int(1), "new": .int(3)])])],
        "stats.get_statistics": [
            .values([.array([.text("core:rcv_requests = 12"), .text("tm:UAS_transactions = 3")])])
        ],
        "core.reload": [.fault(501, "not without a config")],
        "t_uac_dlg": [.values([.int(200), .text("OK"), .text("sip:a@b"), .text(""), .text(""), .text("Via: x\r\n")])],
    ]

    /// Runs it with a peer that answers this.
    private func run(
        _ arguments: [String], _ answers: [String: [ControlPeer.Answer]] = ApusctlTests.answers
    ) throws -> (result: ToolResult, asked: [String]) {
        let folder = try TemporaryFolder()
        let peer = try ControlPeer(folder.path, answers)
        defer { peer.stop() }
        return (try Apusctl.run(["-s", peer.path] + arguments, folder: folder), peer.asked)
    }

    @Test(
        arguments: [
            (
                ["ps"],
                """
                0\t31590\tattendant
                1\t31591\treceiver child=0 sock=0 @ 127.0.0.1::5060
                2\t31592\treceiver child=1 sock=0 @ 127.0.0.1::5060
                3\t31593\tctl handler

                """
            ),
            (
                ["psa"],
                """
                index  pid    status  rank  description
                0      31590  1       0     main process - attendant

                """
            ),
            (
                ["uptime"],
                """
                Now: Sat Nov 21 15:46:35 2026
                Up Since: Sat Nov 21 15:34:03 2026
                Up time: 752 [sec]

                """
            ),
            (["version"], "Server: Apus (0.1.0 (x86_64/linux))\n"),
            (["stats"], "core:rcv_requests = 12\ntm:UAS_transactions = 3\n"),
            (["stats", "--json"], #"{"core":{"rcv_requests":12},"tm":{"UAS_transactions":3}}"# + "\n"),
            (["srv", "sockets"], "udp:127.0.0.1:5060 advertise 192.0.2.1:5060\n"),
            (["srv", "aliases"], "*:a.test:*\nudp:b.test:5062\n"), (["srv", "rpclist"], "core.echo\ncore.uptime\n"),
            (["srv", "modules"], "sl\ntm\n"), (["srv", "debug", "3"], "{\n\told: 1\n\tnew: 3\n}\n"),
            (["rpc", "core.echo", "1", "two", "1.5"], "1\ntwo\n1.500000\n"),
            (["rpc", "--json", "core.echo"], #"[1,"two",1.5]"# + "\n"),
            (
                ["uptime", "--json"],
                #"{"now":"Sat Nov 21 15:46:35 2026","up_since":"Sat Nov 21 15:34:03 2026","uptime":752}"# + "\n"
            ),
            (["ping", "sip:a@b"], "200 OK\n"), (["--json", "ping", "sip:a@b"], #"{"code":200,"reason":"OK"}"# + "\n"),
            (["__complete", "rpc", "core.u"], "core.uptime\n"),
        ] as [([String], String)])
    func prints(arguments: [String], output: String) throws {
        let (result, _) = try run(arguments)
        #expect(result.output == output)
        #expect(result.errors == "")
        #expect(result.status == .exited(0))
    }

    @Test func argumentsTravelAsWhatTheyAre() throws {
        let (_, asked) = try run(["rpc", "core.echo", "5", "s:5", "-2", "0.5", "007"])
        #expect(
            asked == [
                [
                    "core.echo", "\(RPCValue.int(5))", "\(RPCValue.text("5"))", "\(RPCValue.int(-2))",
                    "\(RPCValue.double(0.5))", "\(RPCValue.text("007"))",
                ]
                .joined(separator: " ")
            ])
        #expect(
            try run(["stats", "core", "tm:x"]).asked == [
                "stats.get_statistics \(RPCValue.text("core:")) \(RPCValue.text("x"))"
            ])
        #expect(try run(["stats"]).asked == ["stats.get_statistics \(RPCValue.text("all"))"])
    }

    @Test func theLogsLevelIsAParameterWhereThereIsNoCorex() throws {
        let answers: [String: [ControlPeer.Answer]] = [
            "cfg.set_now_int": [.values([])], "cfg.get": [.values([.int(3)])],
        ]
        let (result, asked) = try run(["srv", "debug", "3"], answers)
        #expect(result.output == "{\n\tdebug: 3\n}\n")
        let core = "\(RPCValue.text("core")) \(RPCValue.text("debug"))"
        #expect(
            asked == [
                "corex.debug \(RPCValue.int(3))", "cfg.set_now_int \(core) \(RPCValue.int(3))", "cfg.get \(core)",
            ])
        let (neither, _) = try run(["srv", "debug"], [:])
        #expect(neither.status == .exited(1))
        #expect(neither.errors == "apusctl: 404 there is no command cfg.get; it comes with loadmodule \"cfg_rpc.so\"\n")
    }

    @Test func refusalsAreToldAndEndWithOne() throws {
        let (reload, _) = try run(["reload"])
        #expect(reload.status == .exited(1))
        #expect(reload.errors == "apusctl: 501 not without a config\n")
        let (json, _) = try run(["reload", "--json"])
        #expect(json.status == .exited(1))
        #expect(json.output == #"{"error":{"code":501,"message":"not without a config"}}"# + "\n")
        let (unknown, _) = try run(["rpc", "core.uptme"])
        #expect(unknown.status == .exited(1))
        #expect(unknown.errors == "apusctl: 404 there is no command core.uptme; did you mean `core.uptime`?\n")
        let (verb, _) = try run(["uptme"])
        #expect(verb.status == .exited(1))
        #expect(verb.errors.hasPrefix("apusctl: there is no verb `uptme`; did you mean `uptime`?\n\nusage: apusctl "))
        let (refused, _) = try run(["ping", "sip:a@b"], ["t_uac_dlg": [.values([.int(404), .text("Not Found")])]])
        #expect(refused.status == .exited(1))
        #expect(refused.output == "404 Not Found\n")
        let (silent, _) = try run(
            ["ping", "sip:a@b"], ["t_uac_dlg": [.values([.text("408"), .text("Request Timeout")])]])
        #expect(silent.status == .exited(3))
    }

    @Test func serversThatMisbehaveAreNoReasonToHang() throws {
        let (silence, _) = try run(["--timeout", "0.2", "version"], ["core.version": [.silence]])
        #expect(silence.status == .exited(3))
        #expect(silence.errors.contains("has not answered core.version within 0.2 s"))
        let (hangup, _) = try run(["version"], ["core.version": [.hangup]])
        #expect(hangup.status == .exited(2))
        #expect(hangup.errors.contains("has closed the connection without an answer to core.version"))
        for bytes in [
            Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8), [0xA2, 0, 0, 0], [0xA1, 0x20, 0, 0],
            [0xA1, 0x1F, 255, 255, 255, 255, 0],
        ] {
            let (garbage, _) = try run(["--timeout", "5", "version"], ["core.version": [.bytes(bytes)]])
            #expect(garbage.status == .exited(1) || garbage.status == .exited(3), "\(bytes)")
            #expect(garbage.errors.hasPrefix("apusctl: "))
        }
        let (late, _) = try run(["version"], ["core.version": [.late([.text("right")])]])
        #expect(late.output == "Server: right\n")
    }

    @Test func largeAnswersArriveWhole() throws {
        let values = (0..<40_000).map { RPCValue.members(["n": .int($0), "text": .text("value number \($0)")]) }
        let (result, _) = try run(["--json", "rpc", "big"], ["big": [.values(values)]])
        #expect(result.output.hasPrefix(#"[{"n":0,"text":"value number 0"},"#))
        #expect(result.output.hasSuffix(#"{"n":39999,"text":"value number 39999"}]"# + "\n"))
    }

    @Test func controlCharactersDoNotReachTheTerminal() throws {
        let (result, _) = try run(["version"], ["core.version": [.values([.text("x\u{1b}]0;evil\u{7}")])]])
        #expect(result.output == "Server: x\\x1b]0;evil\\x07\n")
    }

    @Test func aServerThatIsAwayIsLookedForAndExplained() throws {
        let folder = try TemporaryFolder()
        let socket = folder.path + "/ctl"
        let pidFile = try folder.write("pid", "999999999\n")
        let away = try Apusctl.run(["-s", socket, "ps"], folder: folder, settings: "PID_FILE=\(pidFile)\n")
        #expect(away.status == .exited(2))
        #expect(
            away.errors.hasPrefix(
                """
                apusctl: the server cannot be reached; is it running?
                  tried unixs:\(socket): No such file or directory
                  \(pidFile) names process 999999999, which does not run

                """))
        // A file that nobody listens on any more.
        try folder.write("ctl", "")
        chmod(socket, 0o600)
        let dead = try Apusctl.run(["ps"], folder: folder, environment: ["APUS_CTL": socket])
        #expect(dead.status == .exited(2))
        #expect(dead.errors.contains("tried unixs:\(socket): Connection refused; it belongs to "))
        #expect(dead.errors.contains(", mode 0600; you are "))
        let fifo = try Apusctl.run(["--fifo", folder.path + "/fifo", "ps"], folder: folder)
        #expect(fifo.status == .exited(2))
        #expect(fifo.errors.contains("Error opening ser's FIFO \(folder.path)/fifo"))
        #expect(fifo.errors.contains("the config has the line fifo=\"\(folder.path)/fifo\""))
    }

    @Test(.enabled(if: geteuid() == 0, "only root may become somebody else"))
    func whoMayNotComeInIsToldWhoMay() throws {
        let folder = try TemporaryFolder()
        let peer = try ControlPeer(folder.path, ApusctlTests.answers)
        defer { peer.stop() }
        let words = ["--reuid=65534", "--clear-groups", try Products.path("apusctl"), "-s", peer.path, "ps"]
        let result = try FunctionalTests.run("setpriv", words, environment: ["APUSCTLRC": "/dev/null", "SER_FIFO": ""])
        #expect(result.status == .exited(2))
        let facts =
            "tried unixs:\(peer.path): Permission denied; \(folder.path) belongs to root:root, mode 0700; you are "
        #expect(result.errors.contains(facts), "\(result.errors)")
    }

    @Test func theMonitorCountsCyclesAndRates() throws {
        func counters(_ total: Int64) -> ControlPeer.Answer {
            .values([
                .members([
                    "current": .int(2), "waiting": .int(1), "total": .int(total), "total_local": .int(0),
                    "rpl_generated": .int(0),
                    "6xx": .int(0), "5xx": .int(0), "4xx": .int(0), "3xx": .int(0), "2xx": .int(0),
                ])
            ])
        }
        let folder = try TemporaryFolder()
        var answers = ApusctlTests.answers
        answers["tm.stats"] = [counters(10), counters(500)]
        answers["stats.get_statistics"] = nil
        let peer = try ControlPeer(folder.path, answers)
        defer { peer.stop() }
        let shown = try Apusctl.run(["-s", peer.path, "moni", "2"], folder: folder, settings: "WATCH_PERIOD=0.1")
        #expect(shown.status == .exited(0))
        let screens = shown.output.split(separator: "\n[").map { String($0) }
        try #require(screens.count == 2)
        #expect(
            screens[0] == """
                [cycle #: 1; if constant make sure server lives and fifo is on]
                Server: Apus (0.1.0 (x86_64/linux))
                Now: Sat Nov 21 15:46:35 2026
                Up Since: Sat Nov 21 15:34:03 2026
                Up time: 752 [sec]

                Transaction Statistics
                Current: 2 (1 waiting) Total: 10 (0 local)
                Replied localy: 0
                Completion status 6xx: 0, 5xx: 0, 4xx: 0, 3xx: 0,2xx: 0
                Stateless Server Statistics
                (404 there is no command sl.stats; it comes with loadmodule "sl.so")

                """)
        #expect(screens[1].contains("Current: 2 (1 waiting) Total: 500 ["))
        #expect(screens[1].contains("/s] (0 local)\n"))
        let json = try Apusctl.run(["-s", peer.path, "--json", "moni", "1"], folder: folder)
        #expect(json.output.hasPrefix(#"{"cycle":1,"server":"Apus (0.1.0 (x86_64/linux))","#))
    }

    @Test func itIsCalledByOldNames() throws {
        let folder = try TemporaryFolder()
        for name in ["serctl", "sc", "kamctl"] {
            let link = folder.path + "/" + name
            #expect(symlink(try Products.path("apusctl"), link) == 0)
            let result = try FunctionalTests.run(link, ["--version"])
            #expect(result.output.hasPrefix("apusctl "))
        }
    }
}
