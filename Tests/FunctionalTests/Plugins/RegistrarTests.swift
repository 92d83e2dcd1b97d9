import Testing

/// REGISTER by RFC 3261 section 10.3: what is bound, for how long, and what is refused.
@Suite struct RegistrarTests {
    @Test func bindingsComeAndGo() throws {
        var probe = try RegistrarProbe()
        let empty = try probe.register([])
        #expect(empty.statusCode == 200 && empty.headers("Contact").isEmpty)

        let first = try probe.register(["<sip:a@192.0.2.1:5070>"])
        #expect(RegistrarProbe.contacts(first) == ["<sip:a@192.0.2.1:5070>"])
        #expect(RegistrarProbe.expires(first).allSatisfy { 3590...3600 ~= $0 })

        // Several in one header, display names, q; the best first.
        let more = try probe.register(
            [#""A, B" <sip:b@192.0.2.2>;q=0.5;expires=100, <sip:c@192.0.2.3>;q=0.75"#, "<sip:d@192.0.2.4>;q=1"],
            ["Expires: 200"], call: "b")
        #expect(
            RegistrarProbe.contacts(more) == [
                "<sip:d@192.0.2.4>;q=1", "<sip:c@192.0.2.3>;q=0.75", "<sip:b@192.0.2.2>;q=0.5",
                "<sip:a@192.0.2.1:5070>",
            ])
        let seconds = RegistrarProbe.expires(more)
        #expect(zip(seconds, [200, 200, 100, 3600]).allSatisfy { $1 - 5...$1 ~= $0 })

        // An update with an equal URI, and an end of another one.
        let changed = try probe.register(
            ["<sip:b@192.0.2.2>;q=0.9;expires=300", "<sip:c@192.0.2.3>;expires=0"], cseq: 2, call: "b")
        #expect(
            RegistrarProbe.contacts(changed) == [
                "<sip:d@192.0.2.4>;q=1", "<sip:b@192.0.2.2>;q=0.9", "<sip:a@192.0.2.1:5070>",
            ])
        let query = try probe.register([], cseq: 3, call: "b")
        #expect(RegistrarProbe.contacts(query) == RegistrarProbe.contacts(changed))

