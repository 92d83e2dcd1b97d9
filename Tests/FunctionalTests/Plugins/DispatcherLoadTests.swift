import Glibc
import Testing

/// Calls that are counted on destinations.
@Suite struct DispatcherLoadTests {
    private func loads(_ server: borrowing Dispatching) throws -> [Int] {
        try server.base.door.call("dispatcher.list", "short").json.split(separator: #""DLGLOAD":"#).dropFirst()
            .compactMap {
                Int($0.prefix { $0.isNumber })
            }
    }

    private let three =
        "1 sip:127.0.0.1:7001 0 0 duid=a\n1 sip:127.0.0.1:7002 0 0 duid=b\n1 sip:127.0.0.1:7003 0 0 duid=c;maxload=1\n"

    @Test func callsBeginMoveAndEnd() throws {
        let server = try Dispatching(
            three, parameters: ["flags=2", "ds_hash_size=6"],
            script: """
                $var(said) = "";
                if ($rU == "end") { ds_load_unset(); }
                else if (is_method("BYE|CANCEL")) { ds_load_update(); }
                else { ds_select_dst("1", "10"); }
                $var(said) = "" + $rc;
                if ($rU == "move") { ds_next_dst(); $var(said) = $var(said) + $rc; }
                sl_send_reply("200", "$var(said) $du $xavp(_dsdst_=>dstid)");
                """)
        func ask(_ method: String, _ user: String, _ id: String) throws -> String {
            try server.tell(method, user: user, id: id)[0]
        }
        #expect(try ask("INVITE", "new", "one") == "1 sip:127.0.0.1:7001 a")
        #expect(try ask("INVITE", "new", "two") == "1 sip:127.0.0.1:7002 b")
        #expect(try ask("INVITE", "new", "three") == "1 sip:127.0.0.1:7003 c")
        #expect(try loads(server) == [1, 1, 1])
        // The same call is counted once, and no other request at all.
        _ = try ask("INVITE", "new", "one")
        #expect(try ask("OPTIONS", "new", "four") == "1 sip:127.0.0.1:7001 <null>")
        #expect(try loads(server).reduce(0, +) == 3)
        #expect(try ask("BYE", "x", "three").hasPrefix("1 "))
        #expect(try loads(server) == [1, 1, 0])
        // To the third, and from there to the first.
        #expect(try ask("INVITE", "move", "five") == "11 sip:127.0.0.1:7001 a")
        #expect(try loads(server) == [2, 1, 0])
        _ = try ask("INVITE", "new", "six")
        #expect(try loads(server) == [2, 1, 1])
        // The third takes no more: from the second the way leads past it.
        #expect(try ask("INVITE", "move", "seven") == "11 sip:127.0.0.1:7001 a")
        #expect(try loads(server) == [3, 1, 1])
        for id in ["one", "two", "five", "six"] { #expect(try ask("INVITE", "end", id).hasPrefix("1 ")) }
        #expect(try ask("INVITE", "end", "six").hasPrefix("-1 "))
        #expect(try ask("CANCEL", "x", "nobody").hasPrefix("1 "))
        #expect(try ask("CANCEL", "x", "seven").hasPrefix("1 "))
        #expect(try loads(server) == [0, 0, 0])
    }

    @Test func callsAreForgottenInTime() throws {
        let server = try Dispatching(
            three, parameters: ["ds_hash_size=2", "ds_hash_initexpire=1", "ds_hash_check_interval=1"],
            script: Dispatching.steps([#"ds_select_dst("1", "10")| $du"#]))
        for number in 0..<5 { _ = try server.tell("INVITE", id: "old\(number)") }
        #expect(try until { try loads(server) == [0, 0, 0] })
    }

    /// Reloads while calls begin and end on two workers, half of their scripts waiting: none fails, and at the end no call is counted.
    ///
    /// `APUS_DISPATCHER_SECONDS` makes it longer, `APUS_DISPATCHER_RATE` is how many calls begin a second.
    @Test func reloadsBesideCalls() throws {
        func number(_ name: String, _ usual: Int) -> Int { getenv(name).flatMap { Int(String(cString: $0)) } ?? usual }
        let (seconds, rate) = (number("APUS_DISPATCHER_SECONDS", 8), number("APUS_DISPATCHER_RATE", 100))
        let calls = seconds * rate
        let folder = try TemporaryFolder()
        let ports = [try Ports.free(), try Ports.free(), try Ports.free()]
        func list(_ turn: Int) -> String {
            // The third comes and goes, and the order changes.
            let lines = ports.enumerated().map {
                "1 sip:127.0.0.1:\($0.element) 0 \(turn % 2 == 0 ? 0 : $0.offset) duid=d\($0.offset)\n"
            }
            return (turn % 3 == 0 ? Array(lines[..<2]) : lines).joined()
        }
        let server = try Dispatching(
            list(1), parameters: ["flags=2", "ds_hash_size=8"], modules: ["rr"],
            routes: """
                modparam("tm", "fr_timer", "20s")
                onreply_route[SEEN] {
                    if (is_method("INVITE")) {
                        if (status =~ "2[0-9][0-9]") ds_load_update();
                        else if (status =~ "[3-7][0-9][0-9]") ds_load_unset();
                    }
                }
                """,
            script: """
                if (is_method("BYE|CANCEL")) ds_load_update();
                \(ScriptParts.dialogs)
                t_check_trans();
                record_route();
                if (is_method("INVITE")) {
                    if (!ds_select_dst("1", "10")) { xerr("no destination\\n"); send_reply("404", "No destination"); exit; }
                    if ($(ci{s.int}) mod 2 == 0) wait(50);
                    t_on_reply("SEEN");
                }
                if (!t_relay()) sl_reply_error();
                """, tests: ["waits"])
        let gateways = Gateways(
            a: try Sipp("uas-answer", in: folder, port: ports[0], calls: 1_000_000, values: ["wait": "1"]),
            b: try Sipp("uas-answer", in: folder, port: ports[1], calls: 1_000_000, values: ["wait": "1"]),
            c: try Sipp("uas-answer", in: folder, port: ports[2], calls: 1_000_000, values: ["wait": "1"]))
        let caller = try Sipp(
            "uac-call", in: folder, calling: server.base.server.port, calls: calls, atOnce: rate,
            arguments: ["-l", "\(rate * 5)", "-d", "50", "-timeout", "\(seconds * 4 + 60)"])
        var turns = 0
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            turns += 1
            try server.reload(list(turns))
            poll(nil, 0, 200)
        }
        try caller.finish()
        _ = gateways.a.address
        try server.reload(list(1))
        var last: [Int] = []
        let isZero = try until {
            last = try loads(server)
            return last == [0, 0, 0]
        }
        #expect(isZero, "\(last)")
        let log = server.base.server.log
        #expect(!log.contains("no destination"))
        #expect(turns > seconds)
        print(
            "\(calls) calls, \(rate) a second, on two workers by algorithm 10, \(turns) reloads beside them: none failed, loads at the end \(last)"
        )
    }

    private struct Gateways: ~Copyable {
        let a: Sipp
        let b: Sipp
        let c: Sipp
    }
}
