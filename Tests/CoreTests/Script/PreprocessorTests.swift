import Testing

@testable import Core

@Suite struct PreprocessorTests {
    /// The words and texts of the tokens, and what was said about them.
    private func read(
        _ text: String, defines: [String] = [], files: [String: String] = [:], environment: [String: String] = [:]
    ) -> (tokens: String, diagnostics: Diagnostics, printout: String) {
        let diagnostics = Diagnostics()
        let access = FileAccess(
            read: { path in files[path].map { .success(Array($0.utf8)) } ?? .failure(FileFailure(2)) },
            environment: { environment[$0] })
        let preprocessor = Preprocessor(diagnostics: diagnostics, files: access, version: (1, 2, 3))
        preprocessor.printout = []
        for define in defines { preprocessor.defineFromCommandLine(define) }
        let tokens = preprocessor.run(Source(name: "dir/main.cfg", text: text))
        let words = tokens.dropLast().map { token -> String in
            switch token.kind {
            case .text: "\"\(token.text!.string)\""
            case .word, .number: token.word
            default: token.text?.string ?? token.range.text
            }
        }
        return (words.joined(separator: " "), diagnostics, String(decoding: preprocessor.printout ?? [], as: UTF8.self))
    }

    private func tokens(_ text: String, defines: [String] = []) -> String {
        let result = read(text, defines: defines)
        #expect(result.diagnostics.errors == 0, "\(result.diagnostics.text)")
        return result.tokens
    }

    // MARK: Tokens

    @Test(arguments: [
        ("a b_1 42 0x1f 3com", "a b_1 42 0x1f 3com"), ("# all\na // b\nc /* d\n /* e */ */ f", "a c f"),
        ("\"a\\\"b\\n\\x41\\101\\1\\q\"", "\"a\"b\nAA\\1\\q\""), ("'a\\n\"b'", "\"a\\n\"b\""),
        ("\"a\" \n \"b\"", "\"ab\""), ("\"a\" /* x */ \"b\"", "\"a\" \"b\""), ("'a' 'b'", "\"a\" \"b\""),
        ("\"a\\\nb\"", "\"ab\""), ("$a $a.b $a(b(c)) $(a(b){s.x}) $? $$", "$a $a.b $a(b(c)) $(a(b){s.x}) $? $$"),
        ("%x @a.b[1][\"c d\"].e", "%x @a.b[1][\"c d\"].e"), ("(int)$a (str) (int )", "(int) $a (str) ( int )"),
        ("a==b=~c!=d<=e>>f&&g||h!~i", "a == b =~ c != d <= e >> f && g || h !~ i"), ("a \\\n b", "a b"),
        ("x\r\ny\r\n", "x y"), ("\u{FEFF}a", "a"), ("!!x", "! ! x"), ("if !!is(1)", "if ! ! is ( 1 )"),
    ])
    func tokens(text: String, expected: String) {
        #expect(tokens(text) == expected)
    }

    // MARK: Defines

    @Test func defines() {
        #expect(tokens("#!define A 5\n!!def B \"x\"\nA B") == "5 \"x\"")
        #expect(tokens("#!define A B + 1\n#!define B 2\nA") == "2 + 1")
        #expect(tokens("#!define A 1 \\\n + 2\nA") == "1 + 2")
        #expect(tokens("#!define A 1\n#!trydef A 2\nA") == "1")
        #expect(tokens("#!define A 1\n#!redef A 2\nA") == "2")
        #expect(tokens("#!define A 1\n#!undef A\nA") == "A")
        #expect(tokens("#!tryundef A\nA") == "A")
        #expect(tokens("#!define A 1\n\"A\" $var(A) 'A' # A") == "\"A\" $var(A) \"A\"")
        #expect(tokens("A B", defines: ["A=7", "B=\"x y\""]) == "7 \"x y\"")
        #expect(read("", defines: ["A=1", "A=2"]).diagnostics.errors == 1)
    }

