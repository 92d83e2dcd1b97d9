import Testing

@testable import Core

/// Messages for tests of variables.
enum VariableSample {
    static func invite(_ uri: String) -> String {
        Sample.invite.replacing("INVITE sip:bob@example.net SIP/2.0", with: "INVITE \(uri) SIP/2.0")
    }

    /// The sample with a header line replaced; an empty one removes it.
    static func invite(_ name: String, _ line: String) -> String {
        Sample.invite.split(separator: "\r\n", omittingEmptySubsequences: false)
            .compactMap { $0.hasPrefix(name + ":") ? (line.isEmpty ? nil : line) : String($0) }
            .joined(separator: "\r\n")
    }

    /// The sample with further header lines.
    static func invite(adding lines: String...) -> String {
        Sample.invite.replacing(
            "Content-Length: 4", with: (lines + ["Content-Length: 4"]).joined(separator: "\r\n"))
    }

    static let reply = Sample.lines(
        "SIP/2.0 183 Session Progress",
        "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        "Via: SIP/2.0/TCP 198.51.100.7:5070;branch=z9hG4bK2;received=203.0.113.9;rport=41000",
        "Record-Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>",
        "From: <sip:alice@example.com>;tag=a",
        "To: <sip:bob@example.net>;tag=b",
        "Call-ID: 1@h",
        "CSeq: 7 INVITE",
        "Content-Length: 0",
        "", "")
}

@Suite struct RequestURIVariableTests {
    @Test func partsOfARequest() throws {
        let bench = try ScriptBench(VariableSample.invite("sip:bob@example.net:5070;transport=tcp"))
        #expect(bench["$ru"] == "sip:bob@example.net:5070;transport=tcp")
        #expect(bench["$ruri"] == bench["$ru"])
        #expect(bench["$rU"] == "bob" && bench["$(ruri.user)"] == "bob")
        #expect(bench["$rd"] == "example.net" && bench["$(ruri.domain)"] == "example.net")
        #expect(bench["$rp"] == "5070" && bench["$rP"] == "tcp" && bench["$rz"] == "sip")
        #expect(bench.number("$rul") == 38 && bench.number("$rUl") == 3)
        let port = try bench.value("$rp")
        #expect(port.hasInt && port.hasText && port.num == 5070)
        #expect(try bench.value("$rP").num == 2)
        #expect(bench["$ou"] == bench["$ru"] && bench["$ouri"] == bench["$ru"] && bench["$oU"] == "bob")
        #expect(bench["$od"] == "example.net" && bench["$op"] == "5070" && bench["$oP"] == "tcp")
        #expect(bench.number("$oUl") == 3)
    }

    @Test func defaultsAndAbsentParts() throws {
        let plain = try ScriptBench(VariableSample.invite("sip:example.net"))
        #expect(plain["$rU"] == nil && plain["$rp"] == "5060" && plain["$rP"] == "UDP" && plain.number("$rUl") == 0)
        let secure = try ScriptBench(VariableSample.invite("sips:a@example.net"))
        #expect(secure["$rp"] == "5061" && secure["$rP"] == "TLS" && secure["$rz"] == "sips")
        let telephone = try ScriptBench(VariableSample.invite("tel:+4930123"))
        #expect(telephone["$rU"] == "+4930123" && telephone["$rd"] == nil && telephone["$rz"] == "tel")
    }

    @Test func aReplyHasNone() throws {
        let bench = try ScriptBench(VariableSample.reply)
        for name in ["ru", "rU", "rd", "rp", "rP", "rz", "rul", "rUl", "ou", "oU", "od", "op", "du", "nh(u)"] {
            #expect(bench["$\(name)"] == nil, "\(name)")
        }
        // It has no effect, and is no mistake.
        #expect(try bench.assign("$ru", "sip:x@y") && bench.assign("$rU", "x") && bench.assign("$rd", "x"))
        #expect(bench["$ru"] == nil)
    }

