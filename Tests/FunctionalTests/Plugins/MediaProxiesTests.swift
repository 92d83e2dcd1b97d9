import Glibc
import Testing

/// Several media proxies: which one gets a call, what becomes of calls when one dies, and how it comes back.
@Suite struct MediaProxiesTests {
    /// Tells which proxy an offer went to; `off` ends the call, `stat` tells the counters.
    private static let script = """
        request_route {
            if (is_method("BYE")) rtpengine_delete(); else rtpengine_offer();
            sl_send_reply("200", "$rc $avp(proxy)");
        }
        """

    private static let reporting = [#""rtp_inst_pvar", "$avp(proxy)""#]

    private func offer(_ call: borrowing MediaCall, _ id: String, cseq: Int = 1) throws -> String {
        try call.ask(call.request("INVITE", id: id, cseq: cseq, body: MediaCall.plain)).reason
    }

    // MARK: Choosing

    /// By the sum of the Call-ID's bytes, in the order of the config.
    @Test func callsAreSpreadByTheirIDs() throws {
        let first = try MediaPeer()
        let second = try MediaPeer()
        let call = try MediaCall(
            ["0 == \(first.url)=1 \(second.url)=3"], parameters: MediaProxiesTests.reporting + [#""hash_algo", 0"#],
            MediaProxiesTests.script)
        for number in 0..<24 {
            let id = "spread\(number)"
            let sum = "\(id)@tests".utf8.reduce(0) { ($0 + Int($1)) % 256 }
            let wanted = sum % 4 < 1 ? first.url : second.url
            #expect(try offer(call, id) == "1 \(wanted)")
        }
        #expect(!first.commands.isEmpty && second.commands.count > first.commands.count)
    }

    /// A call stays where it is, whatever becomes of the others.
    @Test func callsStayWhereTheyAre() throws {
        let first = try MediaPeer()
        let second = try MediaPeer()
        let call = try MediaCall(
            ["0 == \(first.url) \(second.url)"], parameters: MediaProxiesTests.reporting, MediaProxiesTests.script)
        _ = try call.door.call("rtpengine.enable", first.url, "0")
        let ids = (0..<8).map { "stay\($0)" }
        for id in ids { #expect(try offer(call, id) == "1 \(second.url)") }
        _ = try call.door.call("rtpengine.enable", first.url, "1")
        for id in ids { #expect(try offer(call, id, cseq: 2) == "1 \(second.url)") }
        for id in ids { _ = try call.ask(call.request("BYE", id: id, cseq: 3)) }
        try second.wait(for: "delete", times: 8)
        #expect(first.commands.isEmpty)
        #expect(try call.door.call("rtpengine.get_hash_total").json == "8")
        // Those that come after them may go to the first one.
        var went = 0
        for number in 0..<16 where try offer(call, "new\(number)") == "1 \(first.url)" { went += 1 }
        #expect(went > 0)
    }

    /// One that has no room says so, and the next one is asked.
    @Test(
        arguments: [
            ["result": "load limit", "message": "enough"],
            ["result": "error", "error-reason": "Parallel session limit reached"],
            ["result": "error", "error-reason": "Ran out of ports"],
        ] as [[String: Bencoded]])
    func fullProxies(answer: [String: Bencoded]) throws {
        let full = try MediaPeer { name, _ in name == "offer" ? .dictionary(answer) : MediaPeer.good(name) }
        let other = try MediaPeer()
        let call = try MediaCall(
            ["0 == \(full.url)=5 \(other.url)=0"], parameters: MediaProxiesTests.reporting, MediaProxiesTests.script)
        #expect(try offer(call, "full") == "1 \(other.url)")
        #expect(full.commands.first?["supports"] == .list(["load limit"]))
        #expect(try call.counter("failovers") == 1 && call.counter("disabled") == 0)
    }

    // MARK: Death

    /// The first calls find out; nobody waits for it afterwards. It comes back when its time is over and it answers.
    @Test func aProxyThatFallsSilent() throws {
        let silent = try MediaPeer()
        let other = try MediaPeer()
        let call = try MediaCall(
            ["0 == \(silent.url)=1000 \(other.url)=1"],
            parameters: MediaProxiesTests.reporting + MediaCall.shortTimes + [#""rtpengine_disable_tout", 1"#],
            workers: 1, MediaProxiesTests.script)
        // It was there at the start.
        #expect(try until { try call.counter("pings") == 2 })
        silent.answer { _, _ in .silence }
        for number in 0..<5 { try call.send(call.request("INVITE", id: "s\(number)", body: MediaCall.plain)) }
        for _ in 0..<5 { #expect(try call.caller.reply(200).reason == "1 \(other.url)") }
        #expect(try call.counter("disabled") == 1)
        // Found once: nobody has sent it anything since.
        let seen = silent.cookies.count
        for number in 5..<10 { #expect(try offer(call, "s\(number)") == "1 \(other.url)") }
        #expect(silent.cookies.count == seen)
        silent.answer { name, _ in MediaPeer.good(name) }
        try call.server.waitForLog("is found: it is enabled again")
        #expect(try offer(call, "back") == "1 \(silent.url)")
        #expect(call.server.log.count(of: "does not answer: it is disabled") == 1)
    }

    /// All of a set are dead: whoever comes asks once more, and is served as soon as one is there.
    @Test func allAreDead() throws {
        let proxy = try RTPEngine()
        let call = try MediaCall([proxy.url], parameters: MediaCall.shortTimes, MediaProxiesTests.script)
        #expect(try offer(call, "one").hasPrefix("1"))
        proxy.kill()
        #expect(try offer(call, "two").hasPrefix("-1"))
        #expect(try offer(call, "three").hasPrefix("-1"))
        let again = try RTPEngine(port: proxy.port, host: proxy.host)
        var number = 0
        #expect(
            try until {
                number += 1
                return try offer(call, "again\(number)").hasPrefix("1")
            })
        #expect(again.commands("offer") >= 1)
    }

    /// What an operator says holds, whatever the proxy says.
    @Test func byHand() throws {
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url, "4 == \(proxy.url)=7"], parameters: MediaCall.shortTimes + [#""rtpengine_disable_tout", 1"#],
            MediaProxiesTests.script)
        let off = try call.door.call("rtpengine.enable", proxy.url, "0")
        #expect(off.code == 200 && off.json.contains(#""status":"disable""#))
        let shown = try call.door.call("rtpengine.show", "all").json
        #expect(shown.count(of: "1(permanent)") == 2 && shown.count(of: proxy.url) == 2)
        #expect(shown.contains(#""weight":7"#) && shown.contains(#""set":4"#))
        #expect(try offer(call, "off").hasPrefix("-1") && proxy.commands.isEmpty)
        #expect(try call.door.call("rtpengine.enable", "udp:nobody:1", "0").code == 404)
        _ = try call.door.call("rtpengine.enable", "all", "1")
        #expect(try offer(call, "on").hasPrefix("1"))
        let ping = try call.door.call("rtpengine.ping", "all")
        #expect(ping.json == "[{\"url\":\"\(proxy.url)\",\"status\":\"success\"}]")
        proxy.answer { _, _ in .silence }
        #expect(try call.door.call("rtpengine.ping", proxy.url).json.contains("fail"))
    }

    /// Traffic that needs no media does not notice.
    @Test func othersDoNotWait() throws {
        let proxy = try MediaPeer { _, _ in .silence }
        let call = try MediaCall(
            [proxy.url], parameters: [#""rtpengine_tout_ms", 2000"#, #""ping_mode", 0"#], workers: 1,
            """
            request_route {
                if (is_method("INVITE")) { rtpengine_offer(); exit; }
                sl_send_reply("200", "OK");
            }
            """)
        for number in 0..<200 { try call.send(call.request("INVITE", id: "w\(number)", body: MediaCall.plain)) }
        try proxy.wait(for: "offer", times: 200)
        for number in 0..<50 { #expect(try call.ask(call.request("OPTIONS", id: "o\(number)")).statusCode == 200) }
        // All of that while nobody has answered a single one.
        #expect(try call.counter("repeated") == 0 && call.counter("disabled") == 0)
    }

    /// The end of a call never holds a script up.
    @Test func deletionsDoNotWait() throws {
        let proxy = try MediaPeer { name, _ in name == "delete" ? .silence : MediaPeer.good(name) }
        let call = try MediaCall(
            [proxy.url], parameters: MediaCall.shortTimes + [#""rtpengine_disable_tout", 1"#], MediaProxiesTests.script)
        #expect(try offer(call, "end").hasPrefix("1"))
        let first = try call.ask(call.request("BYE", id: "end", cseq: 2))
        #expect(first.reason.hasPrefix("1"))
        #expect(try until { try call.counter("lost_deletes") == 1 })
        // It was repeated by its cookie.
        #expect(proxy.commands("delete").count == 1 && proxy.cookies.suffix(2).first == proxy.cookies.last)
    }

    // MARK: The old commands

    @Test func oldCommands() throws {
        let proxy = try MediaPeer()
        let folder = try TemporaryFolder()
        let call = try MediaCall(
            ["2 == \(proxy.url)=3"], module: "rtpproxy-ng", modules: ["mi_fifo"],
            """
            modparam("mi_fifo", "fifo_name", "\(folder.path)/fifo")
            modparam("mi_fifo", "reply_dir", "\(folder.path)/")
            request_route { exit; }
            """)
        let list = try call.door.call("rtpproxy.list").json
        #expect(
            list == #"[{"setid":2,"url":"\#(proxy.url)","index":0,"disabled":0,"weight":3,"recheck":0}]"#, "\(list)")
        #expect(try call.door.call("rtpproxy.enable", proxy.url, "0").json == #""ok""#)
        #expect(try call.door.call("rtpproxy.list").json.contains(#""disabled":1"#))
        #expect(try call.door.call("nh_enable_rtpp", "x", "0").code == 404)
    }
}