    @Test func predefined() {
        #expect(tokens("KAMAILIO_VERSION OS_NAME APUS_VERSION") == "6000000 \"linux\" 1002003")
        #expect(
            tokens("#!ifdef KAMAILIO_6_0\na\n#!endif\n#!ifdef APUS_1_2_3\nb\n#!endif\n#!ifdef APUS_2\nc\n#!endif")
                == "a b")
        #expect(
            tokens("#!ifdef MOD_tm\na\n#!endif\nloadmodule \"x/tm.so\"\n#!ifdef MOD_tm\nb\n#!endif")
                == "loadmodule \"x/tm.so\" b")
    }

    @Test func environment() {
        let values = ["HOME": "/root", "N": "5"]
        let result = read("#!defenv N\n#!defenvs H=HOME\n#!trydefenv X\nN H X", environment: values)
        #expect(result.tokens == "5 \"/root\" X")
        #expect(result.diagnostics.errors == 0)
    }

    // MARK: Conditionals

    @Test func conditionals() {
        let text =
            "#!ifdef A\na\n#!ifdef B\nab\n#!else\na-b\n#!endif\n#!else\nna\n#!ifndef B\nnab\n#!endif\n#!endif\nend"
        #expect(tokens(text) == "na nab end")
        #expect(tokens(text, defines: ["A"]) == "a a - b end")
        #expect(tokens(text, defines: ["A", "B"]) == "a ab end")
        #expect(tokens(text, defines: ["B"]) == "na end")
        // What is skipped is not looked at.
        #expect(tokens("#!ifdef NO\n\"unterminated ' /* \n $( \n#!endif\nx") == "x")
    }

    @Test(arguments: [
        ("1", true), ("0", false), ("A", false), ("N", true), ("N == 5", true), ("N > 4 && N < 6", true),
        ("T == \"on\"", true), ("T == \"off\"", false), ("\"\"", false), ("!A", true), ("(1 + 2) * 3 == 9", true),
        ("2 ** 3 == 8", true), ("7 % 4 == 3", true), ("1 << 3 == 8", true), ("6 & 3 == 2", false), ("^0 == -1", true),
        ("E", true), ("A == \"x\"", false), ("1.5 + 1.5 == 3", true), ("N || A", true),
    ])
    func conditions(expression: String, holds: Bool) {
        let text = "#!define N 5\n#!define T \"on\"\n#!define E\n#!ifexp \(expression)\nyes\n#!else\nno\n#!endif"
        #expect(tokens(text) == (holds ? "yes" : "no"))
    }

    @Test func computedDefines() {
        #expect(tokens("#!define N 5\n#!defexp A N * 2 + 1\n#!defexps B \"x\" + \"y\"\nA B") == "11 \"xy\"")
    }

    // MARK: Substitutions

    @Test func substitutions() {
        #expect(tokens("#!subst \"/b+/X/\"\n\"abbb b\" word b") == "\"aX b\" word b")
        #expect(tokens("#!subst \"/B/X/gi\"\n\"abb\"") == "\"aXX\"")
        #expect(tokens("#!subst \"!(a)(b)!\\2\\1!\"\n\"ab\" $var(ab)") == "\"ba\" $var(ba)")
        #expect(tokens("#!substdef \"!IP!10.0.0.1!g\"\nIP \"udp:IP:5060\"") == "10 . 0 . 0 . 1 \"udp:10.0.0.1:5060\"")
        #expect(tokens("#!substdefs \"/NAME/x y/\"\nNAME") == "\"x y\"")
        let result = read("#!substdef \"/H/$env(HOST)/\"\n\"at H\"", environment: ["HOST": "here"])
        #expect(result.tokens == "\"at here\"")
    }

    // MARK: Includes

    @Test func includes() {
        let files = [
            "a.cfg": "one\ninclude_file \"sub/c.cfg\"\ntwo", "sub/c.cfg": "include_file \"b.cfg\"",
            "sub/b.cfg": "three", "abs": "four",
        ]
        #expect(read("x include_file \"a.cfg\" y", files: files).tokens == "x one three two y")
        #expect(read("#!include_file \"a.cfg\"\nimport_file \"none\"\nz", files: files).tokens == "one three two z")
        #expect(read("f(include_file \"abs\")", files: files).tokens == "f ( four )")
        var chain: [String: String] = [:]
        for level in 0..<20 { chain["f\(level)"] = "include_file \"f\(level + 1)\"" }
        #expect(read("include_file \"f0\"", files: chain).diagnostics.text.contains("deeper than 10 levels"))
    }

    @Test func positionsSurviveIncludesAndDefines() throws {
        let result = read("include_file \"a.cfg\"", files: ["a.cfg": "#!define LEVEL \"x\"\nok\ndebug = LEVEL\n\"open"])
        #expect(result.diagnostics.text.contains("a.cfg:4:1: error: unterminated string"))
        #expect(result.diagnostics.text.contains("note: dir/main.cfg:1:14: included from here"))
    }

    @Test func printout() {
        let files = ["a.cfg": "included\n"]
        let text = "one\n#!define A 1\n#!ifdef B\nskipped\n#!endif\ninclude_file \"a.cfg\"\ntwo A\n"
        let printed = read(text, files: files).printout.split(separator: "\n").map(String.init)
        #expect(printed == ["one", "included", "two A"])
    }

    // MARK: Hostile texts

    @Test func deepNestingIsRefused() {
        for text in [
            String(repeating: "(", count: 100_000), String(repeating: "{", count: 100_000),
            String(repeating: "!", count: 100_000),
            String(repeating: "if (1) ", count: 50_000), String(repeating: "/*", count: 100_000),
            String(repeating: "$(x[", count: 20_000), "$var(x) = " + String(repeating: "1 + ", count: 50_000) + "1;",
            "#!ifexp " + String(repeating: "(", count: 50_000), String(repeating: "#!ifdef A\n", count: 2000),
        ] {
            let diagnostics = Diagnostics()
            let whole = text.hasPrefix("#!") ? text : "request_route { $var(x) = \(text) }"
            let preprocessor = Preprocessor(diagnostics: diagnostics)
            _ = Parser.parse(Source(name: "deep.cfg", text: whole), preprocessor: preprocessor)
            #expect(diagnostics.errors > 0 || diagnostics.warnings > 0)
        }
    }

    @Test func definesDoNotExplode() {
        var text = "#!define A0 x\n"
        for level in 1...40 { text += "#!define A\(level) A\(level - 1) A\(level - 1)\n" }
        let diagnostics = Diagnostics()
        _ = Preprocessor(diagnostics: diagnostics).run(Source(name: "bomb.cfg", text: text + "A40"))
        #expect(diagnostics.errors > 0)
    }
}
