import Glibc
import Testing

/// The config that Debian installs with Kamailio, as it is, with its defines: users register, call each other, and use what each define adds. Further configs of the kind can be
/// named in APUS_KAMAILIO_CONFIGS, with colons between.
@Suite struct DebianConfigTests {
    private static let configs: [String] =
        (["/etc/kamailio/kamailio.cfg"]
        + (getenv("APUS_KAMAILIO_CONFIGS").map { String(cString: $0).split(separator: ":").map(String.init) } ?? []))
        .filter { access($0, R_OK) == 0 }

    /// A server with that config, tables with two users, and their phones.
    private struct Site: ~Copyable {
        let folder: TemporaryFolder
        let server: Child
        let port: UInt16
        let alice: UDPClient
        let bob: UDPClient
        let isAuthenticated: Bool
        /// The domain of users, and the realm.
        let domain: String

        var file: String { folder.path + "/site.db" }

        init(_ config: String, _ defines: [String], domain: String = "site.test", rows: String = "") throws {
            let made = try TemporaryFolder()
            let file = made.path + "/site.db"
            let created = try Apusctl.run(["db", "create", file], folder: made)
            guard created.succeeded else { throw HarnessError(created.errors) }
            try sqlite(
                file,
                """
                INSERT INTO subscriber (username, domain, password) VALUES ('alice', '\(domain)', 'secret'), ('bob', '\(domain)', 'secret');
                \(rows)
                """)
            let free = try Ports.free()
            let arguments =
                ["-f", config, "-DD", "-E", "-Y", made.path, "-l", "udp:127.0.0.1:\(free)", "--loadmodule=db_sqlite"]
                + ["--alias=site.test", "-A", "DBURL=\"sqlite:///\(file)\""] + defines.flatMap { ["-A", $0] }
            let child = try Child(Products.path("apus"), arguments, folder: made.path)
            try child.waitForErrors(Server.readyText, within: .seconds(30))
            let caller = try UDPClient()
            let called = try UDPClient()
            folder = made
            port = free
            self.domain = domain
            server = child
            alice = caller
            bob = called
            isAuthenticated = defines.contains("WITH_AUTH")
        }

        private static func request(
            _ method: String, _ uri: String, _ user: String, _ domain: String, _ client: borrowing UDPClient,
            to: String,
            id: String, cseq: Int, headers: [String]
        ) -> String {
            let lines = [
                "\(method) \(uri) SIP/2.0", "Via: SIP/2.0/UDP \(client.address);branch=z9hG4bK\(id)\(method)\(cseq)",
                "Max-Forwards: 70", "From: <sip:\(user)@\(domain)>;tag=\(id)", "To: \(to)", "Call-ID: \(id)@debian",
                "CSeq: \(cseq) \(method)", "Contact: <sip:\(user)@\(client.address)>",
            ]
            return (lines + headers + ["Content-Length: 0"]).joined(separator: "\r\n") + "\r\n\r\n"
        }

        /// The answer to a request of a phone's, with a password if it is asked for one.
        /// - Parameter asked: gets the codes in between.
        func ask(
            _ method: String, _ uri: String, as user: String, to: String? = nil, id: String, headers: [String] = [],
            asked: ((Int) -> Void)? = nil
        ) throws -> SIPText {
            let text = first(method, uri, user, to, id, headers)
            let answer =
                user == "alice" ? try alice.exchange(text, with: port) : try bob.exchange(text, with: port)
            guard let code = answer.statusCode, code == 401 || code == 407 else { return answer }
            asked?(code)
            let line = try credentials(for: answer, method, uri, user)
            let again = second(method, uri, user, to, id, headers + [line])
            return user == "alice" ? try alice.exchange(again, with: port) : try bob.exchange(again, with: port)
        }

        func first(_ method: String, _ uri: String, _ user: String, _ to: String?, _ id: String, _ headers: [String])
            -> String
        {
            user == "alice"
                ? Site.request(
                    method, uri, user, domain, alice, to: to ?? "<\(uri)>", id: id, cseq: 1, headers: headers)
                : Site.request(method, uri, user, domain, bob, to: to ?? "<\(uri)>", id: id, cseq: 1, headers: headers)
        }

        func second(
            _ method: String, _ uri: String, _ user: String, _ to: String?, _ id: String, _ headers: [String],
            cseq: Int = 2
        ) -> String {
            user == "alice"
                ? Site.request(
                    method, uri, user, domain, alice, to: to ?? "<\(uri)>", id: id, cseq: cseq, headers: headers)
                : Site.request(
                    method, uri, user, domain, bob, to: to ?? "<\(uri)>", id: id, cseq: cseq, headers: headers)
        }

