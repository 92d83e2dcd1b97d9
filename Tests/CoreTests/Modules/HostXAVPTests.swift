import PluginAPI
import Testing

@testable import Core

/// The group `xavp`, as a module calls it beside a script that reads and writes the same values.
@Suite struct HostXAVPTests {
    private let api = HostTables.shared.xavp.pointee
    private let bench: ScriptBench

    init() throws { bench = try ScriptBench() }

    private func on<Result>(_ body: (UnsafePointer<apus_call>) -> Result) -> Result {
        bench.withCall { body($0) }
    }

    private func find(
        _ name: StaticString, _ index: Int64 = 0, kind: Int = APUS_XAVP, in list: OpaquePointer? = nil
    ) -> OpaquePointer? {
        on { api.find($0, UInt32(kind), list, apus_str(name), index) }
    }

    private func add(
        _ name: StaticString, _ number: Int64?, kind: Int = APUS_XAVP, to list: OpaquePointer? = nil
    ) -> OpaquePointer? {
        on { call in
            guard let number else { return api.add(call, UInt32(kind), list, apus_str(name), nil) }
            var value = apus_value(number)
            return api.add(call, UInt32(kind), list, apus_str(name), &value)
        }
    }

    private func facts(_ value: OpaquePointer?) -> apus_xavp_facts {
        var facts = apus_xavp_facts()
        facts.size = UInt32(MemoryLayout<apus_xavp_facts>.size)
        if let value { api.facts(value, &facts) }
        return facts
    }

    /// Names of the values of a list, in order.
    private func names(_ list: OpaquePointer?, kind: Int = APUS_XAVP) -> [String] {
        var names: [String] = []
        var next = on { api.first($0, UInt32(kind), list) }
        while let value = next {
            names.append(facts(value).name.string)
            next = api.next(value)
        }
        return names
    }

    @Test func whereThereIsNothingNothingIsFound() {
        #expect(find("a") == nil && names(nil).isEmpty && find("a", kind: 7) == nil)
        #expect(add("", 1) == nil && add("a", 1, kind: 3) == nil)
        #expect(bench["$xavp(a)"] == nil)
    }

    @Test func scriptsAndModulesSeeTheSame() throws {
        try bench.assign("$xavp(a=>x)", 1)
        try bench.assign("$xavp(a[0]=>y)", "text")
        let list = try #require(find("a"))
        #expect(facts(list).is_list == 1 && facts(list).value.isNull && names(list) == ["y", "x"])
        let field = facts(find("y", in: list))
        #expect(field.is_list == 0 && field.value.str.string == "text")

        #expect(add("z", 3, to: list) != nil && bench.number("$xavp(a=>z)") == 3)
        var number = apus_value(4 as Int64)
        #expect(on { api.set($0, list, &number) } > 0 && bench.number("$xavp(a)") == 4)
        #expect(names(list).isEmpty && add("z", 3, to: list) == nil, "it is no list any more")
        #expect(on { api.set($0, list, nil) } > 0 && bench["$xavp(a)"] == "<<xavp>>")
        #expect(add("inner", nil, to: list) == nil, "fields are no lists")
    }

    @Test func theNewestStandsInFront() throws {
        let values = [add("a", 1), add("a", 2), add("b", 3), add("a", 4)]
        #expect(values.allSatisfy { $0 != nil } && names(nil) == ["a", "b", "a", "a"])
        #expect(find("a") == values[3] && find("a", 2) == values[0] && find("a", -1) == values[0])
        #expect(find("a", 3) == nil && find("a", -4) == nil)

        let first = try #require(values[3])
        on { api.move($0, UInt32(APUS_XAVP), nil, first, values[0]) }
        #expect(names(nil) == ["b", "a", "a", "a"] && bench["$xavp(a[*])"] == "2, 1, 4")
        on { api.move($0, UInt32(APUS_XAVP), nil, first, nil) }
        on { api.move($0, UInt32(APUS_XAVP), nil, first, first) }
        #expect(bench["$xavp(a[*])"] == "4, 2, 1")
        on { api.remove($0, UInt32(APUS_XAVP), nil, first) }
        // It is gone, and stays so.
        on { api.remove($0, UInt32(APUS_XAVP), nil, first) }
        on { api.move($0, UInt32(APUS_XAVP), nil, first, nil) }
        #expect(bench["$xavp(a[*])"] == "2, 1" && names(nil) == ["b", "a", "a"])
    }

    @Test func eachKindHasItsNames() throws {
        #expect(add("a", 1) != nil && add("A", 2, kind: APUS_XAVI) != nil)
        #expect(find("A") == nil && find("a", kind: APUS_XAVI) != nil && find("a", kind: APUS_XAVU) == nil)
        let unique = add("u", 1, kind: APUS_XAVU)
        #expect(unique != nil && add("u", 2, kind: APUS_XAVU) == unique && names(nil, kind: APUS_XAVU) == ["u"])
        #expect(bench.number("$xavu(u)") == 2)
        let list = try #require(add("u", nil, kind: APUS_XAVU))
        #expect(list == unique && bench["$xavu(u)"] == "<<xavp>>")
        let field = add("f", 1, kind: APUS_XAVU, to: list)
        #expect(field != nil && add("f", 5, kind: APUS_XAVU, to: list) == field && bench.number("$xavu(u=>f)") == 5)
    }

    @Test func theVariablesOfAScriptAreNamed() throws {
        let vars = HostTables.shared.vars.pointee
        try bench.assign("$var(y)", 7)
        var found: [String: Int64] = [:]
        on { call in
            var name = apus_str()
            var number: UInt32 = 0
            while let variable = vars.script_variable(call, number, &name) {
                var value = apus_value()
                if vars.get(call, variable, &value) > 0 { found[name.string] = value.num }
                number += 1
            }
        }
        // $vz shares its names with $var, $vn does not.
        #expect(found == ["x": 0, "y": 7, "n": 0, "z": 0])
    }
}
