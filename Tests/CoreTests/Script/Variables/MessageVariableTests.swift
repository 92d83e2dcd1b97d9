import PluginAPI
import Testing

@testable import Core

@Suite struct MessageVariableTests {
    @Test func theFirstLineOfARequest() throws {
        let bench = try ScriptBench()
        #expect(bench["$rm"] == "INVITE" && bench.number("$rmid") == 1 && bench["$rv"] == "SIP/2.0")
        #expect(bench["$rs"] == nil && bench.number("$rsi") == 0 && bench["$rr"] == nil)
        #expect(bench.number("$mt") == 1 && bench["$mts"] == "rq")
        let method = try bench.value("$rm")
        #expect(method.hasText && method.num == 1)
    }

    @Test func theFirstLineOfAReply() throws {
        let bench = try ScriptBench(VariableSample.reply)
        #expect(bench["$rm"] == "INVITE" && bench.number("$rs") == 183 && bench.number("$rsi") == 183)
        #expect(bench["$rr"] == "Session Progress" && bench["$mts"] == "rp" && bench.number("$mt") == 2)
        #expect(bench["$rv"] == "SIP/2.0")
    }

    @Test func aReplyWithoutCSeqHasNoMethod() throws {
        let bench = try ScriptBench("SIP/2.0 200\r\nVia: SIP/2.0/UDP h\r\n\r\n")
        #expect(bench["$rm"] == nil && bench["$rmid"] == nil && bench["$rr"] == "" && bench.number("$rs") == 200)
    }

    @Test func bodyAndBytes() throws {
        let bench = try ScriptBench()
        #expect(bench["$rb"] == "v=0\n" && bench.number("$bs") == 4 && bench["$mb"] == Sample.invite)
        #expect(bench.number("$ml") == Int64(Sample.invite.utf8.count))
        bench.message.routing.number = 12
        #expect(bench.number("$mi") == 12)
        let reply = try ScriptBench(VariableSample.reply)
        #expect(reply["$rb"] == nil && reply.number("$bs") == 0)
    }

