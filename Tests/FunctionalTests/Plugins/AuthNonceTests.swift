import Testing

/// How long, how often and for what a nonce can be used.
@Suite struct AuthNonceTests {
    /// Each count once: what was seen is refused, and the next challenge is stale.
    @Test func countsMustGrow() throws {
        var probe = try AuthProbe([#""nonce_count", 1"#])
        let nonce = try probe.nonce()
        for (count, expected) in [
            ("00000001", "1"), ("00000001", "-6"), ("0000000A", "1"), ("00000002", "-6"), ("ffffffff", "1"),
            ("ffffffff", "-6"), ("0000000b", "-6"),
        ] {
            let code = try probe.code(Digest(nonce) { $0.count = count })
            #expect(code == expected, "\(count)")
        }
        // Whoever does not know the password learns nothing of the nonce.
        let wrong = try probe.code(Digest(nonce) { $0.password = "x" })
        #expect(wrong == "-2")
        let stale = try probe.ask("again", [Digest(nonce).line])
        #expect(stale.statusCode == 401 && stale.challenge("stale") == "true")
        let plain = try probe.ask("again", [Digest(nonce) { $0.password = "x" }.line])
        #expect(plain.statusCode == 401 && plain.challenge("stale") == nil)
        // Without qop there is nothing to count.
        let old = try probe.code(Digest(nonce) { $0.qop = nil })
        #expect(old == "1")
    }

    /// Flag 32: a wrong password does not use the count up.
    @Test func wrongPasswordsUseCountsUp() throws {
        for (flags, expected) in [(0, "-6"), (32, "1")] {
            var probe = try AuthProbe(
                [#""nonce_count", 1"#], check: #"pv_www_authenticate("test", "secret", "\#(flags)")"#)
            let nonce = try probe.nonce()
            let wrong = try probe.code(Digest(nonce) { $0.password = "x" })
            let right = try probe.code(Digest(nonce))
            let again = try probe.code(Digest(nonce))
            #expect(wrong == "-2" && right == expected && again == "-6", "\(flags)")
        }
    }

    @Test func oneTimeNonces() throws {
        var probe = try AuthProbe([#""one_time_nonce", 1"#])
        let nonce = try probe.nonce()
        let first = try probe.code(Digest(nonce))
        let second = try probe.code(Digest(nonce) { $0.count = "00000002" })
        #expect(first == "1" && second == "-6")
        // With nonce_count it is for credentials without qop.
        var both = try AuthProbe([#""one_time_nonce", 1"#, #""nonce_count", 1"#])
        let other = try both.nonce()
        var codes: [String] = []
        for count in ["00000001", "00000002"] { codes.append(try both.code(Digest(other) { $0.count = count })) }
        let old = try both.nonce()
        for _ in 0..<2 { codes.append(try both.code(Digest(old) { $0.qop = nil })) }
        #expect(codes == ["1", "1", "1", "-6"])
    }

    /// The table has room for so many: the oldest goes, and is stale.
    @Test func oldestIsForgotten() throws {
        var probe = try AuthProbe([#""nonce_count", 1"#, #""nc_array_order", 1"#])
        let oldest = try probe.nonce()
        let next = try probe.nonce()
        let newest = try probe.nonce()
        let codes = [try probe.code(Digest(oldest)), try probe.code(Digest(next)), try probe.code(Digest(newest))]
        #expect(codes == ["-4", "1", "1"])
    }

    /// A right response with an old nonce is told so, a wrong one is not.
    @Test func noncesExpire() throws {
        var probe = try AuthProbe([#""nonce_expire", 1"#])
        let nonce = try probe.nonce()
        var code = ""
        for _ in 0..<100 where code != "-4" {
            // Time is what this waits for.
            code = try probe.code(Digest(nonce))
            #expect(code == "1" || code == "-4")
            if code == "1" { _ = probe.probe.client.datagram(within: .milliseconds(50)) }
        }
        #expect(code == "-4")
        let wrong = try probe.code(Digest(nonce) { $0.password = "x" })
        #expect(wrong == "-2")
        let stale = try probe.ask("again", [Digest(nonce).line])
        #expect(stale.challenge("stale") == "true")
        let plain = try probe.ask("again", [Digest(nonce) { $0.password = "x" }.line])
        #expect(plain.statusCode == 401 && plain.challenge("stale") == nil)
        let fresh = try probe.code(Digest(stale.challenge("nonce") ?? ""))
        #expect(fresh == "1")
    }

    /// Servers with one secret accept each other's nonces, unless they count.
    @Test func secretsAreShared() throws {
        let secret = #""secret", "a secret of two servers""#
        var first = try AuthProbe([secret])
        let nonce = try first.nonce()
        let cases: [([String], String)] = [
            ([secret], "1"), ([#""secret", "the secret of another one""#], "-1"), ([], "-1"),
            ([secret, #""nonce_count", 1"#], "-4"),
        ]
        for (parameters, expected) in cases {
            var second = try AuthProbe(parameters)
            let code = try second.code(Digest(nonce))
            #expect(code == expected, "\(parameters)")
        }
    }

    /// Bound to Call-ID, a nonce serves the request that was challenged and no other.
    @Test func noncesAreBound() throws {
        let probe = try Probe(
            ["sl", "auth"], globals: #"modparam("auth", "auth_checks_no_dlg", 2)"#,
            script: """
                pv_www_authenticate("test", "secret", "0"); $var(code) = $rc;
                if ($var(code) == -5) { www_challenge("test", "0"); exit; }
                sl_send_reply("299", "$var(code)");
                """)
        let reply = try probe.ask(probe.request(id: "bound"))
        let nonce = try #require(reply.challenge("nonce"))
        #expect(nonce.count == 64)
        let line = Digest(nonce) { $0.qop = nil }.line
        let same = try probe.ask(probe.request(id: "bound", headers: [line]).replacing("-bound-1", with: "-bound-2"))
        let other = try probe.ask(probe.request(id: "unbound", headers: [line]))
        #expect(same.reason == "1" && other.reason == "-4")
        // A nonce of REGISTER, which is bound to nothing here, does for no other request.
        let free = try probe.ask(probe.request("REGISTER", id: "free"))
        let loose = try #require(free.challenge("nonce"))
        #expect(loose.count == 48)
        let abused = try probe.ask(
            probe.request(id: "abused", headers: [Digest(loose) { $0.qop = nil }.line]))
        #expect(abused.reason == "-4")
    }

    /// The challenge belongs to the transaction, unless force_stateless_reply says otherwise: then each repetition is challenged anew.
    @Test func challengesInTransactions() throws {
        for isStateless in [false, true] {
            let probe = try Probe(
                ["sl", "tm", "auth"], globals: "modparam(\"auth\", \"force_stateless_reply\", \(isStateless ? 1 : 0))",
                script: #"t_newtran(); www_challenge("test", "1"); exit;"#)
            let request = probe.request("MESSAGE", id: "repeated")
            let first = try probe.ask(request)
            #expect(first.statusCode == 401)
            let second = try probe.ask(request)
            #expect((second.challenge("nonce") == first.challenge("nonce")) != isStateless, "\(second)")
        }
    }
}
