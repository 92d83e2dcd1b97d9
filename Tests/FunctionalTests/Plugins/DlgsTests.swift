import Testing

/// Calls that the module dlgs follows.
@Suite struct DlgsTests {
    private static let script = """
        modparam("dlgs", "init_lifetime", 600)
        modparam("dlgs", "timer_interval", 1)
        modparam("dlgs", "finish_lifetime", @OVER)
        request_route {
            if ($rU == "asked") {
                $var(a) = dlgs_count("any", "eq", "*");
                $var(b) = dlgs_count("src", "eq", "$hdr(X-Src)");
                $var(c) = dlgs_count("data", "sw", "srcip=127.");
                $var(d) = dlgs_count("dst", "re", "^SIP:(alice|bob)@");
                $var(e) = dlgs_count("src", "fm", "sip:*er@*");
                $var(f) = dlgs_count("src", "ne", "sip:nobody@x");
                $var(g) = dlgs_tags_count("vip");
                sl_send_reply("200", "$var(a) $var(b) $var(c) $var(d) $var(e) $var(f) $var(g)");
                exit;
            }
            if (is_method("ACK|BYE|CANCEL")) { dlgs_update(); $var(known) = $rc; xlog("L_ERR", "$rm known $var(known)\\n"); }
            if (is_method("INVITE")) {
                dlgs_init("$fu", "sip:$rU@$rd", "srcip=$si");
                if ($rU == "bob") dlgs_tags_add("vip");
                if ($rU == "carl") { dlgs_tags_add("vip"); dlgs_tags_rm("vip"); }
            }
            $du = "sip:@NEXT";
            if (is_method("CANCEL")) { if (!t_relay_cancel()) t_relay(); exit; }
            t_relay();
        }

        """

    private func server(over: Int = 600) throws -> Reloadable {
        try Reloadable(
            DlgsTests.script.replacing("@OVER", with: "\(over)").replacing("\"sip:@NEXT\"", with: "\"sip:@NEXT\"")
                .replacing("sip:@NEXT", with: "sip:x@NEXT"), modules: ["dlgs"])
    }

    /// A request within, or the beginning of, a call.
    private func send(
        _ server: borrowing Reloadable, _ method: String, user: String, id: String, cseq: Int = 1, tag: String? = nil,
        fromCallee: Bool = false
    ) throws {
        var text = SIPText.request(
            method, "sip:\(user)@\(server.server.address)", from: server.client.address, id: id, cseq: cseq)
        if let tag {
            text = text.split(separator: "\r\n", omittingEmptySubsequences: false).map { line in
                line.hasPrefix("To:") && !line.contains(";tag=") ? "\(line);tag=\(tag)" : String(line)
            }.joined(separator: "\r\n")
            if fromCallee {
                let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
                let from = try #require(lines.first { $0.hasPrefix("From:") })
                let to = try #require(lines.first { $0.hasPrefix("To:") })
                text = lines.map { line in
                    line == from ? "From:" + to.dropFirst(3) : line == to ? "To:" + from.dropFirst(5) : line
                }.joined(separator: "\r\n")
            }
        }
        if method != "CANCEL" {
            text = text.replacing("branch=z9hG4bK", with: "branch=z9hG4bK\(method)\(cseq)")
        } else {
            text = text.replacing("branch=z9hG4bK", with: "branch=z9hG4bKINVITE\(cseq)")
        }
        try server.client.send(text, to: server.server.port)
    }

    private func answer(_ server: borrowing Reloadable, _ request: SIPText, _ code: Int, _ reason: String) throws {
        try server.nextHop.send(request.response(code, reason), to: server.server.port)
        _ = try server.client.reply(code)
    }

