import Testing

@testable import AccessLists

@Suite struct RuleFileTests {
    private func parse(_ text: String) throws -> [RuleFile.Rule] { try RuleFile.parse(Array(text.utf8)) }

    private func texts(_ expressions: [RuleFile.Expression]?) -> [String]? { expressions.map { $0.map(\.text) } }

    @Test func rules() throws {
        let rules = try parse(
            """
            # of tests
            "a\\.b", "c\\"d" EXCEPT bob : ALL EXCEPT "x:y,z #" # own
            \tALL:"ALL"

            """)
        #expect(rules.count == 2)
        #expect(texts(rules[0].from.expressions) == [#"a\.b"#, "c\"d"] && texts(rules[0].from.exceptions) == ["bob"])
        #expect(rules[0].to.expressions == nil && texts(rules[0].to.exceptions) == ["x:y,z #"])
        #expect(rules[1].from.expressions == nil && rules[1].from.exceptions == [])
        #expect(rules[1].to.expressions == [RuleFile.Expression(text: "ALL", line: 3, column: 7)])
    }

    @Test func severalAndAll() throws {
        let rules = try parse(#""a", ALL : "b" EXCEPT ALL"#)
        #expect(rules[0].from.expressions == nil && rules[0].to.exceptions == nil)
    }

    @Test(arguments: [
        ("ALL", 1, 4, "`:` is missing"), ("ALL :", 1, 6, "an expression is missing"),
        (": ALL", 1, 1, "an expression is missing"), ("\n\"a : ALL", 2, 1, "the quotes are not closed"),
        ("a, : b", 1, 4, "an expression is missing"), ("a EXCEPT : b", 1, 10, "an expression is missing"),
        ("a : b : c", 1, 7, "nothing follows the second half"), ("a EXCEPT b EXCEPT c : d", 1, 12, "`:` is missing"),
        ("\"\" : a", 1, 1, "an expression is missing"),
    ])
    func mistakes(text: String, line: Int, column: Int, reason: String) throws {
        let mistake = try #require(throws: RuleFile.Mistake.self) { try parse(text) }
        #expect(mistake == RuleFile.Mistake(line: line, column: column, text: reason))
    }
}
