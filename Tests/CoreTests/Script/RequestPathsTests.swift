import Testing

@testable import Core

/// What comes too late or twice on a path (`RequestPaths`): `ship` sends, `stamp` edits, `sl_send_reply` answers.
@Suite struct RequestPathsTests {
    /// The lines, from 1, at which an edit is said to have no effect.
    private func late(_ script: String) throws -> [Int] {
        try TestScript(script).diagnostics.ordered.filter { $0.message.contains("has no effect here") }
            .compactMap { $0.text.split(separator: ":").dropFirst().first.flatMap { Int($0) } }
    }

    /// Each body of a request route, by whether the `stamp` behind it comes too late.
    @Test(
        arguments: [
            ("", false), ("ship();", true), ("if (ship()) exit;", false), ("if (!ship()) exit;", true),
            ("if (!ship()) { note(\"x\"); } else { exit; }", false), ("if ($rm == \"BYE\") ship();", true),
            ("if ($rm == \"BYE\") { ship(); exit; }", false), ("if ($rm == \"BYE\" && ship()) exit;", false),
            ("if ($rm == \"BYE\" || ship()) exit;", false), ("if ($rm == \"BYE\" || !ship()) exit;", true),
            ("while ($rc > 1) { ship(); }", true), ("while ($rc > 1) { ship(); return; }", false),
            ("while ($rc > 1) { if (ship()) break; }", true), ("switch ($rm) { case \"BYE\": ship(); }", true),
            ("switch ($rm) { case \"BYE\": ship(); exit; default: exit; }", false),
            ("switch ($rm) { case \"BYE\": ship(); break; default: exit; }", true), ("route(SHIPS);", true),
            ("route(LEAVES);", false), ("if (route(SHIPS)) exit;", true), ("route(CIRCLE);", true),
            ("drop; ship();", false),
        ] as [(String, Bool)]) func whatComesBehind(body: String, isLate: Bool) throws
    {
        let script = """
            request_route { \(body)
            stamp(); }
            route[SHIPS] { ship(); }
            route[LEAVES] { ship(); exit; }
            route[CIRCLE] { if ($rm == "BYE") { ship(); return; } route(CIRCLE); }

            """
        let found = try late(script)
        #expect(found == (isLate ? [2] : []), "\(body)")
    }

    /// A loop's body comes before itself; so does a route that is called twice.
    @Test func whatRunsTwice() throws {
        #expect(try late("request_route { while ($rc > 1) {\nstamp();\nship(); } }\n") == [2])
        #expect(try late("request_route { route(A);\nroute(A); }\nroute[A] {\nstamp();\nship(); }\n") == [4])
        #expect(try late("request_route { route(A); }\nroute[A] {\nstamp();\nship(); }\n").isEmpty)
    }

    /// Failure routes begin anew; routes that only replies or branches run through send nothing.
    @Test func whichRoutesAreFollowed() throws {
        let text = """
            request_route { t_on_failure("F"); ship(); }
            failure_route[F] {
            stamp(); ship();
            stamp("x"); }
            onreply_route { stamp(); }

            """
        #expect(try late(text) == [4])
    }

    @Test func bothPlacesAreShown() throws {
        let said = try TestScript("request_route {\n    ship();\n    stamp();\n}\n").diagnostics.text
        #expect(
            said.contains("test.cfg:3:5: warning: `stamp` has no effect here: the request has been sent"), "\(said)")
        #expect(said.contains("put it in front of `ship`") && said.contains("test.cfg:2:5"), "\(said)")
    }
}
