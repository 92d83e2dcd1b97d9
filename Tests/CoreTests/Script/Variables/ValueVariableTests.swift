import Glibc
import PluginAPI
import Testing

@testable import Core

@Suite struct ValueVariableTests {
    @Test func constants() throws {
        let bench = try ScriptBench()
        #expect(bench["$null"] == nil && bench.number("$true") == 1 && bench["$$"] == "$")
        bench.run.pointee.rc = -7
        #expect(bench.number("$rc") == -7 && bench.number("$retcode") == -7 && bench.number("$?") == -7)
        #expect(bench["$En"] == "\n" && bench["$Er"] == "\r" && bench["$Et"] == "\t" && bench["$Es"] == " ")
        #expect(bench["$Ec"] == "," && bench["$Eq"] == "\"" && bench["$Ek"] == "'" && bench["$Ei"] == ":")
        #expect(bench["$Ej"] == ";" && bench["$Eb"] == "\\" && bench["$Ev"] == "`")
        #expect(bench.number("$K(IPv4)") == 2 && bench.number("$K(INET6)") == 10 && bench.number("$K(UDP)") == 1)
        #expect(bench.number("$K(WSS)") == 6 && bench.number("$K(TLS)") == 3)
        #expect(bench["$env(PATH)"] == getenv("PATH").map { String(cString: $0) } && bench["$env(NO_SUCH_NAME)"] == nil)
        #expect(bench.number("$envn(NO_SUCH_NAME)") == 0)
        #expect(throws: ScriptBench.Wrong.self) { try bench.assign("$true", 2) }
    }