        private func credentials(for answer: SIPText, _ method: String, _ uri: String, _ user: String) throws -> String
        {
            let isProxy = answer.statusCode == 407
            let nonce = try #require(answer.challenge("nonce", isProxy ? "Proxy-Authenticate" : "WWW-Authenticate"))
            return Digest(nonce) {
                ($0.user, $0.realm, $0.method, $0.uri) = (user, domain, method, uri)
                $0.qop = nil
                $0.header = isProxy ? "Proxy-Authorization" : "Authorization"
            }.line
        }

        /// Both phones are known.
        func register() throws {
            for user in ["alice", "bob"] {
                var codes: [Int] = []
                let answer = try ask(
                    "REGISTER", "sip:\(domain)", as: user, to: "<sip:\(user)@\(domain)>", id: "reg\(user)",
                    headers: ["Expires: 600"]
                ) { codes.append($0) }
                #expect(codes == (isAuthenticated ? [401] : []), "\(server.errors)")
                #expect(answer.statusCode == 200, "\(answer)\(server.errors)")
            }
        }

        /// Alice calls; the request as Bob has got it.
        /// - Parameter isAsked: for her password.
        func call(_ uri: String, id: String, isAsked: Bool? = nil, headers: [String] = []) throws -> SIPText {
            try alice.send(first("INVITE", uri, "alice", nil, id, headers), to: port)
            if isAsked ?? isAuthenticated {
                let challenge = try alice.reply(407)
                try alice.send(
                    Site.request(
                        "ACK", uri, "alice", domain, alice, to: challenge.header("To") ?? "", id: id, cseq: 1,
                        headers: []
                    ).replacing("\(id)ACK1", with: "\(id)INVITE1"), to: port)
                let line = try credentials(for: challenge, "INVITE", uri, "alice")
                try alice.send(second("INVITE", uri, "alice", nil, id, headers + [line]), to: port)
            }
            return try bob.request("INVITE")
        }

        /// Bob answers, and Alice hangs up.
        func talk(_ invite: SIPText, id: String) throws {
            let contact = ["Contact: <sip:bob@\(bob.address)>"]
            try bob.send(invite.response(180, "Ringing", headers: contact), to: port)
            _ = try alice.reply(180)
            try bob.send(invite.response(200, "OK", headers: contact), to: port)
            let answer = try alice.reply(200)
            let route = try #require(answer.header("Record-Route"))
            let to = try #require(answer.header("To"))
            let headers = ["Route: \(route)"]
            let target = "sip:bob@\(bob.address)"
            try alice.send(second("ACK", target, "alice", to, id, headers, cseq: 2), to: port)
            _ = try bob.request("ACK")
            try alice.send(second("BYE", target, "alice", to, id, headers, cseq: 3), to: port)
            let bye = try bob.request("BYE")
            try bob.send(bye.response(200, "OK"), to: port)
            _ = try alice.reply(200)
        }
    }

    @Test(
        arguments: configs,
        [[], ["WITH_AUTH"], ["WITH_USRLOCDB"], ["WITH_MULTIDOMAIN"], ["WITH_AUTH", "WITH_MULTIDOMAIN"]])
    func usersCallEachOther(config: String, defines: [String]) throws {
        let domain = defines.contains("WITH_MULTIDOMAIN") ? "multi.test" : "site.test"
        let site = try Site(
            config, defines, domain: domain,
            rows: "INSERT INTO domain (domain, last_modified) VALUES ('multi.test', 0);")
        try site.register()
        let invite = try site.call("sip:bob@\(domain)", id: "call")
        #expect(invite.startLine == "INVITE sip:bob@\(site.bob.address) SIP/2.0")
        #expect(invite.header("Proxy-Authorization") == nil && invite.header("Record-Route") != nil)
        try site.talk(invite, id: "call")
        let nobody = try site.ask("INVITE", "sip:nobody@\(domain)", as: "alice", id: "nobody")
        #expect(nobody.statusCode == 404)
        if domain != "site.test" {
            // An address of another domain is another address, though that domain is the server's, too.
            let other = try site.ask("INVITE", "sip:bob@site.test", as: "alice", id: "other")
            #expect(other.statusCode == 404)
        } else {
            let far = try site.ask("OPTIONS", "sip:carl@elsewhere.test", as: "bob", id: "far", headers: [])
            #expect(site.isAuthenticated || far.statusCode == 403)
        }
        if defines.contains("WITH_USRLOCDB") {
            let isEnded = site.server.signalAndWait()
            #expect(isEnded)
            #expect(try sqlite(site.file, "SELECT username FROM location ORDER BY username") == "alice\nbob\n")
        }
    }

