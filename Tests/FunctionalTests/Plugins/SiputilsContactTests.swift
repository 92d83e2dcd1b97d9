import Testing

/// siputils: Contacts that lead through the server, charging vectors, dates.
@Suite struct SiputilsContactTests {
    /// The Contacts with which a request leaves.
    private func contacts(_ call: String, _ contacts: [String], globals: String = "") throws -> [String] {
        let probe = try Probe(["siputils"], globals: globals, script: "\(call); $du = \"NEXT\"; forward();")
        let request = probe.request("INVITE", id: "contact", headers: contacts.map { "Contact: " + $0 })
        let own = "Contact: <sip:tester@\(probe.client.address)>\r\n"
        return try probe.pass(request.replacing(own, with: "")).headers("Contact")
    }

    private static let encoded: [(String, String)] = [
        (
            "<sip:joe:pw@192.0.2.5:5070;transport=tcp>;expires=300",
            "<sip:p*joe*pw*192.0.2.5*5070*tcp@192.0.2.1>;expires=300"
        ),
        ("<sip:joe@192.0.2.5>", "<sip:p*joe**192.0.2.5**@192.0.2.1>"),
        ("\"J\" <sip:192.0.2.5>;q=0.5", "\"J\" <sip:p***192.0.2.5**@192.0.2.1>;q=0.5"),
        ("sip:joe@[2001:db8::5]:5070;expires=1", "<sip:p*joe**[2001:db8::5]*5070*@192.0.2.1>;expires=1"),
    ]

    @Test(arguments: encoded) func addressesGoIntoTheUser(contact: String, encoded: String) throws {
        #expect(try contacts(#"encode_contact("p", "192.0.2.1")"#, [contact]) == [encoded])
    }

    @Test func allContactsAreEncoded() throws {
        let many = try contacts(
            #"encode_contact("p", "h")"#, ["<sip:a@b>, <sip:c@d>;q=1", "<sip:e@f>"],
            globals: #"modparam("siputils", "contact_flds_separator", "-")"#)
        #expect(many == ["<sip:p-a--b--@h>, <sip:p-c--d--@h>;q=1", "<sip:p-e--f--@h>"])
        #expect(try contacts(#"encode_contact("p", "h")"#, ["*"]) == ["*"])
        // All or none.
        let mixed = ["<sip:a@b>, <sips:c@d>"]
        #expect(try contacts(#"encode_contact("p", "h")"#, mixed) == mixed)
        #expect(try contacts(#"encode_contact("p", "h")"#, ["<sip:a*b@c>"]) == ["<sip:a*b@c>"])
    }

    @Test func addressesComeBack() throws {
        for (contact, encoded) in Self.encoded.dropLast() {
            #expect(try contacts("decode_contact_header()", [encoded]) == [contact])
        }
        #expect(try contacts("decode_contact_header()", ["<sip:a@b>"]) == ["<sip:a@b>"])
        for (uri, decoded) in [
            ("sip:p*joe*pw*192.0.2.5*5070*tcp@192.0.2.1:5080;x=y", "1 sip:joe:pw@192.0.2.5:5070;transport=tcp;x=y"),
            ("sip:p*joe**192.0.2.5**@h", "1 sip:joe@192.0.2.5"), ("sip:joe@h", "-1 sip:joe@h"),
            ("sip:p*joe***@h", "-1 sip:p*joe***@h"),
        ] {
            let probe = try Probe(
                ["sl", "siputils"], script: #"decode_contact(); $var(rc) = $rc; sl_send_reply("200", "$var(rc) $ru");"#)
            let request = probe.request(id: "decode").replacing(
                "OPTIONS sip:alice@\(probe.server.address)", with: "OPTIONS " + uri)
            #expect(try probe.ask(request).reason == decoded)
        }
    }

    @Test func contactsGoIntoAParameter() throws {
        let encoded = try contacts(
            #"contact_param_encode("eca", "sip:192.0.2.1:5080;x")"#,
            ["<sip:ab@c.d>;q=1, sip:abc@c.d;q=0", "<sip:abcd@c.d>"])
        #expect(
            encoded == [
                "<sip:192.0.2.1:5080;x;eca=c2lwOmFiQGMuZA>;q=1, <sip:192.0.2.1:5080;x;eca=c2lwOmFiY0BjLmQ>;q=0",
                "<sip:192.0.2.1:5080;x;eca=c2lwOmFiY2RAYy5k>",
            ])
        #expect(
            try contacts(#"contact_param_decode("eca")"#, encoded) == [
                "<sip:ab@c.d>;q=1, <sip:abc@c.d>;q=0", "<sip:abcd@c.d>",
            ])
        #expect(try contacts(#"contact_param_decode("eca")"#, ["<sip:a@b>"]) == ["<sip:a@b>"])
        #expect(try contacts(#"contact_param_decode("eca")"#, ["<sip:a;eca=!!>"]) == ["<sip:a;eca=!!>"])
        #expect(
            try contacts(#"contact_param_rm("x")"#, ["<sip:a;x=1;y>, <sip:b;y;x>;x=2"])
                == ["<sip:a;y>, <sip:b;y>;x=2"])
    }