    @Test func runVariables() throws {
        let bench = try ScriptBench()
        #expect(bench.number("$var(x)") == 0 && bench["$vn(x)"] == nil)
        #expect(try bench.assign("$var(x)", "text") && bench["$var(x)"] == "text" && bench["$vz(x)"] == "text")
        #expect(bench["$vn(x)"] == nil && bench.number("$var(y)") == 0)
        #expect(try bench.clear("$var(x)") && bench.number("$var(x)") == 0)
        #expect(
            try bench.assign("$vn(x)", 5) && bench.number("$vn(x)") == 5 && bench.clear("$vn(x)")
                && bench["$vn(x)"] == nil)
    }

    @Test func evaluatedTexts() throws {
        let bench = try ScriptBench()
        try bench.assign("$var(x)", "a")
        #expect(bench["$_s(x=$var(x), $rm and $vn(x))"] == "x=a, INVITE and <null>")
        #expect(bench["$(_s($var(x)$var(x)){s.len})"] == "2" && bench["$_s(plain)"] == "plain")
    }

    @Test func sharedVariables() throws {
        let name = "test_\(Syscalls.random())"
        let bench = try ScriptBench()
        let other = try ScriptBench()
        #expect(bench.number("$shv(\(name))") == 0)
        #expect(try bench.assign("$shv(\(name))", "a longer text than sixteen bytes"))
        #expect(other["$shv(\(name))"] == "a longer text than sixteen bytes")
        #expect(try other.assign("$shv(\(name))", "short") && bench["$shv(\(name))"] == "short")
        #expect(try other.assign("$shv(\(name))", 41) && bench.number("$shvinc(\(name))") == 42)
        #expect(bench.number("$shv(\(name))") == 42 && other.number("$shvinc(\(name))") == 43)
        #expect(try bench.clear("$shv(\(name))") && other.number("$shv(\(name))") == 0)
    }

    @Test func sharedVariablesAreCountedInOneStep() throws {
        let table = SharedVariables()
        let name = Bytes("counter")
        let box = TableBox(table: table)
        var threads: [pthread_t] = []
        for _ in 0..<4 {
            var thread = pthread_t()
            let result = pthread_create(
                &thread, nil,
                { raw in
                    let box = Unmanaged<TableBox>.fromOpaque(raw!).takeUnretainedValue()
                    for _ in 0..<1000 { _ = box.table.increment(Bytes("counter")) }
                    return nil
                }, Unmanaged.passUnretained(box).toOpaque())
            try #require(result == 0)
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
        #expect(box.table.get(name) { $0 }.num == 4000)
    }

    final class TableBox: @unchecked Sendable {
        let table: SharedVariables
        init(table: consuming SharedVariables) { self.table = table }
    }

    @Test func avpsAreAStack() throws {
        let bench = try ScriptBench()
        #expect(bench["$avp(a)"] == nil && bench["$(avp(a)[*])"] == nil)
        #expect(try bench.assign("$avp(a)", "one") && bench.assign("$avp(a)", 2) && bench.assign("$avp(a)", "three"))
        #expect(bench["$avp(a)"] == "three" && bench.number("$(avp(a)[1])") == 2 && bench["$(avp(a)[-1])"] == "one")
        #expect(
            bench["$(avp(a)[3])"] == nil && bench["$(avp(a)[-4])"] == nil && bench["$(avp(a)[*])"] == "three, 2, one")
        #expect(bench["$avp(s:a)"] == "three" && bench["$avp(A)"] == nil && bench["$avp(i:1)"] == nil)
        #expect(bench.number("$cnt($avp(a))") == 3 && bench.number("$cnt($avp(b))") == 0)
        #expect(bench.number("$cnt($rm)") == 1 && bench.number("$cnt($du)") == 0)
        #expect(bench.number("$cnt($xavp(x))") == 0)
        #expect(try bench.assign("$xavp(x=>f)", "1") && bench.assign("$xavp(x=>f)", "2"))
        #expect(try bench.assign("$xavp(x[0]=>f)", "3"))
        #expect(bench.number("$cnt($xavp(x))") == 2 && bench.number("$cnt($xavp(x=>f))") == 2)
        #expect(try bench.clear("$avp(a)") && bench.number("$avp(a)") == 2)
        #expect(try bench.assign("$(avp(a)[*])", "only") && bench["$(avp(a)[*])"] == "only")
        #expect(try bench.assign("$avp(a)", "top") && bench.clear("$(avp(a)[*])") && bench["$avp(a)"] == nil)
        #expect(try bench.clear("$avp(a)") && bench.clear("$(avp(never)[*])"))
    }

    @Test func avpNames() throws {
        let bench = try ScriptBench()
        #expect(try bench.assign("$avp(i:7)", "number") && bench["$avp(i:07)"] == "number" && bench["$avp(7)"] == nil)
        try bench.assign("$var(n)", "dynamic")
        #expect(
            try bench.assign("$avp($var(n))", "d") && bench["$avp(dynamic)"] == "d" && bench["$avp(s:$var(n))"] == "d")
        try bench.assign("$var(y)", -1)
        #expect(bench["$(avp(dynamic)[$var(y)])"] == "d")
    }

    @Test func whatWasReadOfAnAVPStaysWhenItIsRemoved() throws {
        let bench = try ScriptBench()
        try bench.assign("$avp(a)", "first value")
        let read = try bench.value("$avp(a)")
        try bench.clear("$avp(a)")
        try bench.assign("$avp(b)", "other value")
        #expect(read.str.string == "first value")
    }

    @Test func aSetOutlivesItsRunAndIsUsedAgain() throws {
        let bench = try ScriptBench()
        #expect(bench.run.pointee.avps == nil && bench["$avp(a)"] == nil && bench["$xavp(x)"] == nil)
        #expect(try bench.clear("$avp(a)") && bench.clear("$xavp(x)") && bench.run.pointee.avps == nil)
        try bench.assign("$avp(a)", "1")
        try bench.assign("$xavp(x=>f)", "v")
        let first = try #require(bench.run.pointee.avps)
        // Another owner keeps them beyond the run; the next run gets its own.
        first.retain()
        bench.startOver()
        #expect(bench["$avp(a)"] == nil)
        try bench.assign("$avp(a)", "2")
        #expect(bench.run.pointee.avps != first && bench["$avp(a)"] == "2")
        // A run that shares them sees and changes them.
        bench.startOver()
        first.retain()
        bench.run.pointee.avps = first
        #expect(bench["$avp(a)"] == "1" && bench["$xavp(x=>f)"] == "v")
        try bench.assign("$avp(b)", "long enough not to be kept anywhere by chance")
        bench.startOver()
        bench.run.pointee.avps = first
        #expect(bench["$avp(b)"] == "long enough not to be kept anywhere by chance" && bench["$avp(a)"] == "1")
        // With the last owner all ends, and the set is taken again, empty.
        bench.startOver()
        try bench.assign("$avp(c)", "3")
        #expect(bench.run.pointee.avps == first && bench["$avp(a)"] == nil && bench["$xavp(x=>f)"] == nil)
        #expect(bench["$avp(c)"] == "3")
    }

    @Test func runsWithTwoAVPsTakeNoMemoryAnew() throws {
        let bench = try ScriptBench()
        try bench.assign("$avp(one)", "a value of a usual length")
        try bench.assign("$avp(two)", 2)
        let set = try #require(bench.run.pointee.avps)
        let place = try #require(bench.run.avpList?.pointee.first)
        for _ in 0..<100 {
            bench.startOver()
            try bench.assign("$avp(one)", "a value of a usual length")
            try bench.assign("$avp(two)", 2)
            // The same set and the same bytes of its first chunk.
            #expect(bench.run.pointee.avps == set && bench.run.avpList?.pointee.first == place)
        }
    }

    @Test func xavps() throws {
        let bench = try ScriptBench()
        #expect(bench["$xavp(a)"] == nil && bench["$xavp(a=>b)"] == nil)
        #expect(
            try bench.assign("$xavp(a=>b)", "one") && bench["$xavp(a=>b)"] == "one" && bench["$xavp(a[0]=>b)"] == "one")
        // A further item on top.
        #expect(
            try bench.assign("$xavp(a=>b)", "two") && bench["$xavp(a=>b)"] == "two" && bench["$xavp(a[1]=>b)"] == "one")
        #expect(bench["$xavp(a[-1]=>b)"] == "one" && bench["$xavp(a[2]=>b)"] == nil)
        // A further value in an item.
        #expect(try bench.assign("$xavp(a[0]=>b)", 3) && bench.number("$xavp(a[0]=>b)") == 3)
        #expect(bench["$xavp(a=>b[1])"] == "two" && bench["$xavp(a=>b[*])"] == "3, two")
        #expect(
            try bench.assign("$xavp(a[0]=>c)", "c") && bench["$xavp(a=>c)"] == "c" && bench["$xavp(a[1]=>c)"] == nil)
        // One is replaced.
        #expect(try bench.assign("$xavp(a[0]=>b[1])", "TWO") && bench["$xavp(a=>b[*])"] == "3, TWO")
        #expect(bench["$xavp(a)"] == "<<xavp>>" && bench["$xavp(a[*])"] == "<<xavp>>, <<xavp>>")
        // No such item: nothing happens.
        #expect(try bench.assign("$xavp(none[0]=>b)", "x") && bench["$xavp(none=>b)"] == nil)
        #expect(try bench.clear("$xavp(a=>b)") && bench["$xavp(a=>b)"] == "TWO")
        #expect(
            try bench.clear("$xavp(a[0]=>b[*])") && bench["$xavp(a[0]=>b)"] == nil && bench["$xavp(a[0]=>c)"] == "c")
        #expect(try bench.clear("$xavp(a)") && bench["$xavp(a=>b)"] == "one")
        #expect(try bench.clear("$xavp(a[*])") && bench["$xavp(a=>b)"] == nil && bench.clear("$xavp(a)"))
    }

    @Test func xavpsWithoutFields() throws {
        let bench = try ScriptBench()
        #expect(try bench.assign("$xavp(v)", 1) && bench.assign("$xavp(v)", "two") && bench["$xavp(v[*])"] == "two, 1")
        #expect(try bench.assign("$xavp(v[1])", "one") && bench["$xavp(v[*])"] == "two, one")
        #expect(try bench.assign("$xavp(v[7])", "x") && bench["$xavp(v[*])"] == "two, one")
        #expect(bench["$xavp(v=>f)"] == nil)
        #expect(try bench.assign("$xavp(v[*])", "all") && bench["$xavp(v[*])"] == "all")
        try bench.assign("$var(y)", 0)
        #expect(bench["$xavp(v[$var(y)])"] == "all")
        for wrong in ["$xavp(v[x])", "$xavp(v[0)", "$xavp(=>f)", "$xavp(a=b)", "$xavp(a=>b=>c)"] {
            #expect(try !bench.assign(wrong, "x"), "\(wrong)")
        }
    }

    @Test func xaviIgnoresCaseAndXavuHasOneValue() throws {
        let bench = try ScriptBench()
        #expect(try bench.assign("$xavi(WhiteSpace=>Name)", "v") && bench["$xavi(whitespace=>NAME)"] == "v")
        #expect(bench["$xavp(WhiteSpace=>Name)"] == nil)
        #expect(try bench.assign("$xavu(a)", 1) && bench.assign("$xavu(a)", 2) && bench.number("$xavu(a)") == 2)
        #expect(
            try bench.assign("$xavu(b=>c)", "x") && bench.assign("$xavu(b=>c)", "y") && bench.assign("$xavu(b=>d)", "z")
        )
        #expect(bench["$xavu(b=>c)"] == "y" && bench["$xavu(b=>d)"] == "z" && bench["$xavu(b=>c[*])"] == "y")
        #expect(try bench.clear("$xavu(b=>c)") && bench["$xavu(b=>c)"] == nil && bench["$xavu(b=>d)"] == "z")
        #expect(try bench.clear("$xavu(b)") && bench["$xavu(b=>d)"] == nil && !bench.assign("$xavu(b[0])", 1))
    }

    @Test func times() throws {
        let bench = try ScriptBench()
        bench.message.routing.receivedTime = 1_700_000_000_123_456_789
        #expect(bench.number("$Ts") == 1_700_000_000 && bench.number("$TV(s)") == 1_700_000_000)
        #expect(bench.number("$TV(u)") == 123456)
        let now = bench.number("$TS") ?? 0
        #expect(now > 1_700_000_000 && abs((bench.number("$TV(sn)") ?? 0) - now) < 100)
        #expect((0..<1_000_000).contains(bench.number("$TV(un)") ?? -1))
        let exact = bench["$TV(Sn)"]?.split(separator: ".") ?? []
        #expect(exact.count == 2 && exact.last?.utf8.count == 6)
        #expect((bench.number("$TV(Sm)") ?? 0) / 1000 - now < 100)
        #expect(bench["$Tf"]?.hasSuffix("2023") == true && bench["$TF"] != nil && bench["$TV(Fn)"] != nil)
        #expect(
            (0...61).contains(bench.number("$time(sec)") ?? -1) && (1...12).contains(bench.number("$utime(mon)") ?? 0))
        #expect((bench.number("$utime(year)") ?? 0) > 2000 && (1...7).contains(bench.number("$time(wday)") ?? 0))
        #expect(bench["$utimef(%Y)"] == bench["$utime(year)"] && bench["$timef(at %H)"]?.hasPrefix("at ") == true)
    }

    @Test func theServer() throws {
        let bench = try ScriptBench()
        #expect(bench["$version(num)"] != nil && bench["$ksr(ver)"] == bench["$version(num)"])
        #expect(bench.number("$ksr(worker)") == 0 && bench["$stat(no_such_statistic)"] == nil)
        #expect(bench.number("$pp") != nil && bench.number("$sid") != nil && bench.number("$Tb") != nil)
    }

    @Test func everyVariableSurvivesEveryMessage() throws {
        // Each variable on messages that are broken in different ways: answers, whatever they are, and no crash.
        let messages = [
            Sample.invite, VariableSample.reply, "OPTIONS sip:a SIP/2.0\r\n\r\n", "SIP/2.0 200\r\n\r\n", "INVITE", "",
            VariableSample.invite("Via", "Via: SIP/2.0/UDP ;;;"), VariableSample.invite("From", "From: ,,,"),
            VariableSample.invite(adding: "Contact: <", "Route: \"", "Authorization: Digest =,=,\"", "Diversion: ;;"),
        ]
        var count = 0
        for text in messages {
            let bench = try ScriptBench(text, source: "")
            // `$$` has this form only.
            for declaration in bench.registry.variables.values where declaration.name != "$" {
                for form in ValueVariableTests.forms(declaration) {
                    guard let variable = try? bench.variable(form) else {
                        Issue.record("\(form) cannot be compiled")
                        continue
                    }
                    var value = apus_value.null
                    if bench.run.read(variable, into: &value) {
                        _ = bench.run.text(of: value)?.string
                        count += 1
                    }
                }
            }
        }
        #expect(count > 500)
    }

    static func forms(_ declaration: VariableDeclaration) -> [String] {
        var inners: [String]
        switch declaration.inner.names {
        case .none: inners = [""]
        case .variable: inners = ["($ru)"]
        case .any:
            switch declaration.name {
            case "Mf", "Sf", "Bf": inners = ["(3)"]
            case "sel": inners = ["(ruri.user)", "(via[2].host)", "(from.uri.params.x)", "(msg.header.Via[-1])"]
            case "cnt": inners = ["($avp(x))"]
            case "var", "vz", "vn": inners = ["(x)"]
            default: inners = ["(Via)", "(x)"]
            }
        case .oneOf(let names): inners = names.map { "(\($0))" }
        }
        return inners.flatMap { inner in
            let name = "\(declaration.name)\(inner)"
            return declaration.indexed
                ? ["$(\(name))", "$(\(name)[0])", "$(\(name)[-1])", "$(\(name)[*])", "$(\(name)[99])"] : ["$(\(name))"]
        }
    }
}
