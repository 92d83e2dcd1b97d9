import Glibc
import Testing

/// t_write_req and t_write_unix: programs beside the server that answer requests.
@Suite struct TmApplicationsTests {
    private func probe(_ write: String, globals: String = "") throws -> Probe {
        try Probe(
            ["tm", "sl", "xlog", "pv"],
            globals: globals + """

                failure_route[late] { xerr("late: $rm\\n"); t_reply("480", "Nobody There"); }

                """,
            script: """
                if (method == "ACK") exit;
                if ($rU == "other") { sl_send_reply("200", "OK"); exit; }
                t_newtran();
                setflag(4);
                setflag(1);
                $avp(who) = "alice\\nInjected: 1";
                $avp(i:7) = 42;
                t_on_failure("late");
                if (\(write)) { xerr("written\\n"); exit; }
                t_reply("503", "Not Written");
                """)
    }

    private let sets = #"""
        modparam("tm", "tw_append", "params: avp[who]; number = avp[i:7] ;hdr[Subject];none=hdr[X-None]")
        modparam("tm", "tw_append", "withbody:text=msg[body]")
        """#

    @Test func aRequestIsDescribedOnAFIFO() throws {
        let folder = try TemporaryFolder()
        let fifo = try FIFO(folder.path + "/fifo")
        let probe = try probe(#"t_write_req("\#(fifo.path)", "voicemail/params")"#, globals: sets)
        let request = probe.request(
            "INVITE", id: "described",
            headers: [
                "Record-Route: <sip:192.0.2.1;lr>, \"P\" <sip:192.0.2.2:5070;lr>", "Record-Route: <sip:192.0.2.3;lr>",
                "Subject: one\r\n  line", "Content-Type: text/plain",
            ], body: "v=0\no=- 1\n")
        try probe.client.send(request, to: probe.server.port)
        let text = try fifo.read(until: "v=0\no=- 1\n\n")
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
        let identity = lines.remove(at: 15).split(separator: ":").map { UInt32($0) }
        #expect(identity.count == 2 && !identity.contains(nil))
        let port = "\(probe.server.port)"
        #expect(
            lines == [
                "0.3", "sip_request.voicemail", "INVITE", "alice", "127.0.0.1", "127.0.0.1", port,
                "sip:alice@127.0.0.1:\(port)", "sip:tester@\(probe.client.address)",
                "<sip:tester@\(probe.client.address)>;tag=from-described", "<sip:alice@127.0.0.1:\(port)>",
                "described@tests", "from-described", "", "1",
                "<sip:192.0.2.1;lr>,<sip:192.0.2.2:5070;lr>,<sip:192.0.2.3;lr>", "sip:192.0.2.1;lr",
                "P-MsgFlags: 12", "who: alice Injected: 1", "number: 42", "Subject: one   line", ".", "v=0", "o=- 1",
                "", "",
            ])
        try probe.server.waitForLog("written")
    }

    @Test func aRequestWithoutAnyOfItHasDots() throws {
        let folder = try TemporaryFolder()
        let fifo = try FIFO(folder.path + "/fifo")
        let probe = try probe(#"t_write_req("\#(fifo.path)", "$rU")"#)
        // A first hop without lr routes strictly: it is the next Request-URI, and the caller the last of the route.
        let request = probe.request(
            "MESSAGE", user: "app", id: "dots",
            headers: ["Record-Route: <sip:192.0.2.1>,<sip:192.0.2.2;lr>", "Content-Type: text/plain"], body: "hidden")
        let caller = "sip:tester@\(probe.client.address)"
        try probe.client.send(request, to: probe.server.port)
        let lines = try fifo.read(until: ".\n.\n").split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines[1] == "sip_request.app")
        #expect(lines[8] == "sip:192.0.2.1")
        #expect(lines[16...] == ["<sip:192.0.2.2;lr>,<\(caller)>", ".", "P-MsgFlags: 12", ".", ".", ""])
    }

    @Test func theBodyCanBeAskedFor() throws {
        let folder = try TemporaryFolder()
        let fifo = try FIFO(folder.path + "/fifo")
        let probe = try probe(#"t_write_req("\#(fifo.path)", "im/withbody")"#, globals: sets)
        let request = probe.request("MESSAGE", id: "body", headers: ["Content-Type: text/plain"], body: "hello")
        try probe.client.send(request, to: probe.server.port)
        let text = try fifo.read(until: "hello\n")
        #expect(text.hasSuffix("\nP-MsgFlags: 12\n.\nhello\n"))
        #expect(!text.contains("text:"))
    }

    /// A part of it in the FIFO would spoil the next one.
    @Test func whatIsNotWrittenAsAWholeIsNotWritten() throws {
        let folder = try TemporaryFolder()
        let fifo = try FIFO(folder.path + "/fifo")
        let probe = try probe(#"t_write_req("\#(fifo.path)", "im/withbody")"#, globals: sets)
        let long = probe.request(
            "MESSAGE", id: "long", headers: ["Content-Type: text/plain"], body: String(repeating: "l", count: 4096))
        #expect(try probe.ask(long).startLine == "SIP/2.0 503 Not Written")
        let short = probe.request("MESSAGE", id: "short", headers: ["Content-Type: text/plain"], body: "hello")
        try probe.client.send(short, to: probe.server.port)
        let text = try fifo.read(until: "hello\n")
        #expect(text.contains("short@tests") && !text.contains("long@tests"))
    }

    @Test func theApplicationAnswersByACommand() throws {
        let folder = try TemporaryFolder()
        let fifo = try FIFO(folder.path + "/fifo")
        let door = try RPCDoor.config(folder.path)
        let probe = try probe(#"t_write_req("\#(fifo.path)", "answers")"#, globals: door)
        try probe.client.send(probe.request("INVITE", id: "answered"), to: probe.server.port)
        let lines = try fifo.read(until: ".\n.\n").split(separator: "\n", omittingEmptySubsequences: false)
        let answer = try RPCDoor(folder.path).call(
            "tm.reply", "200", "Answered", String(lines[15]), "app-tag", "X-App: yes")
        #expect(answer.code == 200, "\(answer.json)")
        let reply = try probe.client.receive().message
        #expect(reply.startLine == "SIP/2.0 200 Answered")
        #expect(reply.header("X-App") == "yes")
        #expect(reply.header("To")?.hasSuffix(";tag=app-tag") == true)
    }

    @Test func theTransactionWaitsForTheApplicationNoLongerThanItsTimer() throws {
        let folder = try TemporaryFolder()
        let fifo = try FIFO(folder.path + "/fifo")
        let probe = try probe(
            #"t_write_req("\#(fifo.path)", "silent")"#, globals: #"modparam("tm", "fr_timer", "300ms")"# + "\n")
        let reply = try probe.ask(probe.request("INVITE", id: "waits"))
        #expect(reply.startLine == "SIP/2.0 480 Nobody There")
        try probe.server.waitForLog("late: INVITE")
        _ = try fifo.read(until: ".\n.\n")
    }

    @Test func withoutAReaderNothingIsWritten() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write("file", "untouched")
        mkfifo(folder.path + "/nobody", 0o600)
        let path = "\(folder.path)/$rU"
        let probe = try probe(
            """
            ($rm == "OPTIONS" && t_write_req("\(path)", "x")) || ($rm == "INFO" && t_write_unix("\(path)", "x"))
            """)
        for method in ["OPTIONS", "INFO"] {
            for name in ["nobody", "nothing", "file"] {
                let reply = try probe.ask(probe.request(method, user: name, id: method + name))
                #expect(reply.startLine == "SIP/2.0 503 Not Written", "\(method) \(name)")
            }
        }
        #expect(readText(file) == "untouched")
    }

    @Test func withoutATransactionThereIsNothingToWrite() throws {
        let codes = try Probe.codes(["tm"], [#"t_write_req("/nowhere", "x")"#, #"t_write_unix("/nowhere", "x")"#])
        #expect(codes == [-1, -1])
    }

    @Test func whatIsTooLongIsRefused() throws {
        let folder = try TemporaryFolder()
        let fifo = try FIFO(folder.path + "/fifo")
        let long = String(repeating: "n", count: 117)
        let probe = try probe(
            #"($rU == "name" && t_write_req("\#(fifo.path)", "\#(long)")) || ($rU != "name" && t_write_req("\#(fifo.path)", "a/params"))"#,
            globals: sets)
        let route = "<sip:\(String(repeating: "r", count: 120)).example.com;lr>"
        let routes = Array(repeating: "Record-Route: " + route, count: 4)
        let subject = "Subject: " + String(repeating: "s", count: 4096)
        for (user, headers) in [("name", []), ("route", routes), ("lines", [subject])] {
            let reply = try probe.ask(probe.request(user: user, id: user, headers: headers))
            #expect(reply.startLine == "SIP/2.0 503 Not Written", "\(user)")
        }
        try probe.client.send(
            probe.request(user: "fits", id: "fits", headers: Array(routes[..<3])), to: probe.server.port)
        let text = try fifo.read(until: ".\n.\n")
        #expect(text.contains("fits@tests") && !text.contains("lines@tests"))
    }

    @Test func aRequestIsDescribedInADatagram() throws {
        let folder = try TemporaryFolder()
        let reader = try UnixReader(folder.path + "/socket")
        let probe = try probe(#"t_write_unix("\#(reader.path)", "im/params")"#, globals: sets)
        try probe.client.send(
            probe.request("INVITE", id: "unix", headers: ["Content-Type: text/plain"], body: "hello"),
            to: probe.server.port)
        let lines = try reader.datagram().split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 24)
        #expect(lines[...2] == ["0.3", "sip_request.im", "INVITE"])
        #expect(lines[16...] == [".", ".", "P-MsgFlags: 12", "who: alice Injected: 1", "number: 42", ".", "hello", ""])
        try probe.server.waitForLog("written")
    }

    @Test func aReaderThatIsBehindIsWaitedFor() throws {
        let folder = try TemporaryFolder()
        let reader = try UnixReader(folder.path + "/socket")
        let waiting = reader.fill()
        #expect(waiting > 0)
        let probe = try probe(
            #"t_write_unix("\#(reader.path)", "im")"#, globals: #"modparam("tm", "unix_tx_timeout", "20s")"# + "\n")
        try probe.client.send(probe.request(id: "behind"), to: probe.server.port)
        // The worker, which is the same for one Call-ID, goes on with others meanwhile.
        let other = SIPText.request(
            "INFO", "sip:other@\(probe.server.address)", from: probe.client.address, id: "behind", cseq: 2)
        let answer = try probe.ask(other)
        #expect(answer.statusCode == 200)
        #expect(!probe.server.log.contains("written"))
        for _ in 0..<waiting {
            let datagram = try reader.datagram()
            #expect(datagram.hasPrefix("full"))
        }
        let late = try reader.datagram()
        #expect(late.hasPrefix("0.3\nsip_request.im\nOPTIONS\n"))
        try probe.server.waitForLog("written")
    }

    @Test func aReaderThatStaysBehindIsGivenUp() throws {
        let folder = try TemporaryFolder()
        let reader = try UnixReader(folder.path + "/socket")
        let waiting = reader.fill()
        #expect(waiting > 0)
        let probe = try probe(
            #"t_write_unix("\#(reader.path)", "im")"#, globals: #"modparam("tm", "unix_tx_timeout", "200ms")"# + "\n")
        let reply = try probe.ask(probe.request(id: "stuck"))
        #expect(reply.startLine == "SIP/2.0 503 Not Written")
        try probe.server.waitForLog("does not read its socket")
    }

    @Test(arguments: [
        ("", nil), ("a: hdr[To]", nil), (" a : b = avp[$avp(x)] ; MSG[ body ]", nil),
        ("a", "column 2: a colon is missing"), (":avp[x]", "column 1: the name of the set is missing"),
        ("a:", "column 3: an element is missing"), ("a:avp[x];", "column 10: an element is missing"),
        ("a:avp x", "column 8: a bracket is missing"), ("a:avp[x", "column 6: the bracket is not closed"),
        ("a:avp[]", "column 6: there is nothing between the brackets"), ("a:avp[$ru]", "column 7: that is no AVP"),
        ("a:avp[i:x]", "column 7: that is no AVP"), ("a: foo[x]", "column 4: an element is avp"),
        ("a:t=foo[x]", "column 5: an element is avp"), ("a:msg[head]", "column 7: of the message only"),
        ("a:avp[x]hdr[y]", "column 9: a semicolon is missing"), ("a:hdr[x y]", "column 7: that is no name of a header"),
    ])
    func setsAreChecked(_ text: String, _ mistake: String?) throws {
        let result = try Server.check(
            "loadmodule \"tm.so\"\nmodparam(\"tm\", \"tw_append\", \"\(text)\")\nrequest_route { exit; }\n")
        #expect(result.succeeded == (mistake == nil), "\(result.output)")
        if let mistake { #expect(result.output.contains(mistake), "\(result.output)") }
    }

    @Test func aSetHasOneMeaning() throws {
        let twice = try Server.check(
            """
            loadmodule "tm.so"
            modparam("tm", "tw_append", "a: hdr[To]")
            modparam("tm", "tw_append", "A: hdr[From]")
            request_route { exit; }

            """)
        #expect(!twice.succeeded)
        #expect(twice.output.contains(#"there is a set "A" already"#))
        let unknown = try Server.check(
            "loadmodule \"tm.so\"\nrequest_route { t_write_req(\"/tmp/f\", \"app/b\"); }\n")
        #expect(!unknown.succeeded)
        #expect(unknown.output.contains(#"no tw_append names a set "b""#))
    }
}
