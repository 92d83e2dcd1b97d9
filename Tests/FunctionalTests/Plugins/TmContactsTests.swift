import Testing

/// t_load_contacts, t_next_contacts and t_next_contact_flow: the contacts of a user in turn.
@Suite struct TmContactsTests {
    /// The server, a module that adds contacts, and a next hop that refuses all of them.
    /// - Parameter loaded: comes between t_load_contacts and t_next_contacts.
    private func probe(
        _ folder: borrowing TemporaryFolder, _ script: String, mode: String = "", parameters: String = "",
        loaded: String = ""
    ) throws -> Probe {
        try CModule.build("contacts", into: folder.path)
        return try Probe(
            ["tm", "sl", "xlog", "pv"],
            globals: """
                loadmodule "\(folder.path)/contacts.so"
                \(parameters)failure_route[more] {
                    if (t_next_contacts()) { t_on_failure("more"); t_relay(); exit; }
                    xerr("no more: $rc\\n");
                }
                event_route[tm:branch-failure:flow] {
                    if (t_next_contact_flow()) { t_relay(); exit; }
                    xerr("no more flows: $rc\\n");
                }

                """,
            script: """
                \(script)
                t_on_failure("more");
                if (!t_load_contacts(\(mode))) { xerr("not loaded\\n"); }
                \(loaded)
                if (!t_next_contacts()) { xerr("no contact\\n"); }
                t_relay();
                """)
    }

    /// Lets the next hop refuse what comes, until the client has its final reply. The users that were asked, in order.
    private func refuseAll(_ probe: borrowing Probe, id: String) throws -> [String] {
        let request = SIPText.request("OPTIONS", "sip:one@\(probe.nextHop.address)", from: probe.client.address, id: id)
        try probe.client.send(request, to: probe.server.port)
        var users: [String] = []
        var seen: Set<String> = []
        while true {
            while let (bytes, from) = probe.nextHop.datagram(within: .milliseconds(20)) {
                let asked = SIPText(String(decoding: bytes, as: UTF8.self))
                if seen.insert(asked.headers("Via")[0]).inserted {
                    users.append(String(asked.startLine.split(separator: ":")[1].split(separator: "@")[0]))
                }
                try probe.nextHop.send(Array(asked.response(404, "Not Found").utf8), to: from)
            }
            if let (bytes, _) = probe.client.datagram(within: .milliseconds(1)) {
                let answer = SIPText(String(decoding: bytes, as: UTF8.self))
                #expect(answer.statusCode == 404)
                return users
            }
            guard users.count < 100 else { throw HarnessError("requests without end") }
        }
    }

    @Test func contactsAreTriedByTheirQ() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            folder,
            """
            append_branch("sip:low@$rd:$rp", "0.2");
            append_branch("sip:same1@$rd:$rp", "0.5");
            append_branch("sip:high@$rd:$rp", "0.9");
            append_branch("sip:same2@$rd:$rp", "0.5");
            """)
        let users = try refuseAll(probe, id: "byq")
        #expect(users.first == "high")
        #expect(Set(users[1...2]) == ["same1", "same2"])
        // The Request-URI has no q: it comes last.
        #expect(users.suffix(2) == ["low", "one"])
        #expect(users.count == 5)
        try probe.server.waitForLog("no more: -2")
    }

    @Test func onlyTheGroupOfTheHighestQIsAskedAtFirst() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(folder, #"append_branch("sip:high@$rd:$rp", "0.9");"#)
        let request = SIPText.request(
            "OPTIONS", "sip:one@\(probe.nextHop.address)", from: probe.client.address, id: "first")
        try probe.client.send(request, to: probe.server.port)
        let (asked, from) = try probe.nextHop.receive()
        #expect(asked.startLine.hasPrefix("OPTIONS sip:high@"))
        try probe.nextHop.send(Array(asked.response(200, "OK").utf8), to: from)
        let reply = try probe.client.receive().message
        #expect(reply.statusCode == 200)
        let more = probe.nextHop.datagram(within: .milliseconds(100))
        #expect(more == nil)
    }

    @Test func byChanceEachContactIsTriedOnceAndAlone() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            folder,
            """
            append_branch("sip:two@$rd:$rp", "0.5");
            append_branch("sip:three@$rd:$rp", "0.5");
            append_branch("sip:four@$rd:$rp", "0.5");
            """, mode: "1")
        let users = try refuseAll(probe, id: "chance")
        #expect(users.sorted() == ["four", "one", "three", "two"])
    }

    @Test func ofOneDeviceOneContactIsTriedAndTheOthersAreItsFlows() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            folder,
            """
            no_request_uri();
            contact("sip:late@$rd:$rp", 400, "<urn:uuid:1>");
            contact("sip:other@$rd:$rp", 500, "<urn:uuid:2>");
            contact("sip:flow2@$rd:$rp", 900, "<urn:uuid:1>");
            contact("sip:flow1@$rd:$rp", 900, "<urn:uuid:1>");
            t_on_branch_failure("flow");
            """)
        let users = try refuseAll(probe, id: "flows")
        #expect(users == ["flow1", "flow2", "other", "late"])
        try probe.server.waitForLog("no more flows: -2")
    }

    @Test func withoutTheFlowsTheyAreNotTried() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            folder,
            """
            no_request_uri();
            contact("sip:a@$rd:$rp", 500, "<urn:uuid:1>");
            contact("sip:b@$rd:$rp", 500, "<urn:uuid:1>");
            contact("sip:c@$rd:$rp", 500, "");
            """)
        let users = try refuseAll(probe, id: "noflows")
        #expect(users.sorted() == ["b", "c"])
    }

    @Test func withoutContactsNothingIsNext() throws {
        let codes = try Probe.codes(
            ["tm", "pv"],
            ["t_next_contacts()", "t_load_contacts()", "t_next_contacts()", "t_load_contacts(7)"])
        // A single destination is not put aside.
        #expect(codes == [-2, 1, -2, -1])
    }

    @Test func scriptsSeeAndChangeWhatIsPutAside() throws {
        let folder = try TemporaryFolder()
        let probe = try probe(
            folder,
            """
            append_branch("sip:low@$rd:$rp", "0.2");
            append_branch("sip:gone@$rd:$rp", "0.5");
            append_branch("sip:high@$rd:$rp", "0.9");
            """,
            parameters: """
                modparam("tm", "contacts_avp", "mine")
                modparam("tm", "contact_flows_avp", "flows")

                """,
            loaded: """
                xerr("$(xavp(mine[0]=>uri){uri.user}) $xavp(mine[0]=>q_flag) $(xavp(mine[3]=>uri){uri.user}) $xavp(mine[4])\\n");
                $xavp(mine[1]) = $null;
                $xavp(mine[1]=>uri[0]) = "sip:changed@" + $rd + ":" + $rp;
                """)
        let users = try refuseAll(probe, id: "xavp")
        #expect(users == ["high", "changed", "one"])
        try probe.server.waitForLog("high 4 one <null>")
    }

    @Test func theTwoParametersNameTwoXAVPs() throws {
        #expect(throws: HarnessError.self) {
            _ = try Probe(
                ["tm"],
                globals: "modparam(\"tm\", \"contacts_avp\", \"a\")\nmodparam(\"tm\", \"contact_flows_avp\", \"a\")\n",
                script: "exit;")
        }
    }
}
