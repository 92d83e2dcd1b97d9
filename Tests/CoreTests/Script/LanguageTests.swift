import Testing

@testable import Core

/// What scripts mean, by running them.
@Suite struct LanguageTests {
    /// Runs the statements as a main block and answers what was noted; the last note is how the run ended.
    private func notes(_ statements: String, routes: String = "") throws -> [String] {
        let script = try TestScript("request_route {\n\(statements)\n}\n\(routes)\n")
        try #require(script.diagnostics.errors == 0, "\(script.diagnostics.text)")
        try script.run()
        return script.notes
    }

    /// Notes whether a condition holds.
    private func holds(_ condition: String, before: String = "") throws -> Bool {
        try notes("\(before) if (\(condition)) note(\"yes\"); else note(\"no\");").first == "yes"
    }

    /// The value of an expression, as text.
    private func value(_ expression: String, before: String = "") throws -> String {
        try notes("\(before) $var(result) = \(expression); note(\"$var(result)\");")[0]
    }

    // MARK: Leaving

    @Test(arguments: [
        ("", "end 1"), ("code(5);", "end 5"), ("return;", "end 1"), ("return 7;", "end 7"), ("return(7);", "end 7"),
        ("return -2;", "end -2"), ("return 0;", "end 0 exit"), ("exit;", "end 1 exit"), ("exit();", "end 1 exit"),
        ("exit 3;", "end 3 exit"), ("drop;", "end 0 exit drop"), ("drop();", "end 0 exit drop"), ("break;", "end 0"),
        ("quiet(0);", "end 0 exit"), ("quiet(-1);", "end -1"), ("$var(x) = 4; return $var(x) + 1;", "end 5"),
    ])
    func leaving(statements: String, end: String) throws {
        #expect(try notes(statements).last == end)
    }

    @Test func nothingRunsBehindExit() throws {
        #expect(try notes("note(\"a\"); exit; note(\"b\");") == ["a", "end 1 exit"])
        #expect(try notes("note(\"a\"); quiet(0); note(\"b\");") == ["a", "end 0 exit"])
        #expect(try notes("quiet(-1); note(\"b\");") == ["b", "end 1"])
    }

    // MARK: Routes

    @Test func routesReturnCodes() throws {
        let routes = """
            route[YES] { return 1; }
            route[NO] { return -1; }
            route[EMPTY] { ; }
            route[LAST] { quiet(-3); }
            route[BREAK] { break; }
            route[7] { return 7; }
            """
        #expect(try notes("if (route(YES)) note(\"yes\"); else note(\"no\");", routes: routes)[0] == "yes")
        #expect(try notes("if (route(NO)) note(\"yes\"); else note(\"no\");", routes: routes)[0] == "no")
        #expect(try notes("if (!route(NO)) note(\"yes\");", routes: routes)[0] == "yes")
        #expect(try notes("if !(route(NO)) note(\"yes\");", routes: routes)[0] == "yes")
        #expect(try notes("route(EMPTY); note(\"$rc\");", routes: routes)[0] == "1")
        #expect(try notes("route(LAST); note(\"$rc\");", routes: routes)[0] == "-3")
        #expect(try notes("route(BREAK); note(\"$rc\");", routes: routes)[0] == "0")
        #expect(try notes("route(07); note(\"$rc\");", routes: routes)[0] == "7")
        #expect(try notes("route(\"7\"); note(\"$rc\");", routes: routes)[0] == "7")
        #expect(try notes("$var(r) = route(NO); note(\"$var(r)\");", routes: routes)[0] == "-1")
    }

    @Test func exitInARouteEndsTheRun() throws {
        let routes = "route[X] { note(\"in\"); exit; }\nroute[Y] { return 0; }"
        #expect(try notes("route(X); note(\"behind\");", routes: routes) == ["in", "end 1 exit"])
        #expect(try notes("route(Y); note(\"behind\");", routes: routes) == ["end 0 exit"])
    }