    @Test func partsOfTheMessage() throws {
        let bench = try ScriptBench()
        #expect(bench.number("$msg(len)") == bench.number("$ml") && bench["$msg(buf)"] == Sample.invite)
        #expect(
            bench["$msg(body)"] == "v=0\n" && bench.number("$msg(body_len)") == 4 && bench.number("$msg(hdrc)") == 10)
        #expect(bench["$msg(fline)"] == "INVITE sip:bob@example.net SIP/2.0")
        #expect(bench["$msg(hdrs)"]?.hasPrefix("Via:") == true && bench["$msg(hdrs)"]?.hasSuffix("Length: 4") == true)
        #expect(bench.number("$msg(hdrs_len)") == Int64(bench["$msg(hdrs)"]?.utf8.count ?? 0))
        #expect(
            bench["$msg(fpart)"]?.hasPrefix("INVITE") == true && bench["$msg(fpart)"]?.hasSuffix("Length: 4") == true)
        #expect(bench["$msg(lpart)"]?.hasPrefix("Via:") == true && bench["$msg(lpart)"]?.hasSuffix("v=0\n") == true)
        #expect(bench["$msgbuf(0)"] == "I" && bench["$msgbuf(-1)"] == "\n" && bench["$msgbuf(99999)"] == nil)
        #expect(bench["$msg(what)"]?.contains("does not know") == true)
    }

    @Test func theMessageWithEdits() throws {
        let bench = try ScriptBench()
        #expect(bench["$mbu"] == Sample.invite)
        #expect(bench.message.append(Bytes("X-New: 1\r\n")))
        try bench.assign("$ru", "sip:new@host")
        let edited = bench["$mbu"]
        #expect(
            edited?.hasPrefix("INVITE sip:new@host SIP/2.0\r\n") == true && edited?.contains("X-New: 1\r\n") == true)
        #expect(bench["$mb"] == Sample.invite)
    }

    @Test func flags() throws {
        let bench = try ScriptBench()
        #expect(bench.number("$mf") == 0 && bench["$mF"] == "00000000")
        #expect(try bench.assign("$mf", 0x2a) && bench["$mF"] == "0000002a" && bench.number("$Mf(5)") == 1)
        #expect(bench.number("$Mf(FLT_NAT)") == 1 && bench.number("$Mf(FLT_ACC)") == 0)
        #expect(try bench.assign("$Mf(FLT_ACC)", 1) && bench.assign("$Mf(1)", 0) && bench.number("$mf") == 0x68)
        #expect(try bench.clear("$Mf(3)") && bench.number("$mf") == 0x60)
        #expect(bench["$Mf(FLT_NATS)"]?.contains("is no flag") == true && bench["$Mf(32)"]?.contains("no flag") == true)
        #expect(try !bench.assign("$mf", "x") && bench.clear("$mf") && bench.number("$mf") == 0)
        #expect(try bench.assign("$sf", 3) && bench["$sF"] == "00000003" && bench.number("$Sf(1)") == 1)
        #expect(try bench.assign("$Sf(0)", 0) && bench.run.pointee.flags == 2 && bench.assign("$sF", 1))
        #expect(try bench.assign("$bf", 8) && bench["$bF"] == "00000008" && bench.number("$Bf(3)") == 1)
        #expect(try bench.assign("$Bf(31)", 1) && bench.message.routing.current.flags == 0x8000_0008)
        #expect(try bench.value("$bF").num == 0x8000_0008 && bench.assign("$bF", 0))
    }

    @Test func theSender() throws {
        let bench = try ScriptBench()
        #expect(bench["$si"] == "192.0.2.7" && bench["$src_ip"] == "192.0.2.7" && bench["$siz"] == "192.0.2.7")
        #expect(bench.number("$sp") == 40000 && bench["$su"] == "sip:192.0.2.7:40000")
        #expect(bench["$sut"] == "sip:192.0.2.7:40000;transport=udp" && bench["$sas"] == "udp:192.0.2.7:40000")
        #expect(bench["$pr"] == "udp" && bench["$proto"] == "udp" && bench.number("$prid") == 1)
        #expect(bench["$af(name)"] == "IPv4" && bench.number("$af(id)") == 2 && bench["$conid"] == nil)
        let six = try ScriptBench(source: "2001:db8::7")
        #expect(six["$si"] == "2001:db8::7" && six["$siz"] == "[2001:db8::7]")
        #expect(six["$su"] == "sip:[2001:db8::7]:40000" && six["$af(name)"] == "IPv6" && six.number("$af(id)") == 10)
        let nobody = try ScriptBench(source: "")
        #expect(nobody["$si"] == nil && nobody["$su"] == nil && nobody["$sas"] == nil)
    }

    @Test func receivedData() throws {
        let bench = try ScriptBench()
        bench.message.routing.destination = try #require(SocketAddress("127.0.0.1", port: 5060))
        #expect(bench["$rcv(srcip)"] == "192.0.2.7" && bench.number("$recv(srcport)") == 40000)
        #expect(bench["$rcv(rcvip)"] == "127.0.0.1" && bench.number("$rcv(rcvport)") == 5060)
        #expect(bench["$rcv(buf)"] == Sample.invite && bench.number("$rcv(len)") == bench.number("$ml"))
        #expect(bench["$rcv(sproto)"] == "udp" && bench.number("$rcv(proto)") == 1 && bench.number("$rcv(af)") == 2)
        // Without a listener the address itself is known.
        #expect(
            bench["$Ri"] == "127.0.0.1" && bench.number("$Rp") == 5060 && bench["$Ru"] == nil && bench["$Rn"] == nil)
    }

    @Test func vias() throws {
        let bench = try ScriptBench()
        #expect(bench["$via0(host)"] == "198.51.100.7" && bench.number("$via0(port)") == 5060)
        #expect(bench["$via0(proto)"] == "UDP" && bench.number("$via0(protoid)") == 1)
        #expect(bench["$via0(branch)"] == "z9hG4bKabc" && bench["$via0(params)"] == "branch=z9hG4bKabc;rport")
        #expect(bench["$via0(received)"] == nil && bench["$via0(rport)"] == nil && bench["$via1(host)"] == nil)
        #expect(bench["$viaZ(host)"] == "198.51.100.7" && bench["$rpl(duri)"] == nil && bench["$rpl(cntvia)"] == nil)
        let reply = try ScriptBench(VariableSample.reply)
        #expect(reply["$via0(host)"] == "192.0.2.1" && reply.number("$via0(port)") == 5060)
        #expect(reply["$via1(host)"] == "198.51.100.7" && reply["$via1(received)"] == "203.0.113.9")
        #expect(reply["$via1(rport)"] == "41000" && reply["$viaZ(branch)"] == "z9hG4bK2")
        #expect(reply["$rpl(duri)"] == "sip:203.0.113.9:41000;transport=tcp" && reply["$rpl(dhost)"] == "203.0.113.9")
        #expect(
            reply.number("$rpl(dport)") == 41000 && reply["$rpl(dproto)"] == "tcp"
                && reply.number("$rpl(dprotoid)") == 2)
        #expect(reply.number("$rpl(cntvia)") == 2 && reply.number("$rpl(cntrr)") == 2)
        let broken = try ScriptBench(VariableSample.invite("Via", "Via: nonsense"))
        #expect(broken["$via0(host)"] == nil && broken["$viaZ(host)"] == nil)
    }

    @Test func branches() throws {
        let bench = try ScriptBench()
        #expect(bench["$br"] == nil && bench["$bR"] == nil && bench.number("$branch(count)") == 0)
        #expect(bench["$branch(uri)"] == nil && bench["$ds"] == nil)
        #expect(try bench.assign("$br", "sip:one@host") && bench.assign("$br", "sip:two@host"))
        #expect(bench["$br"] == "sip:one@host" && bench["$(branch(uri)[1])"] == "sip:two@host")
        #expect(try bench.assign("$(branch(q)[1])", "0.5") && bench["$(branch(q)[-1])"] == "0.5")
        #expect(bench["$bR"] == "sip:one@host, <sip:two@host>;q=0.5")
        #expect(bench["$ds"] == "Contact: <sip:one@host>, <sip:two@host>;q=0.5")
        let changed = try ScriptBench()
        #expect(try changed.assign("$ru", "sip:other@host") && changed["$ds"] == "Contact: <sip:other@host>")
        #expect(try bench.assign("$branch(dst_uri)", "sip:192.0.2.1") && bench["$branch(dst_uri)"] == "sip:192.0.2.1")
        #expect(try bench.assign("$branch(path)", "<sip:p;lr>") && bench.assign("$branch(flags)", 6))
        #expect(bench["$branch(path)"] == "<sip:p;lr>" && bench.number("$branch(flags)") == 6)
        #expect(try bench.assign("$branch(ruid)", "r") && bench.assign("$branch(instance)", "i"))
        #expect(try bench.assign("$branch(location_ua)", "ua") && bench["$branch(location_ua)"] == "ua")
        #expect(
            bench["$branch(ruid)"] == "r" && bench["$branch(instance)"] == "i" && bench["$branch(send_socket)"] == nil)
        #expect(try !bench.assign("$(branch(q)[0])", "2") && !bench.assign("$(branch(uri)[5])", "sip:x@y"))
        #expect(try !bench.assign("$branch(uri)", "nonsense") && !bench.assign("$branch(count)", 3))
        #expect(
            try bench.clear("$branch(uri)") && bench.number("$branch(count)") == 1 && bench["$br"] == "sip:two@host")
        #expect(try !bench.assign("$br", "") && !bench.clear("$br"))
    }

    @Test func branchesOfAReply() throws {
        let bench = try ScriptBench(VariableSample.reply)
        #expect(bench["$br"] == nil && bench["$bR"] == nil && bench["$ds"] == nil)
        #expect(try bench.assign("$br", "sip:x@y") && bench.message.branchCount == 0)
    }

    @Test func lookedUpContacts() throws {
        let bench = try ScriptBench()
        #expect(bench["$ruid"] == nil && bench["$location_ua"] == nil)
        bench.message.routing.current.ruid = Bytes("r1")
        bench.message.routing.current.locationUserAgent = Bytes("phone")
        #expect(bench["$ruid"] == "r1" && bench["$location_ua"] == "phone")
    }

    @Test func errors() throws {
        let bench = try ScriptBench()
        #expect(bench["$(err.class)"] == nil && bench["$(err.rcode)"] == nil && bench["$(err.info)"] == nil)
        bench.message.setError(code: 478, reason: Bytes("Unresolvable destination"))
        #expect(bench.number("$(err.class)") == 2 && bench.number("$(err.rcode)") == 478)
        #expect(bench["$(err.rreason)"] == "Unresolvable destination" && bench.number("$(err.level)") == 1)
        let broken = try ScriptBench(VariableSample.invite("Via", "Via: nonsense"))
        #expect(broken.number("$(err.class)") == 1 && broken.number("$(err.rcode)") == 400)
        #expect(broken["$(err.info)"] == "Bad Via Header Field")
    }

    @Test func qValues() {
        let good: [(String, Int16)] = [("0", 0), ("1", 1000), ("0.5", 500), ("0.125", 125), ("1.000", 1000), ("0.", 0)]
        for (text, q) in good { #expect(Bytes(leaking: text).qValue == q, "\(text)") }
        for text in ["", "2", "1.1", "0.1234", "x", "0,5", ".5", "0.x"] {
            #expect(Bytes(leaking: text).qValue == nil, "\(text)")
        }
    }
}
