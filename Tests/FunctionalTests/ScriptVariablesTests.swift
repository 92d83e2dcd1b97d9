import Testing

/// Pseudo-variables, transformations and core functions where they meet the server: sockets, statistics, forwarding.
@Suite struct ScriptVariablesTests {
    /// A server on two sockets that answers with what a text of the script expands to.
    private func answering(_ text: String, _ before: String = "") throws -> (
        reason: String, port: UInt16, other: UInt16
    ) {
        let other = try Ports.free()
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port) advertise sip.example.com:5090 name "main"
            listen=udp:127.0.0.1:\(other) name "other"
            loadmodule "sl.so"
            request_route {
                \(before.replacing("OTHER", with: "127.0.0.1:\(other)"))
                sl_send_reply("200", "\(text)");
            }

            """
        }
        let client = try UDPClient()
        let request = SIPText.request("OPTIONS", "sip:bob@example.net", from: client.address, id: "variables")
        let answer = try client.exchange(request, with: server.port)
        return (answer.reason, server.port, other)
    }

    @Test func theReceivingSocket() throws {
        let (reason, port, _) = try answering("$Ri $Rp $Ru $Rut $Ras $Rn $RAi $RAp $RAu $pr $prid $af(name)")
        #expect(
            reason == "127.0.0.1 \(port) sip:127.0.0.1:\(port) sip:127.0.0.1:\(port);transport=udp"
                + " udp:127.0.0.1:\(port) main sip.example.com 5090 sip:sip.example.com:5090 udp 1 IPv4")
    }

    @Test func theSendingSocket() throws {
        let (reason, port, other) = try answering(
            "$avp(a) $avp(b) $avp(c) $avp(d) $fs",
            """
            $avp(a) = $fsp;
            $fs = "udp:OTHER"; $avp(b) = $fs;
            $fsn = "main"; $avp(c) = $fs;
            $fs = "udp:192.0.2.99:1"; $avp(d) = $fsn;
            $fs = $null;
            """)
        #expect(reason == "0 udp:127.0.0.1:\(other) udp:127.0.0.1:\(port) main <null>")
    }

    @Test func socketsCanBeForced() throws {
        let (reason, port, other) = try answering(
            "$avp(a) $avp(b) $avp(c)",
            """
            force_send_socket(OTHER); $avp(a) = $fs;
            force_send_socket(sip.example.com:5090); $avp(b) = $fs;
            force_send_socket(udp:127.0.0.1); $avp(c) = $fs;
            """)
        #expect(reason == "udp:127.0.0.1:\(other) udp:127.0.0.1:\(port) udp:127.0.0.1:\(port)")
    }

    @Test func statisticsAndTheServer() throws {
        let (reason, _, _) = try answering(
            "$stat(rcv_requests) $stat(core:rcv-requests) $stat(core.rcv_requests) $stat(none) $version(num)")
        let words = reason.split(separator: " ")
        #expect(words.count == 5 && words[0] == "1" && words[1] == "1" && words[2] == "1" && words[3] == "<null>")
        #expect(words.last?.split(separator: ".").count == 3)
    }

    @Test func transformationsInAScript() throws {
        let (reason, _, _) = try answering("$(fU{s.toupper}) $(ru{uri.host}{s.select,0,.}) $(rU{s.md5}{s.substr,0,6})")
        #expect(reason.hasSuffix(" example 9f9d51"))
    }

    @Test func forwardingToAGivenHost() throws {
        let callee = try UDPClient()
        let address = callee.address
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            request_route {
                if ($rU == "uri") { $rd = "127.0.0.1"; $rp = \(address.port); forward(uri:host, uri:port); exit; }
                if ($rU == "raw") { send("127.0.0.1", \(address.port)); exit; }
                if ($rU == "du") { $du = "sip:127.0.0.1:\(address.port)"; forward(); exit; }
                set_advertised_address("proxy.example.com"); set_advertised_port(5099);
                forward("localhost", \(address.port));
            }

            """
        }
        let caller = try UDPClient()
        for user in ["uri", "raw", "du", "name"] {
            let text = SIPText.request("MESSAGE", "sip:\(user)@example.net", from: caller.address, id: user, body: "x")
            try caller.send(text, to: server.port)
            let (request, _) = try callee.receive()
            let vias = request.headers("Via")
            #expect(request.header("Call-ID") == SIPText(text).header("Call-ID"))
            switch user {
            case "raw": #expect(request.text == text)
            case "uri": #expect(vias.count == 2 && request.startLine.contains("sip:uri@127.0.0.1:\(address.port) "))
            case "du": #expect(vias.count == 2 && request.startLine.contains("sip:du@example.net "))
            default: #expect(vias.count == 2 && vias[0].hasPrefix("SIP/2.0/UDP proxy.example.com:5099;"))
            }
        }
    }
}
