import Testing

@testable import apusctl

/// What goes into a report, and what must not.
@Suite struct ReportTests {
    @Test(
        arguments: [
            (["apus", "-f", "/etc/a.cfg", "-DD"], "/etc/a.cfg"), (["apus", "-f", "a.cfg"], "/srv/a.cfg"),
            (["apus", "-DD"], nil), (["apus", "-f"], nil),
        ] as [([String], String?)])
    func theServersConfigIsFound(arguments: [String], config: String?) {
        #expect(Report.config(of: arguments, in: "/srv") == config)
        #expect(Report.config(of: arguments, in: "/srv/") == config)
    }

    @Test(arguments: [
        (
            #"a.cfg:1:2: error: parameter `db_url` refuses "mysql://u:p@h/d""#,
            #"a.cfg:1:2: error: parameter `db_url` refuses "***""#
        ),
        ("error: mysql://u:p@h/d is none", "error: mysql://***@h/d is none"),
        (#"error: "a\"b" and "c"#, #"error: "***" and "***"#),
        ("config ok", "config ok"),
    ])
    func textsAndPasswordsAreLeftOut(line: String, shown: String) {
        #expect(Report.withoutTexts(line) == shown)
    }

    @Test func linesOfTheConfigAreLeftOut() {
        let lines = [
            "a.cfg:3:1: error: no such thing", "    3 | modparam(\"x\", \"y\", \"secret\")", "      | ^~~~",
            "hint: write `secret`",
            "note: a.cfg:1:1: here", "1 error",
        ]
        #expect(Report.shown(lines) == ["a.cfg:3:1: error: no such thing", "note: a.cfg:1:1: here", "1 error"])
    }
}
