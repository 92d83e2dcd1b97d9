import Testing

/// What a module reaches by apus/sl.h, and selects of a module: by the C module slcalls, on behalf of the script.
@Suite struct SlInterfaceTests {
    private func probe(
        _ script: String, in folder: borrowing TemporaryFolder, modules: [String] = ["sl", "xlog", "textops"]
    ) throws -> Probe {
        try CModule.build("slcalls", into: folder.path)
        return try Probe(modules, globals: "loadmodule \"\(folder.path)/slcalls.so\"", script: script)
    }

    /// A module's reply has sl's tag, the script's and the module's headers, and its ACK ends here.
    @Test func modulesReply() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            """
            if (method == "ACK") xerr("ack in the script\\n");
            tag();
            append_to_reply("X-Script: 1\\r\\n");
            if (refuse(403, "Not $rm")) xerr("sent $stat(sl:sent_replies)\\n"); else xerr("not sent\\n");
            """, in: folder)
        let invite = probe.request("INVITE", id: "refused")
        let reply = try probe.ask(invite)
        #expect(reply.startLine == "SIP/2.0 403 Not INVITE")
        #expect(reply.header("X-Module") == "slcalls" && reply.header("X-Script") == "1")
        try probe.server.waitForLog("sent 1")
        let tag = try #require(reply.header("To")?.components(behind: ";tag="))
        #expect(probe.server.log.contains(tag))
        try probe.client.send(SIPText.ack(invite, reply), to: probe.server.port)
        let after = try probe.ask(probe.request("OPTIONS", id: "after"))
        #expect(after.statusCode == 403 && !probe.server.log.contains("ack in the script"))
    }

    /// What cannot be a reply is none, and neither is one to an ACK.
    @Test func whatIsRefused() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            """
            if (refuse(99, "x") || refuse(1000, "x") || refuse(404, "") || answer(99, "x") || answer(404, "")) xerr("wrong\\n");
            if (!refuse(480, "x")) xerr("none to $rm\\n");
            """, in: folder)
        let reply = try probe.ask(probe.request(id: "refused"))
        #expect(reply.startLine == "SIP/2.0 480 x")
        try probe.client.send(probe.request("ACK", id: "ack"), to: probe.server.port)
        try probe.server.waitForLog("none to ACK")
        #expect(!probe.server.log.contains("wrong"))
    }

    /// In the request's transaction when there is one: what is repeated then comes from it. Replies without one are counted by sl.
    @Test func transactionsReply() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            """
            if ($rU == "bob") t_newtran();
            answer(480, "After $stat(sl:sent_replies)");
            """, in: folder, modules: ["sl", "xlog", "tm"])
        for (user, second) in [("bob", "After 0"), ("carol", "After 1")] {
            let request = probe.request(user: user, id: user)
            let reply = try probe.ask(request)
            #expect(reply.startLine == "SIP/2.0 480 After 0" && reply.header("X-Module") == "slcalls")
            let again = try probe.ask(request)
            #expect(again.reason == second)
        }
    }

    /// A module's select is read by the module: its path when the config is, its value when the script asks.
    @Test func selectsOfModules() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            #"$var(x) = @letters.abc; sl_send_reply("200", "$var(x) $sel(letters.xyz)");"#, in: folder)
        let reply = try probe.ask(probe.request(id: "select"))
        #expect(reply.reason == "cba zyx")
    }

    @Test func selectsComplain() throws {
        let folder = try TemporaryFolder()
        try CModule.build("slcalls", into: folder.path)
        let loads = "loadmodule \"sl.so\"\nloadmodule \"\(folder.path)/slcalls.so\"\n"
        let result = try Server.check(loads + "request_route { $var(x) = @letters.ab1; }\n")
        #expect(!result.succeeded && result.output.contains("no digits") && result.output.contains("a word backwards"))
        let near = try Server.check(loads + "request_route { $var(x) = @leters.ab; }\n")
        #expect(!near.succeeded && near.output.contains("did you mean `letters`?"))
    }
}

extension String {
    fileprivate func components(behind text: String) -> String? {
        split(separator: text, maxSplits: 1).dropFirst().first.map(String.init)
    }
}