        let gone = try probe.register(["*"], ["Expires: 0"], cseq: 4, call: "b")
        #expect(gone.statusCode == 200 && gone.headers("Contact").isEmpty)
        let told = try probe.told()
        #expect(told.hasPrefix("-1 "))
    }

    /// Each is refused, with its reason, and changes nothing.
    @Test func refusals() throws {
        var probe = try RegistrarProbe([#""retry_after", 30"#])
        let before = try probe.register(["<sip:a@192.0.2.1>"], cseq: 5)
        let long = String(repeating: "x", count: 600)
        let cases: [([String], [String], Int, String)] = [
            (["<sip:b@192.0.2.2"], [], 400, "Contact parse error"),
            (["<>"], [], 400, "Contact parse error"),
            (["<sip:ok@192.0.2.2>", "nonsense"], [], 400, "Contact parse error"),
            (["<sip:ok@192.0.2.2>;q=1.5"], [], 400, "Invalid q param in contact"),
            (["<sip:ok@192.0.2.2>", "<sip:b@192.0.2.2>;q=x"], [], 400, "Invalid q param in contact"),
            (["*"], [], 400, "* used in contact and expires is not zero"),
            (["*"], ["Expires: 10"], 400, "* used in contact and expires is not zero"),
            (["*", "<sip:b@192.0.2.2>"], ["Expires: 0"], 400, "* used in contact and more than 1 contact"),
            (["<sip:\(long)@192.0.2.2>"], [], 400, "Contact/received too long"),
            (["<sip:ok@192.0.2.2>"], ["Require: outbound"], 420, "No support for Outbound on server"),
        ]
        for (contacts, headers, code, text) in cases {
            let reply = try probe.register(contacts, headers, call: "x")
            #expect(reply.statusCode == code && reply.header("P-Registrar-Error") == text, "\(contacts): \(reply)")
            #expect(reply.headers("Contact").isEmpty && reply.header("Retry-After") == nil)
        }
        let tos: [(String, Int, String)] = [
            ("sip:127.0.0.1", 400, "No username in To URI"), ("tel:+4930123", 400, "Error while parsing AOR"),
            ("sip:a%zz@127.0.0.1", 400, "Error while parsing AOR"),
            ("sip:a%00@127.0.0.1", 400, "Error while unescaping username"),
            ("sip:\(long)@127.0.0.1", 500, "Address Of Record too long"),
        ]
        for (to, code, text) in tos {
            let reply = try probe.register(["<sip:b@192.0.2.2>"], to: to)
            #expect(reply.statusCode == code && reply.header("P-Registrar-Error") == text, "\(to): \(reply)")
            #expect(reply.header("Retry-After") == (code == 500 ? "30" : nil))
        }
        let callID = try probe.register(["<sip:b@192.0.2.2>"], call: String(repeating: "c", count: 256))
        #expect(callID.statusCode == 400 && callID.header("P-Registrar-Error") == "Callid too long")
        let unsupported = try probe.register([], ["Require: outbound"])
        #expect(unsupported.header("Unsupported") == "outbound")
        let after = try probe.register([])
        #expect(RegistrarProbe.contacts(after) == RegistrarProbe.contacts(before))
    }

    /// Of one binding and Call-ID the CSeq grows; the last request may come twice.
    @Test func order() throws {
        var probe = try RegistrarProbe()
        _ = try probe.register(["<sip:a@192.0.2.1>"], cseq: 5)
        let again = try probe.register(["<sip:a@192.0.2.1>"], cseq: 5)
        #expect(again.statusCode == 200)
        for (contacts, headers) in [(["<sip:a@192.0.2.1>;expires=0"], []), (["*"], ["Expires: 0"])] {
            let late = try probe.register(contacts, headers, cseq: 4)
            #expect(late.statusCode == 400 && late.header("P-Registrar-Error") == "Invalid CSeq number")
        }
        // A phone that was restarted has another Call-ID.
        let restarted = try probe.register(["<sip:a@192.0.2.1>;q=0.3"], cseq: 1, call: "b")
        #expect(RegistrarProbe.contacts(restarted) == ["<sip:a@192.0.2.1>;q=0.3"])
        // One of two contacts is late: neither is done.
        _ = try probe.register(["<sip:c@192.0.2.3>"], cseq: 9, call: "c")
        let half = try probe.register(["<sip:d@192.0.2.4>", "<sip:c@192.0.2.3>"], cseq: 8, call: "c")
        #expect(half.statusCode == 400)
        let query = try probe.register([])
        #expect(Set(RegistrarProbe.contacts(query)) == ["<sip:a@192.0.2.1>;q=0.3", "<sip:c@192.0.2.3>"])
    }

    @Test(arguments: [false, true]) func limitsOfTime(refuses: Bool) throws {
        var probe = try RegistrarProbe([
            #""min_expires", 100"#, #""max_expires", 1000"#, #""default_expires", 500"#,
            "\"min_expires_mode\", \(refuses ? 1 : 0)",
        ])
        let cases: [(String, [String], Int)] = [
            ("", [], 500), (";expires=600", [], 600), (";expires=5000", [], 1000), ("", ["Expires: 5000"], 1000),
            (";expires=x", ["Expires: 700"], 500), ("", ["Expires: Thu, 01 Dec 1994 16:00:00 GMT"], 500),
            (";expires=200", ["Expires: 700"], 200),
        ]
        for (number, (params, headers, seconds)) in cases.enumerated() {
            let reply = try probe.register(["<sip:a@192.0.2.1>\(params)"], headers, cseq: number + 1)
            let expires = RegistrarProbe.expires(reply)
            #expect(expires.count == 1 && expires.allSatisfy { seconds - 5...seconds ~= $0 }, "\(params): \(reply)")
        }
        let brief = try probe.register(["<sip:a@192.0.2.1>;expires=99"], cseq: 50)
        if refuses {
            #expect(brief.startLine == "SIP/2.0 423 Interval Too Brief")
            #expect(brief.header("Min-Expires") == "100" && brief.header("P-Registrar-Error") == "Interval too brief")
        } else {
            #expect(RegistrarProbe.expires(brief).allSatisfy { 95...100 ~= $0 })
        }
        let end = try probe.register(["<sip:a@192.0.2.1>;expires=0"], cseq: 51)
        #expect(end.statusCode == 200 && end.headers("Contact").isEmpty)
    }

    /// Shortened at random, unless the script says that it shall not be.
    @Test func spread() throws {
        var probe = try RegistrarProbe(
            [#""expires_range", 50"#],
            save: #"if ($hdr(X-Exact) == "1") save("location", "0x8"); else save("location");"#)
        var seen: Set<Int> = []
        for cseq in 1...20 {
            let reply = try probe.register(["<sip:a@192.0.2.1>;expires=10000"], cseq: cseq)
            seen.formUnion(RegistrarProbe.expires(reply))
        }
        #expect(seen.allSatisfy { 4990...10000 ~= $0 } && seen.count > 5)
        let exact = try probe.register(["<sip:a@192.0.2.1>;expires=10000"], ["X-Exact: 1"], cseq: 30)
        #expect(RegistrarProbe.expires(exact).allSatisfy { 9995...10000 ~= $0 })
    }

    /// No more than so many, all or none; those that are there may be replaced and deleted.
    @Test func limitOfContacts() throws {
        var probe = try RegistrarProbe(
            [#""max_contacts", 2"#, #""retry_after", 7"#, #""xavp_cfg", "reg""#],
            save: """
                if ($hdr(X-Most) != $null) $xavp(reg=>max_contacts) = $(hdr(X-Most){s.int});
                save("location", "$hdr(X-Flags)");
                """)
        _ = try probe.register(["<sip:a@192.0.2.1>"], ["X-Flags: 0"])
        let three = try probe.register(["<sip:b@192.0.2.2>", "<sip:c@192.0.2.3>"], ["X-Flags: 0"], call: "b")
        #expect(three.startLine == "SIP/2.0 503 Service Unavailable" && three.header("Retry-After") == "7")
        #expect(three.header("P-Registrar-Error") == "Too many registered contacts")
        let two = try probe.register(["<sip:b@192.0.2.2>"], ["X-Flags: 0"], call: "b")
        #expect(RegistrarProbe.contacts(two).count == 2)
        let replaced = try probe.register(
            ["<sip:c@192.0.2.3>", "<sip:b@192.0.2.2>;expires=0"], ["X-Flags: 0"], cseq: 2, call: "b")
        #expect(Set(RegistrarProbe.contacts(replaced)) == ["<sip:a@192.0.2.1>", "<sip:c@192.0.2.3>"])
        let own = try probe.register(["<sip:d@192.0.2.4>"], ["X-Flags: 0", "X-Most: 3"], call: "d")
        #expect(RegistrarProbe.contacts(own).count == 3)
        let only = try probe.register(["<sip:e@192.0.2.5>"], ["X-Flags: 4"], call: "e")
        #expect(RegistrarProbe.contacts(only) == ["<sip:e@192.0.2.5>"])
    }

    @Test func addressesOfRecord() throws {
        var plain = try RegistrarProbe()
        _ = try plain.register(["<sip:a@192.0.2.1>"], to: "sip:%41lice@one.example")
        let other = try plain.told(to: "sip:ALICE@127.0.0.1;transport=udp")
        #expect(other.hasPrefix("1 sip:a@192.0.2.1 "))

        var domains = try RegistrarProbe(
            [#""realm_prefix", "sip.""#, #""case_sensitive", 1"#], usrloc: [#""use_domain", 1"#])
        _ = try domains.register(["<sip:a@192.0.2.1>"], to: "sip:Alice@SIP.One.example")
        for (uri, code) in [
            ("sip:Alice@one.example", "1"), ("sip:Alice@sip.one.example:5060", "1"), ("sip:alice@one.example", "-1"),
            ("sip:Alice@two.example", "-1"),
        ] {
            let told = try domains.told(to: uri)
            #expect(told.hasPrefix("\(code) "), "\(uri): \(told)")
        }
    }
}
