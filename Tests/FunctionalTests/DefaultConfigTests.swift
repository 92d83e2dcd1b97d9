import Testing

/// `etc/apus.cfg`, which a newcomer starts with: nothing but its address and its files are changed.
@Suite struct DefaultConfigTests {
    /// A database with the users 100 and 101, and servers that are started on it.
    private struct Desk: ~Copyable {
        let folder: TemporaryFolder
        let settings: String

        init() throws {
            let made = try TemporaryFolder()
            let texts = "APUS_DB=\(made.path)/apus.db\nSIP_DOMAIN=apus\nSTORE_PLAINTEXT_PW=0\n"
            for words in [["db", "create"], ["add", "100", "one"], ["add", "101", "two"]] {
                let result = try Apusctl.run(words, folder: made, settings: texts)
                try #require(result.succeeded, "\(result.errors)")
            }
            folder = made
            settings = texts
        }

        func start(destinations: String = "") throws -> Server {
            guard let config = readText(Products.sources + "/etc/apus.cfg"),
                let list = readText(Products.sources + "/etc/dispatcher.list")
            else { throw HarnessError("no default config") }
            let path = folder.path
            let definitions = ["-A", "DBURL=\"sqlite://\(path)/apus.db\"", "-A", "SECRET=\"s\""]
            return try Server(arguments: definitions, files: ["dispatcher.list": list + destinations]) { port in
                config.replacing("listen=udp:127.0.0.1:5060\n", with: "listen=udp:127.0.0.1:\(port)\n")
                    .replacing(
                        "loadmodule \"sl.so\"",
                        with: "modparam(\"ctl\", \"binrpc\", \"unixs:\(path)/ctl\")\nloadmodule \"sl.so\"")
            }
        }

        func apusctl(_ words: String...) throws -> ToolResult {
            try Apusctl.run(["-s", folder.path + "/ctl"] + words, folder: folder, settings: settings)
        }
    }

    /// Two phones register with their passwords, and one calls the other.
    @Test func phonesCallEachOther() throws {
        let desk = try Desk()
        let server = try desk.start()
        let result = try desk.apusctl("demo")
        #expect(result.errors.isEmpty)
        let lines = result.output.split(separator: "\n").map { String($0) }
        try #require(lines.count == 9, "\(lines)")
        #expect(lines[0].hasPrefix("100 registers at 127.0.0.1:") && lines[0].hasSuffix(": 401, 200"))
        #expect(lines[2].hasPrefix("100 calls 101: the INVITE arrives at 127.0.0.1:"))
        #expect(lines[6] == "100 hangs up: 200 OK")
        // The messages, on request.
        let shown = try desk.apusctl("demo", "-v", "\(server.address)")
        #expect(shown.output.contains("    INVITE sip:101@\(server.address) SIP/2.0\n"))
        #expect(shown.output.contains("Authorization: Digest username=\"100\", realm=\"apus\""))
        let nobody = try desk.apusctl("demo", "100", "102")
        #expect(nobody.errors.contains("the database has no user 102"))
    }

    /// Two of Debian's baresip, with digest authentication: they register, one calls the other, they hang up and unregister.
    @Test(.enabled(if: Baresip.isThere, "there is no baresip (package baresip-core)"))
    func realPhonesCallEachOther() throws {
        let desk = try Desk()
        let server = try desk.start()
        let one = try Baresip("100", password: "one", at: server.port, in: desk.folder)
        let other = try Baresip("101", password: "two", at: server.port, in: desk.folder)
        for phone in [one, other] { try phone.wait(for: "200 OK (Apus") }
        #expect(try desk.apusctl("ul", "online").output.split(separator: "\n").sorted() == ["100", "101"])
        try Baresip.call(from: one, to: other, "sip:101@\(server.address)")
        for phone in [one, other] { try phone.quit() }
        #expect(try desk.apusctl("ul", "online").output.isEmpty)
    }