    @Test(arguments: configs) func whatTheTablesAdd(config: String) throws {
        let site = try Site(
            config,
            ["WITH_AUTH", "WITH_IPAUTH", "WITH_USRLOCDB", "WITH_ALIASDB", "WITH_SPEEDDIAL", "WITH_ACCDB"],
            rows: """
                \(DebianConfigTests.numbers)
                INSERT INTO address (grp, ip_addr, mask) VALUES (1, '127.0.0.1', 32);
                \(DebianConfigTests.columns)
                """)
        try site.register()
        // By the alias, and the short number; nobody is asked for a password.
        for (number, user) in ["bob", "4711", "22"].enumerated() {
            let invite = try site.call("sip:\(user)@site.test", id: "tables\(number)", isAsked: false)
            #expect(invite.startLine == "INVITE sip:bob@\(site.bob.address) SIP/2.0")
            try site.talk(invite, id: "tables\(number)")
        }
        let missed = try site.call("sip:bob@site.test", id: "missed", isAsked: false)
        try site.bob.send(missed.response(486, "Busy Here"), to: site.port)
        _ = try site.alice.reply(486)
        var rows = ""
        let isThere = try until {
            rows = try sqlite(
                site.file,
                "SELECT method, callid, sip_code, src_user, src_ip, dst_ouser FROM acc UNION ALL SELECT method, callid, sip_code, src_user, src_ip, dst_ouser FROM missed_calls ORDER BY callid, method DESC"
            )
            return rows.split(separator: "\n").count == 7
        }
        #expect(isThere, "\(rows)\(site.server.errors)")
        #expect(
            rows.contains("INVITE|tables0@debian|200|alice|127.0.0.1|bob\nBYE|tables0@debian|200|alice|127.0.0.1|bob\n")
        )
        #expect(rows.contains("INVITE|tables1@debian|200|alice|127.0.0.1|4711\n"))
        #expect(rows.contains("INVITE|missed@debian|486|alice|127.0.0.1|bob\n"))
    }

    /// Each table by itself, without passwords.
    @Test(arguments: configs, [("WITH_ALIASDB", "4711"), ("WITH_SPEEDDIAL", "22")])
    func numbersOfUsers(config: String, by: (define: String, number: String)) throws {
        let site = try Site(config, [by.define], rows: DebianConfigTests.numbers)
        try site.register()
        let invite = try site.call("sip:\(by.number)@site.test", id: "number")
        #expect(invite.startLine == "INVITE sip:bob@\(site.bob.address) SIP/2.0")
        try site.talk(invite, id: "number")
        let other = try site.ask(
            "INVITE", "sip:\(by.number == "22" ? "4711" : "22")@site.test", as: "alice", id: "other")
        #expect(other.statusCode == 404, "the other table is not asked")
    }

    @Test(arguments: configs) func accountsAlone(config: String) throws {
        let site = try Site(config, ["WITH_ACCDB"], rows: DebianConfigTests.columns)
        try site.register()
        try site.talk(try site.call("sip:bob@site.test", id: "call"), id: "call")
        let missed = try site.call("sip:bob@site.test", id: "missed")
        try site.bob.send(missed.response(486, "Busy Here"), to: site.port)
        _ = try site.alice.reply(486)
        let columns = "method, callid, sip_code, src_user, src_ip, dst_ouser, dst_domain"
        func rows(_ table: String) throws -> String {
            try sqlite(site.file, "SELECT \(columns) FROM \(table) ORDER BY callid, method DESC")
        }
        let ends = "alice|127.0.0.1|bob|127.0.0.1\n"
        let answered = "INVITE|call@debian|200|\(ends)BYE|call@debian|200|\(ends)"
        var (accounted, missedRows) = ("", "")
        let isThere = try until {
            (accounted, missedRows) = try (rows("acc"), rows("missed_calls"))
            return missedRows == "INVITE|missed@debian|486|\(ends)" && accounted == answered
        }
        #expect(isThere, "\(accounted)\(missedRows)\(site.server.errors)")
    }

    /// Phones behind NATs, their media through rtpengine: at the port that the file names, one config after the other.
    @Test func phonesBehindNATs() throws {
        let engine = try RTPEngine(port: 2223)
        for (index, config) in DebianConfigTests.configs.enumerated() {
            let site = try Site(config, ["WITH_NAT", "WITH_RTPENGINE"])
            func hidden(_ text: String, _ client: borrowing UDPClient, _ address: String) -> String {
                text.replacing("@\(client.address)>", with: "@\(address):5060>")
            }
            func media(_ text: String, _ address: String) -> String {
                let body =
                    "v=0\r\no=- 1 1 IN IP4 \(address)\r\ns=-\r\nc=IN IP4 \(address)\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
                return text.replacing(
                    "Content-Length: 0\r\n\r\n",
                    with: "Content-Type: application/sdp\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
            let register = site.first(
                "REGISTER", "sip:site.test", "bob", "<sip:bob@site.test>", "nat\(index)", ["Expires: 600"])
            let saved = try site.bob.exchange(hidden(register, site.bob, "10.0.0.9"), with: site.port)
            #expect(saved.statusCode == 200)
            #expect(saved.header("Contact")?.contains("received=\"sip:\(site.bob.address)\"") == true)
            let call = site.first("INVITE", "sip:bob@site.test", "alice", nil, "natcall\(index)", [])
            try site.alice.send(media(hidden(call, site.alice, "10.0.0.8"), "10.0.0.8"), to: site.port)
            let invite = try site.bob.request("INVITE")
            #expect(invite.startLine == "INVITE sip:bob@10.0.0.9:5060 SIP/2.0")
            #expect(invite.header("Contact")?.contains(";alias=127.0.0.1~\(site.alice.address.port)~1>") == true)
            #expect(invite.header("Record-Route")?.contains("nat=yes") == true)
            #expect(invite.text.contains("c=IN IP4 \(engine.host)\r\n") && !invite.text.contains("IN IP4 10.0.0.8"))
            let answer = invite.response(200, "OK", headers: ["Contact: <sip:bob@10.0.0.9:5060>"])
            try site.bob.send(media(answer, "10.0.0.9"), to: site.port)
            let heard = try site.alice.reply(200)
            #expect(heard.header("Contact")?.contains(";alias=127.0.0.1~\(site.bob.address.port)~1>") == true)
            #expect(heard.text.contains("c=IN IP4 \(engine.host)\r\n") && !heard.text.contains("IN IP4 10.0.0.9"))
            let isAnswered = engine.got("answer", times: index + 1)
            #expect(isAnswered, "rtpengine was told of the answer")
        }
    }

    private static let numbers = """
        INSERT INTO dbaliases (alias_username, alias_domain, username, domain) VALUES ('4711', 'site.test', 'bob', 'site.test');
        INSERT INTO speed_dial (username, domain, sd_username, sd_domain, new_uri) VALUES ('alice', 'site.test', '22', 'site.test', 'sip:bob@site.test');
        """

    /// An address that is in no group has to prove who asks.
    @Test(arguments: configs) func addressesThatAreNotThere(config: String) throws {
        let site = try Site(
            config, ["WITH_AUTH", "WITH_IPAUTH"],
            rows: "INSERT INTO address (grp, ip_addr, mask) VALUES (1, '127.0.0.9', 32);")
        try site.register()
        let invite = try site.call("sip:bob@site.test", id: "asked", isAsked: true)
        try site.talk(invite, id: "asked")
    }

    /// Media through rtpengine is there as the file has it; the module of the other proxy is told to be missing.
    @Test(arguments: configs) func withNAT(config: String) throws {
        func check(_ defines: [String]) throws -> ToolResult {
            try run(
                try Products.path("apus"),
                ["-c", "-f", config, "-A", "DBURL=\"sqlite:////tmp/none.db\""] + defines.flatMap { ["-A", $0] })
        }
        for defines in [["WITH_NAT", "WITH_RTPENGINE"], ["WITH_AUTH", "WITH_NAT", "WITH_RTPENGINE"]] {
            let result = try check(defines)
            #expect(result.succeeded && (result.output + result.errors).contains("config ok"), "\(defines): \(result)")
        }
        let missing = try check(["WITH_NAT"])
        #expect(!missing.succeeded && (missing.output + missing.errors).contains("modules missing: rtpproxy"))
    }

    private static let columns: String = ["acc", "missed_calls"].flatMap { table in
        ["src_user", "src_domain", "src_ip", "dst_ouser", "dst_user", "dst_domain"].map {
            "ALTER TABLE \(table) ADD COLUMN \($0) VARCHAR(128) NOT NULL DEFAULT '';"
        }
    }.joined(separator: "\n")
}

extension Child {
    /// Asks it to end; whether it did, as it should.
    fileprivate borrowing func signalAndWait() -> Bool {
        signal(SIGTERM)
        return wait(within: .seconds(10)) == .exited(0)
    }
}