    @Test func routesNamedAtRunTime() throws {
        let routes = "route[A_1] { note(\"one\"); }\nroute[A_2] { note(\"two\"); }"
        #expect(try notes("$var(n) = 2; route(\"A_\" + $var(n));", routes: routes)[0] == "two")
        #expect(try notes("$var(n) = 1; route(\"A_$var(n)\");", routes: routes)[0] == "one")
        #expect(try notes("route(\"A_\" + $var(n)); note(\"$rc\");", routes: routes)[0] == "-1")
    }

    @Test func recursionIsLimited() throws {
        let routes = "route[DOWN] { $var(n) = $var(n) + 1; if ($var(n) < 1000) route(DOWN); }"
        #expect(try notes("route(DOWN); note(\"$var(n)\");", routes: routes)[0] == "256")
    }

    /// A block that is left in the middle of loops and switches leaves nothing on the caller's stack.
    @Test func routesAreLeftFromInsideOfLoops() throws {
        let routes = """
            route[X] {
                while (1) { while (1) { switch (1) { case 1: quiet(1); return 5; } } }
            }
            """
        let statements = """
            while ($var(i) < 3) {
                $var(i) = $var(i) + 1;
                route(X);
                note("$var(i) $rc");
            }
            """
        #expect(try notes(statements, routes: routes) == ["1 5", "2 5", "3 5", "end 1"])
    }

    // MARK: Control

    @Test func ifElseChains() throws {
        let chain = "if ($var(x) == 1) note(\"one\"); else if ($var(x) == 2) { note(\"two\"); } else note(\"more\");"
        #expect(try notes("$var(x) = 1; \(chain)")[0] == "one")
        #expect(try notes("$var(x) = 2; \(chain)")[0] == "two")
        #expect(try notes("$var(x) = 3; \(chain)")[0] == "more")
        #expect(try notes("if (1 == 1) if (1 == 2) note(\"a\"); else note(\"b\");")[0] == "b")
        #expect(try notes("if (quiet(1)) note(\"a\")\nelse note(\"b\");")[0] == "a")
    }

