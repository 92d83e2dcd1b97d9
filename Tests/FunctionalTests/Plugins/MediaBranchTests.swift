import Testing

/// Sessions of their own for branches: by the Via that a request leaves with, and that its replies come back with.
@Suite struct MediaBranchTests {
    private static let reply = """
        onreply_route[1] { if (status =~ "^2") rtpengine_answer("via-branch=auto-next"); }
        """

    /// What a proxy was told of the branch.
    private func branches(_ proxy: MediaPeer, _ command: String) -> [String] {
        proxy.commands(command).map { $0["via-branch"]?.text ?? "none" }
    }

    /// The branch of the Via that the server has put in front.
    private func branch(_ request: SIPText) throws -> String {
        let via = try #require(request.header("Via"))
        return String(try #require(via.split(separator: "branch=").last?.split(separator: ";").first))
    }

    @Test func branchesThatAreMade() throws {
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url],
            """
            \(MediaCall.forks)
            branch_route[1] { rtpengine_offer("via-branch=next"); }
            \(MediaBranchTests.reply)
            """)
        try call.send(call.request("INVITE", id: "next", body: MediaCall.plain))
        let a = try call.a.request("INVITE")
        let b = try call.b.request("INVITE")
        let names = [try branch(a), try branch(b)]
        #expect(names[0] != names[1] && Set(branches(proxy, "offer")) == Set(names))
        #expect(a.body == MediaPeer.description && b.body == MediaPeer.description)
        try call.reply(200, b, from: call.b, body: MediaCall.plain)
        #expect(try call.caller.reply(200).body == MediaPeer.description)
        #expect(branches(proxy, "answer") == [names[1]])
    }

    /// A request route knows it, too: the request gets its transaction there, and keeps it.
    @Test func beforeTheTransaction() throws {
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url],
            """
            request_route {
                rtpengine_offer("via-branch=auto-next");
                t_on_reply("1");
                t_on_failure("1");
                $du = "sip:x@A";
                t_relay();
            }
            failure_route[1] {
                rtpengine_delete("via-branch=next");
                rtpengine_offer("via-branch=auto-next");
                $du = "sip:x@B";
                append_branch();
                t_relay();
            }
            \(MediaBranchTests.reply)
            """)
        let invite = call.request("INVITE", id: "first", body: MediaCall.plain)
        try call.send(invite)
        let a = try call.a.request("INVITE")
        #expect(try branches(proxy, "offer") == [branch(a)])
        try call.reply(503, a, from: call.a)
        let b = try call.b.request("INVITE")
        let names = [try branch(a), try branch(b)]
        #expect(names[0] != names[1] && branches(proxy, "offer") == names)
        try call.reply(200, b, from: call.b, body: MediaCall.plain)
        try call.caller.reply(200)
        #expect(branches(proxy, "answer") == [names[1]])
    }

    /// Without tm nobody knows what a request will leave with.
    @Test func withoutTransactions() throws {
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url], without: ["tm"],
            "request_route { rtpengine_offer(\"via-branch=next\"); sl_send_reply(\"200\", \"$rc\"); }")
        #expect(try call.ask(call.request("INVITE", id: "none", body: MediaCall.plain)).reason == "-1")
        #expect(proxy.commands.isEmpty && call.server.log.contains("it takes tm"))
    }

    /// The value of a variable in requests, and the first Via's branch in replies.
    @Test func ofAVariable() throws {
        let proxy = try MediaPeer()
        let call = try MediaCall(
            [proxy.url], parameters: [#""extra_id_pv", "$avp(id)""#],
            """
            request_route {
                $avp(id) = 17;
                rtpengine_offer("via-branch=auto-extra");
                t_on_reply("1");
                $du = "sip:x@A";
                t_relay();
            }
            onreply_route[1] { if (status =~ "^2") rtpengine_answer("via-branch=auto-extra"); }
            """)
        try call.send(call.request("INVITE", id: "extra", body: MediaCall.plain))
        let a = try call.a.request("INVITE")
        try call.reply(200, a, from: call.a, body: MediaCall.plain)
        try call.caller.reply(200)
        #expect(branches(proxy, "offer") == ["17"])
        #expect(try branches(proxy, "answer") == [branch(a)])
    }
}
