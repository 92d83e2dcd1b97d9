import Testing

@Suite struct RrTests {
    private static let recording = """
        record_route();
        $du = "NEXT";
        forward();
        """

    @Test func theListenerIsRecorded() throws {
        let probe = try Probe(["rr"], script: Self.recording)
        let passed = try probe.pass(probe.request("INVITE", id: "record"))
        #expect(passed.headers("Record-Route") == ["<sip:127.0.0.1:\(probe.server.port);lr;ftag=from-record>"])
    }

    @Test func itsFormIsAParameter() throws {
        let probe = try Probe(
            ["rr"],
            globals: """
                modparam("rr", "enable_full_lr", 1)
                modparam("rr", "append_fromtag", 0)
                modparam("rr", "add_username", 1)
                """,
            script: """
                add_rr_param(";a=1");
                record_route(";b=2");
                add_rr_param(";c=3");
                $du = "NEXT";
                forward();
                """)
        let passed = try probe.pass(
            probe.request("INVITE", id: "form", headers: ["Record-Route: <sip:192.0.2.7;lr>"]))
        #expect(
            passed.headers("Record-Route") == [
                "<sip:alice@127.0.0.1:\(probe.server.port);lr=on;a=1;b=2;c=3>", "<sip:192.0.2.7;lr>",
            ])
    }

    @Test func aChangeOfListenersIsRecordedTwice() throws {
        let other = try Ports.free()
        let probe = try Probe(
            ["rr"], globals: "listen=udp:127.0.0.2:\(other)",
            script: """
                $fs = "udp:127.0.0.2:\(other)";
                record_route();
                $du = "NEXT";
                forward();
                """)
        let passed = try probe.pass(probe.request("INVITE", id: "two"))
        #expect(
            passed.headers("Record-Route") == [
                "<sip:127.0.0.2:\(other);r2=on;lr;ftag=from-two>",
                "<sip:127.0.0.1:\(probe.server.port);r2=on;lr;ftag=from-two>",
            ])
    }

    @Test func presetsAndTakingBack() throws {
        let preset = try Probe(
            ["rr"], script: #"record_route_preset("h:5090;x", "i:5091;r2=on"); $du = "NEXT"; forward();"#)
        let both = try preset.pass(preset.request("INVITE", id: "preset"))
        #expect(
            both.headers("Record-Route") == [
                "<sip:h:5090;x;lr;ftag=from-preset>", "<sip:i:5091;r2=on;lr;ftag=from-preset>",
            ])
        let advertised = try Probe(
            ["rr"], script: #"record_route_advertised_address("sip.example.com:5080"); $du = "NEXT"; forward();"#)
        let one = try advertised.pass(advertised.request("INVITE", id: "adv"))
        #expect(one.headers("Record-Route") == ["<sip:sip.example.com:5080;lr;ftag=from-adv>"])
        let back = try Probe(["rr"], script: "record_route(); remove_record_route(); " + #"$du = "NEXT"; forward();"#)
        let none = try back.pass(back.request("INVITE", id: "back"))
        #expect(none.headers("Record-Route") == [])
    }

    @Test func onlyOncePerRequest() throws {
        let codes = try Probe.codes(["rr"], method: "INVITE", ["record_route()", "record_route()"])
        #expect(codes == [1, -1])
    }

    /// What comes of a request of a dialog after loose_route: what the next hop gets, or the reply when it gets nothing. In texts, `US` is
    /// the server's address and `NEXT` the next hop's.
    private func routed(
        _ routes: [String], uri: String = "sip:bob@192.0.2.4", after: String = "", tagged: Bool = true,
        globals: String = ""
    ) throws -> SIPText {
        let probe = try Probe(
            ["rr", "sl"], globals: globals,
            script: """
                loose_route();
                $var(rc) = $rc;
                if ($var(rc) < 0) {
                    sl_send_reply("404", "$var(rc)");
                    exit;
                }
                \(after)
                if ($du == $null) $du = "NEXT";
                forward();
                """)
        let to = "To: <sip:alice@\(probe.server.address)>"
        let (us, next) = (probe.server.address.description, probe.nextHop.address.description)
        let request = probe.request("BYE", id: "routed", headers: routes.map { "Route: \($0)" })
            .replacing("BYE sip:alice@\(us)", with: "BYE \(uri)").replacing(to, with: tagged ? to + ";tag=theirs" : to)
        try probe.client.send(request.replacing("US", with: us).replacing("NEXT", with: next), to: probe.server.port)
        while true {
            if let passed = probe.nextHop.datagram(within: .milliseconds(50)) {
                return SIPText(
                    String(decoding: passed.bytes, as: UTF8.self).replacing(us, with: "US").replacing(
                        next, with: "NEXT"))
            }
            if let reply = probe.client.datagram(within: .milliseconds(50)) {
                return SIPText(String(decoding: reply.bytes, as: UTF8.self))
            }
        }
    }

    @Test func ourRouteIsRemovedAndTheNextOneFollowed() throws {
        let oneHeader = try routed(["<sip:US;lr>,<sip:NEXT;lr>, <sip:192.0.2.1;lr>"])
        #expect(oneHeader.startLine == "BYE sip:bob@192.0.2.4 SIP/2.0")
        #expect(oneHeader.headers("Route") == ["<sip:NEXT;lr>, <sip:192.0.2.1;lr>"])
        let twoHeaders = try routed(["<sip:US;lr>", "<sip:NEXT;lr=on>"])
        #expect(twoHeaders.headers("Route") == ["<sip:NEXT;lr=on>"])
        let alone = try routed(["<sip:US;lr>"])
        #expect(alone.headers("Route") == [])
    }

    @Test func aForeignRouteIsKept() throws {
        let message = try routed(["<sip:NEXT;lr>"])
        #expect(message.headers("Route") == ["<sip:NEXT;lr>"])
        #expect(message.startLine == "BYE sip:bob@192.0.2.4 SIP/2.0")
    }

    @Test func twoOfOursAreOne() throws {
        let followed = try routed(["<sip:US;r2=on;lr>, <sip:US;r2=on;lr>, <sip:NEXT;lr>"])
        #expect(followed.headers("Route") == ["<sip:NEXT;lr>"])
        let alone = try routed(["<sip:US;r2=on;lr>, <sip:US;r2=on;lr>"])
        #expect(alone.headers("Route") == [])
    }

    @Test func aStrictRouterGetsItsRequestURI() throws {
        let message = try routed(["<sip:US;lr>, <sip:strict@NEXT>, <sip:192.0.2.1;lr>"])
        #expect(message.startLine == "BYE sip:strict@NEXT SIP/2.0")
        #expect(message.headers("Route") == ["<sip:192.0.2.1;lr>", "<sip:bob@192.0.2.4>"])
        let last = try routed(["<sip:US;lr>", "<sip:strict@NEXT>"])
        #expect(last.startLine == "BYE sip:strict@NEXT SIP/2.0")
        #expect(last.headers("Route") == ["<sip:bob@192.0.2.4>"])
    }

    @Test func maddrNamesTheNextHop() throws {
        let message = try routed(
            ["<sip:US;lr>, <sip:example.com;lr;maddr=127.0.0.1>"], after: #"sl_send_reply("200", "$du"); exit;"#)
        #expect(message.reason == "sip:127.0.0.1")
    }

    @Test func aRequestOfAStrictRouterIsUnderstood() throws {
        let probe = try Probe(["rr"], script: #"loose_route(); $du = "NEXT"; forward();"#)
        let to = "To: <sip:alice@\(probe.server.address)>"
        let request = probe.request("BYE", id: "strict", headers: ["Route: <sip:192.0.2.1;lr>, <sip:bob@192.0.2.4>"])
            .replacing("BYE sip:alice@\(probe.server.address)", with: "BYE sip:\(probe.server.address);lr")
            .replacing(to, with: to + ";tag=theirs")
        let message = try probe.pass(request)
        #expect(message.startLine == "BYE sip:bob@192.0.2.4 SIP/2.0")
        #expect(message.headers("Route") == ["<sip:192.0.2.1;lr>"])
    }

    @Test func codes() throws {
        let none = try routed([])
        #expect(none.reason == "-1")
        let preloaded = try routed(["<sip:US;lr>"], tagged: false)
        #expect(preloaded.reason == "-3")
        let broken = try routed(["nonsense <"])
        #expect(broken.reason == "-1")
    }

    @Test func ourParametersCanBeRead() throws {
        let after = #"""
            check_route_param("nat=yes"); $var(a) = "" + $rc;
            check_route_param("nat=no"); $var(a) = $var(a) + " " + $rc;
            is_direction("upstream"); $var(a) = $var(a) + " " + $rc;
            rr_next_hop_route(); $var(a) = $var(a) + " " + $rc;
            sl_send_reply("200", "$var(a) $rdir(id) $rdir(name) $fti $tti $route_uri");
            exit;
            """#
        let upstream = try routed(["<sip:US;lr;nat=yes;ftag=theirs>, <sip:NEXT;lr>"], after: after)
        #expect(upstream.reason.hasPrefix("1 -1 1 1 2 upstream theirs from-routed sip:127.0.0.1:"))
        let downstream = try routed(["<sip:US;lr;ftag=from-routed>, <sip:NEXT;lr>"], after: after)
        #expect(downstream.reason.hasPrefix("-1 -1 -1 1 1 downstream from-routed theirs sip:127.0.0.1:"))
    }

    @Test func aWholeDialogStaysOnItsPath() throws {
        let probe = try Probe(
            ["rr", "sl", "siputils", "textops"],
            script: """
                if (has_totag()) {
                    if (!loose_route()) {
                        sl_send_reply("404", "Not here");
                        exit;
                    }
                    forward();
                    exit;
                }
                record_route();
                $du = "NEXT";
                forward();
                """)
        let invite = try probe.pass(probe.request("INVITE", id: "call"))
        let recorded = try #require(invite.header("Record-Route"))
        let to = "To: <sip:alice@\(probe.server.address)>"
        let bye = probe.request("BYE", id: "call", headers: ["Route: " + recorded])
            .replacing("BYE sip:alice@\(probe.server.address)", with: "BYE sip:alice@\(probe.nextHop.address)")
            .replacing(to, with: to + ";tag=answered")
        let passed = try probe.pass(bye)
        #expect(passed.startLine == "BYE sip:alice@\(probe.nextHop.address) SIP/2.0")
        #expect(passed.headers("Route") == [])
    }

    @Test func listenersAreRememberedByName() throws {
        let other = try Ports.free()
        let probe = try Probe(
            ["rr", "sl", "textops"],
            globals: """
                listen=udp:127.0.0.2:\(other) name "inner"
                modparam("rr", "sockname_mode", 1)
                modparam("rr", "append_fromtag", 0)
                """,
            script: """
                if (is_method("BYE")) {
                    loose_route();
                    forward();
                    exit;
                }
                $fs = "udp:127.0.0.2:\(other)";
                record_route();
                $du = "NEXT";
                forward();
                """)
        let passed = try probe.pass(probe.request("INVITE", id: "named"))
        #expect(
            passed.headers("Record-Route") == [
                "<sip:127.0.0.2:\(other);r2=on;sn=inner;lr>", "<sip:127.0.0.1:\(probe.server.port);r2=on;lr>",
            ])
        // The address of our own Route would not say which listener is meant.
        let bye = probe.request(
            "BYE", id: "back",
            headers: [
                "Route: <sip:127.0.0.1:\(probe.server.port);r2=on;lr>, <sip:127.0.0.1:\(probe.server.port);r2=on;sn=inner;lr>",
                "Route: <sip:\(probe.nextHop.address);lr>",
            ])
        let to = "To: <sip:alice@\(probe.server.address)>"
        let back = try probe.pass(bye.replacing(to, with: to + ";tag=theirs"))
        #expect(back.header("Via")?.hasPrefix("SIP/2.0/UDP 127.0.0.2:\(other)") == true)
    }

    @Test(arguments: [
        (["<sip:US;lr>"], -3, 1), (["<sip:US;lr>, <sip:NEXT;lr>"], 1, 1), (["<sip:NEXT;lr>"], 1, 1), ([], -1, -1),
    ]) func requestsOutsideOfDialogs(routes: [String], code: Int, preloaded: Int) throws {
        for (call, expected) in [("loose_route()", code), ("loose_route_preloaded()", preloaded)] {
            let probe = try Probe(
                ["rr", "sl"], script: "\(call); $var(rc) = $rc; sl_send_reply(\"200\", \"$var(rc)\");")
            let headers = routes.map {
                "Route: "
                    + $0.replacing("US", with: probe.server.address.description)
                    .replacing("NEXT", with: probe.nextHop.address.description)
            }
            #expect(try probe.ask(probe.request("INVITE", id: "preloaded", headers: headers)).reason == "\(expected)")
        }
    }

    @Test func modesAreCheckedAtStart() throws {
        let result = try Server.check("loadmodule \"rr.so\"\nrequest_route { loose_route_mode(4); }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains("a mode is 1 (no strict routers), 2 (no flow tokens), or their sum"))
    }

    @Test func whatIsBrokenIsNotFollowed() throws {
        for routes in [["<sip:US;lr>, <foo"], ["<sip:US;lr>", "sip:"], ["<sip:NEXT;lr>, <>"]] {
            #expect(try routed(routes).startLine == "SIP/2.0 404 -1")
        }
    }

    /// Section 16.12 of RFC 3261 with what comes before us and after us.
    @Test(arguments: [
        // A client that names this server, and is no strict router.
        (["<sip:US;lr>, <sip:NEXT;lr>"], "sip:alice@US", "sip:alice@US", ["<sip:NEXT;lr>"]),
        // A strict router before us, then a loose one, then the target.
        (["<sip:NEXT;lr>,<sip:bob@192.0.2.4>"], "sip:US;lr", "sip:bob@192.0.2.4", ["<sip:NEXT;lr>"]),
        // A strict router before us and one behind us.
        (["<sip:s@NEXT>,<sip:bob@192.0.2.4>"], "sip:US;lr", "sip:s@NEXT", ["<sip:bob@192.0.2.4>"]),
        // A strict router that copied one of our two.
        (["<sip:US;r2=on;lr>,<sip:bob@NEXT>"], "sip:US;r2=on;lr", "sip:bob@NEXT", []),
        (
            ["<sip:US;lr=on>", "\"n\" <sip:NEXT;lr=yes>;x"], "sip:bob@192.0.2.4", "sip:bob@192.0.2.4",
            ["\"n\" <sip:NEXT;lr=yes>;x"]
        ),
        (["<sip:US;transport=tcp;lr>, <sip:NEXT;lr>"], "sip:bob@192.0.2.4", "sip:bob@192.0.2.4", ["<sip:NEXT;lr>"]),
        (["<sip:my.example.org;lr>, <sip:NEXT;lr>"], "sip:bob@192.0.2.4", "sip:bob@192.0.2.4", ["<sip:NEXT;lr>"]),
    ]) func routesOfADialog(routes: [String], uri: String, left: String, rest: [String]) throws {
        let message = try routed(routes, uri: uri, globals: "alias=\"my.example.org\"")
        #expect(message.startLine == "BYE \(left) SIP/2.0")
        #expect(message.headers("Route") == rest)
    }
}
