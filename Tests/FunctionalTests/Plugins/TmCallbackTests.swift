import Testing

/// What modules are told of transactions: kinds, order and contents of events (apus/tm.h), by the C module tmcb, which follows all of them.
@Suite struct TmCallbackTests {
    /// A server that relays with tmcb loaded, an INVITE's caller, and a first called side; timers are short.
    private struct Call: ~Copyable {
        let probe: Probe
        let folder: TemporaryFolder

        /// - Parameter t1: when requests and replies are sent again; long, unless a test wants to see that.
        /// - Parameter modules: further ones of the tests, in C.
        init(
            _ script: String, t1: Int = 3000, settings: [String] = [], globals: String = "", modules: [String] = []
        ) throws {
            let folder = try TemporaryFolder()
            for name in ["tmcb"] + modules { try CModule.build(name, into: folder.path) }
            let all =
                ["\"retr_timer1\", \(t1)", #""wt_timer", "1500ms""#]
                + (settings.contains { $0.contains("fr_timer") } ? [] : [#""fr_timer", "20s""#]) + settings
            probe = try Probe(
                ["tm", "tmx", "sl", "pv", "xlog"],
                globals: (["tmcb"] + modules).map { "loadmodule \"\(folder.path)/\($0).so\"\n" }.joined()
                    + all.map { "modparam(\($0.hasPrefix("\"tmcb\"") ? $0 : "\"tm\", " + $0))\n" }.joined() + globals,
                script: """
                    if ($rU == "count") { sl_send_reply("200", "$tmcb(registered) $tmcb(released)"); exit; }
                    \(script)
                    """)
            self.folder = folder
        }

        /// Sends the request as the caller.
        func send(_ text: String) throws { try probe.client.send(text, to: probe.server.port) }

        /// What the caller gets next; statuses that are passed over first.
        func reply(after passed: Int...) throws -> SIPText {
            while true {
                let reply = try probe.client.receive().message
                if !passed.contains(reply.statusCode ?? 0) { return reply }
            }
        }

        /// Waits until tmcb has let go of every registration, and checks that nothing was wrong anywhere.
        func finish(_ location: SourceLocation = #_sourceLocation) throws {
            var last = ""
            for attempt in 0..<400 {
                let client = try UDPClient()
                let request = SIPText.request(
                    "OPTIONS", "sip:count@\(probe.server.address)", from: client.address, id: "count\(attempt)")
                last = try client.exchange(request, with: probe.server.port).reason
                let counts = last.split(separator: " ")
                if counts.count == 2, counts[0] == counts[1] { break }
                _ = client.datagram(within: .milliseconds(50))
            }
            let counts = last.split(separator: " ")
            func releases() -> [Event] {
                Event.all(in: probe.server.log).filter { $0.kind.hasPrefix("RELEASE") }
            }
            // The log comes through a pipe, later than the answer.
            _ = until { "\(releases().count)" == counts.first ?? "" }
            let log = probe.server.log
            #expect(
                counts.count == 2 && counts[0] == counts[1] && counts[0] != "0", "\(last)", sourceLocation: location)
            #expect(!log.contains(" {"), "\(log)", sourceLocation: location)
            // One release for each registration, by its number.
            let released = releases()
            #expect(Set(released.map { "\($0.kind) \($0["id"])" }).count == released.count, sourceLocation: location)
            #expect("\(released.count)" == counts.first, sourceLocation: location)
            // The second registration of each transaction is called after the first, and both before their data goes.
            for id in Set(released.map { $0["id"] }) {
                let end = Event.all(in: log).filter { $0["id"] == id }.suffix(4).map(\.kind)
                #expect(end == ["DESTROY", "SECOND", "RELEASE", "RELEASE_SECOND"], sourceLocation: location)
            }
        }

        /// The events of one method's transactions so far, as short texts; repetitions can be left out.
        func events(of method: String, repeated: Bool = true) -> [String] {
            Event.all(in: probe.server.log)
                .filter { $0["of"] == method && !$0.kind.hasPrefix("RELEASE") && $0.kind != "DESTROY" }
                .filter { repeated || !$0["flags"].contains("retr") }.map(\.short)
        }
    }

