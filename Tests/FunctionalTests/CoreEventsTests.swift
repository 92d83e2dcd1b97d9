import Testing

@Suite struct CoreEventsTests {
    /// In the order of the start; what they set is seen by messages.
    @Test func scriptsRunAtTheStart() throws {
        let probe = try Probe(
            ["sl", "pv", "xlog", "cfgutils"], arguments: ["-n", "3"],
            globals: """
                event_route[core:modinit-before] { $shv(early) = $shv(early) + 1; }
                event_route[core:worker-one-init] {
                    usleep("20000");
                    $shv(first) = $shv(first) + 1;
                    xlog("L_ERR", "worker one: $rm $ru after $shv(early)\\n");
                }
                """,
            script: #"sl_send_reply("200", "$shv(early) $shv(first)");"#)
        let reply = try probe.ask(probe.request(id: "start"))
        #expect(reply.reason == "1 1")
        try probe.server.waitForLog("worker one: OPTIONS sip:you@localhost after 1")
    }

    @Test func aDropStopsTheStart() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let file = try folder.write(
            "apus.cfg",
            """
            listen=udp:127.0.0.1:\(port)
            event_route[core:worker-one-init] { drop; }
            request_route { exit; }

            """)
        let result = try run(Products.path("apus"), ["-f", file, "-DD", "-E"], folder: folder.path)
        #expect(!result.succeeded)
        #expect((result.output + result.errors).contains("the script's core:worker-one-init stops the start"))
    }

    /// received_route_mode: bytes may be others before they are parsed, or none.
    @Test(arguments: [0, 1]) func bytesAreSeenBeforeTheyAreParsed(mode: Int) throws {
        let probe = try Probe(
            ["sl", "pv", "xlog"],
            globals: """
                received_route_mode=\(mode)
                event_route[core:msg-received] {
                    if ($rcv(buf) =~ "X-Drop") drop;
                    $rcv(buf) = $(rcv(buf){s.replace,X-Mark: no,X-Mark: seen});
                }
                """,
            script: #"sl_send_reply("200", "$hdr(X-Mark)");"#)
        let reply = try probe.ask(probe.request(id: "raw", headers: ["X-Mark: no"]))
        #expect(reply.reason == (mode == 1 ? "seen" : "no"))
        try probe.client.send(probe.request(id: "drop", headers: ["X-Drop: x"]), to: probe.server.port)
        let other = probe.client.datagram(within: mode == 1 ? .milliseconds(200) : .seconds(5))
        #expect((other == nil) == (mode == 1))
    }

    /// The block sees what could be read of it; the answer is the server's.
    @Test func whatCannotBeReadIsShown() throws {
        let probe = try Probe(
            ["sl", "pv", "xlog"],
            globals: """
                event_route[core:receive-parse-error] {
                    xlog("L_ERR", "unreadable from $si: $ml bytes\\n");
                    if ($mb =~ "X-Silent") drop;
                }
                """,
            script: #"sl_send_reply("200", "OK");"#)
        for header in ["X-Loud: x", "X-Silent: x"] {
            let request = probe.request(id: "broken", headers: [header])
                .replacing("CSeq: 1 OPTIONS", with: "CSeq: 1 INVITE")
            let reply = try probe.ask(request)
            #expect(reply.statusCode == 400)
            try probe.server.waitForLog("unreadable from 127.0.0.1: \(request.utf8.count) bytes")
        }
        let refusals = probe.server.log.split(separator: "\n").filter { $0.contains("a message is refused") }
        #expect(refusals.count == 1)
    }

    @Test func whatCannotWaitIsToldOf() throws {
        let said = try Server.check(
            """
            loadmodule "cfgutils.so"
            event_route[core:msg-received] { sleep("1"); }
            event_route[core:modinit-before] { is_gflag("1"); }
            request_route { exit; }

            """)
        #expect(!said.succeeded)
        #expect(said.output.contains("`sleep` may wait, which nothing can in `event_route[core:msg-received]`"))
        #expect(said.output.contains("module cfgutils is not started yet"))
    }
}
