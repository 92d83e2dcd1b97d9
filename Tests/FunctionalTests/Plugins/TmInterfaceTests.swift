import Testing

/// What a module reaches by apus/tm.h, where no other suite needs it: by the C module tmcalls, on behalf of the script.
@Suite struct TmInterfaceTests {
    private func probe(_ script: String, in folder: borrowing TemporaryFolder, globals: String = "") throws -> Probe {
        try CModule.build("tmcalls", into: folder.path)
        return try Probe.tm(script, globals: "loadmodule \"\(folder.path)/tmcalls.so\"\n" + globals)
    }

    /// A module's t_check_trans: new requests, those of a transaction, and ACKs that end here.
    @Test func messagesAreChecked() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            """
            if (method == "CANCEL") {
                if (check_trans()) xerr("cancel of ours\\n"); else xerr("stray cancel\\n");
                exit;
            }
            if (method == "ACK") {
                check_trans();
                xerr("ack goes on\\n");
                exit;
            }
            if (check_trans()) xerr("known before\\n"); else xerr("new\\n");
            t_newtran();
            t_reply("486", "Busy Here");
            """, in: folder)
        let invite = probe.request("INVITE", id: "checked")
        try probe.send(SIPText.cancel(invite))
        try probe.server.waitForLog("<script>: stray cancel")
        try probe.send(invite)
        let reply = try probe.client.reply(486)
        try probe.send(SIPText.cancel(invite))
        try probe.server.waitForLog("<script>: cancel of ours")
        try probe.acknowledge(invite, reply)
        try probe.waitForNothing()
        // The ACK ended the script, at the call or before it.
        try probe.send(SIPText.ack(probe.request("INVITE", id: "another"), reply))
        try probe.server.waitForLog("<script>: ack goes on")
        let log = probe.server.log
        #expect(log.count(of: "<script>: ack goes on") == 1)
        #expect(log.count(of: "<script>: new") == 1 && !log.contains("<script>: known before"))
    }

    /// A module shortens how long a call may ring: only once it has a transaction.
    @Test func finalRepliesAreWaitedForLess() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            """
            if (set_fr(300, 0)) xerr("without a transaction\\n");
            t_on_reply("RINGS");
            $du = "NEXT";
            t_relay();
            """, in: folder, globals: #"onreply_route[RINGS] { if (status == "180") set_fr(300, 0); }"# + "\n")
        let invite = probe.request("INVITE", id: "shorter")
        try probe.send(invite)
        let received = try probe.nextHop.next("INVITE")
        try probe.answer(received, 180)
        let cancel = try probe.nextHop.next("CANCEL")
        let end = try probe.client.reply(408)
        try probe.acknowledge(invite, end)
        try probe.answer(cancel, 200)
        try probe.answer(received, 487)
        _ = try probe.nextHop.next("ACK")
        try probe.waitForNothing()
        #expect(!probe.server.log.contains("without a transaction"))
    }
}