    /// One line of tmcb.
    private struct Event {
        let kind: String
        let fields: [String: String]

        subscript(_ name: String) -> String { fields[name] ?? "" }

        /// Kind, branch, code, flags and reply, those that say something.
        var short: String {
            var parts = [kind]
            if self["branch"] != "-" { parts.append("b" + self["branch"]) }
            if self["code"] != "-" { parts.append(self["code"]) }
            if self["flags"] != "-" { parts.append(self["flags"]) }
            if self["reply"] == "yes" { parts.append("reply") }
            return parts.joined(separator: " ")
        }

        static func all(in log: String) -> [Event] {
            log.split(separator: "\n").compactMap { line in
                guard let mark = line.firstRange(of: "tmcb: ") else { return nil }
                let words = line[mark.upperBound...].split(separator: " ")
                guard let kind = words.first else { return nil }
                var fields: [String: String] = [:]
                for word in words.dropFirst() {
                    let pair = word.split(separator: "=", maxSplits: 1)
                    if pair.count == 2 { fields[String(pair[0])] = String(pair[1]) }
                }
                return Event(kind: String(kind), fields: fields)
            }
        }
    }

    private static let relay = #"if (method == "CANCEL") { t_relay(); exit; } $du = "NEXT"; t_relay();"#
    /// What every relayed INVITE begins with.
    private static let beginning = [
        "REQUEST_IN", "RESPONSE_READY 100 local,faked", "RESPONSE_SENT 100 local,faked", "REQUEST_FWDED b0",
        "REQUEST_SENT b0", "REQUEST_OUT b0",
    ]

    /// A reply that is passed on.
    private func forwarded(_ code: Int, branch: Int = 0) -> [String] {
        [
            "RESPONSE_FWDED b\(branch) \(code) reply", "RESPONSE_READY b\(branch) \(code) reply",
            "RESPONSE_SENT b\(branch) \(code) reply", "RESPONSE_OUT b\(branch) \(code) reply",
        ]
    }

    private func failed(_ code: Int, branch: Int = 0, _ rest: String = "reply") -> [String] {
        ["ON_BRANCH_FAILURE_RO", "ON_BRANCH_FAILURE", "ON_FAILURE_RO", "ON_FAILURE"].map {
            "\($0) b\(branch) \(code) \(rest)"
        }
    }

    @Test func aCallThatIsAnswered() throws {
        let call = try Call(Self.relay)
        let invite = call.probe.request("INVITE", id: "answered")
        let received = try call.probe.pass(invite)
        try call.probe.nextHop.send(received.response(180, "Ringing"), to: call.probe.server.port)
        let ringing = try call.reply(after: 100)
        #expect(ringing.statusCode == 180)
        try call.probe.nextHop.send(received.response(200, "OK"), to: call.probe.server.port)
        let ok = try call.reply()
        #expect(ok.statusCode == 200)
        // The 200 comes again, and passes again.
        try call.probe.nextHop.send(received.response(200, "OK"), to: call.probe.server.port)
        let again = try call.reply()
        #expect(again.statusCode == 200)
        for _ in 0..<2 {
            let acknowledged = try call.probe.pass(
                SIPText.ack(invite, ok).replacing("branch=z9hG4bK", with: "branch=z9hG4bKother"))
            #expect(acknowledged.method == "ACK")
        }
        try call.finish()
        let expected =
            Self.beginning + ["RESPONSE_IN b0 180 reply"] + forwarded(180) + ["RESPONSE_IN b0 200 reply"]
            + forwarded(200) + [
                "RESPONSE_IN b0 200 retr reply", "RESPONSE_FWDED b0 200 reply", "RESPONSE_SENT b0 200 retr reply",
                "E2EACK_IN", "E2EACK_RETR_IN retr",
            ]
        let events = call.events(of: "INVITE")
        #expect(events == expected)
        let all = Event.all(in: call.probe.server.log)
        let caller = "\(call.probe.client.address)"
        let called = "\(call.probe.nextHop.address)"
        #expect(all.filter { $0.kind == "RESPONSE_SENT" }.allSatisfy { $0["dest"] == caller })
        #expect(all.filter { $0.kind.hasPrefix("REQUEST_SENT") }.allSatisfy { $0["dest"] == called })
        #expect(all.first { $0.kind == "REQUEST_SENT" }?["bytes"] == "INVITE")
        #expect(all.first { $0.kind == "RESPONSE_READY" && $0["code"] == "180" }?["bytes"] == "SIP/2.0_180")
        #expect(all.first { $0.kind == "E2EACK_IN" }?["request"] == "ACK")
        #expect(all.first { $0.kind == "RESPONSE_IN" }?["request"] == "INVITE")
    }

