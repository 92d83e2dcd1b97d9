import Testing

@testable import Core

/// The limits of regular expressions, on texts that peers choose.
@Suite struct RegexTests {
    private func regex(_ pattern: StaticString, _ options: CompiledRegex.Options = []) throws -> CompiledRegex {
        try CompiledRegex(Bytes(pattern), options)
    }

    /// More backtracking than the stack of compiled patterns holds.
    @Test func aDeepMatchIsFound() throws {
        let regex = try regex("^(a|b)*c$")
        defer { regex.free() }
        #expect(regex.matches(Bytes(leaking: String(repeating: "ab", count: 5_000) + "c")))
        #expect(!regex.matches(Bytes(leaking: String(repeating: "ab", count: 5_000) + "d")))
    }

    /// Exponential without a limit.
    @Test func aHostileTextIsGivenUp() throws {
        let regex = try regex("^(a+)+$")
        defer { regex.free() }
        #expect(regex.match(Bytes(leaking: String(repeating: "a", count: 40) + "!"), from: 0) < 0)
        #expect(regex.matches(Bytes("aaaa")))
    }

    @Test func linesAndCase() throws {
        let lines = try regex("^b.c$")
        defer { lines.free() }
        #expect(lines.matches(Bytes("a\nB-C\nd")) && !lines.matches(Bytes("b\nc")))
        let whole = try regex("^b.c$", [.dotAll, .caseSensitive])
        defer { whole.free() }
        #expect(whole.matches(Bytes("b\nc")) && !whole.matches(Bytes("a\nb-c\nd")) && !whole.matches(Bytes("B-c")))
    }

    @Test func groups() throws {
        let regex = try regex("(x)?(y)(z)?")
        defer { regex.free() }
        #expect(regex.match(Bytes("..y"), from: 1) == 3)
        #expect(CompiledRegex.group(0) == 2..<3 && CompiledRegex.group(1) == nil && CompiledRegex.group(2) == 2..<3)
    }

    @Test(arguments: [("a(b", 3), ("a)b", 1), ("[z-a]", 3), ("*", 0)])
    func mistakes(pattern: String, offset: Int) {
        let text = Bytes(leaking: pattern)
        do throws(CompiledRegex.Mistake) {
            _ = try CompiledRegex(text, [])
            Issue.record("\(pattern) was compiled")
        } catch {
            #expect(error.offset == offset && !error.text.isEmpty)
        }
        #expect(CompiledRegex(now: text, []) == nil)
    }
}
