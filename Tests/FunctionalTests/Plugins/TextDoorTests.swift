import Glibc
import Testing

/// The FIFOs of SER and of OpenSER's management interface, and their kin for datagrams.
@Suite struct TextDoorTests {
    /// A server with both FIFOs and both sockets.
    private struct House: ~Copyable {
        let folder: TemporaryFolder
        let server: Server
        let callee: UDPClient
        let ser: FIFOClient
        let mi: FIFOClient

        init(globals: String = "", script: String = #"sl_send_reply("404", "Not here");"#) throws {
            let folder = try TemporaryFolder()
            let path = folder.path
            let server = try Server { port in
                """
                children=2
                listen=udp:127.0.0.1:\(port)
                fifo="\(path)/ser_fifo"
                fifo_dir="\(path)"
                unix_sock="\(path)/ser_sock"
                loadmodule "tm.so"
                loadmodule "sl.so"
                loadmodule "mi_fifo.so"
                loadmodule "mi_datagram.so"
                loadmodule "mi_rpc.so"
                modparam("mi_fifo", "fifo_name", "\(path)/mi_fifo")
                modparam("mi_datagram", "socket_name", "\(path)/mi_sock")
                modparam("tm", "fr_timer", "500ms")
                \(globals)
                request_route { \(script) }

                """
            }
            let ser = try FIFOClient("\(path)/ser_fifo", replies: path, name: "ser_reply")
            let mi = try FIFOClient("\(path)/mi_fifo", replies: path, name: "mi_reply")
            let callee = try UDPClient()
            self.server = server
            self.callee = callee
            self.folder = folder
            self.ser = ser
            self.mi = mi
        }

        var uri: String { "sip:callee@\(callee.address)" }
    }

    // MARK: - Replies