    @Test func aCallThatIsBusy() throws {
        let call = try Call(Self.relay)
        let invite = call.probe.request("INVITE", id: "busy")
        let received = try call.probe.pass(invite)
        let busy = received.response(486, "Busy Here")
        try call.probe.nextHop.send(busy, to: call.probe.server.port)
        let reply = try call.reply(after: 100)
        #expect(reply.statusCode == 486)
        let first = try call.probe.nextHop.receive().message
        #expect(first.method == "ACK")
        try call.probe.nextHop.send(busy, to: call.probe.server.port)
        let second = try call.probe.nextHop.receive().message
        #expect(second.text == first.text)
        try call.send(SIPText.ack(invite, reply))
        try call.send(SIPText.ack(invite, reply))
        try call.finish()
        let events = call.events(of: "INVITE").filter { $0 != "RESPONSE_SENT 486 retr" }
        let expected =
            Self.beginning + ["RESPONSE_IN b0 486 reply", "REQUEST_SENT b0 local"] + failed(486) + forwarded(486) + [
                "RESPONSE_IN b0 486 retr reply", "REQUEST_SENT b0 retr,local", "ACK_NEG_IN 486", "ACK_NEG_IN 486 retr",
            ]
        #expect(events == expected)
        let acknowledgement = Event.all(in: call.probe.server.log).first { $0["flags"] == "local" }
        #expect(acknowledgement?["bytes"] == "ACK")
        #expect(acknowledgement?["dest"] == "\(call.probe.nextHop.address)")
    }

