import Testing

/// Keys that are pressed in calls, as the proxy reports them, and the route that they run.
@Suite struct MediaDigitsTests {
    private static func script(_ port: UInt16) -> (parameters: [String], text: String) {
        (
            [
                "\"dtmf_events_sock\", \"udp:127.0.0.1:\(port)\"", #""dtmf_event_callid", "$avp(id)""#,
                #""dtmf_event_source_tag", "$avp(tag)""#, #""dtmf_event_timestamp", "$avp(at)""#,
                #""dtmf_event", "$avp(key)""#,
            ],
            """
            request_route {
                if (is_method("INVITE")) { rtpengine_offer(); t_on_reply("1"); $du = "sip:x@A"; t_relay(); }
            }
            onreply_route[1] { rtpengine_answer(); }
            event_route[rtpengine:dtmf-event] { xlog("L_WARN", "key $avp(key) <$avp(id)> <$avp(tag)> <$avp(at)>\\n"); }
            """
        )
    }

    @Test func reports() throws {
        let proxy = try MediaPeer()
        let port = try Ports.free()
        let script = MediaDigitsTests.script(port)
        let call = try MediaCall([proxy.url], parameters: script.parameters, script.text)
        let sender = try UDPClient()
        try sender.send(
            #"{"callid":"a\"b\\c\u0041","source_tag":"from","tags":["a","b"],"type":"DTMF","timestamp":1569246837,"source_ip":"127.0.0.1","event":11,"duration":80,"volume":10}"#,
            to: port)
        try call.server.waitForLog(#"key 11 <a"b\cA> <from> <1569246837>"#)
        try sender.send(#" { "event" : 0 , "x" : { "y" : [ null , -1.5e3 ] } , "callid" : "z" } "#, to: port)
        try call.server.waitForLog("key 0 <z> <")
        #expect(try call.counter("dtmf_events") == 2 && call.counter("broken_dtmf_events") == 0)
    }

    /// What is no report runs nothing.
    @Test func datagramsThatReportNothing() throws {
        let proxy = try MediaPeer()
        let port = try Ports.free()
        let script = MediaDigitsTests.script(port)
        let call = try MediaCall([proxy.url], parameters: script.parameters, script.text)
        let sender = try UDPClient()
        let wrong = [
            "", "{}", "[]", "x", #"{"callid":"a"}"#, #"{"event":1}"#, #"{"callid":"","event":1}"#,
            #"{"callid":"a","event":-1}"#, #"{"callid":"a","event":"1"}"#, #"{"callid":"a","event":1"#,
            #"{"callid":"a","event":1}x"#, #"{"callid":"a\","event":1}"#, #"{"callid":"a\u00e4","event":1}"#,
            #"{"callid":"a\x","event":1}"#, #"{"callid":1,"event":1}"#, #"{"callid":"a","event":1,}"#,
            #"{"callid":"a","event":1,"x":\#(String(repeating: "[", count: 5000))"#,
            "{\"callid\":\"a\nb\",\"event\":1}",
        ]
        for text in wrong { try sender.send(text, to: port) }
        try sender.send(#"{"callid":"last","event":2}"#, to: port)
        try call.server.waitForLog("key 2 <last>")
        #expect(try call.counter("dtmf_events") == 1 && call.counter("broken_dtmf_events") == wrong.count)
        #expect(call.server.log.count(of: "key ") == 1)
    }

    @Test(arguments: ["127.0.0.1", "udp:host:1", "127.0.0.1:0", "127.0.0.1:x", "udp:203.0.113.7:9"])
    func wrongSockets(text: String) throws {
        #expect(throws: (any Error).self) {
            _ = try MediaCall([], parameters: ["\"dtmf_events_sock\", \"\(text)\""], "request_route { exit; }")
        }
    }

    /// A digit that a phone sends (RFC 4733), found by the real proxy.
    @Test func ofACall() throws {
        let port = try Ports.free()
        let proxy = try RTPEngine(digits: port)
        let script = MediaDigitsTests.script(port)
        let call = try MediaCall([proxy.url], parameters: script.parameters, script.text)
        let here = try UDPClient()
        let there = try UDPClient()
        let events = "a=rtpmap:101 telephone-event/8000\r\n"
        func description(_ port: UInt16) -> String {
            MediaCall.description("127.0.0.1", port).replacing("RTP/AVP 0\r\n", with: "RTP/AVP 0 101\r\n" + events)
        }
        try call.send(call.request("INVITE", id: "digit", body: description(here.address.port)))
        try call.reply(200, try call.a.request("INVITE"), from: call.a, body: description(there.address.port))
        let relay = try #require(try call.caller.reply(200).media)
        func packet(_ type: UInt8, _ number: UInt8, _ payload: [UInt8]) -> [UInt8] {
            [0x80, type, 0, number, 0, 0, 8, type == 0 ? number : 0, 0, 0, 0, 9] + payload
        }
        for number: UInt8 in 0..<5 { try here.send(packet(0, number, [UInt8](repeating: 0x7f, count: 160)), to: relay) }
        for number: UInt8 in 5..<11 {
            let mark: UInt8 = number == 5 ? 0x80 : 0
            let end: UInt8 = number > 7 ? 0x80 : 0
            try here.send(packet(101 | mark, number, [5, end | 10, 2, UInt8(min(number, 8)) * 10]), to: relay)
        }
        try call.server.waitForLog("key 5 <digit@tests> <from-digit> <")
    }
}
