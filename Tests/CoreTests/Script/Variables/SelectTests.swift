import PluginAPI
import Testing

@testable import Core

@Suite struct SelectTests {
    static let request = Sample.lines(
        "INVITE sip:bob:pw@example.net:5070;transport=tcp;x=y;rn=+49301 SIP/2.0",
        "Via: SIP/2.0/UDP 198.51.100.7:5080;branch=z9hG4bK1;received=192.0.2.1;rport=99;i=5;alias;odd=q;last (a comment)",
        "Via: SIP/2.0/TCP host.example.com;branch=z9hG4bK2",
        "From: \"Alice\" <sip:alice@example.com;p=1>;tag=t1;h=2",
        "To: <sip:bob@example.net>",
        "Contact: <sip:alice@192.0.2.1>;expires=60",
        "Refer-To: <sips:x@y>",
        "Remote-Party-ID: \"R\" <sip:r@s>;party=calling",
        "Authorization: Digest username=\"u1\", realm=\"one\", nonce=\"n1\"",
        "Authorization: Digest username=\"u2\", realm=\"two\", nonce=\"n2\"",
        "Call-ID: id@h", "CSeq: 7 INVITE", "X-Some-Header: first", "X-Some-Header: second",
        "Content-Type: application/sdp", "Content-Length: 23", "", "v=0\r\nm=audio 1 RTP\r\nc=x")

    static let cases: [(String, String?)] = [
        ("ruri", "sip:bob:pw@example.net:5070;transport=tcp;x=y;rn=+49301"), ("request_uri.user", "bob"),
        ("ruri.host", "example.net"), ("ruri.port", "5070"), ("ruri.pwd", "pw"), ("ruri.hostport", "example.net:5070"),
        ("ruri.rn_user", "+49301"), ("ruri.transport", "tcp"), ("ruri.type", "sip"), ("ruri.params.x", "y"),
        ("ruri.params[\"x\"]", "y"), ("ruri.params.none", nil), ("ruri.params", "transport=tcp;x=y;rn=+49301"),
        ("dst_uri", nil), ("next_hop.host", "example.net"),
        ("from", "\"Alice\" <sip:alice@example.com;p=1>;tag=t1;h=2"), ("f.uri", "sip:alice@example.com;p=1"),
        ("from.uri.user", "alice"), ("from.name", "\"Alice\""), ("from.tag", "t1"), ("from.params.h", "2"),
        ("from.uri.params.p", "1"), ("from.uri.hostport", "example.com:5060"), ("from.uri.transport", "udp"),
        ("from.uri.port", nil), ("from.uri.rn_user", "alice"), ("from.params", "tag=t1;h=2"),
        ("to.uri.host", "example.net"), ("t.tag", nil), ("to.name", nil), ("contact.uri", "sip:alice@192.0.2.1"),
        ("m.params.expires", "60"), ("refer_to.uri.type", "sips"), ("refer_to.uri.hostport", "y:5061"),
        ("rpid.params.party", "calling"), ("rpid.name", "\"R\""),
        ("via.host", "198.51.100.7"), ("via.port", "5080"), ("via[1].branch", "z9hG4bK1"),
        ("via[2].host", "host.example.com"),
        ("via[2].port", nil), ("via[-1].transport", "TCP"), ("via[3].host", nil), ("via[0].host", nil),
        ("via.received", "192.0.2.1"), ("via.rport", "99"), ("via.i", "5"), ("via.alias", ""), ("via.params.odd", "q"),
        ("via.name", "SIP"), ("via.version", "2.0"), ("via.comment", "a comment"), ("via[2].comment", nil),
        ("via[2].rport", nil), ("via[2]", "SIP/2.0/TCP host.example.com;branch=z9hG4bK2"),
        ("cseq", "7 INVITE"), ("cseq.num", "7"), ("cseq.method", "INVITE"), ("call_id", "id@h"), ("method", "INVITE"),
        ("msg.first_line", "INVITE sip:bob:pw@example.net:5070;transport=tcp;x=y;rn=+49301 SIP/2.0"), ("msg.type", "1"),
        ("msg.header.X_Some_Header", "first"), ("msg.header[\"x-some-header\"][2]", "second"),
        ("msg.header.X_Some_Header[-1]", "second"), ("msg.header.X_Some_Header[3]", nil), ("msg.header.None", nil),
        ("msg.id.hex", "000000ab"), ("msg.id", "171"), ("msg.flags", "0"),
        ("msg.body.sdp.line[\"m\"]", "audio 1 RTP"), ("msg.body.sdp.line.c", "x"), ("msg.body.sdp.line.z", nil),
        ("authorization.username", "u1"), ("authorization[\"two\"].nonce", "n2"), ("authorization[\"no\"].nonce", nil),
        ("authorization.opaque", nil), ("proxy_authorization.username", nil),
        ("src.ip", "192.0.2.7"), ("src.port", "40000"), ("src.ip_port", "192.0.2.7:40000"), ("src_ip", "192.0.2.7"),
        ("dst.ip", nil), ("received.port", nil),
        ("x_some_header", "first"), ("x_some_header[2]", "second"), ("max_forwards", nil), ("event", nil),
        ("record_route.uri", nil),
    ]

