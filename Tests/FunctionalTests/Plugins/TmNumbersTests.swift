import Testing

/// What the statistics say after traffic that is known, and the commands that tell of it.
@Suite struct TmNumbersTests {
    private static let names = [
        "UAS_transactions", "UAC_transactions", "2xx_transactions", "3xx_transactions", "4xx_transactions",
        "5xx_transactions", "6xx_transactions", "rpl_received", "rpl_absorbed", "rpl_relayed", "rpl_generated",
        "rpl_sent",
    ]

    /// Without tmx: tm has them by itself.
    @Test func everythingIsCounted() throws {
        let desk = try Desk(
            parameters: [#""retr_timer1", 5000"#, #""retr_timer2", "5s""#],
            script: #"""
                if ($rU == "numbers") {
                    sl_send_reply("200", "NUMBERS");
                    exit;
                }
                if ($rU == "here") { t_newtran(); t_reply("302", "Moved"); exit; }
                $du = "URI";
                t_relay();
                """#.replacing("NUMBERS", with: Self.texts))
        let caller = try UDPClient()
        func call(_ user: String, _ method: String, _ replies: [Int]) throws {
            let request = SIPText.request(
                method, "sip:\(user)@\(desk.server.address)", from: caller.address, id: "n-\(user)")
            try caller.send(request, to: desk.server.port)
            if user != "here" {
                let received = try desk.callee.request(method)
                for code in replies { try desk.callee.send(received.response(code, "Test"), to: desk.server.port) }
            }
            while true {
                let reply = try caller.receive().message
                guard let code = reply.statusCode, code >= 200 else { continue }
                if method == "INVITE", code >= 300 {
                    try caller.send(SIPText.ack(request, reply), to: desk.server.port)
                }
                return
            }
        }
        try call("two", "OPTIONS", [200])
        try call("three", "OPTIONS", [302])
        try call("four", "INVITE", [100, 180, 486])
        try call("five", "OPTIONS", [503])
        try call("six", "OPTIONS", [603])
        try call("here", "OPTIONS", [])
        // A reply that comes again is absorbed.
        try call("again", "OPTIONS", [404, 404])
        // A request of the server's own.
        try desk.begin("tm.t_uac_wait_block", "OPTIONS", headers: Desk.dialog)
        let own = try desk.callee.request("OPTIONS")
        try desk.callee.send(own.response(200, "OK"), to: desk.server.port)
        #expect(try desk.door.receive().code == 200)
        try desk.waitForNothing()

        let client = try UDPClient()
        let numbers = try client.exchange(
            SIPText.request("OPTIONS", "sip:numbers@\(desk.server.address)", from: client.address, id: "numbers"),
            with: desk.server.port
        ).reason.split(separator: " ").compactMap { Int($0) }
        // rpl_received: 1 + 1 + 3 + 1 + 1 + 2 + 1. Relayed: 200, 302, 180, 486, 603, 404. Made here: 100, 500, 302.
        let expected = [7, 1, 2, 2, 2, 1, 1, 10, 1, 6, 3, 9]
        for (name, (number, value)) in zip(Self.names, zip(numbers, expected)) { #expect(number == value, "\(name)") }
        // The older names are the same numbers, and nothing is in use.
        #expect(Array(numbers.dropFirst(Self.names.count)) == [10, 6, 3, 0, 0])

        let stats = try desk.door.call("tm.stats").json
        let fields = [
            "current": 0, "waiting": 0, "total": 8, "total_local": 1, "rpl_received": 10, "rpl_generated": 3,
            "rpl_sent": 9,
            "6xx": 1, "5xx": 1, "4xx": 2, "3xx": 2, "2xx": 2, "created": 8, "freed": 8, "delayed_free": 0,
        ]
        for (name, value) in fields { #expect(number(name, in: stats) == value, "\(name) in \(stats)") }
    }

    private static let texts =
        (names.map { "tmx:\($0)" } + [
            "tm:received_replies", "tm:relayed_replies", "tm:local_replies", "tmx:inuse_transactions",
            "tmx:active_transactions",
        ]).map { "$stat(\($0))" }.joined(separator: " ")

    private func number(_ key: String, in json: String) -> Int? {
        guard let range = json.firstRange(of: "\"\(key)\":") else { return nil }
        return Int(json[range.upperBound...].prefix { $0.isNumber })
    }

    /// A transaction that is out, and one that waits for its end.
    @Test func thoseInUseAreCounted() throws {
        let desk = try Desk(
            parameters: [#""wt_timer", "20s""#],
            script: """
                if ($rU == "numbers") {
                    sl_send_reply("200", "$stat(tmx:inuse_transactions) $stat(tmx:active_transactions)");
                    exit;
                }
                if ($rU == "here") { t_newtran(); t_reply("200", "OK"); exit; }
                $du = "URI";
                t_relay();
                """)
        let client = try UDPClient()
        func ask(_ user: String) -> String {
            SIPText.request("OPTIONS", "sip:\(user)@\(desk.server.address)", from: client.address, id: user)
        }
        _ = try client.exchange(ask("here"), with: desk.server.port)
        try client.send(ask("out"), to: desk.server.port)
        _ = try desk.callee.request("OPTIONS")
        let numbers = try client.exchange(ask("numbers"), with: desk.server.port).reason
        #expect(numbers == "2 1")
        let stats = try desk.door.call("tm.stats").json
        #expect(stats.hasPrefix(#"{"current":2,"waiting":1,"total":2,"total_local":0,"#), "\(stats)")
        let hash = try desk.door.call("tm.hash_stats").json
        let fields = [
            "crt_transactions": 2, "acc_transactions": 2, "crt_target_per_cell": 1, "crt_min": 0,
            "crt_no_deviating_cells": 0,
        ]
        for (name, value) in fields { #expect(number(name, in: hash) == value, "\(name) in \(hash)") }
        let cells = try #require(number("hash_size", in: hash))
        #expect(number("crt_max", in: hash) == 1)
        #expect(number("crt_no_zero_cells", in: hash) == cells - 2)
    }

    /// All that tm.list tells of a transaction.
    @Test func aTransactionIsListed() throws {
        let desk = try Desk(script: #"$du = "URI"; append_branch("URI"); t_relay();"#)
        let client = try UDPClient()
        let request = SIPText.request(
            "SUBSCRIBE", "sip:seen@\(desk.server.address)", from: client.address, id: "listed", cseq: 7)
        try client.send(request, to: desk.server.port)
        _ = try desk.callee.request("SUBSCRIBE")
        let list = try desk.door.call("tm.list").json
        let sent = SIPText(request)
        for text in [
            #""method":"SUBSCRIBE""#, #""callid":"listed@tests""#, #""cseq":"7""#, #""uas_request":"yes""#,
            #""outgoings":2"#, #""from":"\#(sent.header("From") ?? "")""#,
            #""to":"\#(sent.header("To") ?? "")""#,
        ] {
            #expect(list.contains(text), "\(text) in \(list)")
        }
        for name in ["cell", "tindex", "tlabel", "tflags", "ref_count", "lifetime"] {
            #expect(number(name, in: list) != nil, "\(name)")
        }
        #expect(number("tlabel", in: list) != 0)
    }

    // MARK: - Replies by command

    @Test func aCallIsAnsweredByItsCallID() throws {
        let desk = try Desk(script: #"t_newtran(); t_reply("183", "Queued");"#)
        let client = try UDPClient()
        for (index, command) in ["tm.reply_callid", "t_reply_callid"].enumerated() {
            let id = "held\(index)"
            try client.send(
                SIPText.request("INVITE", "sip:x@\(desk.server.address)", from: client.address, id: id),
                to: desk.server.port)
            let queued = try client.reply(183)
            let repeated = try desk.door.call("tm.retransmit_reply_callid", "\(id)@tests", "1")
            #expect(repeated.code == 200)
            let again = try client.reply(183)
            #expect(again.text == queued.text)
            let done = try desk.door.call(
                command, "200", "Answered", "\(id)@tests", "1", "desk", "X-By: hand\nContent-Type: text/plain\n",
                "hello")
            #expect(done.code == 200, "\(done)")
            let reply = try client.reply(200)
            #expect(reply.startLine == "SIP/2.0 200 Answered")
            #expect(reply.header("To")?.hasSuffix(";tag=desk") == true)
            #expect(reply.header("X-By") == "hand")
            #expect(reply.body == "hello")
        }
        #expect(try desk.door.call("tm.retransmit_reply_callid", "nobody@tests", "1").code == 481)
        let typeless = try desk.door.call("tm.reply_callid", "200", "OK", "held0@tests", "1", "desk", ".", "hello")
        #expect(typeless.code == 400)
        #expect(typeless.json == "Content-Type missing")
    }

    @Test func aCallIsAnsweredByTheOlderName() throws {
        let desk = try Desk(
            script: #"t_newtran(); xerr("held $T(id_index):$T(id_label) \n"); t_reply("183", "Queued");"#,
            products: ["tmx"])
        let client = try UDPClient()
        try client.send(
            SIPText.request("INVITE", "sip:x@\(desk.server.address)", from: client.address, id: "held"),
            to: desk.server.port)
        _ = try client.reply(183)
        try desk.server.waitForLog("held ")
        let log = desk.server.log
        let start = try #require(log.firstRange(of: "held ")).upperBound
        let identity = String(log[start...].prefix { $0 != " " })
        #expect(try desk.door.call("t_reply", "200", "OK", identity, "desk", ".").code == 200)
        let reply = try client.reply(200)
        #expect(reply.header("To")?.hasSuffix(";tag=desk") == true)
    }
}
