import Glibc
import Testing

/// binrpc, with the stock kamcmd as its client.
@Suite struct CtlTests {
    /// A server with doors of all kinds in its folder.
    private func server(_ folder: borrowing TemporaryFolder, tcp port: UInt16, more: String = "") throws -> Server {
        try CModule.build("doors", into: folder.path)
        let path = folder.path
        return try Server { sip in
            """
            children=2
            listen=udp:127.0.0.1:\(sip)
            loadmodule "ctl.so"
            loadmodule "\(path)/doors.so"
            modparam("ctl", "binrpc", "unixs:\(path)/ctl")
            modparam("ctl", "binrpc", "unixd:\(path)/ctld")
            modparam("ctl", "binrpc", "tcp:127.0.0.1:\(port)")
            modparam("ctl", "binrpc", "udp:127.0.0.1:\(port)")
            \(more)
            request_route { exit; }

            """
        }
    }

    private func kamcmd(_ address: String, _ arguments: String...) throws -> String {
        let result = try run("kamcmd", ["-s", address] + arguments)
        return result.output + result.errors
    }

    @Test func kamcmdSpeaksByEveryTransport() throws {
        let folder = try TemporaryFolder()
        let tcp = try Ports.free()
        let server = try server(folder, tcp: tcp)
        let path = folder.path
        let numbers = """
            {
            \tsmall: -7
            \tlarge: 5000000000
            \tratio: 2.500000
            \tlist: {
            \t\tindex: 0
            \t\tindex: 1
            \t\t2: x
            \t}
            }

            """
        for address in ["unixs:\(path)/ctl", "unixd:\(path)/ctld", "tcp:127.0.0.1:\(tcp)", "udp:127.0.0.1:\(tcp)"] {
            let list = try kamcmd(address, "system.listMethods")
            #expect(list.contains("core.echo\n") && list.contains("d.many\n"), "\(address)")
            let echo = try kamcmd(address, "core.echo", "1", "s:2", "a b")
            #expect(echo == "1\n2\na b\n", "\(address)")
            let unknown = try kamcmd(address, "no.such")
            #expect(unknown == "error: 404 - there is no command no.such\n", "\(address)")
            let few = try kamcmd(address, "d.number")
            #expect(few == "error: 400 - too few parameters (0/1); usage: d.number number:int\n", "\(address)")
            let structs = try kamcmd(address, "d.numbers")
            #expect(structs == numbers, "\(address)")
        }
        let who = try kamcmd("tcp:127.0.0.1:\(tcp)", "d.who")
        #expect(who.hasPrefix("ctl\ntcp:127.0.0.1:"))
        let listen = try kamcmd("unixs:\(path)/ctl", "ctl.listen")
        #expect(listen == "unixs:\(path)/ctl\nunixd:\(path)/ctld\ntcp:127.0.0.1:\(tcp)\nudp:127.0.0.1:\(tcp)\n")
        let peers = try kamcmd("unixs:\(path)/ctl", "ctl.who")
        #expect(peers.contains("peer: unixs:\(path)/ctl (uid \(getuid()), pid ") && peers.contains("seconds: 0"))
        let count = try kamcmd("unixs:\(path)/ctl", "ctl.connections")
        #expect(count == "1\n")
        #expect(server.status == nil)
    }

    @Test func aListIsItsRows() throws {
        let folder = try TemporaryFolder()
        let tcp = try Ports.free()
        let server = try server(folder, tcp: tcp)
        let (address, pid) = ("unixs:\(folder.path)/ctl", server.pid)
        let texts = try kamcmd(address, "core.ps")
        #expect(texts.hasPrefix("\(pid)\nmain process - attendant\n"))
        let maps = try kamcmd(address, "core.psx")
        #expect(maps.hasPrefix("{\n\tIDX: 0\n\tPID: \(pid)\n\tDSC: main process - attendant\n}\n{\n\tIDX: 1\n"))
        #expect(try kamcmd(address, "d.many", "3") == "0\n1\n2\n")
        #expect(try kamcmd(address, "d.many", "0") == "")
        #expect(try kamcmd(address, "core.tcp_list") == "")
        #expect(server.status == nil)
    }