    @Test(arguments: cases) func paths(_ path: String, _ value: String?) throws {
        let bench = try ScriptBench(Self.request)
        bench.message.routing.number = 0xab
        #expect(bench["$sel(\(path))"] == value, "@\(path)")
    }

    @Test func whatTheServerSays() throws {
        let bench = try ScriptBench()
        #expect(Int(bench["$sel(sys.pid)"] ?? "") != nil && Int(bench["$sel(sys.server_id)"] ?? "") != nil)
        #expect(bench["$sel(sys.unique)"] != bench["$sel(sys.unique)"] && bench["$sel(sys.now.local)"] != nil)
        #expect(bench["$sel(sys.now.gmt)"] != nil && Int(bench["$sel(sys.now)"] ?? "") ?? 0 > 1_700_000_000)
        #expect(bench["$sel(msg.len)"] == String(Sample.invite.utf8.count) && bench["$sel(msg.body)"] == "v=0\n")
    }

    @Test func aReplyAndABrokenMessage() throws {
        let reply = try ScriptBench(VariableSample.reply)
        #expect(reply["$sel(ruri)"] == nil && reply["$sel(next_hop)"] == nil && reply["$sel(msg.type)"] == "2")
        #expect(reply["$sel(method)"] == "INVITE" && reply["$sel(via[2].rport)"] == "41000")
        let broken = try ScriptBench(VariableSample.invite("From", "From: \"x"))
        #expect(
            broken["$sel(from.uri)"] == nil && broken["$sel(from.uri.user)"] == nil && broken["$sel(from)"] == "\"x")
    }

    static let mistakeCases: [(String, String, String)] = [
        ("frm.uri", "unknown select", "did you mean `from`?"),
        ("from.ury", "unknown select behind `@from`", "did you mean `uri`?"),
        ("from.uri.usr", "unknown select behind `@from.uri`", "did you mean `user`?"),
        ("cseq.num.x", "unknown select behind `@cseq.num`", "nothing follows it"),
        ("sys", "unknown select behind `@sys`", "known are now, pid, server_id, unique"),
        ("from[2]", "unknown select behind `@from`", "known are name, params, tag, uri"),
        ("msg.body.sdp.line", "unknown select behind `@msg.body.sdp.line`", "known are a name"),
        ("via[1", "unclosed `[` in a select", "close it"), ("from..uri", "empty part", "@name.part"),
    ]

    @Test(arguments: mistakeCases) func mistakes(_ path: String, _ text: String, _ hint: String) {
        #expect {
            try SelectPath.compile(path, parameters: ChangeableParameters()) { _ in apus_str() }
        } throws: { error in
            guard let mistake = error as? SelectPath.Mistake else { return false }
            return mistake.text.contains(text) && mistake.hint.contains(hint)
        }
    }
}