    @Test func anAliasGoesWithIt() throws {
        let probe = try Probe(
            ["sl", "siputils"],
            script: #"contact_param_encode_alias("eca", "sip:192.0.2.1"); $du = "NEXT"; forward();"#)
        let passed = try probe.pass(probe.request("INVITE", id: "alias"))
        let contact = try #require(passed.header("Contact"))
        let uri = String(contact.dropFirst().prefix { $0 != ">" })
        let back = try Probe(
            ["sl", "siputils"],
            script: #"contact_param_decode_ruri("eca"); $var(rc) = $rc; sl_send_reply("200", "$var(rc) $ru");"#)
        let request = back.request(id: "back").replacing(
            "OPTIONS sip:alice@\(back.server.address)", with: "OPTIONS " + uri)
        #expect(
            try back.ask(request).reason
                == "1 sip:tester@\(probe.client.address);alias=127.0.0.1~\(probe.client.address.port)~1")
        let without = try back.ask(back.request(id: "without"))
        #expect(without.reason == "1 sip:alice@\(back.server.address)")
    }

    @Test func parametersOfContactsAreTested() throws {
        let codes = try Probe.codes(
            ["siputils"], headers: ["Contact: <sip:a;x=1>, <sip:b;y>;z"],
            [#"contact_param_check("x")"#, #"contact_param_check("Y")"#, #"contact_param_check("z")"#])
        #expect(codes == [1, 1, -1])
    }

    @Test func chargingVectors() throws {
        func vector(_ script: String, _ received: String?) throws -> (value: [String], facts: String?) {
            let probe = try Probe(
                ["siputils", "textops"],
                script: """
                    $var(codes) = "";
                    \(script.split(separator: " ").map {
                        "sip_p_charging_vector(\"\($0)\"); $var(codes) = $var(codes) + $rc + \" \";"
                    }.joined())
                    append_hf("X-Facts: $var(codes)$pcv(status) $pcv(value) $pcv(genaddr) $pcv(orig) $pcv(term)\\r\\n");
                    $du = "NEXT";
                    forward();
                    """)
            let passed = try probe.pass(
                probe.request("INVITE", id: "pcv", headers: received.map { ["P-Charging-Vector: " + $0] } ?? []))
            return (passed.headers("P-Charging-Vector"), passed.header("X-Facts"))
        }
        let full = "icid-value=abc; icid-generated-at=192.0.2.1 ;orig-ioi=a.b;term-ioi=c.d;ggsn=9"
        let kept = try vector("g", full)
        #expect(kept.value == [full])
        #expect(kept.facts == "1 1 abc 192.0.2.1 a.b c.d")
        let removed = try vector("r r", full)
        #expect(removed.value == [])
        #expect(removed.facts == "4 1 4 <null> <null> <null> <null>")
        let none = try vector("r", nil)
        #expect(none.facts == "1 0 <null> <null> <null> <null>")
        let broken = try vector("", "orig-ioi=a.b")
        #expect(broken.facts == "-1 <null> <null> <null> <null>")
        for (script, received, codes) in [
            ("g g f r", nil, "3 1 1 -1 3"), ("f", "icid-value=1", "5 5"), ("r g", "icid-value=1", "4 3 3"),
        ] {
            let made = try vector(script, received)
            let value = try #require(made.value.first)
            #expect(made.value.count == 1)
            #expect(value.hasSuffix(";icid-generated-at=127.0.0.1"))
            let identifier = value.dropFirst("icid-value=".count).prefix { $0 != ";" }
            #expect(identifier.count == 32 && identifier.allSatisfy(\.isHexDigit))
            #expect(made.facts == "\(codes) \(identifier) 127.0.0.1 <null> <null>")
        }
    }

    @Test func identifiersOfChargingVectorsDiffer() throws {
        let probe = try Probe(
            ["sl", "siputils"], script: #"sip_p_charging_vector("g"); sl_send_reply("200", "$pcv(value)");"#)
        let values = try (0..<20).map { try probe.ask(probe.request(id: "pcv-\($0)")).reason }
        #expect(Set(values).count == 20)
    }

    @Test func datesAreCompared() throws {
        let old = try Probe.codes(
            ["siputils"], headers: ["Date: Sat, 13 Nov 2010 23:29:00 GMT"],
            ["hdr_date_check(10)", #"hdr_date_check("4000000000")"#])
        #expect(old == [-4, 1])
        #expect(try Probe.codes(["siputils"], headers: ["Date: soon"], ["hdr_date_check(10)"]) == [-1])
        #expect(try Probe.codes(["siputils"], ["hdr_date_check(10)"]) == [-1])
    }

    @Test(arguments: [
        ([], 1), (["Route: <sip:a;lr>, sip:b"], 1), (["Route: <sip:a"], -1), (["Record-Route: <>"], -1),
        (["Contact: <<"], -1),
        (["Path: <sip:a;lr>"], 1),
    ]) func headersParse(headers: [String], code: Int) throws {
        #expect(try Probe.codes(["siputils"], headers: headers, ["sip_parse_headers()"]) == [code])
    }

    @Test(arguments: [
        (#"request_route { contact_param_rm("a b"); }"#, "a parameter's name is"),
        (#"request_route { sip_p_charging_vector("x"); }"#, "must be one of r, g, f"),
        (
            "modparam(\"siputils\", \"contact_flds_separator\", \"ab\")\nrequest_route { exit; }",
            "a separator is one character"
        ),
    ]) func constantsAreCheckedAtStart(config: String, complaint: String) throws {
        let result = try Server.check("loadmodule \"siputils.so\"\n" + config + "\n")
        #expect(!result.succeeded)
        #expect(result.output.contains(complaint))
    }
}
