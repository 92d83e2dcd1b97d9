import Glibc
import Testing

/// apusctl with the real server, through the control socket and through a FIFO.
@Suite struct ApusctlServerTests {
    /// A server that answers everything 200, with both ways in.
    private func server(_ folder: borrowing TemporaryFolder, workers: Int = 2) throws -> Server {
        let path = folder.path
        return try Server { port in
            """
            children=\(workers)
            listen=udp:127.0.0.1:\(port)
            alias="apusctl.test"
            fifo="\(path)/fifo"
            fifo_dir="\(path)/"
            loadmodule "ctl.so"
            loadmodule "sl.so"
            loadmodule "tm.so"
            modparam("ctl", "binrpc", "unixs:\(path)/ctl")
            request_route { sl_send_reply("200", "OK"); exit; }

            """
        }
    }

    private func control(_ folder: borrowing TemporaryFolder, _ arguments: String...) throws -> ToolResult {
        try Apusctl.run(["-s", folder.path + "/ctl"] + arguments, folder: folder)
    }

    private func fifo(_ folder: borrowing TemporaryFolder, _ arguments: String...) throws -> ToolResult {
        try Apusctl.run(
            ["--fifo", folder.path + "/fifo"] + arguments, folder: folder, environment: ["FIFO_REPLY_DIR": folder.path])
    }

    /// Its rows are the threads that the kernel knows.
    private func expectThreads(_ result: ToolResult, _ pid: pid_t, _ port: UInt16) throws {
        #expect(result.status == .exited(0), "\(result.errors)")
        let rows = result.output.split(separator: "\n").map { $0.split(separator: "\t").map { String($0) } }
        try #require(rows.count > 3 && rows.allSatisfy { $0.count == 3 }, "\(result.output)")
        #expect(rows.map { $0[0] } == (0..<rows.count).map { "\($0)" })
        #expect(rows[0][1...] == ["\(pid)", "attendant"])
        #expect(rows[1][2] == "receiver child=0 sock=0 @ 127.0.0.1::\(port)")
        #expect(rows[2][2] == "receiver child=1 sock=0 @ 127.0.0.1::\(port)")
        let threads = Set(Products.names(in: "/proc/\(pid)/task"))
        for row in rows { #expect(threads.contains(row[1]), "\(row)") }
    }

    @Test func theControlSocketTellsAllThereIs() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let (pid, port) = (server.pid, server.port)
        try expectThreads(try control(folder, "ps"), pid, port)
        #expect(try control(folder, "psa").output.hasPrefix("index  pid"))
        #expect(try control(folder, "version").output.lowercased().hasPrefix("server: apus "))
        let uptime = try control(folder, "uptime").output
        #expect(uptime.hasPrefix("Now: ") && uptime.contains("\nUp Since: ") && uptime.hasSuffix(" [sec]\n"))
        #expect(try control(folder, "srv", "sockets").output == "udp:127.0.0.1:\(port)\n")
        #expect(try control(folder, "srv", "aliases").output.contains(":apusctl.test:"))
        #expect(try control(folder, "srv", "rpclist").output.contains("core.echo\n"))
        #expect(try control(folder, "rpc", "core.echo", "1", "two", "s:3").output == "1\ntwo\n3\n")
        #expect(try control(folder, "rpc", "--json", "core.echo", "-7", "a \"b\"").output == #"[-7,"a \"b\""]"# + "\n")
        let unknown = try control(folder, "rpc", "core.eco")
        #expect(unknown.status == .exited(1))
        #expect(unknown.errors == "apusctl: 404 there is no command core.eco; did you mean `core.echo`?\n")
        #expect(try control(folder, "__complete", "rpc", "core.ec").output.contains("core.echo\n"))
    }

