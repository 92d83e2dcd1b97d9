import PluginAPI
import Testing

@testable import Core

/// Pseudo-variables that are named in others, and read on another message.
@Suite struct InnerVariableTests {
    /// `$of(…)` gives the inner variable's value as the message in `user` has it.
    private static func bench(_ other: TestMessage) throws -> ScriptBench {
        try ScriptBench { registry, owner in
            try registry.add(
                VariableDeclaration(
                    owner: owner, name: "of", inner: InnerNameRule("$"), flags: 0, doc: "",
                    get: { access, out in
                        guard let variable = access.pointee.variable, let message = access.pointee.user else {
                            return -1
                        }
                        return HostTables.shared.vars.pointee.read_on(
                            access, variable, OpaquePointer(message), out)
                    }, set: nil, user: UnsafeMutableRawPointer(other.message.record)))
            try registry.add(
                VariableDeclaration(
                    owner: owner, name: "name", inner: InnerNameRule("$?"), flags: 0, doc: "",
                    get: { access, out in
                        guard access.pointee.variable != nil else { return -1 }
                        out.pointee = apus_value(access.pointee.inner)
                        return 1
                    }, set: nil, user: nil))
        }
    }

    private let other = TestMessage(
        Sample.lines(
            "SIP/2.0 486 Busy Here", "Via: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKother", "From: <sip:a@b>;tag=1",
            "To: <sip:first@host>;tag=2", "Call-ID: other@host", "CSeq: 9 INVITE", "X-List: one", "X-List: two",
            "Content-Length: 0", "", ""))

    @Test func theyAreReadOnTheOtherMessage() throws {
        let bench = try InnerVariableTests.bench(other)
        #expect(bench["$of($rs)"] == "486" && bench.number("$of($rs)") == 486 && bench["$of(rs)"] == "486")
        #expect(bench["$of($hdr(To))"] == "<sip:first@host>;tag=2" && bench["$of(hdr(To))"] == bench["$of($hdr(To))"])
        #expect(bench["$of($(hdr(X-List)[0]))"] == "one" && bench["$of($(hdr(X-List)[-1]))"] == "two")
        #expect(bench["$(of($ci){s.len})"] == "10" && bench["$of($(ci{s.len}))"] == "10")
        // What the other message does not have is $null, whatever this one has; afterwards all is as before.
        #expect(bench["$of($ru)"] == nil && bench["$ru"] == "sip:bob@example.net" && bench["$rs"] == nil)
    }

    @Test func textsOutliveTheOtherMessage() throws {
        let bench = try InnerVariableTests.bench(other)
        let text = try bench.value("$of($ci)").str.bytes
        #expect(text == "other@host")
        let received = other.message.received
        #expect(text.start < received.start || text.start >= received.start + received.count)
    }

    @Test func aNameMayBeLeftOutWhereItIsOptional() throws {
        let bench = try InnerVariableTests.bench(other)
        #expect(bench["$name"] == nil && bench["$name($ru)"] == "$ru" && bench["$name(ru)"] == "ru")
    }

    @Test(arguments: ["$of(no_such(x))", "$of($no_such(x))", "$of($hdr(To) x)", "$of()", "$of"])
    func whatIsNoVariableIsRefused(_ text: String) throws {
        let bench = try InnerVariableTests.bench(other)
        #expect(throws: ScriptBench.Wrong.self) { try bench.variable(text) }
    }

    @Test func aMistakeIsShownWhereItStands() throws {
        let registry = Registry()
        let owner = Declarer(name: "core", host: UnsafePointer(bitPattern: 8)!)
        try CoreVariables.declare(in: registry, owner: owner)
        try CoreFunctions.declare(in: registry, owner: owner)
        try registry.add(
            VariableDeclaration(
                owner: owner, name: "of", inner: InnerNameRule("$"), flags: 0, doc: "", get: { _, _ in -1 }, set: nil,
                user: nil))
        let diagnostics = Diagnostics()
        let tree = Parser.parse(
            Source(name: "test.cfg", text: "request_route {\n    $var(x) = $of($nonsense(x));\n}\n"),
            preprocessor: Preprocessor(diagnostics: diagnostics))
        let settings = Settings.build(tree, diagnostics: diagnostics)
        let program = Program.compile(tree, settings: settings, registry: registry, diagnostics: diagnostics)
        let remark = try #require(diagnostics.ordered.first)
        #expect(program == nil && remark.message == "unknown pseudo-variable `$nonsense`")
        #expect(remark.range?.line == 2 && (19...21).contains(remark.range?.column ?? 0))
    }
}
