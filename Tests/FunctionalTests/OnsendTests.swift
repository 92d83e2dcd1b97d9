import Testing

/// onsend_route: a last look at what is forwarded.
@Suite struct OnsendTests {
    @Test func itSeesTheTargetAndDropKeepsTheRequest() throws {
        let next = try UDPClient()
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            loadmodule "sl.so"
            loadmodule "xlog.so"
            request_route {
                $du = "sip:\(next.address)";
                if (!forward()) sl_send_reply("480", "Not sent");
            }
            onsend_route {
                xlog("L_ERR", "to $sndto(ip):$sndto(port) $sndto(sproto) from $sndfrom(port)\\n");
                if (to_ip == 127.0.0.0/8 && to_port == \(next.address.port) && snd_port == \(port)
                    && to_proto == UDP && msg:len == $snd(len) && $rU == "kept") drop;
                if ($rU == "exits") exit;
            }
            """
        }
        let client = try UDPClient()
        for user in ["passes", "exits"] {
            let text = SIPText.request("MESSAGE", "sip:\(user)@example.com", from: client.address, id: user)
            try client.send(text, to: server.port)
            #expect(try next.receive().message.startLine == "MESSAGE sip:\(user)@example.com SIP/2.0")
        }
        let kept = SIPText.request("MESSAGE", "sip:kept@example.com", from: client.address, id: "kept")
        #expect(try client.exchange(kept, with: server.port).startLine == "SIP/2.0 480 Not sent")
        let more = next.datagram(within: .zero)
        #expect(more == nil)
        try server.waitForLog("to 127.0.0.1:\(next.address.port) udp from \(server.port)")
    }

    @Test func itsWordsAreKnownThereOnlyAndNothingWaitsThere() throws {
        let result = try Server.check(
            """
            request_route { if (to_ip == 10.0.0.1) exit; route(ONLY); forward(); }
            onsend_route { forward(); route(SENDS); }
            route[ONLY] { if (snd_ip == 10.0.0.1) exit; }
            route[SENDS] { if (snd_ip == 10.0.0.1) exit; }
            """)
        let errors = result.output.split(separator: "\n").filter { $0.contains(" error: ") }.map { line in
            line.split(separator: ":", maxSplits: 1).last.map(String.init) ?? ""
        }
        #expect(
            errors == [
                "1:21: error: `to_ip` is known in `onsend_route` only",
                "2:16: error: `forward` may not be called in `onsend_route`",
                "3:19: error: `snd_ip` is known in `onsend_route` only",
            ])
    }
}
