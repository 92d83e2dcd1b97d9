import Testing

/// Other programs beside the module: user agents that compute their own digests, Kamailio, and a module in C that uses apus/auth.h.
@Suite struct AuthPeersTests {
    /// sipp computes the digest itself: MD5, with each qop and without, with the right password and a wrong one.
    @Test(arguments: [
        (#"www_challenge("test", "0")"#, "secret"), (#"www_challenge("test", "1")"#, "secret"),
        (#"www_challenge("test", "2")"#, "secret"), (#"www_challenge("test", "1", "MD5")"#, "secret"),
        (#"www_challenge("test", "1")"#, "wrong"),
    ])
    func sippAuthenticates(challenge: String, password: String) throws {
        let folder = try TemporaryFolder()
        let probe = try Probe(
            ["sl", "tm", "auth"], globals: #"modparam("auth", "nonce_count", 1)"#,
            script: """
                t_newtran();
                if (!pv_www_authenticate("test", "secret", "0")) { \(challenge); exit; }
                t_reply("200", "OK");
                """)
        let sipp = try Sipp(
            "uac-register", in: folder, calling: probe.server.port, calls: 3,
            values: ["final": password == "secret" ? "200" : "401"], arguments: ["-au", "alice", "-ap", password])
        try sipp.finish()
    }

    @Test func sipsakAuthenticates() throws {
        let probe = try Probe(
            ["sl", "auth"],
            script: """
                if (!pv_www_authenticate("test", "secret", "0")) { www_challenge("test", "1"); exit; }
                sl_send_reply("200", "OK");
                """)
        func register(_ password: String) throws -> ToolResult {
            try run(
                "sipsak",
                [
                    "-U", "-C", "sip:alice@127.0.0.1", "-x", "60", "-u", "alice", "-a", password, "-v", "-s",
                    "sip:alice@127.0.0.1:\(probe.server.port)",
                ])
        }
        let right = try register("secret")
        #expect(right.succeeded, "\(right.output)\(right.errors)")
        let wrong = try register("wrong")
        #expect(!wrong.succeeded, "\(wrong.output)")
    }

    /// The way of a module that looks passwords up, by apus/auth.h.
    @Test func modulesAuthenticate() throws {
        let folder = try TemporaryFolder()
        try CModule.build("authcalls", into: folder.path)
        let script = """
            authenticate("KIND"); $var(code) = $rc;
            if ($var(code) < 0) { challenge("SHA-256,MD5"); exit; }
            if (!consume()) sl_send_reply("500", "not consumed"); else sl_send_reply("299", "$var(code)");
            """
        for kind in ["password", "ha1"] {
            let probe = try Probe(
                ["sl", "pv", "auth"],
                globals:
                    "modparam(\"auth\", \"secret\", \"one that is long enough\")\nloadmodule \"\(folder.path)/authcalls.so\"",
                script: script.replacing("KIND", with: kind))
            let challenge = try probe.ask(probe.request(id: "first"))
            #expect(challenge.statusCode == 407 && challenge.headers("Proxy-Authenticate").count == 2)
            let nonce = try #require(challenge.challenge("nonce", "Proxy-Authenticate"))
            for algorithm in ["MD5", "SHA-256"] {
                let digest = Digest(nonce) { ($0.header, $0.algorithm) = ("Proxy-Authorization", algorithm) }
                let right = try probe.ask(probe.request(id: "right\(algorithm)", headers: [digest.line]))
                #expect(right.reason == "1", "\(kind) \(algorithm)")
                let wrong = Digest(nonce) { ($0.header, $0.password) = ("Proxy-Authorization", "x") }
                let refused = try probe.ask(probe.request(id: "wrong\(algorithm)", headers: [wrong.line]))
                #expect(refused.statusCode == 407 && refused.header("X-Result") == "-2")
                // Nobody of that name: the same answer, less what the test's module adds.
                let nobody = Digest(nonce) { ($0.header, $0.user) = ("Proxy-Authorization", "nobody") }
                let unknown = try probe.ask(probe.request(id: "nobody\(algorithm)", headers: [nobody.line]))
                #expect(unknown.startLine == refused.startLine && unknown.header("X-Result") == "-3")
            }
        }
    }

    /// One case of the comparison: what Apus answers, and what Kamailio does where that is something else.
    private struct Compared {
        let name: String
        let ours: String
        let theirs: String
        let change: (inout Digest) -> Void

        init(_ name: String, _ ours: String, kamailio: String? = nil, _ change: @escaping (inout Digest) -> Void) {
            (self.name, self.ours, theirs, self.change) = (name, ours, kamailio ?? ours, change)
        }

        static var all: [Compared] {
            [
                Compared("right", "1") { _ in },
                Compared("without qop", "1") { $0.qop = nil },
                Compared("another count", "1") { $0.count = "0000000f" },
                Compared("user with a domain", "1") { $0.user = "alice@test" },
                Compared("without a count's place in the digest", "-2") { $0.without = ["qop"] },
                Compared("wrong password", "-2") { $0.password = "x" },
                Compared("another method", "-2") { $0.method = "REGISTER" },
                Compared("another realm", "-5") { $0.realm = "other" },
                Compared("a foreign nonce", "-1") { $0.nonce = "foreign" },
                Compared("a proxy's header", "-5") { $0.header = "Proxy-Authorization" },
                // docs/compatibility.md has the reasons.
                Compared("another case", "1", kamailio: "-2") { $0.realm = "TEST" },
                Compared("no user", "400", kamailio: "-1") { $0.without = ["username"] },
                Compared("no response", "400", kamailio: "-1") { $0.without = ["response"] },
                Compared("no cnonce", "400", kamailio: "-1") { $0.without = ["cnonce"] },
                Compared("an empty user", "400", kamailio: "1") { $0.user = "" },
                Compared("an odd qop", "400", kamailio: "1") { $0.qop = "auth-conf" },
                Compared("an odd count", "400", kamailio: "1") { $0.count = "zz" },
                Compared("a parameter twice", "400", kamailio: "1") { $0.extra = ", realm=\"test\"" },
                Compared("another algorithm", "-1") { $0.algorithm = "SHA-256" },
            ]
        }
    }

    private static let kamailio = "/usr/sbin/kamailio"
    private static let isThere: Bool =
        (try? run(kamailio, ["-v"])).map { $0.output.contains("kamailio 5.6") } ?? false
    private static let script = """
        request_route {
            if ($rU == "challenge") { www_challenge("test", "1"); exit; }
            pv_www_authenticate("test", "secret", "0"); $var(code) = $rc;
            sl_send_reply("299", "$var(code)");
        }

        """
    private static let loads = "loadmodule \"sl.so\"\nloadmodule \"pv.so\"\nloadmodule \"auth.so\"\n"

    @Test func whatApusAnswers() throws {
        let server = try Server { "listen=udp:127.0.0.1:\($0)\n" + AuthPeersTests.loads + AuthPeersTests.script }
        try AuthPeersTests.compare(server.port) { $0.ours }
    }

    @Test(.enabled(if: isThere, "there is no Kamailio 5.6")) func whatKamailioAnswers() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let config = try folder.write(
            "k.cfg", "children=1\ndisable_tcp=yes\nlog_stderror=yes\n" + AuthPeersTests.loads + AuthPeersTests.script)
        let child = try Child(
            AuthPeersTests.kamailio,
            [
                "-f", config, "-DD", "-E", "-m", "64", "-Y", folder.path, "-P", "\(folder.path)/pid", "-l",
                "udp:127.0.0.1:\(port)",
            ])
        try AuthPeersTests.compare(port) { $0.theirs }
        #expect(child.status == nil)
    }

    private static func compare(_ port: UInt16, _ expected: (Compared) -> String) throws {
        let client = try UDPClient()
        // Kamailio does not say when it is there.
        var challenge: SIPText?
        for attempt in 0..<100 where challenge == nil {
            try client.send(
                SIPText.request("OPTIONS", "sip:challenge@127.0.0.1", from: client.address, id: "ready\(attempt)"),
                to: port)
            challenge = client.datagram(within: .milliseconds(200)).map {
                SIPText(String(decoding: $0.bytes, as: UTF8.self))
            }
        }
        let nonce = try #require(challenge?.challenge("nonce"))
        while client.datagram(within: .milliseconds(200)) != nil {}
        for (index, compared) in Compared.all.enumerated() {
            var digest = Digest(nonce)
            compared.change(&digest)
            let request = SIPText.request(
                "OPTIONS", "sip:alice@127.0.0.1", from: client.address, id: "compared\(index)", headers: [digest.line])
            let reply = try client.exchange(request, with: port)
            let code = reply.statusCode == 299 ? reply.reason : "\(reply.statusCode ?? 0)"
            #expect(code == expected(compared), "\(compared.name)")
        }
    }
}
