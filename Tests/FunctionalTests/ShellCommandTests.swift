import Glibc
import Testing

/// The core's `exec`.
@Suite struct ShellCommandTests {
    @Test func theScriptWaitsForTheCommandAndOthersDoNot() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            children=1
            loadmodule "sl.so"
            loadmodule "xlog.so"
            request_route {
                if ($rU == "slow") {
                    exec("while [ ! -e \(path)/go ]; do sleep 0.05; done; echo done > \(path)/result");
                    xlog("L_ERR", "behind it: $rc\\n");
                }
                if ($rU == "wrong") {
                    exec("exit 3");
                    exec("kill -9 $$");
                }
                sl_send_reply("200", "OK");
            }
            """
        }
        let slow = try UDPClient()
        try slow.send(
            SIPText.request("MESSAGE", "sip:slow@\(server.address)", from: slow.address, id: "slow"), to: server.port)
        // The one worker answers others meanwhile.
        let client = try UDPClient()
        for id in ["a", "b"] {
            let reply = try client.exchange(
                SIPText.request("MESSAGE", "sip:x@\(server.address)", from: client.address, id: id), with: server.port)
            #expect(reply.statusCode == 200)
        }
        #expect(folder.read("result") == nil && !server.log.contains("behind it"))
        try folder.write("go", "")
        while true {
            let reply = try slow.receive(within: .seconds(20)).message
            if reply.statusCode == 200 { break }
        }
        #expect(folder.read("result") == "done\n")
        let wrong = try client.exchange(
            SIPText.request("MESSAGE", "sip:wrong@\(server.address)", from: client.address, id: "w"),
            with: server.port)
        #expect(wrong.statusCode == 200)
        try server.waitForLog("NOTICE: exec() returned 768: exit 3")
        try server.waitForLog("NOTICE: exec() returned 9: kill -9 $$")
        #expect(server.stop() == .exited(0))
    }

    @Test func theCommandHasNothingOfTheServers() throws {
        let folder = try TemporaryFolder()
        let probe = try Probe(
            ["sl"],
            script: """
                exec("ls /proc/self/fd > \(folder.path)/files; grep -E 'SigBlk|SigIgn' /proc/self/status > \(folder.path)/signals");
                sl_send_reply("200", "OK");
                """)
        _ = try probe.ask(probe.request(id: "bare"))
        // The fourth is the folder that ls reads.
        #expect(folder.read("files") == "0\n1\n2\n3\n")
        let signals = folder.read("signals")?.split(separator: "\n") ?? []
        // Of the C library's own, 32 and 33, it says nothing.
        let masks = signals.compactMap { $0.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) } }
        #expect(masks.count == 2 && masks.allSatisfy { $0 & 0x7fff_ffff == 0 })
    }

    @Test func aCommandThatHangsDoesNotKeepTheServerFromItsEnd() throws {
        let folder = try TemporaryFolder()
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            drain_time=0
            request_route { exec("echo $$ > \(folder.path)/pid; exec sleep 30"); }
            """
        }
        let client = try UDPClient()
        try client.send(SIPText.request("MESSAGE", "sip:x@a", from: client.address, id: "hangs"), to: server.port)
        let runs = until { folder.read("pid")?.hasSuffix("\n") == true }
        #expect(runs)
        #expect(server.stop(within: .seconds(20)) == .exited(0))
        if let pid = folder.read("pid").flatMap({ Int32($0.dropLast()) }) { kill(pid, SIGKILL) }
    }

    @Test func itCannotStandWhereNothingWaits() throws {
        let result = try Server.check("request_route { exec(\"ls\"); forward(); }\nonsend_route { exec(\"ls\"); }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains("2:16: error: `exec` may not be called in `onsend_route`"))
        #expect(result.output.contains("1:17: warning: `exec` does not tell what the command answers"))
    }
}