    @Test func textsAreNoNumbersUnlessTheConfigSaysSo() throws {
        let folder = try TemporaryFolder()
        let strictPort = try Ports.free()
        let strict = try server(folder, tcp: strictPort)
        let path = folder.path
        let number = try kamcmd("unixs:\(path)/ctl", "d.number", "5")
        #expect(number == "5\n")
        let text = try kamcmd("unixs:\(path)/ctl", "d.number", "s:5")
        #expect(text == "error: 400 - parameter number must be a number: `5`; usage: d.number number:int\n")
        let kinds = try kamcmd("unixs:\(path)/ctl", "d.kinds", "5", "s:5", "x")
        #expect(kinds == "3\n2\n2\n")
        #expect(strict.status == nil)

        let other = try TemporaryFolder()
        let lenientPort = try Ports.free()
        let lenient = try server(other, tcp: lenientPort, more: "modparam(\"ctl\", \"autoconversion\", 1)")
        let converted = try kamcmd("unixs:\(other.path)/ctl", "d.number", "s:5")
        #expect(converted == "5\n")
        #expect(lenient.status == nil)
    }

    @Test func filesAreTheOwnersAlone() throws {
        let folder = try TemporaryFolder()
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort)
        let path = folder.path
        for name in ["ctl", "ctld"] {
            var facts = stat()
            #expect(lstat("\(path)/\(name)", &facts) == 0)
            #expect(facts.st_mode & S_IFMT == S_IFSOCK && facts.st_mode & 0o777 == 0o600 && facts.st_uid == getuid())
        }
        let ended = server.stop()
        #expect(ended == .exited(0))
        for name in ["ctl", "ctld"] { #expect(access("\(path)/\(name)", F_OK) != 0, "\(name) is left") }
    }

    @Test func modeAndGroup() throws {
        let folder = try TemporaryFolder()
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort, more: "modparam(\"ctl\", \"group\", \(getgid()))")
        var facts = stat()
        #expect(lstat("\(folder.path)/ctl", &facts) == 0 && facts.st_mode & 0o777 == 0o660)
        #expect(server.status == nil)

