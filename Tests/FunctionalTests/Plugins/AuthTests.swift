import Testing

/// Challenges, checks, and what marks a sender as known.
@Suite struct AuthTests {
    @Test func challengesSayWhatTheirFlagsAsk() throws {
        let cases: [(call: String, code: Int, header: String, rest: String)] = [
            (#"www_challenge("test", "0")"#, 401, "WWW-Authenticate", ""),
            (#"www_challenge("test", "1")"#, 401, "WWW-Authenticate", #", qop="auth""#),
            (#"www_challenge("test", "2")"#, 401, "WWW-Authenticate", #", qop="auth-int""#),
            (#"www_challenge("test", "3")"#, 401, "WWW-Authenticate", #", qop="auth,auth-int""#),
            (#"proxy_challenge("test", "17")"#, 407, "Proxy-Authenticate", #", qop="auth", stale=true"#),
            (#"auth_challenge("test", "0")"#, 407, "Proxy-Authenticate", ""),
            (#"www_challenge("test", "1", "SHA-512")"#, 401, "WWW-Authenticate", #", qop="auth", algorithm=SHA-512"#),
        ]
        for (call, code, header, rest) in cases {
            var probe = try AuthProbe(challenge: call)
            let reply = try probe.ask("challenge")
            let nonce = try #require(reply.challenge("nonce", header), "\(call): \(reply)")
            #expect(reply.statusCode == code && nonce.count == 48)
            #expect(reply.headers(header) == [#"Digest realm="test", nonce="\#(nonce)"\#(rest)"#])
        }
    }

    @Test func registrationsAreChallengedByTheirServer() throws {
        var probe = try AuthProbe(challenge: #"auth_challenge("test", "0")"#)
        let reply = try probe.ask("challenge", method: "REGISTER")
        #expect(reply.startLine == "SIP/2.0 401 Unauthorized" && reply.challenge("realm") == "test")
        let other = try probe.ask("challenge", method: "MESSAGE")
        #expect(other.startLine == "SIP/2.0 407 Proxy Authentication Required")
    }

    /// The strongest comes first, whatever the order was, and all have the same nonce (RFC 8760 section 2.4).
    @Test func severalAlgorithms() throws {
        let parameters = [#""algorithm", "MD5, SHA-256,SHA-512-256""#]
        var probe = try AuthProbe(parameters)
        let reply = try probe.ask("challenge")
        let headers = reply.headers("WWW-Authenticate")
        #expect(headers.map { SIPText.parameter("algorithm", in: $0) } == ["SHA-512-256", "SHA-256", "MD5"])
        #expect(Set(headers.map { SIPText.parameter("nonce", in: $0) }).count == 1)
        let nonce = try #require(reply.challenge("nonce"))
        for algorithm in ["SHA-512-256", "SHA-256", "MD5", "MD5-sess", "SHA-256-sess"] {
            let code = try probe.code(Digest(nonce) { $0.algorithm = algorithm })
            #expect(code == "1", "\(algorithm)")
        }
        let stronger = try probe.code(Digest(nonce) { $0.algorithm = "SHA-512" })
        #expect(stronger == "-1")
    }

    /// A nonce that was offered with SHA-256 is answered with nothing weaker.
    @Test func nobodyChoosesAWeakerAlgorithm() throws {
        var probe = try AuthProbe([#""algorithm", "SHA-256""#])
        let nonce = try probe.nonce()
        let strong = try probe.code(Digest(nonce) { $0.algorithm = "SHA-256" })
        let weak = try probe.code(Digest(nonce) { $0.algorithm = "MD5" })
        let unnamed = try probe.code(Digest(nonce))
        #expect(strong == "1" && weak == "-1" && unnamed == "-1")
    }

    @Test func algorithmsOfOneRequest() throws {
        var probe = try AuthProbe(challenge: #"if (auth_algorithm("SHA-512")) www_challenge("test", "1")"#)
        let reply = try probe.ask("challenge")
        #expect(reply.challenge("algorithm") == "SHA-512")
        let again = try probe.ask("again")
        #expect(again.challenge("algorithm") == "SHA-512")
    }

    @Test func passwordsAndTheirHashes() throws {
        for flags in [0, 1] {
            let secret = flags == 0 ? "secret" : Digest("x").ha1.uppercased()
            var probe = try AuthProbe(check: #"pv_www_authenticate("test", "\#(secret)", "\#(flags)")"#)
            let nonce = try probe.nonce()
            let right = try probe.code(Digest(nonce))
            let old = try probe.code(Digest(nonce) { $0.qop = nil })
            let wrong = try probe.code(Digest(nonce) { $0.password = "Secret" })
            #expect(right == "1" && old == "1" && wrong == "-2")
        }
        // A hash that cannot be one is nobody's.
        var probe = try AuthProbe(check: #"pv_www_authenticate("test", "abc", "1")"#)
        let nonce = try probe.nonce()
        let code = try probe.code(Digest(nonce))
        #expect(code == "-1")
    }

    /// auth-int covers the body; another method or URI than the digest was made for is another digest.
    @Test func whatADigestCovers() throws {
        var probe = try AuthProbe(challenge: #"www_challenge("test", "3")"#)
        let nonce = try probe.nonce()
        let digest = Digest(nonce) {
            $0.qop = "auth-int"
            $0.body = "some text"
        }
        let whole = try probe.code(digest)
        let changed = try probe.code([digest.line], body: "other text")
        #expect(whole == "1" && changed == "-2")
        let plain = Digest(nonce)
        let method = try probe.code(plain, method: "MESSAGE")
        let uri = try probe.code([plain.line.replacing("sip:somewhere", with: "sip:elsewhere")])
        #expect(method == "-2" && uri == "-2")
    }

    /// Gateways rewrite the Request-URI: that is allowed, and told once by each of the two workers at most.
    @Test func digestsForAnotherURI() throws {
        var probe = try AuthProbe()
        let nonce = try probe.nonce()
        for _ in 1...10 {
            let code = try probe.code(Digest(nonce))
            #expect(code == "1")
        }
        let told = "credentials from 127.0.0.1 are for sip:somewhere, the request for sip:alice@"
        try probe.text(told)
        #expect(1...2 ~= probe.probe.server.log.split(separator: told).count - 1)
    }

    @Test func methodsOfTheScript() throws {
        var probe = try AuthProbe(check: #"pv_www_authenticate("test", "secret", "0", "PUT")"#)
        let nonce = try probe.nonce()
        let code = try probe.code(Digest(nonce) { $0.method = "PUT" })
        #expect(code == "1")
    }

    /// The realm's case does not matter, its prefix goes, and an empty one is the host of To or From.
    @Test func realms() throws {
        var probe = try AuthProbe(
            [#""realm_prefix", "sip.""#], check: #"pv_www_authenticate("SIP.test", "secret", "0")"#,
            challenge: #"www_challenge("sip.test", "1")"#)
        let nonce = try probe.nonce()
        let same = try probe.code(Digest(nonce))
        let capitals = try probe.code(Digest(nonce) { $0.realm = "TEST" })
        let other = try probe.code(Digest(nonce) { $0.realm = "tes" })
        #expect(same == "1" && capitals == "1" && other == "-5")
        var hosts = try AuthProbe(
            check: #"pv_www_authenticate("", "secret", "0")"#, challenge: #"www_challenge("", "1")"#)
        let reply = try hosts.ask("challenge")
        #expect(reply.challenge("realm") == "127.0.0.1")
        let host = try hosts.code(Digest(reply.challenge("nonce") ?? "") { $0.realm = "127.0.0.1" })
        #expect(host == "1")
        // What would end the quoted string is no realm.
        var quoted = try AuthProbe(
            challenge: #"$var(r) = "a" + $(hdr(X-Quote)); www_challenge("$var(r)", "0")"#)
        let refused = try quoted.ask("challenge", [#"X-Quote: ", x=""#])
        #expect(refused.startLine == "SIP/2.0 500 Internal Server Error")
    }

    /// Of several headers the one of the realm counts; other schemes and broken ones beside it do not matter.
    @Test func severalHeaders() throws {
        var probe = try AuthProbe()
        let nonce = try probe.nonce()
        let good = Digest(nonce).line
        let others = [
            Digest(nonce) { $0.realm = "other" }.line, "Authorization: Basic YWxpY2U6c2VjcmV0",
            #"Authorization: Digest username="al"#,
        ]
        for other in others {
            let code = try probe.code([other, good])
            #expect(code == "1", "\(other)")
        }
        let basic = try probe.code([others[1]])
        let proxy = try probe.code([Digest(nonce) { $0.header = "Proxy-Authorization" }.line])
        #expect(basic == "-5" && proxy == "-5")
    }

    @Test func malformedCredentialsAreRefusedAndCounted() throws {
        var probe = try AuthProbe(rest: " $stat(auth:malformed) $stat(auth:foreign_nonce)")
        let nonce = try probe.nonce()
        var lines = ["username", "realm", "nonce", "uri", "response", "nc", "cnonce"].map { name in
            Digest(nonce) { $0.without = [name] }.line
        }
        lines += ["", "0", "0000000", "000000001", "0000000g", "00000000", "ffffffff00000001"].map { count in
            Digest(nonce) { $0.count = count }.line
        }
        lines += [
            Digest(nonce) { $0.user = "" }.line, Digest(nonce) { $0.qop = "auth-conf" }.line,
            Digest(nonce) { $0.extra = ", realm=\"test\"" }.line, Digest(nonce) { $0.extra = ", nc=00000001" }.line,
            Digest(nonce) {
                $0.algorithm = "MD5-sess"
                $0.qop = nil
            }.line,
            #"Authorization: Digest username="al"#, "Authorization: Digest ,,,", "Authorization: Digest realm",
        ]
        for line in lines {
            let reply = try probe.ask("alice", [line])
            #expect(reply.startLine == "SIP/2.0 400 Bad Request", "\(line)")
        }
        let huge = String(repeating: "x", count: 8000)
        for foreign in ["x", String(nonce.dropLast()), String(nonce.dropLast()) + "!", nonce + nonce, huge] {
            let code = try probe.code(Digest(foreign))
            #expect(code.hasPrefix("-1 \(lines.count)"), "\(foreign.prefix(60)): \(code)")
        }
        let after = try probe.code(Digest(nonce))
        #expect(after == "1 \(lines.count) 5")
    }

    @Test func whatCannotBeChallenged() throws {
        var probe = try AuthProbe()
        let prack = try probe.code([], method: "PRACK")
        #expect(prack == "1")
        let mistakes = [
            #"www_challenge("test", "8");"#, #"www_challenge("test", "x");"#, #"www_challenge("test", "1", "SHA-1");"#,
            #"pv_www_authenticate("test", "x", "64");"#, #"auth_algorithm("foo");"#,
        ]
        for call in mistakes {
            let result = try Server.check(
                "loadmodule \"sl.so\"\nloadmodule \"auth.so\"\nrequest_route {\n\(call)\n}\n")
            #expect(!result.succeeded, "\(call)")
        }
        let parameter = try Server.check(
            "loadmodule \"sl.so\"\nloadmodule \"auth.so\"\nmodparam(\"auth\", \"algorithm\", \"SHA-1\")\nrequest_route { exit; }\n"
        )
        #expect(parameter.succeeded)
        #expect(throws: HarnessError.self) { _ = try AuthProbe([#""algorithm", "SHA-1""#]) }
        #expect(throws: HarnessError.self) { _ = try AuthProbe([#""challenge_attr", "nothing""#]) }
    }

    /// The header that was found right goes, no other, and it says who the sender is, also once it is gone.
    @Test func credentialsAreConsumed() throws {
        let probe = try Probe(
            ["sl", "pv", "siputils", "tm", "auth"], globals: #"modparam("auth", "secret", "one that is long enough")"#,
            script: """
                if (is_user("alice") || consume_credentials()) { sl_send_reply("500", "too early"); exit; }
                if (!pv_proxy_authenticate("test", "secret", "0")) { proxy_challenge("test", "1"); exit; }
                if (!is_user("alice") || is_user("Alice") || !has_credentials("other") || has_credentials("third")) exit;
                if (!consume_credentials() || !is_user("alice")) exit;
                t_on_branch("LEAVING");
                $du = "NEXT";
                t_relay();
                }
                branch_route[LEAVING] {
                """)
        let challenge = try probe.ask(probe.request("MESSAGE", id: "first"))
        #expect(challenge.statusCode == 407)
        let nonce = try #require(challenge.challenge("nonce", "Proxy-Authenticate"))
        let own = Digest(nonce) {
            $0.method = "MESSAGE"
            $0.header = "Proxy-Authorization"
        }.line
        let other = Digest(nonce) {
            $0.realm = "other"
            $0.header = "Proxy-Authorization"
        }.line
        let server = Digest(nonce).line
        let sent = try probe.pass(probe.request("MESSAGE", id: "second", headers: [other, own, server]))
        #expect(sent.headers("Proxy-Authorization").map { "Proxy-Authorization: " + $0 } == [other])
        #expect(sent.headers("Authorization").count == 1)
    }

    @Test func senderIsWhoTheyWereFoundToBe() throws {
        var probe = try AuthProbe(check: #"pv_auth_check("test", "secret", "0", "1")"#)
        let nonce = try probe.nonce()
        func digest(_ user: String, _ method: String, _ header: String) -> Digest {
            Digest(nonce) { ($0.user, $0.method, $0.header) = (user, method, header) }
        }
        // From has the user `tester`; To and the Request-URI have `alice`.
        let cases: [(String, String, String, String)] = [
            ("tester", "OPTIONS", "Proxy-Authorization", "1"), ("tester@d", "OPTIONS", "Proxy-Authorization", "1"),
            ("alice", "OPTIONS", "Proxy-Authorization", "-8"), ("tester", "OPTIONS", "Authorization", "-5"),
            ("tester", "REGISTER", "Authorization", "-8"), ("alice", "REGISTER", "Authorization", "-8"),
        ]
        for (user, method, header, expected) in cases {
            let code = try probe.code(digest(user, method, header), method: method)
            #expect(code == expected, "\(user) \(method) \(header)")
        }
        for (method, header) in [("REGISTER", "Authorization"), ("PUBLISH", "Proxy-Authorization")] {
            let reply = try probe.ask("tester", [digest("tester", method, header).line], method: method)
            #expect(reply.reason == "1", "\(method)")
        }
    }

    /// use_domain: the same user at another host is somebody else.
    @Test(arguments: [(0, "1"), (1, "-8")])
    func hostsOfSenders(comparesHosts: Int, elsewhere: String) throws {
        var probe = try AuthProbe(
            ["\"use_domain\", \(comparesHosts)"], check: #"pv_auth_check("test", "secret", "0", "1")"#)
        let digest = Digest(try probe.nonce()) { ($0.user, $0.method) = ("tester", "REGISTER") }
        let request = probe.probe.request("REGISTER", user: "tester", id: "hosts", headers: [digest.line])
        let here = try probe.probe.ask(request)
        #expect(here.reason == "1")
        let moved = request.replacing("To: <sip:tester@127.0.0.1", with: "To: <sip:tester@other.test")
            .replacing("hosts", with: "moved")
        #expect(moved.contains("other.test"))
        let there = try probe.probe.ask(moved)
        #expect(there.reason == elsewhere)
    }

    @Test func challengesInVariables() throws {
        var probe = try AuthProbe(
            check: #"pv_www_authenticate("test", "secret", "20")"#,
            rest: #" [$(avp(digest_challenge){s.trim})]"#)
        let code = try probe.code([])
        #expect(code.hasPrefix(#"-5 [WWW-Authenticate: Digest realm="test", nonce=""#), "\(code)")
        #expect(code.hasSuffix(#"", qop="auth", stale=true]"#), "\(code)")
        var other = try AuthProbe(
            check: #"auth_get_www_authenticate("test", "2", "$var(x)")"#, rest: #" [$(var(x){s.trim})]"#)
        let text = try other.code([])
        #expect(text.hasPrefix(#"1 [WWW-Authenticate: Digest realm="test", nonce=""#), "\(text)")
        #expect(text.hasSuffix(#"", qop="auth-int"]"#), "\(text)")
        var named = try AuthProbe(
            [#""challenge_attr", "$var(c)""#, #""proxy_challenge_header", "X-Challenge""#],
            check: #"pv_proxy_authenticate("test", "secret", "2")"#, rest: #" [$(var(c){s.substr,0,11})]"#)
        let renamed = try named.code([])
        #expect(renamed == "-5 [X-Challenge]")
    }

    /// The server proves that it knows the secret (RFC 7616 section 3.5), to whoever asked with qop.
    @Test func serverAuthenticatesItself() throws {
        var probe = try AuthProbe([#""add_authinfo_hdr", 1"#])
        let nonce = try probe.nonce()
        let digest = Digest(nonce)
        let reply = try probe.ask("alice", [digest.line])
        let expected =
            "nextnonce=\"\(nonce)\", qop=auth, rspauth=\"\(digest.proof)\", cnonce=\"cn\", nc=00000001"
        #expect(reply.header("Authentication-Info") == expected)
        let old = try probe.ask("alice", [Digest(nonce) { $0.qop = nil }.line])
        let wrong = try probe.ask("alice", [Digest(nonce) { $0.password = "x" }.line])
        #expect(old.reason == "1" && old.header("Authentication-Info") == nil)
        #expect(wrong.reason == "-2" && wrong.header("Authentication-Info") == nil)
        var once = try AuthProbe([#""add_authinfo_hdr", 1"#, #""one_time_nonce", 1"#])
        let first = Digest(try once.nonce())
        let told = try once.ask("alice", [first.line])
        let next = try #require(
            told.header("Authentication-Info").flatMap { SIPText.parameter("nextnonce", in: " " + $0) })
        let second = try once.code(Digest(next))
        #expect(next != first.nonce && second == "1")
    }
}