    @Test func repliesInSERsText() throws {
        let house = try House()
        let zero = """
            200 ok
            200: 0 202: 0 2xx: 0      
            300: 0 301: 0 302: 0 3xx: 0      
            400: 0 401: 0 403: 0 404: 0 407: 0 408: 0 483: 0 4xx: 0      
            500: 0 5xx: 0      
            6xx: 0      
            xxx: 0      
            failures: 0      

            """
        #expect(try house.ser.ask("sl_stats") == zero)
        let caller = try UDPClient()
        let request = SIPText.request("OPTIONS", "sip:x@\(house.server.address)", from: caller.address, id: "one")
        try caller.send(request, to: house.server.port)
        _ = try caller.receive()
        #expect(try house.ser.ask("SL_Stats") == zero.replacing("404: 0", with: "404: 1"))
        #expect(
            try house.ser.ask("t_stats")
                == """
                200 ok
                Current: 0 (0 waiting) Total: 0 (0 local)
                Replied localy: 0
                Completion status 6xx: 0, 5xx: 0, 4xx: 0, 3xx: 0,2xx: 0

                """)
        let hash = try house.ser.ask("t_hash").split(separator: "\n")
        #expect(hash.count == 2 + 65536)
        #expect(hash.prefix(3) == ["200 ok", "\tcurrent\ttotal", "0.\t0\t0"])
        #expect(try house.ser.ask("core.echo", "1", "two") == "200 ok\n1\ntwo\n")
        #expect(try house.ser.ask("nosuch") == "500 command 'nosuch' not available\n")
        #expect(
            try house.ser.ask("system.methodHelp")
                == "400 too few parameters (0/1); usage: system.methodHelp name:string\n")
        let uptime = try house.ser.ask("uptime").split(separator: "\n")
        #expect(uptime.count == 4 && uptime[0] == "200 ok" && uptime[1].hasPrefix("Now: "))
        #expect(uptime[2].hasPrefix("Up Since: ") && uptime[3].hasPrefix("Up time: ") && uptime[3].hasSuffix(" [sec]"))
        #expect(try house.ser.ask("version").hasPrefix("200 ok\nServer: Apus ("))
        #expect(try house.ser.ask("pwd") == "200 ok\n\(house.server.folder.path)\n")
        #expect(try house.ser.ask("arg").contains("\n-DD\n"))
        #expect(try house.ser.ask("print", "hello") == "200 ok\nhello\n")
        try house.ser.write(":print:\nnobody waits\n\n")
        try house.server.waitForLog("fifo: nobody waits")
        let names = try house.ser.ask("which").split(separator: "\n")
        for name in ["ps", "sl_stats", "t_uac_dlg", "tm.stats", "kill"] { #expect(names.contains(Substring(name))) }
        let threads = try house.ser.ask("ps").split(separator: "\n")
        #expect(threads.first == "200 ok" && threads.dropFirst().first == "0\t\(house.server.pid)\tattendant")
        #expect(threads.contains { $0.hasSuffix("\treceiver child=1 sock=0 @ 127.0.0.1::\(house.server.port)") })
        #expect(threads.contains { $0.hasSuffix("\tfifo server") })
    }

    /// Transactions in the lines of SER and of OpenSER: one that the script has answered and that waits for its end.
    @Test func transactionsAreCounted() throws {
        let house = try House(
            globals: #"modparam("tm", "wt_timer", "60s")"#, script: #"t_newtran(); t_reply("603", "Decline");"#)
        let caller = try UDPClient()
        let request = SIPText.request("OPTIONS", "sip:x@\(house.server.address)", from: caller.address, id: "one")
        let reply = try caller.exchange(request, with: house.server.port)
        #expect(reply.statusCode == 603)
        #expect(
            try house.ser.ask("t_stats")
                == """
                200 ok
                Current: 1 (1 waiting) Total: 1 (0 local)
                Replied localy: 1
                Completion status 6xx: 1, 5xx: 0, 4xx: 0, 3xx: 0,2xx: 0

                """)
        let lines = try house.ser.ask("t_hash").split(separator: "\n")
        #expect(lines.prefix(2) == ["200 ok", "\tcurrent\ttotal"])
        let buckets = lines.dropFirst(2)
        #expect(buckets.count == 65536)
        let taken = buckets.enumerated().filter { !$0.element.hasSuffix("\t0\t0") }
        #expect(taken.count == 1 && taken.first.map { $0.element == "\($0.offset).\t1\t1" } == true, "\(taken)")
        let others = try house.mi.ask("t_hash").split(separator: "\n").dropFirst()
        let same = others.enumerated().filter { !$0.element.hasSuffix(" Current=0 Total=0") }
        #expect(same.count == 1 && same.first?.element == "\(taken[0].offset) Current=1 Total=1", "\(same)")
    }

    @Test func repliesOfTheManagementInterface() throws {
        let house = try House()
        let statistics = try house.mi.ask("t_stats")
        #expect(statistics.hasPrefix("200 OK\ncurrent:: 0\nwaiting:: 0\ntotal:: 0\n"), "\(statistics)")
        #expect(try house.mi.ask("t_hash").hasPrefix("200 OK\n0 Current=0 Total=0\n1 Current=0 Total=0\n"))
        #expect(try house.mi.ask("core.echo", "name::1", "\"a \\\"b\\\"", "c\"") == "200 OK\n1\na \"b\"\\r\\nc\n")
        #expect(try house.mi.ask("sl_stats").hasPrefix("200 OK\n200:: 0\n202:: 0\n2xx:: 0\n"))
        #expect(try house.mi.ask("no_such") == "500 command 'no_such' not available\n")
        #expect(try house.mi.ask("t_uac_cancel", "x@y", "1") == "481 No such transaction\n")
        #expect(
            try house.mi.ask("t_reply", "200", "OK", "what", "tag", ".")
                == "400 Invalid transaction: index:label is wanted\n")
        #expect(try house.mi.ask("version").hasPrefix("200 OK\nServer:: Apus ("))
        let uptime = try house.mi.ask("uptime")
        #expect(uptime.hasPrefix("200 OK\nNow:: ") && uptime.contains("\nUp since:: ") && uptime.hasSuffix(" [sec]\n"))
        #expect(try house.mi.ask("ps").hasPrefix("200 OK\nProcess::  ID=0 PID=\(house.server.pid) Type=attendant\n"))
        #expect(try house.mi.ask("debug", "-1") == "200 OK\nDEBUG:: -1\n")
        #expect(try house.mi.ask("debug") == "200 OK\nDEBUG:: -1\n")
        #expect(try house.mi.ask("debug", "much") == "400 Bad parameter\n")
        #expect(try house.mi.ask("mi", "core.echo", "a", "b") == "200 OK\na\nb\n")
        #expect(try house.mi.ask("mi_dg", "core.echo", "a") == "200 OK\n200 OK\\na\\n\n")
        #expect(try house.mi.ask("mi", "nosuch") == "500 command 'nosuch' not available\n")
    }

    // MARK: - Requests of applications

    /// The example of SER's documentation, letter by letter but for the address.
    @Test func aMessageOfSERsDocumentation() throws {
        let house = try House()
        try house.ser.write(
            """
            :t_uac_from:ser_reply
            MESSAGE
            sip:sender@iptel.org
            \(house.uri)
            header:value
            foo:bar
            bznk:hjhjk
            p_header: p_value

            body body body
            yet body
            end of body
            .

            """)
        let message = try house.callee.receive().message
        #expect(message.startLine == "MESSAGE \(house.uri) SIP/2.0")
        #expect(message.header("From")?.hasPrefix("<sip:sender@iptel.org>;tag=") == true)
        #expect(message.header("To") == "<\(house.uri)>")
        #expect(message.header("foo") == "bar")
        #expect(message.header("p_header") == "p_value")
        #expect(message.header("Content-Type") == "text/plain")
        #expect(message.body == "body body body\r\nyet body\r\nend of body\r\n")
        try house.callee.send(message.response(202, "Accepted"), to: house.server.port)
        #expect(try house.ser.receive() == "202 Accepted\n")
        #expect(try house.ser.ask("t_stats").contains("Total: 1 (1 local)\n"))
        // Nobody answers.
        try house.ser.write(":t_uac_from:ser_reply\r\nOPTIONS\r\n\r\n\(house.uri)\r\nX: y\r\n\r\n.\r\n\r\n")
        #expect(try house.callee.receive().message.header("From")?.hasPrefix("<sip:foo@foo.bar>;tag=") == true)
        #expect(try house.ser.receive() == "408 Request Timeout\n")
    }

    @Test func whatIsMissingIsTold() throws {
        let house = try House()
        #expect(try house.ser.ask("t_uac_from") == "400 fifo_uac: method expected\n")
        #expect(try house.ser.ask("t_uac_from", "MESSAGE", "", "") == "400 fifo_uac: destination expected\n")
        // The request breaks off behind its method.
        try house.ser.write(":t_uac_from:ser_reply\nMESSAGE\n")
        #expect(try house.ser.receive() == "400 fifo_uac: from expected\n")
        // It cannot begin.
        try house.ser.write(":t_uac_from:ser_reply\nMESSAGE\n\nnobody\nX: y\n\nbody\n.\n\n")
        #expect(try house.ser.receive() == "400 Invalid RURI\n")
        try house.ser.write(":t_uac_from:ser_reply\nMESSAGE\n\nsip:a@b\nX: y\n")
        #expect(try house.ser.receive() == "400 fifo_uac: HFs expected\n")
        try house.ser.write(":t_uac_from:ser_reply\nMESSAGE\n\nsip:a@b\nX: y\n\nbody\n")
        #expect(try house.ser.receive() == "400 fifo_uac: body expected\n")
        try house.server.waitForLog("fifo")
        for (lines, fault) in [
            (["OPTIONS", "what", ".", "From: <sip:a@b>", "To: <sip:a@b>", ".", "."], "400 Invalid RURI\n"),
            (["OPTIONS", "sip:a@b", "what", "From: <sip:a@b>", "To: <sip:a@b>", ".", "."], "400 Invalid NEXTHOP\n"),
            (["OPTIONS", "sip:a@b", ".", "To: <sip:a@b>", ".", "."], "400 From missing\n"),
            (["OPTIONS", "sip:a@b", ".", "From: <sip:a@b>", ".", "."], "400 To missing\n"),
            (["OPTIONS", "sip:a@b", ".", "nothing", ".", "."], "400 Bad headers\n"),
            (
                ["MESSAGE", "sip:a@b", ".", "From: <sip:a@b>", "To: <sip:a@b>", ".", "x", "."],
                "400 Content-Type missing\n"
            ),
            (
                ["OPTIONS", "sip:a@b", ".", "From: <sip:a@b>", "To: <sip:a@b>", "CSeq: 1 BYE", ".", "."],
                "400 CSeq method mismatch\n"
            ),
        ] {
            try house.ser.send("t_uac_dlg", lines)
            #expect(try house.ser.receive() == fault)
        }
    }

    /// Click to dial, as SER's ctd.sh does it: an INVITE without media, a REFER and a BYE in its dialog.
    @Test func clickToDial() throws {
        let house = try House()
        func headers(_ to: String, _ cseq: String) -> [String] {
            [
                "From: <sip:controller@foo.bar>;tag=fixed", "To: \(to)", "Call-ID: ctd@tests", "CSeq: \(cseq)",
                "Contact: <sip:caller@!!>",
            ]
        }
        let media = [
            "v=0", "o=click-to-dial 0 0 IN IP4 0.0.0.0", "s=session", "c=IN IP4 0.0.0.0", "t=0 0",
            "m=audio 9 RTP/AVP 0",
        ]
        try house.ser.send(
            "t_uac_dlg",
            ["INVITE", house.uri, "."] + headers("<\(house.uri)>", "1 INVITE") + ["Content-Type: application/sdp", "."]
                + media + ["."])
        let invite = try house.callee.receive().message
        #expect(invite.startLine == "INVITE \(house.uri) SIP/2.0")
        #expect(invite.header("Contact") == "<sip:caller@\(house.server.address)>")
        #expect(invite.header("Call-ID") == "ctd@tests")
        #expect(invite.body == media.map { $0 + "\r\n" }.joined())
        let contact = "sip:phone@\(house.callee.address)"
        try house.callee.send(
            invite.response(200, "OK", headers: ["Contact: <\(contact)>"]), to: house.server.port)
        let answer = try house.ser.receive().replacing("\r\n", with: "\n").split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(answer.prefix(4) == ["200 OK", Substring(contact), Substring(contact), "."])
        _ = try house.callee.receive("ACK")
        try #require(answer.count > 4)
        let to = try #require(answer.first { $0.hasPrefix("To: ") }).dropFirst(4).trimmingBlanks
        #expect(to.contains(";tag="))

        for method in ["REFER", "BYE"] {
            let cseq = method == "REFER" ? "2 REFER" : "3 BYE"
            let more =
                method == "REFER" ? ["Refer-To: sip:second@example.org", "Referred-By: sip:controller@foo.bar"] : []
            try house.ser.send("t_uac_dlg", [method, String(answer[1]), "."] + headers(to, cseq) + more + [".", "."])
            let request = try house.callee.receive(method)
            #expect(request.startLine == "\(method) \(contact) SIP/2.0")
            #expect(request.header("To") == to)
            #expect(request.header("CSeq") == cseq)
            try house.callee.send(request.response(method == "REFER" ? 202 : 200, "Fine"), to: house.server.port)
            #expect(try house.ser.receive().hasPrefix(method == "REFER" ? "202 Fine\n" : "200 Fine\n"))
        }
    }

    @Test func aDialogByTheManagementInterface() throws {
        let house = try House()
        try house.mi.write(
            ":t_uac_dlg:mi_reply\nOPTIONS\nruri::\(house.uri)\n.\n.\n\"From: <sip:a@b>\r\nTo: <sip:c@d>\nX: \\\"y\\\"\n\"\n\n"
        )
        let request = try house.callee.receive().message
        #expect(request.header("X") == "\"y\"")
        try house.callee.send(request.response(486, "Busy here"), to: house.server.port)
        let answer = try house.mi.receive().replacing("\r\n", with: "\n").split(
            separator: "\n", omittingEmptySubsequences: false)
        #expect(answer.prefix(5) == ["200 OK", "486 Busy here", ".", ".", "."])
        #expect(answer.contains { $0.hasPrefix("To: <sip:c@d>") })
        #expect(try house.mi.ask("t_uac_dlg", "OPTIONS", house.uri, ".") == "400 Too few or too many arguments\n")
        try house.mi.send(
            "t_uac_dlg", ["OPTIONS", house.uri, ".", "192.0.2.1:5060", "\"From: <sip:a@b>\nTo: <sip:c@d>\n\""])
        #expect(try house.mi.receive().hasPrefix("404 "))
    }

    // MARK: - What goes wrong

    @Test func aHundredRequestsInARow() throws {
        let house = try House()
        for number in 0..<100 {
            let client = number % 2 == 0 ? house.ser : house.mi
            #expect(try client.ask("core.echo", "\(number)").hasSuffix("\n\(number)\n"))
        }
        // All at once, in one write.
        let clients = try (0..<50).map {
            try FIFOClient(house.ser.path, replies: house.folder.path, name: "many\($0)")
        }
        try house.ser.write((0..<50).map { ":core.echo:many\($0)\n\($0)\n\n" }.joined())
        for (number, client) in clients.enumerated() { #expect(try client.receive() == "200 ok\n\(number)\n") }
        #expect(house.server.status == nil)
    }

    @Test func brokenRequestsAreSkipped() throws {
        let house = try House()
        let long = String(repeating: "x", count: 600)
        for text in [
            "ps\n\n", "ps:\n\n", ":ps\n\n", "::ser_reply\n\n", ":\n\n", ":ps:../x\n\n", ":ps:a.b\n\n", ":ps:a\\b\n\n",
            ":\(long):x\n\n", "\0\u{1}\u{7F}\n\n", "\n\n\r\n",
        ] {
            try house.ser.write(text)
            #expect(try house.ser.ask("core.echo", "still here") == "200 ok\nstill here\n")
        }
        try house.server.waitForLog("a request cannot begin with")
        try house.ser.write(":core.echo:ser_reply\n\(long)\n\n")
        #expect(try house.ser.receive() == "400 a line of the request is longer than 512 bytes\n")
        // Half a request, and what comes after it.
        try house.ser.write(":core.echo:ser_reply\nhalf\n")
        #expect(try house.ser.receive() == "408 the rest of the request has not come\n")
        #expect(try house.ser.ask("core.echo", "whole") == "200 ok\nwhole\n")
        // An endless one: its body is no source of commands.
        try house.ser.write(
            ":t_uac_from:ser_reply\nMESSAGE\n\n\(house.uri)\nX: y\n\n"
                + String(repeating: "0123456789012345678901234567890123456789\n", count: 2500) + "\n:kill:\n\n.\n\n")
        #expect(try house.ser.receive() == "413 the request is too large\n")
        #expect(try house.ser.ask("core.echo", "whole") == "200 ok\nwhole\n")
        #expect(house.server.status == nil)
    }

    @Test func replyFilesThatAreNone() throws {
        let house = try House()
        let path = house.folder.path
        try house.folder.write("plain", "untouched")
        symlink("\(path)/ser_reply", "\(path)/symbolic")
        mkfifo("\(path)/lonely", 0o600)
        mkfifo("\(path)/twice", 0o600)
        link("\(path)/twice", "\(path)/hard")
        let reader = open("\(path)/twice", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(reader) }
        for name in ["missing", "plain", "symbolic", "lonely", "hard"] {
            try house.ser.write(":core.echo:\(name)\nx\n\n")
            try house.server.waitForLog("\(path)/\(name)")
        }
        #expect(house.folder.read("plain") == "untouched")
        var byte: UInt8 = 0
        #expect(read(reader, &byte, 1) == 0)
        #expect(try house.ser.ask("core.echo", "fine") == "200 ok\nfine\n")
    }

    @Test func aReaderWhoGoesAwayOrTakesNothing() throws {
        let house = try House()
        let path = house.folder.path
        mkfifo("\(path)/gone", 0o600)
        for _ in 0..<3 {
            let reader = open("\(path)/gone", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
            try house.ser.write(":t_hash:gone\n\n")
            var wait = pollfd(fd: reader, events: Int16(POLLIN), revents: 0)
            #expect(poll(&wait, 1, 20_000) == 1)
            close(reader)
            #expect(try house.ser.ask("core.echo", "fine") == "200 ok\nfine\n")
        }
        let idle = open("\(path)/gone", O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        defer { close(idle) }
        try house.ser.write(":t_hash:gone\n\n")
        #expect(try house.ser.ask("core.echo", "meanwhile") == "200 ok\nmeanwhile\n")
        try house.server.waitForLog("does not take its reply")
        #expect(house.server.status == nil)
    }

    @Test func aFIFOThatWasRemovedComesBack() throws {
        let house = try House()
        unlink(house.ser.path)
        try house.server.waitForLog("\(house.ser.path) was removed and has been made anew")
        #expect(try house.ser.ask("core.echo", "again") == "200 ok\nagain\n")
        var facts = stat()
        #expect(stat(house.ser.path, &facts) == 0 && facts.st_mode & 0o777 == 0o600)
    }

    @Test func killEndsTheServer() throws {
        let kept = try House(globals: "fifo_kill = no")
        #expect(try kept.ser.ask("kill") == "403 fifo_kill is off\n")
        #expect(kept.server.status == nil)
        let house = try House()
        #expect(try house.ser.ask("kill") == "200 killing now...\n")
        #expect(until { house.server.status != nil })
        #expect(house.server.status == .exited(0))
        #expect(access(house.ser.path, F_OK) != 0)
    }

    @Test func aFileInTheWayIsAReasonNotToStart() throws {
        let folder = try TemporaryFolder()
        try folder.write("fifo", "mine")
        let path = folder.path
        #expect(throws: HarnessError.self) {
            _ = try Server { port in
                "listen=udp:127.0.0.1:\(port)\nfifo=\"\(path)/fifo\"\nrequest_route { exit; }\n"
            }
        }
        #expect(folder.read("fifo") == "mine")
    }

    // MARK: - Datagrams

    @Test func datagrams() throws {
        let house = try House()
        let path = house.folder.path
        let mi = try DatagramClient(unix: "\(path)/mi_sock", as: "\(path)/mi_client")
        #expect(try mi.ask(":core.echo:\na\n\"b\"\n\n") == "200 OK\na\nb\n")
        #expect(try mi.ask(":core.echo:\na") == "200 OK\na\n")
        #expect(try mi.ask(":nosuch:\n") == "500 command 'nosuch' not available\n")
        #expect(try mi.ask("nosuch\n").hasPrefix("400 a request cannot begin with `nosuch`"))
        #expect(try mi.ask(":core.echo:\n\"a\n") == "400 a value's quotes are not closed\n")
        #expect(try mi.ask(":t_hash:\n") == "500 the reply is too large for a datagram\n")
        let ser = try DatagramClient(unix: "\(path)/ser_sock", as: "\(path)/ser_client")
        #expect(try ser.ask(":t_uac_from:\nMESSAGE\n\nsip:a@b\nX: y\n") == "400 fifo_uac: body expected\n")
        #expect(try ser.ask(":sl_stats:\n\n").hasPrefix("200 ok\n200: 0 202: 0"))
        #expect(try ser.ask(String(repeating: "x", count: 66_000)).hasPrefix("413 "))
        #expect(house.server.status == nil)
    }

    @Test func datagramsOverUDP() throws {
        let port = try Ports.free()
        let server = try Server { own in
            """
            listen=udp:127.0.0.1:\(own)
            loadmodule "mi_datagram.so"
            modparam("mi_datagram", "socket_name", "udp:127.0.0.1:\(port)")
            request_route { exit; }

            """
        }
        let client = try DatagramClient(udp: port)
        for number in 0..<20 { #expect(try client.ask(":core.echo:\n\(number)\n\n") == "200 OK\n\(number)\n") }
        #expect(server.status == nil)
        #expect(throws: HarnessError.self) {
            _ = try Server { own in
                """
                listen=udp:127.0.0.1:\(own)
                loadmodule "mi_datagram.so"
                modparam("mi_datagram", "socket_name", "udp:0.0.0.0:\(port)")
                request_route { exit; }

                """
            }
        }
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String { String(self.reversed().drop { $0.isWhitespace }.reversed()) }
}