        let other = try TemporaryFolder()
        let secondPort = try Ports.free()
        let second = try self.server(other, tcp: secondPort, more: "modparam(\"ctl\", \"mode\", 0640)")
        #expect(lstat("\(other.path)/ctl", &facts) == 0 && facts.st_mode & 0o777 == 0o640)
        #expect(second.status == nil)
    }

    /// What the server says when it does not start with this address.
    private func refusal(_ address: String, _ more: String = "") throws -> String {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let file = try folder.write(
            "apus.cfg",
            """
            listen=udp:127.0.0.1:\(port)
            loadmodule "ctl.so"
            modparam("ctl", "binrpc", "\(address)")
            \(more)
            request_route { exit; }

            """)
        let result = try run(Products.path("apus"), ["-f", file, "-DD", "-E"])
        #expect(!result.succeeded)
        return result.errors
    }

    @Test func whatIsNotOursIsNotReplaced() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        try folder.write("target", "precious")
        #expect(symlink("\(path)/target", "\(path)/link") == 0)
        let link = try refusal("unixs:\(path)/link")
        #expect(link.contains("there is a symbolic link: it is not replaced"))
        let file = try refusal("unixs:\(path)/target")
        #expect(file.contains("there is another kind of file: it is not replaced"))
        let missing = try refusal("unixs:\(path)/none/ctl")
        #expect(missing.contains("folder \(path)/none: No such file or directory"))
        #expect(mkdir("\(path)/open", 0o777) == 0 && chmod("\(path)/open", 0o777) == 0)
        let open = try refusal("unixs:\(path)/open/ctl")
        #expect(open.contains("everybody may replace files in \(path)/open"))
        let user = try refusal("unixs:\(path)/ctl", "modparam(\"ctl\", \"user\", \"nobody-at-all\")")
        #expect(user.contains("there is no user `nobody-at-all`"))
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort)
        let taken = try refusal("unixs:\(path)/ctl")
        #expect(taken.contains("another process serves it"))
        #expect(server.status == nil)
    }

    @Test(.enabled(if: getuid() == 0)) func filesOfOthersAreNotReplaced() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/ctl"
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        let bound = withUnixAddress(path) { bind(socket, $0, $1) }
        #expect(bound == 0 && chown(path, 65534, 65534) == 0)
        let text = try refusal("unixs:\(path)")
        #expect(text.contains("the file that is there belongs to user 65534: it is not replaced"))
    }

    @Test func staleSocketsAreReplaced() throws {
        let folder = try TemporaryFolder()
        let firstPort = try Ports.free()
        let first = try server(folder, tcp: firstPort)
        first.signal(SIGKILL)
        let isGone = until { first.status != nil }
        #expect(isGone)
        #expect(access("\(folder.path)/ctl", F_OK) == 0)
        let secondPort = try Ports.free()
        let second = try server(folder, tcp: secondPort)
        let echo = try kamcmd("unixs:\(folder.path)/ctl", "core.echo", "again")
        #expect(echo == "again\n")
        #expect(second.status == nil)
    }

    @Test func onlyLoopbackUnlessToldSo() throws {
        let port = try Ports.free()
        for address in ["tcp:0.0.0.0:\(port)", "udp:*:\(port)", "tcp:192.0.2.1:\(port)"] {
            let text = try refusal(address)
            #expect(text.contains("is no loopback address: whoever reaches it commands the server"), "\(address)")
        }
        let name = try refusal("tcp:nowhere.invalid:\(port)")
        #expect(name.contains("`nowhere.invalid` is no IP address"))
    }

    @Test func badRequestsAreRefusedAndOthersServed() throws {
        let folder = try TemporaryFolder()
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort, more: "modparam(\"ctl\", \"timeout\", 300)")
        let path = "\(folder.path)/ctl"
        func refusal(_ bytes: [UInt8]) throws -> String {
            let client = try StreamClient(path: path)
            try client.send(bytes)
            return try client.receive(until: nil)
        }
        let other = try refusal(Array("GET / HTTP/1.0\r\n\r\n".utf8))
        #expect(other.contains("this is not binrpc"))
        let huge = try refusal([0xA1, 0x0F, 0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1])
        #expect(huge.contains("the request has 2147483647 bytes, at most 32768 are taken"))
        let half = try refusal([0xA1, 0x03])
        #expect(half.contains("the request was not complete within 300 ms"))
        let reply = try refusal([0xA1, 0x10, 0, 1])
        #expect(reply.contains("only requests are answered here"))
        // The framing holds: the connection goes on after a body that is none.
        let client = try StreamClient(path: path)
        try client.send([0xA1, 0x00, 1, 9, 0x0F])
        _ = try client.receive(until: "a record of unknown type 15")
        try client.send([0xA1, 0x00, 12, 10, 0x91, 10] + Array("core.echo".utf8) + [0])
        _ = try client.receive(until: "\u{A}")
        let echo = try kamcmd("unixs:\(path)", "core.echo", "fine")
        #expect(echo == "fine\n" && server.status == nil)
    }

    @Test func longAnswersAreWhole() throws {
        let folder = try TemporaryFolder()
        let tcp = try Ports.free()
        let server = try server(folder, tcp: tcp)
        let many = try kamcmd("unixs:\(folder.path)/ctl", "d.many", "1500")
        #expect(many.split(separator: "\n").filter { Int($0.filter(\.isNumber)) != nil }.count == 1500)
        // More than kamcmd takes, which is the same as a module's README says.
        let most = try kamcmd("unixs:\(folder.path)/ctl", "d.many", "100000")
        #expect(most == "ERROR: reply too big\n")
        let datagram = try kamcmd("udp:127.0.0.1:\(tcp)", "d.many", "100000")
        #expect(datagram.contains("error: 500 - the answer has ") && datagram.contains("too many for a datagram"))
        #expect(server.status == nil)
    }

    @Test func connectionsAreBounded() throws {
        let folder = try TemporaryFolder()
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort, more: "modparam(\"ctl\", \"max_connections\", 3)")
        let path = "\(folder.path)/ctl"
        let clients = try (0..<3).map { _ in try StreamClient(path: path) }
        // In order: the fourth is accepted after the others.
        let late = try StreamClient(path: path)
        let nothing = try late.receive(until: nil)
        #expect(nothing.isEmpty)
        try server.waitForLog("too many at a time")
        #expect(clients.count == 3 && server.status == nil)
    }

    @Test func aHundredClientsAtOnce() throws {
        let folder = try TemporaryFolder()
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort)
        let path = "\(folder.path)/ctl"
        let clients = try (0..<100).map { _ in try StreamClient(path: path) }
        for round in 0..<10 {
            for (number, client) in clients.enumerated() {
                let text = Array("\(1000 + number)-\(round)".utf8)
                let body = [0x91, 10] + Array("core.echo".utf8) + [0] + [0x91, UInt8(text.count + 1)] + text + [0]
                try client.send([0xA1, 0x00, UInt8(body.count), UInt8(round)] + body)
            }
            for (number, client) in clients.enumerated() {
                _ = try client.receive(until: "\(1000 + number)-\(round)\0")
            }
        }
        #expect(server.status == nil)
    }

    @Test func aSocketThatWasRemovedIsMadeAnew() throws {
        let folder = try TemporaryFolder()
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort)
        #expect(unlink("\(folder.path)/ctl") == 0)
        try server.waitForLog("was removed and has been made anew", within: .seconds(20))
        let echo = try kamcmd("unixs:\(folder.path)/ctl", "core.echo", "back")
        #expect(echo == "back\n")
    }

    @Test func theManagementThreadWatchesWaitsAndIsPostedTo() throws {
        let folder = try TemporaryFolder()
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort)
        let path = folder.path
        let isSeen = try until { try kamcmd("unixs:\(path)/ctl", "d.loop") == "31\n" }
        #expect(isSeen)
        let ended = server.stop()
        #expect(ended == .exited(0) && server.log.contains("the management thread ends"))
    }

    /// Its text protocol, by a FIFO and by datagrams.
    @Test func theTextProtocolOfKamailio() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            loadmodule "ctl.so"
            modparam("ctl", "binrpc", "unixs:\(path)/ctl")
            modparam("ctl", "fifo", "fifo:\(path)/fifo")
            modparam("ctl", "fifo", "unixd:\(path)/text")
            modparam("ctl", "fifo_reply_dir", "\(path)/")
            request_route { drop; }

            """
        }
        let fifo = try FIFOClient(path + "/fifo", replies: path, name: "reply")
        #expect(try fifo.ask("core.echo", "a\\ob", "7") == "200 OK\na\\ob\n7\n")
        #expect(try fifo.ask("core.nope").hasPrefix("404 there is no command core.nope"))
        #expect(try fifo.ask("core.echo_delta", "x").hasPrefix("400 "))
        let sockets = try fifo.ask("core.sockets_list")
        #expect(sockets.hasPrefix("200 OK\naf:ipv4,proto:udp,address:127.0.0.1,port:\(server.port),"), "\(sockets)")
        let threads = try fifo.ask("core.psx")
        #expect(threads.hasPrefix("200 OK\nIDX:0,PID:\(server.pid),DSC:main process - attendant\nIDX:1,"), "\(threads)")
        let sender = try DatagramClient(unix: path + "/text", as: path + "/sender")
        #expect(try sender.ask(":core.echo:\nx\n\n") == "200 OK\nx\n")
        #expect(server.status == nil)
    }

    @Test(arguments: ["tcp:127.0.0.1:7000", "unixs:/tmp/x", "fifo:"]) func placesThatAreNoneForText(place: String)
        throws
    {
        let result = try Server.check(
            "loadmodule \"ctl.so\"\nmodparam(\"ctl\", \"fifo\", \"\(place)\")\nrequest_route { drop; }\n")
        #expect(result.output.contains("`\(place)` is no place for the text protocol"), "\(result.output)")
    }
}
