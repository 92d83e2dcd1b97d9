import PluginAPI
import Testing

@testable import Core

/// What a config becomes.
@Suite struct ProgramTests {
    private func program(_ text: String) throws -> (TestScript, Program) {
        let script = try TestScript(text)
        return (script, try #require(script.program, "\(script.diagnostics.text)"))
    }

    @Test func disassembly() throws {
        let text = """
            request_route {
                if ($rm == "INVITE" && !quiet(1)) {
                    $var(x) = 2 + 3 * 4;
                    route(A);
                }
                note("$rm!");
            }
            route[A] { return -1; }
            """
        let (script, program) = try program(text)
        #expect(script.diagnostics.warnings == 0)
        #expect(
            Disassembler(program).text.hasPrefix(
                "request_route:\n  ; test.cfg:2\n    0  pushVariable    $rm\n    1  equalJump       \"INVITE\", if false → 8\n"
            ),
            "a comparison and its jump are one")
        let lines = Disassembler(program).text.split(separator: "\n").map { $0.trimmingBlanks }
        #expect(lines.contains { $0.hasSuffix("pushInt         14") }, "constants are folded")
        #expect(lines.contains { $0.hasSuffix("callRoute       route[A]") })
        #expect(lines.contains { $0.hasSuffix("store           $var(x)") })
        #expect(lines.contains { $0.hasSuffix("pushFormat      \"$rm!\"") })
        #expect(lines.contains { $0.hasSuffix("call            quiet of test, 1 arguments, 0 pushed") })
        #expect(lines.contains("route[A]:"))
        #expect(lines.contains { $0.hasSuffix("return          -1") })
    }

    @Test func everyJumpLandsInTheCode() throws {
        let text = """
            request_route {
                while ($var(i) < 5) {
                    switch ($var(i)) { case "1": note("a"); break; case /"^2$": default: if ($rm =~ "x" || $var(i) == 3) break; }
                    $var(i) = $var(i) + selval($rm == "A" || $rm == "B", 1, 2);
                }
            }
            """
        let (_, program) = try program(text)
        let image = program.image.pointee
        for index in 0..<image.codeCount {
            let instruction = image.code[index]
            switch instruction.opcode {
            case .jump, .jumpIfFalse, .jumpIfTrue, .equalJump, .matchJump, .definedJump, .caseJump, .countTurn:
                #expect(instruction.c > 0 && Int(instruction.c) < image.codeCount)
            default: break
            }
        }
        #expect(image.routes[0].depth > 2)
    }

    // MARK: Defines and parameters

    @Test func definesAsVariables() throws {
        let text = """
            #!define NUMBER 5
            #!define TEXT "a b"
            #!define EMPTY
            request_route { note("$def(NUMBER) $defn(NUMBER) $defv(TEXT) $def(TEXT) $defs(TEXT) <$def(EMPTY)> $def(NO) $defn(NO)"); }
            """
        let (script, _) = try program(text)
        try script.run()
        #expect(script.notes[0] == "5 5 a b \"a b\" \"a b\" <> <null> 0")
    }

    @Test func variablesOutOfParameters() throws {
        let (_, program) = try program("request_route { $var(a) = 1; }")
        let known = try program.texts.compileVariable("$var(a)").get()
        #expect(known.pointee.innerID == 0)
        let new = try program.texts.compileVariable("$var(b)").get()
        #expect(new.pointee.innerID == 1)
        #expect(Int(new.pointee.innerID) < program.image.pointee.runVariableCount)
        #expect(program.image.pointee.runVariableDefaults[1].num == 0)
        let format = try program.texts.compileFormat("x$rm").get()
        #expect(format.pointee.count == 2)
        #expect(throws: ModuleTexts.Refusal.self) { try program.texts.compileVariable("$(rm").get() }
        #expect(throws: ModuleTexts.Refusal.self) { try program.texts.compileVariable("rm").get() }
        #expect(throws: ModuleTexts.Refusal.self) { try program.texts.compileFormat("$kind(three)").get() }
    }