    @Test func theMonitorShowsTraffic() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let client = try UDPClient()
        for index in 1...3 {
            let request = SIPText.request("OPTIONS", "sip:\(server.address)", from: client.address, id: "m\(index)")
            let answer = try client.exchange(request, with: server.port)
            #expect(answer.statusCode == 200)
        }
        for result in [try control(folder, "moni", "1"), try fifo(folder, "moni", "1")] {
            #expect(result.status == .exited(0), "\(result.errors)")
            #expect(
                result.output.lowercased().hasPrefix(
                    "[cycle #: 1; if constant make sure server lives and fifo is on]\nserver: apus "))
            #expect(result.output.contains("\n\nTransaction Statistics\nCurrent: 0 (0 waiting) Total: 0 (0 local)\n"))
            #expect(result.output.contains("\nStateless Server Statistics\n200: 3 202: 0 2xx: "))
        }
        #expect(try control(folder, "--json", "moni", "1").output.contains(#""200":3,"#))
    }

    /// What somebody who looks for a fault wants, and nothing that is nobody's business.
    @Test func theReportHasWhatABugReportNeeds() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let report = try control(folder, "report")
        #expect(report.status == .exited(0), "\(report.errors)")
        for text in [
            "== server\nversion: apus ", "== system\nLinux ", "== config check\nfile: /", "config ok\n",
            "== modules\nctl sl tm mi_fifo\n",
            "== sockets\nudp:127.0.0.1:\(server.port)\n", "== aliases\n", "== threads\n0\t\(server.pid)\tattendant\n",
            "it comes with loadmodule \"kex.so\"", "== memory\ntotal: ", "== scripts\nversion: 1, ",
        ] {
            #expect(report.output.contains(text), "\(text)\n\(report.output)")
        }
        let path = folder.path + "/secret.cfg"
        try folder.write(
            "secret.cfg",
            "loadmodule \"tm.so\"\nmodparam(\"tm\", \"fr_timer\", \"pa55word\")\nmodparam(\"tm\", \"no_such\", \"mysql://joe:pa55word@h/d\")\n"
                + "request_route { drop; }\n")
        let secret = try control(folder, "report", path)
        #expect(
            secret.output.contains("secret.cfg:3:16: error: module `tm` has no parameter `no_such`"), "\(secret.output)"
        )
        #expect(!secret.output.contains("pa55word") && !secret.output.contains("joe"))
        let json = try control(folder, "--json", "report").output
        #expect(json.hasPrefix(#"{"server":["version: apus "#) && json.contains(#""sockets":["udp:127.0.0.1:"#))
        #expect(server.status == nil)
    }

    @Test func aReportNeedsNoServer() throws {
        let folder = try TemporaryFolder()
        try folder.write("some.cfg", "request_route { drop; }\n")
        let report = try control(folder, "report", folder.path + "/some.cfg")
        #expect(report.status == .exited(0), "\(report.errors)")
        #expect(report.output.hasPrefix("== server\nthe server cannot be reached; is it running?\n"))
        #expect(report.output.contains("== config check\nfile: ") && !report.output.contains("== modules"))
    }

    @Test func theFIFOTellsTheSame() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let (pid, port) = (server.pid, server.port)
        try expectThreads(try fifo(folder, "ps"), pid, port)
        #expect(try fifo(folder, "version").output.hasPrefix("Server: Apus ("))
        #expect(try fifo(folder, "uptime").output.hasSuffix(" [sec]\n"))
        #expect(try fifo(folder, "fifo", "which").output.contains("uptime\n"))
        let unknown = try fifo(folder, "fifo", "nope")
        #expect(unknown.status == .exited(1))
        #expect(unknown.output == "500 command 'nope' not available\n")
        let structured = try fifo(folder, "srv", "sockets")
        #expect(structured.status == .exited(1))
        #expect(structured.errors.contains("needs the control socket"))
        #expect(Products.names(in: folder.path).filter { $0.hasPrefix("apusctl-") } == [])
    }

    @Test func pingEndsAsTheOtherSideAnswers() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let other = try Server { port in
            "children=1\nlisten=udp:127.0.0.1:\(port)\nloadmodule \"sl.so\"\n"
                + "request_route { if (method==\"NOTIFY\" && $hdr(Event)==\"check-sync\") { sl_send_reply(\"202\", \"Soon\"); } "
                + "else if ($rU==\"alice\") { sl_send_reply(\"200\", \"Here\"); } else { sl_send_reply(\"404\", \"Nobody\"); } }\n"
        }
        let port = other.port
        let alice = "sip:alice@127.0.0.1:\(port)"
        for result in [try control(folder, "ping", alice), try fifo(folder, "ping", alice)] {
            #expect(result.output == "200 Here\n", "\(result.errors)")
            #expect(result.status == .exited(0))
        }
        let nobody = try control(folder, "ping", "sip:bob@127.0.0.1:\(port)")
        #expect(nobody.output == "404 Nobody\n")
        #expect(nobody.status == .exited(1))
        #expect(try control(folder, "cisco_restart", alice).output == "202 Soon\n")
        // Somebody who hears and says nothing.
        let deaf = try UDPClient()
        let silence = try control(folder, "--timeout", "0.5", "ping", "sip:a@127.0.0.1:\(deaf.address.port)")
        #expect(silence.status == .exited(3), "\(silence.output) \(silence.errors)")
        #expect(server.status == nil)
    }
}
