import Glibc
import Testing

/// The first things that anybody tries: a server that answers, a proxy between two phones, and a clean end.
@Suite struct FirstCallsTests {
    private func replying(_ port: UInt16) -> String {
        """
        listen=udp:127.0.0.1:\(port)
        loadmodule "sl.so"
        request_route {
            if (method == "OPTIONS") {
                sl_send_reply("200", "Alive");
                exit;
            }
            sl_send_reply("405", "Method Not Allowed");
        }
        """
    }

    private func forwarding(_ port: UInt16) -> String {
        """
        listen=udp:127.0.0.1:\(port)
        request_route { forward(); }
        """
    }

    @Test func sipsakIsAnswered() throws {
        let server = try Server(config: replying)
        let result = try run("sipsak", ["-vv", "-s", "sip:127.0.0.1:\(server.port)"])
        #expect(result.succeeded, "\(result.output)\(server.log)")
        #expect(result.output.contains("SIP/2.0 200 Alive"))
    }

    @Test func aRawRequestIsAnsweredByTheRules() throws {
        let server = try Server(config: replying)
        let client = try UDPClient()
        let text = SIPText.request("OPTIONS", "sip:\(server.address)", from: client.address, id: "raw-1")
        let answer = try client.exchange(text, with: server.port)
        let request = SIPText(text)
        #expect(answer.startLine == "SIP/2.0 200 Alive")
        for name in ["Via", "From", "Call-ID", "CSeq"] { #expect(answer.headers(name) == request.headers(name)) }
        #expect(answer.header("To")?.hasPrefix(request.header("To")! + ";tag=") == true)
        #expect(answer.header("Content-Length") == "0")

        let other = SIPText.request("PUBLISH", "sip:\(server.address)", from: client.address, id: "raw-2")
        #expect(try client.exchange(other, with: server.port).startLine == "SIP/2.0 405 Method Not Allowed")
    }

    @Test func whatIsNotSIPIsSurvived() throws {
        let server = try Server(config: replying)
        let client = try UDPClient()
        for bytes in [
            [], [0], Array("\r\n\r\n".utf8), Array("GET / HTTP/1.0\r\n\r\n".utf8),
            [UInt8](repeating: 255, count: 60000),
        ] {
            try client.send(bytes, to: server.address)
        }
        let request = SIPText.request("OPTIONS", "sip:\(server.address)", from: client.address, id: "after")
        let answer = try client.exchange(request, with: server.port)
        #expect(answer.statusCode == 200)
    }

    @Test func sippCallsSippThroughTheProxy() throws {
        let server = try Server(config: forwarding)
        let (uacPort, uasPort) = try (Ports.free(), Ports.free())
        let calls = ["-i", "127.0.0.1", "-m", "50", "-nostdin", "-timeout", "30s", "-timeout_error"]
        let uas = try Child("sipp", ["-sn", "uas", "-p", "\(uasPort)"] + calls, folder: server.folder.path)
        let uac = try run(
            "sipp",
            [
                "-sn", "uac", "127.0.0.1:\(uasPort)", "-rsa", "127.0.0.1:\(server.port)", "-p", "\(uacPort)", "-r",
                "200", "-d", "0",
            ]
                + calls, folder: server.folder.path)
        #expect(uac.succeeded, "\(uac.output.suffix(3000))\n\(server.log)")
        let answered = uas.wait(within: .seconds(30))
        #expect(answered == .exited(0))
    }

    @Test func aForwardedRequestCarriesOurViaAboveItsOwn() throws {
        let server = try Server(config: forwarding)
        let caller = try UDPClient()
        let callee = try UDPClient()
        let text = SIPText.request(
            "MESSAGE", "sip:bob@\(callee.address)", from: caller.address, id: "via", body: "hello")
        try caller.send(text, to: server.port)
        let (request, from) = try callee.receive()
        #expect(from == server.address)
        #expect(request.startLine == SIPText(text).startLine)
        let vias = request.headers("Via")
        #expect(vias.count == 2)
        #expect(vias.first?.hasPrefix("SIP/2.0/UDP \(server.address);branch=z9hG4bK") == true)
        #expect(vias.last == SIPText(text).header("Via"))
        #expect(request.text.hasSuffix("\r\n\r\nhello"))

        try callee.send(request.response(200, "OK"), to: server.port)
        let (answer, _) = try caller.receive()
        #expect(answer.statusCode == 200)
        #expect(answer.headers("Via") == SIPText(text).headers("Via"))
    }

    @Test(arguments: [SIGTERM, SIGINT]) func itEndsWhenAsked(signal: Int32) throws {
        let server = try Server(config: replying)
        server.signal(signal)
        let end = server.stop()
        #expect(end == .exited(0))
    }

    @Test func itAnswersOverIPv6() throws {
        let server = try Server { port in replying(port) + "\nlisten=udp:[::1]:\(port)\n" }
        let client = try UDPClient("::1")
        let target = Address("::1", server.port)
        let request = SIPText.request("OPTIONS", "sip:\(target)", from: client.address, id: "six")
        let answer = try client.exchange(request, with: server.port)
        #expect(answer.statusCode == 200)
    }
}
