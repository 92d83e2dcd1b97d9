import Glibc
import Synchronization
import Testing

/// Gateways that answer probes, or do not.
@Suite struct DispatcherProbingTests {
    /// A gateway that answers every request with what it is told at the time; 0: nothing.
    private final class Gateway: Sendable {
        let address: Address
        let answer = Atomic<Int>(200)
        let asked = Atomic<Int>(0)
        private let isOver = Atomic<Bool>(false)
        private let last = Mutex("")
        private let callIDs = Mutex<Set<String>>([])

        /// Probes that came, repetitions not counted.
        var probes: Int { callIDs.withLock { $0.count } }

        /// The last request that came.
        var request: SIPText { SIPText(last.withLock { $0 }) }

        init() throws {
            let port = try Ports.free()
            address = Address("127.0.0.1", port)
            let ready = Atomic2()
            startThread { [self] in
                guard let socket = try? UDPClient(port: port) else { return }
                ready.flag.store(true, ordering: .releasing)
                while !isOver.load(ordering: .relaxed) {
                    guard let (bytes, from) = socket.datagram(within: .milliseconds(50)) else { continue }
                    let request = SIPText(String(decoding: bytes, as: UTF8.self))
                    last.withLock { $0 = request.text }
                    callIDs.withLock { _ = $0.insert(request.header("Call-ID") ?? "") }
                    asked.add(1, ordering: .relaxed)
                    let code = answer.load(ordering: .relaxed)
                    if code > 0 { try? socket.send(Array(request.response(code, "Test").utf8), to: from) }
                }
            }
            guard until({ ready.flag.load(ordering: .acquiring) }) else { throw HarnessError("no gateway") }
        }

        private final class Atomic2: Sendable {
            let flag = Atomic<Bool>(false)
        }

        func end() { isOver.store(true, ordering: .relaxed) }

        var count: Int { asked.load(ordering: .relaxed) }
    }

    private func server(_ list: String, _ parameters: [String], routes: String = "", script: String = "exit;") throws
        -> Dispatching
    {
        try Dispatching(
            list, parameters: ["flags=2", "ds_ping_interval=1", "ds_ping_fr_timeout=300"] + parameters,
            routes: "modparam(\"tm\", \"retr_timer1\", 100)\n" + routes, script: script)
    }

    private func wait(_ server: borrowing Dispatching, for flags: [String]) throws {
        var last: [String] = []
        let came = try until {
            last = try server.flags()
            return last == flags
        }
        if !came { throw HarnessError("\(last) instead of \(flags)\n\(server.base.server.log)") }
    }