    @Test func contactsAreShownAddedAndKept() throws {
        let desk = try Desk()
        let phone = try UDPClient()
        do {
            let server = try desk.start()
            #expect(
                try desk.apusctl("ul", "add", "101", "sip:101@\(phone.address)").output
                    == "sip:101@\(phone.address)\n200 Added to table\n('101','sip:101@\(phone.address)') to 'location'\n"
            )
            #expect(
                try desk.apusctl("ul", "show", "101").output.hasPrefix(
                    "<sip:101@\(phone.address)>;q=1.00;expires=10737418"))
            #expect(
                try desk.apusctl("ul", "show", "102").errors
                    == "apusctl: 404 Username 102 in table location not found\n")
            #expect(try desk.apusctl("ul", "online").output == "101\n")
            _ = server.port
        }
        // It was in the database before the command was answered.
        let server = try desk.start()
        let caller = try UDPClient()
        try caller.send(
            SIPText.request("MESSAGE", "sip:101@\(server.address)", from: caller.address, id: "kept"), to: server.port)
        let seen = try phone.request("MESSAGE")
        #expect(seen.startLine == "MESSAGE sip:101@\(phone.address) SIP/2.0")
        try phone.send(seen.response(200, "OK"), to: server.port)
        #expect(try caller.receive().message.statusCode == 200)
        #expect(try desk.apusctl("ul", "rm", "101").output == "200 user (location, 101) deleted\n")
        #expect(try desk.apusctl("ul", "show", "101").errors.contains("404"))
    }

    @Test func nothingIsPassedOnElsewhere() throws {
        let desk = try Desk()
        let server = try desk.start()
        let client = try UDPClient()
        let victim = try UDPClient()
        func answer(_ method: String, _ uri: String, _ id: String, _ more: [String] = [], tag: Bool = false) throws
            -> SIPText
        {
            var request = SIPText.request(method, uri, from: client.address, id: id, headers: more)
            if tag { request = request.replacing("To: <\(uri)>", with: "To: <\(uri)>;tag=1") }
            return try client.exchange(request, with: server.port)
        }
        #expect(try answer("INVITE", "sip:x@\(victim.address)", "foreign").statusCode == 403)
        #expect(try answer("MESSAGE", "sip:102@\(server.address)", "nobody").statusCode == 404)
        // Routes that this server has not made.
        let route = "Route: <sip:\(server.address);lr;k=0123456789abcdef>"
        #expect(try answer("BYE", "sip:x@\(victim.address)", "forged", [route], tag: true).statusCode == 403)
        #expect(try answer("MESSAGE", "sip:x@\(victim.address)", "preloaded", [route]).statusCode == 403)
        // Registrations without a password, and those of somebody else.
        func register(_ id: String, _ more: [String] = []) throws -> SIPText {
            let uri = "sip:\(server.address)"
            let request = SIPText.request("REGISTER", uri, from: client.address, id: id, headers: more)
                .replacing("To: <\(uri)>", with: "To: <sip:101@\(server.address)>")
            return try client.exchange(request, with: server.port)
        }
        let challenged = try register("register")
        #expect(challenged.statusCode == 401)
        let nonce =
            challenged.header("WWW-Authenticate")?.split(separator: "nonce=\"").last?.prefix { $0 != "\"" } ?? ""
        let credentials = Digest(String(nonce)) {
            $0.user = "100"
            $0.password = "one"
            $0.realm = "apus"
            $0.method = "REGISTER"
            $0.uri = "sip:\(server.address)"
        }
        #expect(try register("theirs", [credentials.line]).startLine == "SIP/2.0 403 Not Your Name")
        #expect(try desk.apusctl("ul", "show", "101").errors.contains("404"))
    }

    /// Two lines in dispatcher.list.
    @Test func callsForNobodyGoToDestinations() throws {
        let desk = try Desk()
        let one = try UDPClient()
        let two = try UDPClient()
        let client = try UDPClient()
        func invite(_ id: String, _ port: UInt16) -> String {
            SIPText.request("INVITE", "sip:bob@127.0.0.1:\(port)", from: client.address, id: id)
        }
        do {
            let empty = try desk.start()
            let request = invite("none", empty.port)
            let refused = try client.exchange(request, with: empty.port)
            #expect(refused.startLine == "SIP/2.0 404 Not Found")
            try client.send(SIPText.ack(request, refused), to: empty.port)
        }
        let server = try desk.start(destinations: "1 sip:\(one.address)\n1 sip:\(two.address)\n")
        try client.send(invite("over", server.port), to: server.port)
        let first = try one.request("INVITE")
        #expect(first.header("Record-Route") != nil)
        try one.send(first.response(503, "Busy"), to: server.port)
        let second = try two.request("INVITE")
        try two.send(second.response(200, "OK", headers: ["Contact: <sip:gw@\(two.address)>"]), to: server.port)
        var reply = try client.receive().message
        while reply.statusCode == 100 { reply = try client.receive().message }
        #expect(reply.statusCode == 200)
        // Along the recorded way.
        let route = reply.header("Record-Route") ?? ""
        let bye = SIPText.request(
            "BYE", "sip:gw@\(two.address)", from: client.address, id: "over", cseq: 2, headers: ["Route: \(route)"]
        ).replacing("To: <sip:gw@\(two.address)>", with: "To: <sip:bob@127.0.0.1>;tag=answered")
        try client.send(bye, to: server.port)
        let ended = try two.request("BYE")
        #expect(ended.header("Route") == nil)
    }
}