    @Test func parametersCannotAskForAnyNumberOfVariables() throws {
        let (_, program) = try program("request_route { ; }")
        var refused = 0
        for index in 0..<100 {
            if case .failure = program.texts.compileVariable("$var(v\(index))") { refused += 1 }
        }
        #expect(refused > 0)
        #expect(program.runVariables.count <= program.image.pointee.runVariableCount)
    }

    // MARK: Programs that follow each other

    /// What modules have compiled goes by the numbers of the first program.
    @Test func numbersOfVariablesStay() throws {
        let (_, first) = try program("request_route { $var(a) = 1; }")
        _ = try first.texts.compileVariable("$var(late)").get()
        #expect(first.runVariables == ["var(a)", "var(late)"])
        let next = RunVariableNumbers(names: first.runVariables + ["vn(b)"])
        #expect(next.number("var", "new") == 3 && next.number("var", "late") == 1 && next.number("vn", "b") == 2)
        let defaults = next.close(ProgramMemory())
        #expect(defaults[1].kind == UInt32(APUS_INT) && defaults[2].kind == 0)
    }

    /// A run that waits keeps its program; one that is over does not.
    @Test func runsAreCounted() throws {
        let (script, program) = try program("request_route { note(\"on\"); }")
        #expect(program.image.pointee.uses.total(workers: 1) == 0)
        try script.run()
        #expect(program.image.pointee.uses.total(workers: 1) == 0)
        let uses = program.image.pointee.uses
        uses.add(3)
        uses.add(3)
        uses.add(0)
        #expect(uses.total(workers: 4) == 3 && uses.total(workers: 3) == 1)
        uses.remove(3)
        uses.remove(0)
        #expect(uses.total(workers: 4) == 1)
    }

    /// A route of another program stands for the one of its own that has its kind and name.
    @Test func routesBelongToTheirProgram() throws {
        let (_, old) = try program("request_route { route(X); } route[X] { note(\"x\"); } failure_route[X] { ; }")
        let (_, new) = try program(
            "route[Y] { note(\"y\"); note(\"z\"); } request_route { route(Y); } failure_route[X] { ; }")
        let x = try #require(old.image.route(named: apus_str("X"), kinds: RouteKind.request.mask))
        let failure = try #require(old.image.route(named: apus_str("X"), kinds: RouteKind.failure.mask))
        #expect(x.pointee.image == old.image && old.image.own(x) == x)
        #expect(new.image.own(x) == nil)
        let own = try #require(new.image.own(failure))
        #expect(own != failure && own.pointee.image == new.image && own.pointee.kind == RouteKind.failure.mask)
    }

    // MARK: Dialects

    @Test func dialectsReadDollarsDifferently() throws {
        // In SER's dialect a bare name is an AVP, whatever pseudo-variables there are.
        let ser = try TestScript("#!SER\nroute { $rm = \"x\"; $x[0] = \"y\"; %z = 1; }")
        #expect(ser.diagnostics.errors == 0, "\(ser.diagnostics.text)")
        let today = try TestScript("#!KAMAILIO\nrequest_route { $rm = \"x\"; }")
        #expect(today.diagnostics.text.contains("`$rm` is read-only"))
        let unknown = try TestScript("#!KAMAILIO\nrequest_route { $nowhere = \"x\"; }")
        #expect(unknown.diagnostics.text.contains("unknown pseudo-variable `$nowhere`"))
        let both = try TestScript("request_route { $nowhere = \"x\"; $f.name = \"y\"; }")
        #expect(both.diagnostics.errors == 0, "\(both.diagnostics.text)")
        #expect(both.diagnostics.text.contains("notice: `$nowhere` is taken for an AVP"))
    }

