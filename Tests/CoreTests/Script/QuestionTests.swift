import Testing

@testable import Core

/// Variables whose value has to be asked for: the question stands in front of each reading, and nowhere else.
@Suite struct QuestionTests {
    @Test func eachReadingIsAskedFor() throws {
        let script = try TestScript(
            """
            request_route {
                $var(x) = $asked;
                note("x $asked $var(x)");
                if (code("-1") > 0 && $asked == 9) note("never");
                if ($asked == 3) note("three");
                $var(i) = 0;
                while ($asked < 6) $var(i) = $var(i) + 1;
                note("$var(i)");
                quiet("7");
                note("$asked $rc");
            }
            """)
        let end = try script.run()
        #expect(end?.exited == false)
        #expect(
            script.notes.filter { !$0.hasPrefix("end") } == [
                "asked", "asked", "x 2 1", "code -1", "asked", "three", "asked", "asked", "asked", "2", "asked", "7 7",
            ])
    }

    @Test func whereNothingCanWaitNobodyIsAsked() throws {
        let script = try TestScript("onsend_route { note(\"$asked\"); }")
        try script.run(.onsend)
        #expect(script.notes.first == "0")
    }
}