    @Test func gatewaysDieAndComeBack() throws {
        let (one, two) = (try Gateway(), try Gateway())
        defer {
            one.end()
            two.end()
        }
        let server = try server(
            "1 sip:\(one.address)\n1 sip:\(two.address)\n",
            [
                "ds_probing_mode=1", "ds_probing_threshold=2", "ds_inactive_threshold=2",
                "ds_ping_from=sip:probe@here.test",
                "ds_ping_latency_stats=1",
            ],
            routes: """
                event_route[dispatcher:dst-down] { xerr("EVENT down $rm $ru $du $dsv(code) $dsv(reason) $dsv(flags) $dsv(uri) $dsv(setid) $dsv(group)\\n"); }
                event_route[dispatcher:dst-up] { xerr("EVENT up $rm $ru $dsv(code) $dsv(flags)\\n"); }
                """,
            script: Dispatching.steps([#"ds_select_dst("1", "8")| $du"#]))
        try wait(server, for: ["AP", "AP"])
        let probe = one.request
        #expect(probe.startLine == "OPTIONS sip:\(one.address) SIP/2.0")
        #expect(probe.header("From")?.hasPrefix("<sip:probe@here.test>;tag=") == true)
        #expect(probe.header("To") == "<sip:\(one.address)>")
        one.answer.store(503, ordering: .relaxed)
        try wait(server, for: ["TP", "AP"])
        #expect(try server.tell(id: "trying") == ["1 sip:\(one.address)"])
        try wait(server, for: ["IP", "AP"])
        #expect(try server.tell(id: "inactive") == ["1 sip:\(two.address)"])
        try server.base.server.waitForLog(
            "EVENT down OPTIONS sip:\(one.address) sip:\(one.address) 503 Test IP sip:\(one.address) 1 1")
        // One that is silent.
        two.answer.store(0, ordering: .relaxed)
        try wait(server, for: ["IP", "IP"])
        #expect(try server.tell(id: "none") == ["-1 <null>"])
        one.answer.store(200, ordering: .relaxed)
        try wait(server, for: ["AP", "IP"])
        try server.base.server.waitForLog("EVENT up OPTIONS sip:\(one.address) 200 AP")
        #expect(try server.tell(id: "back") == ["1 sip:\(one.address)"])
        let full = try server.base.door.call("dispatcher.list", "full").json
        #expect(full.contains(#""REASON":"no reply to a probe""#) && full.contains(#""REASON":"reply to a probe""#))
        let timeouts = full.split(separator: #""TIMEOUT":"#).dropFirst().map { Int($0.prefix { $0.isNumber }) ?? -1 }
        #expect(timeouts.count == 2 && timeouts[0] == 0 && timeouts[1] >= 2, "\(timeouts)")
        #expect(server.base.server.status == nil)
    }

    /// While one is not answered, no other is sent.
    @Test func probesDoNotPileUp() throws {
        let silent = try Gateway()
        let other = try Gateway()
        defer {
            silent.end()
            other.end()
        }
        silent.answer.store(0, ordering: .relaxed)
        let server = try Dispatching(
            "1 sip:\(silent.address)\n1 sip:\(other.address)\n",
            parameters: ["ds_ping_interval=1", "ds_ping_fr_timeout=60000", "ds_probing_mode=1"],
            routes: "modparam(\"tm\", \"retr_timer1\", 100)", script: "exit;")
        #expect(until { other.probes >= 3 && silent.count >= 3 })
        #expect(silent.probes == 1)
        #expect(try server.flags() == ["AX", "AP"])
    }

    /// What the answer says of a destination that is gone, or has another URI now, concerns nobody.
    @Test func answersAfterAReload() throws {
        let (moved, gone, stays) = (try Gateway(), try Gateway(), try Gateway())
        let all = [moved, gone, stays]
        defer { for gateway in all { gateway.end() } }
        for gateway in all { gateway.answer.store(0, ordering: .relaxed) }
        let server = try Dispatching(
            "1 sip:\(moved.address) 0 0 duid=a\n1 sip:\(gone.address)\n1 sip:\(stays.address)\n",
            parameters: ["ds_ping_interval=1", "ds_ping_fr_timeout=3000", "ds_probing_mode=1"],
            routes: "modparam(\"tm\", \"retr_timer1\", 100)", script: "exit;")
        #expect(until { all.allSatisfy { $0.probes == 1 } })
        let other = try Gateway()
        defer { other.end() }
        try server.reload("1 sip:\(other.address) 0 0 duid=a\n1 sip:\(stays.address)\n")
        try wait(server, for: ["AP", "IP"])
        #expect(until { other.probes >= 1 })
        let log = server.base.server.log
        #expect(log.contains("destination sip:\(stays.address) of set 1 is down"))
        #expect(!log.contains("destination sip:\(moved.address)") && !log.contains("destination sip:\(gone.address)"))
    }

    /// Probes leave by the socket and go through the proxy that their destination names; others by those of the parameters.
    @Test func waysOfProbes() throws {
        let own = try Gateway()
        let common = try Gateway()
        defer {
            own.end()
            common.end()
        }
        let ports = (probes: try Ports.free(), own: try Ports.free(), sending: try Ports.free())
        let server = try server(
            "1 sip:gw.invalid:7001 8 9 obproxy=sip:\(own.address);ping_socket=udp:127.0.0.1:\(ports.own);socket=udp:127.0.0.1:\(ports.sending);ping_from=sip:me@own.test\n"
                + "1 sip:gw.invalid:7002 8\n",
            [
                "outbound_proxy=sip:\(common.address)", "ds_ping_socket=udp:127.0.0.1:\(ports.probes)",
                "ds_probing_mode=1", "ds_dns_mode=0",
            ],
            routes:
                "listen=udp:127.0.0.1:\(ports.probes)\nlisten=udp:127.0.0.1:\(ports.own)\nlisten=udp:127.0.0.1:\(ports.sending)"
        )
        try wait(server, for: ["AP", "AP"])
        #expect(until { own.count > 0 && common.count > 0 })
        #expect(own.request.startLine == "OPTIONS sip:gw.invalid:7001 SIP/2.0")
        #expect(own.request.header("Via")?.contains("127.0.0.1:\(ports.own);") == true)
        #expect(own.request.header("From")?.hasPrefix("<sip:me@own.test>") == true)
        #expect(common.request.startLine == "OPTIONS sip:gw.invalid:7002 SIP/2.0")
        #expect(common.request.header("Via")?.contains("127.0.0.1:\(ports.probes);") == true)
    }

    /// Which destinations are asked at all.
    @Test(arguments: [0, 1, 2, 3]) func modes(mode: Int) throws {
        let gateways = try (0..<5).map { _ in try Gateway() }
        defer { for gateway in gateways { gateway.end() } }
        // Flagged, not flagged, inactive and flagged, disabled, never.
        let flags = [8, 0, 9, 12, 32]
        let list = zip(gateways, flags).map { "1 sip:\($0.address) \($1)\n" }.joined()
        let server = try server(list, ["ds_probing_mode=\(mode)"])
        let expected = [
            ["AX", "AX", "AX", "DP", "AN"], ["AP", "AP", "AP", "DP", "AN"], ["AP", "AX", "AX", "DP", "AN"],
            ["AP", "AX", "AP", "DP", "AN"],
        ][mode]
        try wait(server, for: expected)
        let asked = [[true, false, true], [true, true, true], [false, false, true], [true, false, true]][mode]
        for (index, isAsked) in asked.enumerated() { #expect((gateways[index].count > 0) == isAsked, "\(index)") }
        #expect(gateways[3].count == 0 && gateways[4].count == 0)
    }

    @Test func furtherGoodAnswersChangeWhileRunning() throws {
        let gateway = try Gateway()
        defer { gateway.end() }
        gateway.answer.store(404, ordering: .relaxed)
        let server = try server(
            "1 sip:\(gateway.address)\n",
            ["ds_probing_mode=1", "ds_ping_reply_codes=code=404;class=3", "ds_ping_method=INFO"])
        try wait(server, for: ["AP"])
        #expect(gateway.request.method == "INFO")
        try server.base.door.expect("cfg.set", ["dispatcher", "ds_ping_reply_codes", "class=3"], is: "null")
        try wait(server, for: ["IP"])
        gateway.answer.store(302, ordering: .relaxed)
        try wait(server, for: ["AP"])
        try server.base.door.expect("cfg.set", ["dispatcher", "ds_probing_threshold", "1000"], is: "null")
        gateway.answer.store(500, ordering: .relaxed)
        try wait(server, for: ["TP"])
        // Nobody asks while it is switched off, be it for longer than an interval.
        _ = try server.base.door.call("dispatcher.ping_active", "0")
        poll(nil, 0, 500)
        gateway.answer.store(302, ordering: .relaxed)
        let asked = gateway.count
        poll(nil, 0, 1500)
        #expect(try gateway.count == asked && server.flags() == ["TP"])
        _ = try server.base.door.call("dispatcher.ping_active", "1")
        try wait(server, for: ["AP"])
        try server.base.door.expect("dispatcher.set_state", ["d", "1", "all"], is: #""Ok. Dispatcher state updated.""#)
        #expect(try server.flags() == ["DX"])
    }

    /// Requests of scripts fail, too; what happens by command is told nobody.
    @Test func eventsOfScripts() throws {
        func events(_ mode: Int) throws -> [String] {
            let server = try Dispatching(
                "7 sip:127.0.0.1:7001\n", parameters: ["flags=2", "event_callback_mode=\(mode)"],
                routes: """
                    event_route[dispatcher:ds-down] { xerr("EVENT down $dsv(uri) $dsv(group) $dsv(flags)\\n"); }
                    event_route[dispatcher:dst-up] { xerr("EVENT up $dsv(uri) $dsv(flags)\\n"); }
                    """,
                script: Dispatching.steps([
                    #"ds_select_dst("7", "8"); ds_mark_dst("i")| $dsv(uri)"#, #"ds_mark_dst("a")| -"#,
                ]))
            #expect(try server.tell(id: "mark") == ["1 <null>", "1 -"])
            _ = try server.base.door.call("dispatcher.set_state", "i", "7", "all")
            _ = try server.base.door.call("dispatcher.set_state", "a", "7", "all")
            if mode == 2 {
                try server.reload("7 sip:127.0.0.1:7001 4\n7 sip:127.0.0.1:7002 8\n")
                try server.base.server.waitForLog("EVENT up sip:127.0.0.1:7002")
            }
            return server.base.server.log.split(separator: "\n").compactMap { line in
                line.range(of: "EVENT ").map { String(line[$0.upperBound...]) }
            }
        }
        let script = ["down sip:127.0.0.1:7001 7 IX", "up sip:127.0.0.1:7001 AX"]
        #expect(try events(0) == script)
        #expect(try events(1) == [])
        let all = try events(2)
        #expect(all.first == "up sip:127.0.0.1:7001 AX" && all.dropFirst().starts(with: script))
        #expect(Set(all.suffix(2)) == ["down sip:127.0.0.1:7001 7 DX", "up sip:127.0.0.1:7002 AP"])
    }
}

extension StringProtocol {
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
