import Testing

/// What scripts put on contacts before save(): it comes back with them.
@Suite struct RegistrarAttributesTests {
    private static let save = """
        if ($hdr(X-Tenant) != $null) {
            $xavp(ulattrs=>tenant) = $hdr(X-Tenant);
            $xavp(ulattrs[0]=>empty) = "";
            $xavp(ulattrs[0]=>level) = 7;
        }
        save("location");
        """
    private static let told = "$var(rc) $xavp(ulattrs[0]=>tenant) $xavp(ulattrs[0]=>level) $xavp(ulattrs[1]=>tenant)"
    private static let parameter = #""xavp_contact", "ulattrs""#

    private func makeDatabase(_ folder: borrowing TemporaryFolder) throws -> String {
        let file = folder.path + "/sip.db"
        for table in ["version", "location", "location_attrs"] {
            try sqlite(file, ".read \(Products.sources)/share/db/sqlite/\(table).sql")
        }
        return file
    }

    private func probe(
        _ usrloc: [String] = [], modules: [String] = [], parameters: [String] = [],
        look: String = #"lookup("location"); $var(rc) = $rc;"#
    ) throws -> RegistrarProbe {
        try RegistrarProbe(
            parameters, usrloc: [RegistrarAttributesTests.parameter] + usrloc, modules: modules,
            save: RegistrarAttributesTests.save, look: look, told: RegistrarAttributesTests.told)
    }

    @Test func keptWithTheirContact() throws {
        var probe = try probe()
        _ = try probe.register(["<sip:a@192.0.2.1>;q=0.9"], ["X-Tenant: red"])
        let one = try probe.told()
        #expect(one == "1 red 7 <null>")
        _ = try probe.register(["<sip:b@192.0.2.2>;q=0.1"], ["X-Tenant: blue"], call: "b")
        let two = try probe.told()
        #expect(two == "1 red 7 blue", "the first contact's come first")
        // Who registers again without them has none any more.
        _ = try probe.register(["<sip:a@192.0.2.1>;q=0.9"], cseq: 2)
        let left = try probe.told()
        #expect(left == "1 blue 7 <null>")
    }

    @Test func nobodyKeepsThemUnasked() throws {
        var probe = try RegistrarProbe(save: RegistrarAttributesTests.save, told: RegistrarAttributesTests.told)
        _ = try probe.register(["<sip:a@192.0.2.1>"], ["X-Tenant: red"])
        let told = try probe.told()
        #expect(told == "1 <null> <null> <null>")
    }

    /// registered() gives them back when it is told to.
    @Test(arguments: [(0, "1 <null> <null> <null>"), (1, "1 red 7 <null>")])
    func actions(action: Int, told: String) throws {
        var probe = try probe(look: "registered(\"location\", \"sip:alice@x\", 0, \(action)); $var(rc) = $rc;")
        _ = try probe.register(["<sip:a@192.0.2.1>"], ["X-Tenant: red"])
        let got = try probe.told()
        #expect(got == told)
    }

    @Test func tooMuchIsNotKept() throws {
        var probe = try probe()
        let saved = try probe.register(["<sip:a@192.0.2.1>"], ["X-Tenant: " + String(repeating: "x", count: 2100)])
        #expect(saved.statusCode == 200)
        try probe.probe.server.waitForLog("more than 2048 bytes")
        let told = try probe.told()
        #expect(told == "1 <null> <null> <null>")
    }

    private static let rows =
        "SELECT a.aname, a.atype, a.avalue, a.username FROM location_attrs a JOIN location l ON l.ruid = a.ruid ORDER BY a.avalue DESC"

    @Test(arguments: [1, 2, 3]) func writtenAndReadAgain(mode: Int) throws {
        let folder = try TemporaryFolder()
        let file = try makeDatabase(folder)
        let settings = [#""db_url", "sqlite://\#(file)""#, "\"db_mode\", \(mode)", "\"timer_interval\", 1"]
        do {
            var probe = try probe(settings, modules: ["db_sqlite"])
            _ = try probe.register(["<sip:a@192.0.2.1>;q=0.9"], ["X-Tenant: red"])
            let told = try probe.told()
            #expect(told == "1 red 7 <null>")
            let wanted = "tenant|2|red|alice\nlevel|1|7|alice\nempty|2||alice\n"
            var rows = ""
            let isThere = try until {
                rows = try sqlite(file, RegistrarAttributesTests.rows)
                return rows == wanted
            }
            #expect(isThere, "\(rows)")
        }
        var probe = try probe(settings, modules: ["db_sqlite"])
        let again = try probe.told()
        #expect(again == "1 red 7 <null>")
        // Others take the place of those that there were, and they go with their contact.
        _ = try probe.register(["<sip:a@192.0.2.1>;q=0.9"], ["X-Tenant: blue"], cseq: 2)
        #expect(
            try until {
                try sqlite(file, "SELECT avalue FROM location_attrs WHERE aname = 'tenant'") == "blue\n"
            })
        _ = try probe.register(["*"], ["Expires: 0"], cseq: 3)
        #expect(try until { try sqlite(file, "SELECT count(*) FROM location_attrs") == "0\n" })
    }

    @Test func theTableHasToBeThere() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/sip.db"
        for table in ["version", "location"] {
            try sqlite(file, ".read \(Products.sources)/share/db/sqlite/\(table).sql")
        }
        do {
            _ = try probe([#""db_url", "sqlite://\#(file)""#, "\"db_mode\", 1"], modules: ["db_sqlite"])
            Issue.record("it starts")
        } catch { #expect("\(error)".contains("location_attrs")) }
    }
}