    /// A comparison with a constant says the same wherever it stands, and of values of every type.
    @Test(arguments: [
        ("$var(x) = 5;", "$var(x) == 5", true), ("$var(x) = 5;", "$var(x) == \"5\"", true),
        ("$var(x) = 5;", "$var(x) != 4294967296", true), ("$var(x) = 4294967296;", "$var(x) == 4294967296", true),
        ("$var(x) = \"a\";", "$var(x) == \"a\"", true), ("$var(x) = \"a\";", "$var(x) == \"A\"", false),
        ("$var(x) = \"7\";", "$var(x) == 7", true), ("$var(x) = \"07\";", "$var(x) == 7", false),
        ("$avp(x) = $null;", "$avp(x) == \"\"", true), ("$avp(x) = $null;", "$avp(x) == 0", true),
        ("$avp(x) = $null;", "$avp(x) == $null", true), ("$var(x) = 1;", "$var(x) != $null", true),
        ("$var(x) = \"ab\";", "$var(x) =~ \"^a\"", true), ("$var(x) = \"ab\";", "$var(x) !~ \"^a\"", false),
        ("$var(x) = 0;", "1 / $var(x) == 1", false), ("$var(x) = 0;", "1 / $var(x) != 1", false),
    ])
    func comparisonsWithConstants(_ set: String, _ condition: String, _ holds: Bool) throws {
        let (yes, no) = holds ? ("y", "n") : ("n", "y")
        let otherwise = "note(\"y\"); else note(\"n\");"
        #expect(try notes("\(set) if (\(condition)) \(otherwise)")[0] == yes)
        #expect(try notes("\(set) if (!(\(condition))) \(otherwise)")[0] == no)
        #expect(try notes("\(set) if ($var(no) == 1 || \(condition)) \(otherwise)")[0] == yes)
        #expect(try notes("\(set) if (!($var(no) == 0 && \(condition))) \(otherwise)")[0] == no)
        #expect(
            try notes("\(set) $var(r) = (\(condition)) || $var(no) == 1; note(\"$var(r)\");")[0] == (holds ? "1" : "0"))
        #expect(try notes("\(set) while (\(condition)) { note(\"y\"); break; } note(\"n\");")[0] == yes)
    }

    @Test func loops() throws {
        #expect(try notes("while ($var(i) < 3) { $var(i) = $var(i) + 1; } note(\"$var(i)\");")[0] == "3")
        #expect(try notes("while (1) { $var(i) = $var(i) + 1; if ($var(i) == 4) break; } note(\"$var(i)\");")[0] == "4")
        let limited = try notes("while (1) { $var(i) = $var(i) + 1; } note(\"$var(i)\");")
        #expect(limited[0] == "100")
    }

    @Test func switches() throws {
        func run(_ value: String, _ body: String) throws -> [String] {
            try notes("switch (\(value)) { \(body) }").dropLast()
        }
        let fall = "case 1: note(\"1\"); case -2: note(\"2\"); break; default: note(\"d\"); case 9: note(\"9\");"
        #expect(try run("1", fall) == ["1", "2"])
        #expect(try run("-2", fall) == ["2"])
        #expect(try run("5", fall) == ["d", "9"])
        #expect(try run("9", fall) == ["9"])
        let texts = "case \"a\": note(\"a\"); break; case /\"^b.\": note(\"b\"); break; case \"1\": note(\"1\");"
        #expect(try run("\"a\"", texts) == ["a"])
        #expect(try run("\"bx\"", texts) == ["b"])
        #expect(try run("\"BX\"", texts) == [])
        #expect(try run("$rm", "case \"INVITE\": case \"ACK\": note(\"call\");") == ["call"])
        // Parentheses may be missing, `default` may stand anywhere, a subject that fails is no label.
        #expect(try notes("switch $rm { case \"INVITE\": note(\"call\"); }")[0] == "call")
        #expect(try run("3", "default: note(\"d\"); break; case 3: note(\"3\");") == ["3"])
        #expect(try run("1 / $var(zero)", "case 0: note(\"0\"); break; default: note(\"d\");") == ["d"])
        // The label's type decides how the subject is compared.
        #expect(try run("\"05\"", "case 5: note(\"5\");") == ["5"])
        #expect(try run("5", "case \"5\": note(\"5\");") == ["5"])
    }

    // MARK: Expressions

    @Test(arguments: [
        ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("7 mod 4", "3"), ("-7 / 2", "-3"), ("1 << 4 | 1", "17"),
        ("6 & 3", "2"), ("6 ^ 3", "5"), ("~0", "-1"), ("1 << 64", "0"), ("0x10 + 010 + 101b", "29"),
        ("9223372036854775807 + 1", "-9223372036854775808"), ("\"a\" + \"b\" + 1", "ab1"), ("(str)1 + 2", "12"),
        ("(int)\"12\" + 1", "13"), ("strlen(\"abc\")", "3"), ("strempty(\"\")", "1"),
        ("selval(1 == 1, \"a\", \"b\")", "a"),
        ("selval(1 == 2, \"a\", \"b\")", "b"), ("$rm + \"!\"", "INVITE!"), ("yes + on", "2"), ("- 3 - - 3", "0"),
        ("!0", "1"), ("not 5", "0"), ("1 == 1 && 2 == 2", "1"), ("'single $rm \\n'", "single $rm \\n"),
    ])
    func expressions(expression: String, result: String) throws {
        #expect(try value(expression) == result)
    }

    /// The same as above with operands that the compiler does not know.
    @Test(arguments: [
        ("$var(a) + $var(b) * 3", "14"), ("$var(a) << $var(b)", "32"), ("$var(t) + $var(a)", "x2"),
        ("$var(a) + $var(n)", "14"), ("$var(a) - 5", "-3"), ("$var(a) / $var(b)", "0"), ("$var(b) mod $var(a)", "0"),
        ("$var(none) + \"x\"", "0"), ("$null + \"x\"", "x"), ("strlen($var(t))", "1"), ("(int)$var(n) * 2", "24"),
    ])
    func expressionsAtRunTime(expression: String, result: String) throws {
        let before = "$var(a) = 2; $var(b) = 4; $var(t) = \"x\"; $var(n) = \"12\";"
        #expect(try value(expression, before: before) == result)
    }

    @Test func divisionByZeroFails() throws {
        #expect(try notes("$var(x) = 5; $var(x) = 1 / $var(zero); note(\"$var(x)\");")[0] == "5")
        #expect(try !holds("1 / $var(zero) == 0"))
    }

    @Test func comparisons() throws {
        let before = "$var(a) = 5; $var(t) = \"5\"; $var(s) = \"abc\";"
        for (condition, expected) in [
            ("$var(a) == 5", true), ("$var(t) == 5", true), ("$var(a) == \"5\"", true), ("$var(s) == \"ABC\"", false),
            ("$var(s) =~ \"^AB\"", true), ("$var(s) =~ \"c$\"", true), ("$var(s) !~ \"x\"", true),
            ("$var(a) > 4", true),
            ("$var(a) <= 4", false), ("$var(s) eq \"abc\"", true), ("$var(t) ieq 5", true), ("$var(s) == $null", false),
            ("$null == $null", true), ("$var(s) != $null", true), ("defined $null", false), ("not defined $null", true),
            ("!($var(a) == 4)", true), ("$var(a) && $var(s) == \"abc\"", true), ("$var(none) || $var(a)", true),
            ("-1 && 1", true), ("-1", false), ("!-1", false), ("$var(s) =~ \"^\" + $var(s)", true),
        ] {
            #expect(try holds(condition, before: before) == expected, "\(condition)")
        }
    }

    /// return_mode 1: calls give their code, and all but 0 is true.
    @Test(arguments: [(0, "no", "1", "no"), (1, "yes", "-3", "yes")] as [(Int, String, String, String)])
    func returnModes(mode: Int, negative: String, value: String, called: String) throws {
        let script = try TestScript(
            """
            return_mode = \(mode)
            request_route {
                if (quiet(-1)) note("yes"); else note("no");
                $var(x) = quiet(-3) + 0; note("$var(x)");
                if (route(NO)) note("yes"); else note("no");
            }
            route[NO] { return -1; }
            """)
        try script.run()
        #expect(Array(script.notes.prefix(3)) == [negative, mode == 0 ? "0" : value, called])
    }

    @Test func logicIsShort() throws {
        #expect(try notes("if (quiet(-1) && code(1)) note(\"x\");") == ["end -1"])
        #expect(try notes("if (quiet(1) || code(1)) note(\"x\");") == ["x", "end 1"])
        #expect(try notes("$var(x) = quiet(1) || code(1); note(\"$var(x)\");")[0] == "1")
    }

    @Test func callsAsValues() throws {
        #expect(try notes("$var(x) = quiet(-5); note(\"$var(x) $rc\");")[0] == "-5 -5")
        #expect(try notes("$var(x) = quiet(5) + 1; note(\"$var(x)\");")[0] == "2")
    }

    @Test func assignmentInParentheses() throws {
        #expect(try notes("if ((($var(x) = 3)) && $var(x) == 3) note(\"yes\");")[0] == "yes")
    }

    // MARK: Arguments

    @Test func argumentsOfEveryKind() throws {
        let routes = "failure_route[F] { ; }"
        #expect(
            try notes("kinds(5, \"s\", 3, 7, \"two\");", routes: routes)[0] == "5 s 3 7 1 -")
        #expect(
            try notes("$var(i) = 9; kinds(\"$var(i)\", \"$rm\", \"4\", \"v$var(i)\", one, \"F\");", routes: routes)[0]
                == "9 $rm 4 'v9' 0 F found")
        #expect(
            try notes("kinds(1 + 1, 'x', 2 + 2, $rm, \"ONE\", \"G\");", routes: routes)[0] == "2 x 4 'INVITE' 0 G none")
    }

    @Test func formats() throws {
        #expect(try notes("note(\"<$rm> $$ $(rm{s.len}) $null\");")[0] == "<INVITE> $ 6 <null>")
        #expect(try notes("note($rm);")[0] == "INVITE")
        #expect(try notes("note(\"x\" + $rm);")[0] == "xINVITE")
        #expect(try notes("$var(x) = \"$rm\"; note(\"$var(x)\");")[0] == "$rm")
        #expect(try notes("put(\"$var(x)\", \"a$rm\"); note($var(x));")[0] == "aINVITE")
    }

    @Test func regexArguments() throws {
        #expect(try holds("match(\"abc\", \"^A.c$\")"))
        #expect(try holds("match(\"INVITE\", \"^$rm$\")"))
        #expect(try !holds("match(\"abc\", \"^b\")"))
    }

    @Test func variableForms() throws {
        #expect(try value("$echo(in)") == "in/-")
        #expect(try value("$(echo(in)[2])") == "in/2")
        #expect(try value("$(echo(in)[-1])") == "in/-1")
        #expect(try value("$(echo(in)[*])") == "in/*")
        #expect(try value("$(echo(a$rm)[$kind(two)])") == "aINVITE/1")
        #expect(try value("$(echo(a,b,c){s.select,1,,})") == "b")
        #expect(try value("$(echo(a,b,c){s.select,2,,}{s.len})") == "3")
        #expect(try value("$kind(two)") == "1")
    }

    // MARK: Conditions

    @Test func conditionWords() throws {
        for (condition, expected) in [
            ("method == \"INVITE\"", true), ("method == invite", true), ("!method == \"REGISTER\"", true),
            ("method =~ \"^(ACK|INVITE)\"", true), ("uri =~ \"^sip:\"", true), ("uri == \"SIP:BOB@EXAMPLE.NET\"", true),
            ("msg:len > 10", true), ("msg:len > max_len", false), ("msg:len >= 100000", false), ("af == inet", false),
            ("src_ip == 0.0.0.0/0", false), ("proto == udp", true), ("proto != TCP", true),
            ("proto == \"UDP\"", true), ("msg:len > \"10\"", true), ("src_port == \"5060\"", false),
            ("af == 2", false), ("method eq \"INVITE\"", true), ("method ne \"INVITE\"", false),
            ("status =~ \"^sip\"", true), ("uri eq \"sip:bob@example.net\"", true),
            ("method == \"in\" + \"vite\"", true),
            ("from_uri == myself", false),
        ] {
            #expect(try holds(condition) == expected, "\(condition)")
        }
    }

    @Test func myself() throws {
        let text = "request_route { if (uri == myself) note(\"mine\"); if (myself != uri) note(\"foreign\"); }"
        let script = try TestScript(text) { host, port in host.string == "example.net" && port == 5060 }
        try script.run()
        #expect(script.notes[0] == "mine")
        let other = try TestScript(text)
        try other.run()
        #expect(other.notes[0] == "foreign")
    }

    @Test func sourceAddresses() throws {
        let text = """
            request_route {
                if (src_ip == 10.1.2.3) note("address");
                if (src_ip == 10.0.0.0/8) note("net");
                if (src_ip == 10.1.0.0/255.255.0.0) note("mask");
                if (src_ip != 192.168.0.0/16) note("other");
                if (src_ip =~ "^10\\.1\\.") note("text");
                if (src_ip == "10.1.2.3" && src_port == 5070) note("port");
                if (src_ip == ::1) note("v6");
            }
            """
        let script = try TestScript(text)
        try #require(script.diagnostics.errors == 0, "\(script.diagnostics.text)")
        let message = TestMessage(Sample.invite)
        message.message.record.pointee.routing.source = SocketAddress("10.1.2.3", port: 5070)!
        try script.run(message: message)
        #expect(script.notes.dropLast() == ["address", "net", "mask", "other", "text", "port"])
    }

    // MARK: Limits

    @Test func aMillionInstructions() throws {
        let script = try TestScript("max_while_loops = 0\nrequest_route { while (1) { ; } }")
        #expect(try script.run()?.failed == true)
    }
}