    /// All spellings of the markers, and what stands nearby.
    @Test(
        arguments: [
            ("#!SER", Syntax.Dialect.ser, 0), ("//!SER", .ser, 0), ("#!KAMAILIO", .kamailio, 0),
            ("#!OPENSER", .kamailio, 0),
            ("//!OPENSER", .kamailio, 0), ("#!MAXCOMPAT", .maximal, 0), ("#!ALL", .maximal, 0), ("#!SER \t\r", .ser, 0),
            ("\n\n#!SER", .ser, 0), ("# comment\n#!SER", .ser, 0), ("", .maximal, 0), ("#!ser", .maximal, 1),
            ("#!SER x", .maximal, 1),
            ("#!SERX", .maximal, 1), ("#!SER\n#!SER", .ser, 0), ("#!SER\n#!KAMAILIO", .kamailio, 1),
        ] as [(String, Syntax.Dialect, Int)]) func markers(text: String, dialect: Syntax.Dialect, warnings: Int)
    {
        let diagnostics = Diagnostics()
        let tree = Parser.parse(
            Source(name: "x.cfg", text: text + "\nrequest_route { ; }"),
            preprocessor: Preprocessor(diagnostics: diagnostics))
        #expect(tree.routes.first?.dialect == dialect)
        #expect(diagnostics.warnings == warnings, "\(diagnostics.text)")
    }

    /// Nothing on the command line changes the dialect.
    @Test func aDefineIsNoMarker() {
        let diagnostics = Diagnostics()
        let preprocessor = Preprocessor(diagnostics: diagnostics)
        for name in ["SER", "KAMAILIO"] { preprocessor.defineFromCommandLine(name) }
        let tree = Parser.parse(Source(name: "x.cfg", text: "request_route { ; }"), preprocessor: preprocessor)
        #expect(tree.dialect == .maximal)
    }

    /// In texts `$name` is a pseudo-variable in every dialect.
    @Test(arguments: ["#!SER", "#!KAMAILIO", ""]) func textsAreReadAlike(marker: String) throws {
        let script = try TestScript(
            "\(marker)\nroute { note(\"$rm $(rm{s.len})\"); put(\"$var(x)\", \"a\"); note(\"$var(x)\"); }")
        #expect(script.diagnostics.errors == 0, "\(script.diagnostics.text)")
        try script.run()
        #expect(script.notes.prefix(2) == ["INVITE 6", "a"])
    }

    @Test func settings() throws {
        let text = """
            #!SER
            children = 4 log_stderror = yes
            alias = tcp:all:5065 "b.example.com" c-d.example.com:5070
            listen = udp:127.0.0.1:5060 advertise 192.0.2.1:5080 name "a" 127.0.0.2
            socket = { bind = tls:[::1]:5061-5063; advertise = sip.example.com; name = "s"; workers = 2 }
            flags A, B:5, C
            limits.name = "x" desc "text"
            limits[2].name = 7;
            route { ; }
            """
        let script = try TestScript(text)
        #expect(script.diagnostics.errors == 0, "\(script.diagnostics.text)")
        let settings = script.settings
        #expect(settings.children == 4)
        #expect(settings.logsToStandardError)
        #expect(settings.debug == 2)
        #expect(settings.isOn("sip_warning"))
        #expect(settings.port == 5060)
        #expect(settings.aliases.map(\.host.text) == ["all", "b.example.com", "c-d.example.com"])
        #expect(settings.aliases.map(\.port) == [5065, nil, 5070])
        try #require(settings.listeners.count == 3)
        #expect(settings.listeners[0].advertised?.host.text == "192.0.2.1")
        #expect(settings.listeners[0].name?.string == "a")
        #expect(settings.listeners[2].ports == 5061...5063)
        #expect(settings.listeners[2].hosts[0].form == .ipv6)
        #expect(settings.flags == ["A": 0, "B": 5, "C": 1])
        #expect(settings.custom.map(\.instance) == [nil, 2])
        #expect(settings.custom.first?.description == "text")
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String { String(drop { $0 == " " }) }
}