    @Test func aCallThatIsCancelled() throws {
        let call = try Call(Self.relay)
        let invite = call.probe.request("INVITE", id: "cancelled")
        let received = try call.probe.pass(invite)
        try call.probe.nextHop.send(received.response(180, "Ringing"), to: call.probe.server.port)
        let ringing = try call.reply(after: 100)
        #expect(ringing.statusCode == 180)
        try call.send(SIPText.cancel(invite))
        let answer = try call.reply()
        #expect(answer.statusCode == 200 && answer.header("CSeq") == "1 CANCEL")
        let cancelling = try call.probe.nextHop.receive().message
        #expect(cancelling.method == "CANCEL")
        try call.probe.nextHop.send(cancelling.response(200, "OK"), to: call.probe.server.port)
        try call.probe.nextHop.send(received.response(487, "Request Terminated"), to: call.probe.server.port)
        let reply = try call.reply(after: 200)
        #expect(reply.statusCode == 487)
        try call.send(SIPText.ack(invite, reply))
        try call.finish()
        let events = call.events(of: "INVITE", repeated: false)
        let expected =
            Self.beginning + ["RESPONSE_IN b0 180 reply"] + forwarded(180) + [
                "E2ECANCEL_IN", "REQUEST_SENT b0 local", "RESPONSE_IN b0 200 reply", "RESPONSE_IN b0 487 reply",
                "REQUEST_SENT b0 local",
            ] + failed(487) + forwarded(487) + ["ACK_NEG_IN 487"]
        #expect(events == expected)
        let ofCancel = call.events(of: "CANCEL")
        #expect(
            ofCancel == [
                "REQUEST_IN", "RESPONSE_READY 200 local,faked", "RESPONSE_SENT 200 local,faked",
                "RESPONSE_OUT 200 local,faked",
            ])
        let all = Event.all(in: call.probe.server.log)
        #expect(all.first { $0.kind == "E2ECANCEL_IN" }?["request"] == "CANCEL")
        #expect(all.filter { $0["flags"] == "local" }.map { $0["bytes"] } == ["CANCEL", "ACK"])
    }

    @Test func aCallThatNobodyAnswers() throws {
        let call = try Call(Self.relay, t1: 200, settings: [#""fr_timer", "900ms""#])
        let invite = call.probe.request("INVITE", id: "silent")
        _ = try call.probe.pass(invite)
        // It comes again, by the server's timer.
        let repeated = try call.probe.nextHop.receive().message
        #expect(repeated.method == "INVITE")
        // So does the caller's, which gets the 100 again.
        try call.send(invite)
        let reply = try call.reply(after: 100)
        #expect(reply.statusCode == 408)
        // And the 408 comes again until the ACK.
        let again = try call.reply()
        #expect(again.text == reply.text)
        try call.send(SIPText.ack(invite, reply))
        try call.finish()
        let events = call.events(of: "INVITE")
        let expected =
            Self.beginning + failed(408, "faked") + [
                "RESPONSE_READY 408 local,faked", "RESPONSE_SENT 408 local,faked", "RESPONSE_OUT 408 local,faked",
                "ACK_NEG_IN 408",
            ]
        #expect(events.filter { !$0.contains("retr") } == expected)
        #expect(events.contains("REQUEST_SENT b0 retr"))
        #expect(events.contains("RESPONSE_SENT 408 retr"))
        let again100 = try #require(events.firstIndex(of: "REQ_RETR_IN retr"))
        #expect(events[again100 + 1] == "RESPONSE_SENT 100 retr")
    }

    @Test func aCallThatForks() throws {
        let second = try UDPClient()
        let call = try Call(
            """
            if (method == "CANCEL") { t_relay(); exit; }
            $ru = "NEXT"; append_branch("sip:\(second.address)"); t_relay();
            """, settings: [#""tmcb", "edit", 1"#])
        let invite = call.probe.request("INVITE", id: "forked")
        let first = try call.probe.pass(invite)
        let other = try second.receive().message
        #expect(first.headers("X-Tmcb") == ["REQUEST_IN -1", "REQUEST_FWDED 0"])
        #expect(other.headers("X-Tmcb") == ["REQUEST_IN -1", "REQUEST_FWDED 1"])
        try call.probe.nextHop.send(first.response(180, "Ringing"), to: call.probe.server.port)
        let ringing = try call.reply(after: 100)
        #expect(ringing.statusCode == 180)
        #expect(ringing.headers("X-Tmcb") == ["RESPONSE_FWDED 0"])
        try second.send(other.response(200, "OK"), to: call.probe.server.port)
        let ok = try call.reply()
        #expect(ok.statusCode == 200)
        #expect(ok.headers("X-Tmcb") == ["RESPONSE_FWDED 1"])
        let cancelling = try call.probe.nextHop.receive().message
        #expect(cancelling.method == "CANCEL")
        try call.probe.nextHop.send(cancelling.response(200, "OK"), to: call.probe.server.port)
        try call.probe.nextHop.send(first.response(487, "Request Terminated"), to: call.probe.server.port)
        let acknowledged = try call.probe.nextHop.receive().message
        #expect(acknowledged.method == "ACK")
        try call.finish()
        let events = call.events(of: "INVITE", repeated: false)
        let expected =
            Self.beginning + ["REQUEST_FWDED b1", "REQUEST_SENT b1", "REQUEST_OUT b1", "RESPONSE_IN b0 180 reply"]
            + forwarded(180) + ["RESPONSE_IN b1 200 reply"] + forwarded(200, branch: 1) + [
                "REQUEST_SENT b0 local", "RESPONSE_IN b0 200 reply", "RESPONSE_IN b0 487 reply",
                "REQUEST_SENT b0 local",
            ]
        #expect(events == expected)
        let sent = Event.all(in: call.probe.server.log).filter { $0.kind == "REQUEST_OUT" }.map { $0["dest"] }
        #expect(sent == ["\(call.probe.nextHop.address)", "\(second.address)"])
    }

    @Test func bothBranchesFail() throws {
        let second = try UDPClient()
        let call = try Call(#"$ru = "NEXT"; append_branch("sip:\#(second.address)"); t_relay();"#)
        let invite = call.probe.request("INVITE", id: "failing")
        let first = try call.probe.pass(invite)
        let other = try second.receive().message
        try second.send(other.response(404, "Not Found"), to: call.probe.server.port)
        _ = try second.receive()
        try call.probe.nextHop.send(first.response(603, "Decline"), to: call.probe.server.port)
        let reply = try call.reply(after: 100)
        #expect(reply.statusCode == 603)
        try call.send(SIPText.ack(invite, reply))
        try call.finish()
        let events = call.events(of: "INVITE", repeated: false).filter { $0.contains("FAILURE") }
        let expected = [
            "ON_BRANCH_FAILURE_RO b1 404 reply", "ON_BRANCH_FAILURE b1 404 reply", "ON_BRANCH_FAILURE_RO b0 603 reply",
            "ON_BRANCH_FAILURE b0 603 reply", "ON_FAILURE_RO b0 603 reply", "ON_FAILURE b0 603 reply",
        ]
        #expect(events == expected)
    }

    @Test func aRequestThatIsAnsweredHere() throws {
        let call = try Call(#"t_newtran(); t_reply("200", "OK");"#)
        let request = call.probe.request(id: "here")
        try call.send(request)
        let first = try call.reply()
        try call.send(request)
        let second = try call.reply()
        #expect(first.text == second.text)
        try call.finish()
        let events = call.events(of: "OPTIONS")
        let expected = [
            "REQUEST_IN", "RESPONSE_READY 200 local,faked", "RESPONSE_SENT 200 local,faked",
            "RESPONSE_OUT 200 local,faked", "REQ_RETR_IN retr", "RESPONSE_SENT 200 retr",
        ]
        #expect(events == expected)
    }

    @Test func aRequestThatIsSuspended() throws {
        let call = try Call(
            """
            if (method == "MESSAGE") { t_continue("$hdr(X-Index)", "$hdr(X-Label)", "GO"); sl_send_reply("200", "$rc"); exit; }
            t_suspend(); xnotice("parked $T(id_index) $T(id_label)\\n");
            """, globals: "route[GO] { $du = \"NEXT\"; t_relay(); }\n")
        let request = call.probe.request(id: "parked")
        try call.send(request)
        try call.probe.server.waitForLog("parked ")
        let parked = try #require(call.probe.server.log.split(separator: "parked ").last)
        let identity = parked.prefix { $0 != "\n" }.split(separator: " ")
        #expect(identity.count == 2)
        let other = try UDPClient()
        let going = SIPText.request(
            "MESSAGE", "sip:x@\(call.probe.server.address)", from: other.address, id: "going",
            headers: ["X-Index: \(identity[0])", "X-Label: \(identity[1])"])
        let result = try other.exchange(going, with: call.probe.server.port)
        #expect(result.reason == "1")
        let received = try call.probe.nextHop.receive().message
        try call.probe.nextHop.send(received.response(200, "OK"), to: call.probe.server.port)
        let reply = try call.reply()
        #expect(reply.statusCode == 200)
        try call.finish()
        let events = call.events(of: "OPTIONS")
        let expected =
            ["REQUEST_IN", "REQUEST_PENDING", "REQUEST_FWDED b1", "REQUEST_SENT b1", "REQUEST_OUT b1"]
            + ["RESPONSE_IN b1 200 reply"] + forwarded(200, branch: 1)
        #expect(events == expected)
    }

    /// A name that is looked up makes the request wait.
    @Test func aRequestWhoseDestinationIsLookedUp() throws {
        let names = try DNSServer(["A called.test": .a(["127.0.0.1"])])
        defer { names.stop() }
        let called = try UDPClient()
        let call = try Call(
            #"$du = "sip:called.test:\#(called.address.port)"; t_relay();"#,
            globals: "dns_servers=\"\(names.address)\"\ndns_try_ipv6=no\ndns_use_search_list=no\n")
        try call.send(call.probe.request(id: "looked"))
        let received = try called.request("OPTIONS")
        try called.send(received.response(200, "OK"), to: call.probe.server.port)
        try call.probe.client.reply(200)
        try call.finish()
        let events = call.events(of: "OPTIONS")
        #expect(events.prefix(3) == ["REQUEST_IN", "REQUEST_PENDING b0", "REQUEST_FWDED b0"])
    }

    // MARK: - Requests of the server's own

    @Test func aRequestOfOurOwn() throws {
        let call = try Call(
            """
            t_uac_send("OPTIONS", "NEXT", "", "", "From: <sip:a@b>\\r\\nTo: <sip:c@d>\\r\\n", "");
            sl_send_reply("200", "$rc");
            """)
        let reply = try call.probe.ask(call.probe.request("MESSAGE", id: "own"))
        #expect(reply.reason == "1")
        let received = try call.probe.nextHop.request("OPTIONS")
        try call.probe.answer(received, 404)
        try call.finish()
        let events = call.events(of: "OPTIONS")
        #expect(
            events == [
                "LOCAL_REQUEST_IN", "REQUEST_SENT b0", "REQUEST_OUT b0", "LOCAL_RESPONSE_IN b0 404 reply",
                "ON_BRANCH_FAILURE_RO b0 404 reply", "ON_BRANCH_FAILURE b0 404 reply", "ON_FAILURE_RO b0 404 reply",
                "ON_FAILURE b0 404 reply", "LOCAL_COMPLETED b0 404 reply",
            ])
    }

    @Test func aRequestOfOurOwnThatTheScriptDrops() throws {
        let call = try Call(
            """
            t_uac_send("OPTIONS", "NEXT", "", "", "From: <sip:a@b>\\r\\nTo: <sip:c@d>\\r\\n", "");
            sl_send_reply("200", "OK");
            """, globals: "event_route[tm:local-request] { xnotice(\"shown\\n\"); drop; }\n")
        let reply = try call.probe.ask(call.probe.request("MESSAGE", id: "own"))
        #expect(reply.statusCode == 200)
        try call.probe.server.waitForLog("shown")
        // It has not begun for those who follow everything.
        let other = try call.probe.ask(call.probe.request("MESSAGE", user: "count", id: "own"))
        #expect(other.reason == "0 0")
        #expect(call.probe.nextHop.waiting().isEmpty)
    }

    /// Provisional replies are of interest where the parameter says so.
    @Test(arguments: [0, 1]) func provisionalRepliesToOurOwn(mode: Int) throws {
        let call = try Call(
            """
            t_uac_send("INVITE", "NEXT", "", "", "From: <sip:a@b>\\r\\nTo: <sip:c@d>\\r\\n", "");
            sl_send_reply("200", "OK");
            """, settings: ["\"pass_provisional_replies\", \(mode)"])
        let reply = try call.probe.ask(call.probe.request("MESSAGE", id: "own"))
        #expect(reply.statusCode == 200)
        let received = try call.probe.nextHop.request("INVITE")
        try call.probe.answer(received, 100)
        try call.probe.answer(received, 180)
        try call.probe.answer(received, 486)
        _ = try call.probe.nextHop.request("ACK")
        try call.finish()
        let events = call.events(of: "INVITE").filter { $0.hasPrefix("LOCAL") }
        #expect(
            events == ["LOCAL_REQUEST_IN", "LOCAL_RESPONSE_IN b0 100 reply", "LOCAL_RESPONSE_IN b0 180 reply"]
                + (mode == 1 ? ["LOCAL_RESPONSE_OUT b0 180 reply"] : [])
                + ["LOCAL_RESPONSE_IN b0 486 reply", "LOCAL_COMPLETED b0 486 reply"])
    }

    /// A registration may say that the 2xx is not to be acknowledged.
    @Test(arguments: [0, 1]) func whoAcknowledges(dontAck: Int) throws {
        let call = try Call(
            """
            t_uac_send("INVITE", "NEXT", "", "", "From: <sip:a@b>\\r\\nTo: <sip:c@d>\\r\\n", "");
            sl_send_reply("200", "OK");
            """, settings: ["\"tmcb\", \"dont_ack\", \(dontAck)"])
        let reply = try call.probe.ask(call.probe.request("MESSAGE", id: "own"))
        #expect(reply.statusCode == 200)
        let received = try call.probe.nextHop.request("INVITE")
        try call.probe.answer(received, 200, headers: ["Contact: <sip:x@\(call.probe.nextHop.address)>"])
        if dontAck == 0 {
            _ = try call.probe.nextHop.request("ACK")
        } else {
            try call.probe.server.waitForLog("LOCAL_COMPLETED")
            try call.probe.nextHop.staysSilent(for: .milliseconds(300))
        }
    }

    /// Requests in a dialog say so, before they are written.
    @Test func aRequestInADialog() throws {
        let call = try Call(
            #"own_call("NEXT"); sl_send_reply("200", "$rc");"#, modules: ["requests"])
        let reply = try call.probe.ask(call.probe.request("MESSAGE", id: "own"))
        #expect(reply.reason == "1")
        let invite = try call.probe.nextHop.request("INVITE")
        try call.probe.answer(invite, 486)
        _ = try call.probe.nextHop.request("ACK")
        try call.finish()
        #expect(call.events(of: "INVITE").prefix(2) == ["LOCAL_REQUEST_IN", "DLG"])
    }

    // MARK: - What else modules can do

    /// t_suspend is taken back, and the script goes on as if nothing had been.
    @Test func aSuspensionThatIsTakenBack() throws {
        let call = try Call(
            #"if (park_and_go()) xnotice("undone\n"); $du = "NEXT"; t_relay();"#, modules: ["parks"])
        let request = call.probe.request(id: "undone")
        let received = try call.probe.pass(request)
        try call.probe.answer(received, 200)
        _ = try call.probe.client.reply(200)
        try call.probe.server.waitForLog("undone")
        try call.finish()
        #expect(call.events(of: "OPTIONS").prefix(2) == ["REQUEST_IN", "REQUEST_PENDING"])
    }

    /// Routes that a module arms, before and after there is a transaction.
    @Test(arguments: ["", "t_newtran();"]) func routesAreArmedByAModule(before: String) throws {
        let call = try Call(
            """
            \(before)
            if (!armed(1) && !armed(2) && !armed(3)) xnotice("unarmed\\n");
            if (arm(1, "F") && arm(2, "B") && arm(3, "R") && armed(1) && armed(2) && armed(3)) xnotice("armed\\n");
            if (arm(2, "") && !armed(2)) xnotice("disarmed\\n");
            $du = "NEXT";
            t_relay();
            """,
            globals: """
                failure_route[F] { xnotice("ran failure\\n"); }
                branch_route[B] { xnotice("ran branch\\n"); }
                onreply_route[R] { xnotice("ran reply\\n"); }

                """, modules: ["parks"])
        let request = call.probe.request(id: "armed")
        let received = try call.probe.pass(request)
        try call.probe.answer(received, 404)
        _ = try call.probe.client.reply(404)
        for text in ["unarmed", "disarmed", "ran reply", "ran failure"] {
            try call.probe.server.waitForLog("<script>: " + text)
        }
        #expect(!call.probe.server.log.contains("<script>: ran branch"))
        #expect(call.probe.server.log.count(of: "armed") == 3)
    }
}