    @Test func whatIsNoURIIsNull() throws {
        let bench = try ScriptBench(VariableSample.invite("sip:a@b@c"))
        for name in ["ru", "rU", "rd", "rp", "rP", "rz", "rul", "rUl", "ou", "oU", "od", "op", "oP", "oUl", "nh(u)"] {
            #expect(bench["$\(name)"] == nil, "\(name)")
        }
        #expect(try !bench.assign("$rU", "x"))
        #expect(try bench.assign("$ru", "sip:good@uri") && bench["$rU"] == "good")
    }

    @Test func assigningTheWhole() throws {
        let bench = try ScriptBench()
        #expect(try bench.assign("$ru", "sip:carol@example.org;x=y"))
        #expect(bench["$rU"] == "carol" && bench["$ou"] == "sip:bob@example.net")
        #expect(bench.edited.hasPrefix("INVITE sip:carol@example.org;x=y SIP/2.0\r\n"))
        #expect(try !bench.assign("$ru", "no uri") && !bench.clear("$ru"))
        #expect(bench["$ru"] == "sip:carol@example.org;x=y")
    }

    @Test func assigningParts() throws {
        let bench = try ScriptBench(VariableSample.invite("sip:bob:pw@example.net:5070;p=1?h=2"))
        #expect(try bench.assign("$rU", "carol") && bench["$ru"] == "sip:carol:pw@example.net:5070;p=1?h=2")
        #expect(try bench.assign("$rd", "[::1]") && bench["$ru"] == "sip:carol:pw@[::1]:5070;p=1?h=2")
        #expect(try bench.assign("$rp", 5080) && bench["$ru"] == "sip:carol:pw@[::1]:5080;p=1?h=2")
        #expect(try bench.clear("$rp") && bench["$ru"] == "sip:carol:pw@[::1];p=1?h=2")
        #expect(try bench.clear("$rU") && bench["$ru"] == "sip:[::1];p=1?h=2")
        #expect(try bench.assign("$rU", "dave") && bench["$ru"] == "sip:dave@[::1];p=1?h=2")
        #expect(try bench.assign("$rU", "") && bench["$ru"] == "sip:[::1];p=1?h=2")
        // A host cannot be taken away, nor replaced by what is none.
        #expect(try !bench.clear("$rd") && !bench.assign("$rd", "a b") && !bench.assign("$rp", "x"))
        #expect(bench["$ru"] == "sip:[::1];p=1?h=2")
    }

    @Test func aTelephoneNumberGetsAHost() throws {
        let bench = try ScriptBench(VariableSample.invite("tel:+4930123;ext=1"))
        #expect(try bench.assign("$rd", "gw.example.com"))
        #expect(bench["$ru"] == "sip:+4930123@gw.example.com;ext=1;user=phone")
    }

    @Test func theNextHop() throws {
        let bench = try ScriptBench()
        #expect(bench["$du"] == nil && bench["$dd"] == nil && bench["$dp"] == nil && bench["$dP"] == nil)
        #expect(
            bench["$nh(u)"] == "sip:bob@example.net" && bench["$nh(U)"] == "bob" && bench["$nh(d)"] == "example.net")
        #expect(try bench.assign("$du", "sip:192.0.2.9:5090;transport=tls"))
        #expect(bench["$du"] == "sip:192.0.2.9:5090;transport=tls" && bench["$duri"] == bench["$du"])
        #expect(bench["$dd"] == "192.0.2.9" && bench["$dp"] == "5090" && bench["$dP"] == "tls")
        #expect(bench["$nh(u)"] == bench["$du"] && bench["$nh(p)"] == "5090" && bench["$nh(P)"] == "tls")
        #expect(bench["$nh(i)"] == "4" && bench["$nh(U)"] == nil)
        #expect(try !bench.assign("$du", "nonsense") && bench["$dd"] == "192.0.2.9")
        #expect(try bench.clear("$du") && bench["$du"] == nil)
    }
}
