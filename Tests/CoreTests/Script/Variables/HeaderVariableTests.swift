import Testing

@testable import Core

@Suite struct HeaderVariableTests {
    @Test func fromAndTo() throws {
        let bench = try ScriptBench()
        #expect(bench["$fu"] == "sip:alice@example.com" && bench["$from"] == bench["$fu"])
        #expect(bench["$fU"] == "alice" && bench["$(from.user)"] == "alice" && bench["$fd"] == "example.com")
        #expect(
            bench["$(from.domain)"] == "example.com" && bench["$fn"] == "\"Alice, A.\"" && bench["$ft"] == "1928301774")
        #expect(bench.number("$ful") == 21 && bench.number("$fUl") == 5)
        #expect(bench["$tu"] == "sip:bob@example.net" && bench["$to"] == bench["$tu"] && bench["$tU"] == "bob")
        #expect(bench["$(to.user)"] == "bob" && bench["$td"] == "example.net" && bench["$(to.domain)"] == "example.net")
        #expect(bench["$tn"] == nil && bench["$tt"] == nil && bench.number("$tts") == 0)
        #expect(bench.number("$tul") == 19 && bench.number("$tUl") == 3)
    }

    @Test func fromAndToOfAReply() throws {
        let bench = try ScriptBench(VariableSample.reply)
        #expect(bench["$fu"] == "sip:alice@example.com" && bench["$tt"] == "b" && bench.number("$tts") == 1)
    }

    @Test(arguments: ["", "From: \"Alice <sip:alice@example.com>;tag=1", "From: <a b c", "From:"])
    func fromMissingOrMalformed(_ line: String) throws {
        let bench = try ScriptBench(VariableSample.invite("From", line))
        for name in ["fu", "fU", "fd", "fn", "ft", "ful", "fUl"] { #expect(bench["$\(name)"] == nil, "\(name)") }
        #expect(try !bench.assign("$fu", "sip:x@y") && !bench.assign("$fn", "x") && !bench.clear("$fU"))
    }

    @Test func aURIThatIsNoneHasNoParts() throws {
        let bench = try ScriptBench(VariableSample.invite("To", "To: <what is this>;tag=9"))
        #expect(bench["$tu"] == "what is this" && bench["$tt"] == "9" && bench["$tU"] == nil && bench["$td"] == nil)
        #expect(try !bench.assign("$tU", "x"))
    }

    @Test func assigningFromEditsTheHeader() throws {
        let bench = try ScriptBench()
        #expect(try bench.assign("$fu", "sip:anonymous@anonymous.invalid") && bench.assign("$fn", "\"Nobody\""))
        #expect(bench.edited.contains("From: \"Nobody\" <sip:anonymous@anonymous.invalid>;tag=1928301774\r\n"))
        // What was received stays what is read.
        #expect(bench["$fu"] == "sip:alice@example.com")
    }

    @Test func assigningPartsOfTo() throws {
        let bench = try ScriptBench()
        #expect(try bench.assign("$tU", "carol") && bench.assign("$td", "example.org") && bench.assign("$tn", "\"C\""))
        #expect(bench.edited.contains("To: \"C\" <sip:carol@example.org>\r\n"))
        let bare = try ScriptBench(VariableSample.invite("To", "To: sip:example.net;tag=1"))
        #expect(try bare.assign("$tU", "u") && bare.edited.contains("To: sip:u@example.net;tag=1\r\n"))
        let named = try ScriptBench(VariableSample.invite("To", "To: sip:example.net;tag=1"))
        #expect(try named.assign("$tn", "\"C\"") && named.edited.contains("To: \"C\" <sip:example.net>;tag=1\r\n"))
    }

    @Test func removingPartsOfFrom() throws {
        let bench = try ScriptBench()
        #expect(try bench.clear("$fn") && bench.clear("$fU"))
        #expect(bench.edited.contains("From: <sip:example.com>;tag=1928301774\r\n"))
        // There is no header without URI: nothing happens.
        #expect(try bench.clear("$tu") && bench.clear("$td") && bench.clear("$tn"))
        #expect(bench.edited.contains("To: <sip:bob@example.net>\r\n"))
    }

    @Test func headersByName() throws {
        let bench = try ScriptBench(VariableSample.invite(adding: "X-A: one", "x-a: two", "X-Empty:", "s: hello"))
        #expect(bench["$hdr(X-A)"] == "one" && bench["$(hdr(x-a)[1])"] == "two" && bench["$(hdr(X-A)[-1])"] == "two")
        #expect(bench["$(hdr(X-A)[-2])"] == "one" && bench["$(hdr(X-A)[2])"] == nil && bench["$(hdr(X-A)[-3])"] == nil)
        #expect(bench["$(hdr(X-A)[*])"] == "one,two" && bench["$(hdr(X-A)[0])"] == "one")
        #expect(bench["$hdr(Subject)"] == "hello" && bench["$hdr(S)"] == "hello" && bench["$hdr(X-Empty)"] == "")
        #expect(bench["$hdr(X-None)"] == nil && bench["$(hdr(X-None)[*])"] == nil && bench["$(hdr(X-None)[0])"] == nil)
        #expect(bench.number("$hdrc(X-A)") == 2 && bench.number("$hdrc(v)") == 1 && bench.number("$hdrc(X-None)") == 0)
        #expect(bench["$hdr(*)"]?.hasPrefix("SIP/2.0/UDP") == true && bench.number("$hdrc(*)") == 14)
        try bench.assign("$var(n)", "X-A")
        #expect(bench["$hdr($var(n))"] == "one" && bench.number("$hdrc($var(n))") == 2)
        try bench.assign("$var(y)", 1)
        #expect(bench["$(hdr(X-A)[$var(y)])"] == "two")
    }

    @Test func valuesOfListHeaders() throws {
        let bench = try ScriptBench(
            VariableSample.invite(adding: "Route: <sip:p3;lr>", "X-L: a, b", "Supported: 100rel,, path"))
        #expect(bench["$hfl(Route)"] == "<sip:p1.example.com;lr>" && bench["$(hfl(Route)[2])"] == "<sip:p3;lr>")
        #expect(bench["$(hfl(Route)[-1])"] == "<sip:p3;lr>" && bench["$(hfl(Route)[3])"] == nil)
        #expect(bench.number("$hflc(Route)") == 3 && bench.number("$hflc(Via)") == 1 && bench.number("$hflc(X-L)") == 1)
        #expect(bench["$hfl(X-L)"] == "a, b" && bench["$(hfl(k)[1])"] == "path" && bench.number("$hflc(k)") == 2)
        #expect(bench["$hfl(Record-Route)"] == nil && bench.number("$hflc(Record-Route)") == 0)
        let reply = try ScriptBench(VariableSample.reply)
        #expect(reply["$(hfl(Via)[1])"]?.hasPrefix("SIP/2.0/TCP") == true && reply.number("$hflc(Record-Route)") == 2)
    }

    @Test func singleHeaders() throws {
        let bench = try ScriptBench(
            VariableSample.invite(
                adding: "User-Agent: phone/1", "Refer-To: <sip:x@y>;p", "Remote-Party-ID: \"A\" <sip:r@s>;party=calling"
            ))
        #expect(bench["$ci"] == "a84b4c76e66710@198.51.100.7" && bench["$cs"] == "314159")
        #expect(bench["$csb"] == "314159 INVITE" && bench["$ua"] == "phone/1" && bench["$rt"] == "sip:x@y")
        #expect(bench["$re"] == "sip:r@s" && bench["$cT"] == "application/sdp" && bench.number("$cl") == 4)
        #expect(bench["$ct"] == "<sip:alice@198.51.100.7:5060;transport=udp>;expires=60")
        #expect(bench["$ctu"] == "sip:alice@198.51.100.7:5060;transport=udp" && bench.number("$cts") == 0)
        #expect(bench.number("$expires(min)") == 60 && bench.number("$expires(max)") == 60)
    }

    @Test func singleHeadersThatAreMissing() throws {
        let bench = try ScriptBench("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n")
        for name in ["ci", "cs", "csb", "ua", "rt", "re", "cT", "cl", "ct", "ctu", "expires(min)", "hdr(X)", "fu"] {
            #expect(bench["$\(name)"] == nil, "\(name)")
        }
        #expect(bench.number("$cts") == 0)
    }

    @Test func singleHeadersThatAreMalformed() throws {
        let bench = try ScriptBench(
            VariableSample.invite(adding: "Refer-To: \"x", "Remote-Party-ID: <sip:r", "Expires: soon")
                .replacing("CSeq: 314159 INVITE", with: "CSeq: INVITE")
                .replacing("Contact: <sip:alice@198.51.100.7:5060;transport=udp>;expires=60", with: "Contact: <sip:a"))
        for name in ["cs", "rt", "re", "ctu", "expires(min)", "expires(max)"] {
            #expect(bench["$\(name)"] == nil, "\(name)")
        }
        #expect(bench["$csb"] == "INVITE" && bench["$ct"] == "<sip:a")
    }

    @Test func expiryOverContacts() throws {
        let contacts = "Contact: <sip:a@b>;expires=30, <sip:c@d>;expires=3600, <sip:e@f>"
        let bench = try ScriptBench(VariableSample.invite("Contact", contacts + "\r\nExpires: 600"))
        #expect(bench.number("$expires(min)") == 30 && bench.number("$expires(max)") == 3600)
        let header = try ScriptBench(VariableSample.invite("Contact", "Expires: 600"))
        #expect(header.number("$expires(min)") == 600)
        let star = try ScriptBench(VariableSample.invite("Contact", "Contact: *"))
        #expect(star.number("$cts") == 1 && star["$ctu"] == nil && star["$ct"] == "*" && star["$expires(min)"] == nil)
    }

    @Test func identities() throws {
        let bench = try ScriptBench(
            VariableSample.invite(
                adding: "P-Asserted-Identity: \"A\" <sip:a@b>, <tel:+49>", "P-Preferred-Identity: \"P\" <sip:p@q>",
                "Diversion: <sip:d@e>;reason=busy;counter=2;privacy=off"))
        #expect(bench["$ai"] == "sip:a@b" && bench["$(ai[1])"] == "tel:+49" && bench["$(ai[-1])"] == "tel:+49")
        #expect(bench["$(ai[2])"] == nil && bench["$(ai[*])"] == nil)
        #expect(bench["$pu"] == "sip:p@q" && bench["$pU"] == "p" && bench["$pd"] == "q" && bench["$pn"] == "\"P\"")
        #expect(bench["$di"] == "sip:d@e" && bench["$dir"] == "busy" && bench["$dip"] == "off" && bench["$dic"] == "2")
        let without = try ScriptBench()
        for name in ["ai", "pu", "pU", "pd", "pn", "di", "dir", "dip", "dic"] {
            #expect(without["$\(name)"] == nil, "\(name)")
        }
        let broken = try ScriptBench(
            VariableSample.invite(
                adding: "P-Asserted-Identity: <sip:a", "P-Preferred-Identity: <nope>", "Diversion: \"x"))
        #expect(broken["$ai"] == nil && broken["$pU"] == nil && broken["$di"] == nil && broken["$dir"] == nil)
    }

    static let credentials =
        "Proxy-Authorization: Digest username=\"alice@example.com\", realm=\"example.com\","
        + " nonce=\"n,1\", uri=\"sip:example.com\", response=\"r\", algorithm=MD5, cnonce=\"c\", opaque=\"o\""

    @Test func credentials() throws {
        let bench = try ScriptBench(VariableSample.invite(adding: Self.credentials))
        #expect(bench["$au"] == "alice" && bench["$aU"] == "alice@example.com" && bench["$ad"] == "example.com")
        #expect(bench["$ar"] == "example.com" && bench["$aa"] == "MD5" && bench["$adu"] == "sip:example.com")
        #expect(bench["$adn"] == "n,1" && bench["$adc"] == "c" && bench["$adr"] == "r" && bench["$ado"] == "o")
        #expect(bench["$Au"] == "alice@example.com" && bench["$AU"] == "alice")
        let without = try ScriptBench()
        for name in ["au", "aU", "ad", "ar", "aa", "adu", "adn", "adc", "adr", "ado"] {
            #expect(without["$\(name)"] == nil, "\(name)")
        }
        #expect(without["$Au"] == "alice@example.com" && without["$AU"] == "alice")
        let basic = try ScriptBench(VariableSample.invite(adding: "Authorization: Basic abc", "X: Digest"))
        #expect(basic["$au"] == nil && basic["$AU"] == "alice")
        // ACK and CANCEL carry copies.
        let ack = VariableSample.invite(adding: Self.credentials).replacing("INVITE", with: "ACK")
        #expect(try ScriptBench(ack)["$au"] == nil)
    }
}
