import Testing

@testable import Core

@Suite struct DiagnosticTests {
    @Test func columnsCountCharactersAndTabsStay() {
        let source = Source(name: "x.cfg", text: "a\n\tfür = \"x\";\n")
        let diagnostic = Diagnostic(.error, "wrong", at: SourceRange(source, 10, 13), hint: "do better")
        #expect(
            diagnostic.text == "x.cfg:2:8: error: wrong\n    2 | \tfür = \"x\";\n      | \t      ^~~\nhint: do better\n"
        )
    }

    @Test func longLinesAreCut() {
        let text = String(repeating: "x", count: 5000) + "!" + String(repeating: "y", count: 5000)
        let source = Source(name: "long.cfg", text: text)
        let shown = Diagnostic(.error, "here", at: SourceRange(source, 5000, 5001)).text
        #expect(shown.utf8.count < 1000)
        #expect(shown.contains("x!y"))
    }

    @Test func orderAndLimit() {
        let source = Source(name: "x.cfg", text: String(repeating: "a\n", count: 200))
        let diagnostics = Diagnostics()
        for line in (0..<100).reversed() {
            diagnostics.warning("w\(line)", at: SourceRange(source, 2 * line, 2 * line + 1))
        }
        diagnostics.error("last", at: SourceRange(source, 300, 301))
        diagnostics.error("last", at: SourceRange(source, 300, 301))
        let shown = diagnostics.ordered
        #expect(shown.count == 50)
        #expect(shown[0].message == "w0")
        #expect(shown.last?.message == "last")
        #expect(diagnostics.errors == 1)
        #expect(diagnostics.warnings == 100)
        #expect(diagnostics.text.hasSuffix("51 more not shown\n"))
        #expect(diagnostics.summary == "1 error, 100 warnings")
    }

    @Test func warningsCanBeErrors() {
        let diagnostics = Diagnostics()
        diagnostics.warning("w", at: nil)
        #expect(!diagnostics.failed)
        #expect(diagnostics.summary == "config ok, 1 warning")
        diagnostics.warningsAreErrors = true
        #expect(diagnostics.failed)
    }

    @Test func json() {
        let source = Source(name: "x.cfg", text: "children = \"4\"\n")
        let diagnostics = Diagnostics()
        diagnostics.error(
            "a \"number\"\n", at: SourceRange(source, 11, 14), hint: "h",
            notes: [Diagnostic.Note("n", at: source.range)])
        #expect(
            diagnostics.json
                == "{\"ok\":false,\"errors\":1,\"warnings\":0,\"diagnostics\":[\n  "
                + "{\"severity\":\"error\",\"message\":\"a \\\"number\\\"\\n\",\"file\":\"x.cfg\",\"line\":1,\"column\":12,"
                + "\"endLine\":1,\"endColumn\":15,\"hint\":\"h\",\"notes\":[{\"message\":\"n\",\"file\":\"x.cfg\",\"line\":1,"
                + "\"column\":1,\"endLine\":2,\"endColumn\":1}]}\n]}\n")
    }

    @Test func passwordsAreMasked() {
        #expect(
            Diagnostic.masked("mysql://me:secret@host/db and x://a:b:c@h")
                == "mysql://me:******@host/db and x://a:***@h")
        #expect(Diagnostic.masked("sip:user:word@host http://host:80/") == "sip:user:word@host http://host:80/")
    }

    // MARK: Suggestions

    @Test(arguments: [
        ("childern", "children"), ("chldren", "children"), ("fork_", "fork"), ("debgu", "debug"), ("Debug", "debug"),
    ])
    func suggests(word: String, meant: String) {
        #expect(Suggest.nearest(to: word, among: ["children", "fork", "debug", "dns"]) == meant)
    }

    @Test(arguments: ["child", "bug", "fxxk", "ds_", ""])
    func doesNotGuessWildly(word: String) {
        #expect(Suggest.nearest(to: word, among: ["children", "fork", "debug"]) == nil)
    }
}