    private func states(_ server: borrowing Reloadable) throws -> [String] {
        try server.door.call("dlgs.list").json.split(separator: #""state":"#).dropFirst().map { String($0.prefix(1)) }
    }

    @Test func aCallFromItsBeginningToItsEnd() throws {
        let server = try server()
        #expect(try server.ask("asked", id: "q0") == "-1 -1 -1 -1 -1 -1 -1")
        try send(server, "INVITE", user: "bob", id: "call1")
        let invite = try server.nextHop.request("INVITE")
        #expect(try states(server) == ["1"])
        try answer(server, invite, 180, "Ringing")
        #expect(try states(server) == ["2"])
        try answer(server, invite, 200, "OK")
        #expect(try states(server) == ["3"])
        try send(server, "ACK", user: "bob", id: "call1", tag: "answered")
        _ = try server.nextHop.request("ACK")
        #expect(try states(server) == ["4"])
        let from = try #require(invite.header("From"))
        let uri = String(from.dropFirst().prefix { $0 != ">" })
        #expect(
            try server.ask("asked", id: "q1", headers: ["X-Src: \(uri)"])
                == "1 1 1 1 \(uri.contains("er@") ? 1 : -1) 1 1")
        let one = try server.door.call("dlgs.get", "src", "eq", uri).json
        #expect(one.contains(#""callid":"call1@tests""#) && one.contains(#""ttag":"answered""#), "\(one)")
        try server.door.expect("dlgs.count", ["data", "sw", "srcip"], is: #"{"count":1}"#)
        try server.door.expect("dlgs.count", ["data", "re", "("], code: 400, is: "the regular expression is wrong")
        try server.door.expect("dlgs.get", ["src", "eq", "x"], code: 404, is: "there is no such call")
        try server.door.expect("dlgs.getall", ["src", "eq", "x"], is: "[]")
        // From the other side.
        try send(server, "BYE", user: "tester", id: "call1", cseq: 2, tag: "answered", fromCallee: true)
        try server.server.waitForLog("BYE known 1\n")
        #expect(try states(server) == ["5"])
        #expect(try server.ask("asked", id: "q2") == "-1 -1 -1 -1 -1 -1 -1")
        try send(server, "BYE", user: "bob", id: "call2", tag: "answered")
        try server.server.waitForLog("BYE known -1\n")
    }

    /// Calls of several workers count; what is over goes.
    @Test func severalCalls() throws {
        let server = try server(over: 0)
        for number in 0..<20 {
            try send(server, "INVITE", user: number == 3 ? "bob" : "carl", id: "many\(number)")
            // Twice: it is the same call.
            try send(server, "INVITE", user: "carl", id: "many\(number)")
            _ = try server.nextHop.request("INVITE")
        }
        #expect(try server.ask("asked", id: "q3") == "20 -1 20 1 \(try sources(server)) 20 1")
        try server.door.expect(
            "dlgs.stats",
            is:
                #"{"final":{"init":0,"progress":0,"answered":0,"confirmed":0,"terminted":0,"notanswered":0},"active":{"init":20,"progress":0,"answered":0,"confirmed":0,"terminted":0,"notanswered":0}}"#
        )
        #expect(try server.door.call("dlgs.briefing").json.split(separator: #""count":"#).count == 21)
        for number in 0..<20 { try send(server, "BYE", user: "carl", id: "many\(number)", cseq: 2, tag: "x") }
        let isGone = try until { try server.door.call("dlgs.list").json == "[]" }
        #expect(isGone)
        #expect(try server.door.call("dlgs.stats").json.contains(#""terminted":20"#))
    }

    private func sources(_ server: borrowing Reloadable) throws -> String {
        let rows = try server.door.call("dlgs.list").json
        return rows.contains("er@") ? "20" : "-1"
    }

    /// What was refused is not counted; another attempt goes on with it.
    @Test func callsThatAreRefused() throws {
        let server = try server()
        try send(server, "INVITE", user: "bob", id: "no1")
        let invite = try server.nextHop.request("INVITE")
        try answer(server, invite, 486, "Busy Here")
        #expect(try states(server) == ["6"])
        #expect(try server.ask("asked", id: "q4") == "-1 -1 -1 -1 -1 -1 -1")
        try send(server, "INVITE", user: "bob", id: "no1", cseq: 2)
        let again = try server.nextHop.request("INVITE")
        try answer(server, again, 180, "Ringing")
        #expect(try states(server) == ["2"])
        try send(server, "CANCEL", user: "bob", id: "no1", cseq: 2)
        try server.server.waitForLog("CANCEL known 1\n")
        #expect(try states(server) == ["6"])
    }

    /// No more than max_calls, whoever calls; those that end make room.
    @Test func noMoreThanMayBe() throws {
        let server = try Reloadable(
            """
            modparam("dlgs", "max_calls", 3)
            modparam("dlgs", "finish_lifetime", 0)
            modparam("dlgs", "timer_interval", 1)
            request_route {
                if ($rU == "asked") { $var(a) = dlgs_count("any", "eq", "*"); sl_send_reply("200", "$var(a)"); exit; }
                if (is_method("BYE")) { dlgs_update(); exit; }
                dlgs_init("$fu", "$rU", "$hdr(X-Long)");
                $var(a) = $rc;
                dlgs_tags_add("one");
                sl_send_reply("486", "$var(a)");
            }

            """, modules: ["kex", "dlgs"])
        func begin(_ id: String, _ headers: [String] = []) throws -> String {
            let text = SIPText.request(
                "INVITE", "sip:bob@\(server.server.address)", from: server.client.address, id: id, headers: headers)
            return try server.client.exchange(text, with: server.server.port).reason
        }
        #expect(try begin("long", ["X-Long: " + String(repeating: "x", count: 8200)]) == "-1")
        for number in 0..<3 { #expect(try begin("full\(number)") == "1") }
        #expect(try begin("full3") == "-1" && begin("full0") == "1", "one that is there is followed still")
        try server.server.waitForLog("there are max_calls of them")
        #expect(try server.ask("asked", id: "count") == "3")
        #expect(try server.door.call("stats.fetch", "dlgs.refused").json == #"{"dlgs.refused":"2"}"#)
        try send(server, "BYE", user: "bob", id: "full1", cseq: 2, tag: "x")
        #expect(try until { try begin("full4") == "1" })
    }
}
