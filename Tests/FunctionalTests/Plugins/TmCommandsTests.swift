import Testing

/// Commands that show transactions, reply in them, and their older names.
@Suite struct TmCommandsTests {
    @Test func bodiesHopsAndOlderNames() throws {
        let desk = try Desk()
        let hop = try UDPClient()
        let text = Desk.dialog + "Content-Type: text/plain\n"
        try desk.door.send(
            "tm.t_uac_start_hex", ["MESSAGE", "sip:far@192.0.2.1", "sip:\(hop.address)", ".", text, "68 69 21"])
        let message = try hop.receive().message
        #expect(message.startLine == "MESSAGE sip:far@192.0.2.1 SIP/2.0")
        #expect(message.header("Content-Type") == "text/plain")
        #expect(message.header("Content-Length") == "3")
        #expect(message.body == "hi!")
        #expect(try desk.door.receive().code == 200)

        try desk.door.send("t_uac_from", ["OPTIONS", "", desk.uri, "X-Extra: 1\n"])
        let plain = try desk.callee.receive().message
        #expect(plain.header("From")?.hasPrefix("<sip:foo@foo.bar>;tag=") == true)
        #expect(plain.header("To") == "<\(desk.uri)>")
        #expect(plain.header("X-Extra") == "1")
        try desk.callee.send(plain.response(202, "Accepted"), to: desk.server.port)
        #expect(try desk.door.receive().json == #"{"code":202,"text":"Accepted"}"#)

        try desk.door.send("t_uac_dlg", ["OPTIONS", desk.uri, ".", ".", Desk.dialog + "Contact: <sip:me@!!>\r\n", "."])
        let named = try desk.callee.receive().message
        #expect(named.header("Contact") == "<sip:me@\(desk.server.address)>")
        #expect(named.header("Content-Length") == "0")
    }

    @Test func listsAndNumbersShowACall() throws {
        let desk = try Desk()
        try desk.begin("tm.t_uac_start", "INVITE", headers: Desk.dialog + "Call-ID: seen@tests\r\n")
        #expect(try desk.door.receive().code == 200)
        let invite = try desk.callee.receive().message
        try desk.callee.send(invite.response(180, "Ringing"), to: desk.server.port)
        let list = try desk.door.call("tm.list").json
        #expect(list.hasPrefix("[{") && list.hasSuffix("}]"))
        for part in [
            #""method":"INVITE""#, #""callid":"seen@tests""#, #""cseq":"1""#, #""uas_request":"no""#, #""outgoings":1"#,
            #""to":"<sip:callee@example.org>""#,
        ] {
            #expect(list.contains(part), "\(part) in \(list)")
        }
        let busy = try desk.door.call("tm.stats").json
        #expect(busy.hasPrefix(#"{"current":1,"waiting":0,"total":1,"total_local":1,"#), "\(busy)")
        try desk.callee.send(invite.response(603, "Decline"), to: desk.server.port)
        _ = try desk.callee.receive("ACK")
        try desk.waitForNothing()
        let after = try desk.door.call("t_stats").json
        #expect(after.contains(#""6xx":1,"#), "\(after)")
        #expect(after.hasSuffix(#""created":1,"freed":1,"delayed_free":0}"#), "\(after)")
        let hash = try desk.door.call("tm.hash_stats").json
        #expect(hash.hasPrefix(#"{"hash_size":131072,"crt_transactions":0,"#), "\(hash)")
        #expect(try desk.door.call("tm.clean").code == 200)
    }

    @Test func repliesByCommand() throws {
        let desk = try Desk(script: #"t_newtran(); t_reply("183", "Queued");"#)
        let client = try UDPClient()
        let request = SIPText.request("INVITE", "sip:x@\(desk.server.address)", from: client.address, id: "held")
        try client.send(request, to: desk.server.port)
        while try client.receive().message.statusCode != 183 {}
        let list = try desk.door.call("tm.list").json
        let index = number("tindex", in: list)
        let label = number("tlabel", in: list)
        let repeated = try desk.door.call("tm.retransmit_reply", "\(index):\(label)")
        #expect(repeated.code == 200)
        let copy = try client.receive().message
        #expect(copy.statusCode == 183)
        #expect(try desk.door.call("tm.reply", "200", "OK", "\(index):\(label + 1)", "tag", ".").code == 404)
        #expect(try desk.door.call("tm.reply", "200", "OK", "what", "tag", ".").code == 400)
        #expect(try desk.door.call("tm.reply", "99", "OK", "\(index):\(label)", "tag", ".").json == "Invalid code")
        let done = try desk.door.call("tm.reply", "480", "Later", "\(index):\(label)", "mine", "X-By: hand\n")
        #expect(done.code == 200)
        let reply = try client.receive().message
        #expect(reply.startLine == "SIP/2.0 480 Later")
        #expect(reply.header("To")?.hasSuffix(";tag=mine") == true)
        #expect(reply.header("X-By") == "hand")
        let twice = try desk.door.call("tm.reply_callid", "486", "No", "held@tests", "1", "mine", ".")
        #expect(twice.code == 500)
        #expect(twice.json == "Reply failed")
        #expect(try desk.door.call("tm.reply_callid", "486", "No", "other@tests", "1", "mine", ".").code == 481)
    }

    private func number(_ key: String, in json: String) -> Int {
        guard let range = json.firstRange(of: "\"\(key)\":") else { return -1 }
        return Int(json[range.upperBound...].prefix { $0.isNumber }) ?? -1
    }
}
