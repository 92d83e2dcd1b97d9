import PluginAPI
import Testing

@testable import Core

@Suite struct ChangeableParameterTests {
    private func parameter(
        _ group: String, _ name: String, isNumber: Bool = true, range: ClosedRange<Int64>? = nil
    ) -> ChangeableParameter {
        ChangeableParameter(
            group: group, name: name, doc: "A parameter of the tests.", isNumber: isNumber, range: range, apply: nil,
            read: { .null })
    }

    @Test func valuesAreHeldAgainstKindAndRange() {
        let number = parameter("a", "n", range: 1...9)
        #expect(number.mistake(in: apus_value(9 as Int64)) == nil)
        #expect(number.mistake(in: apus_value(10 as Int64)) == "is a number from 1 to 9, not 10")
        #expect(number.mistake(in: apus_value(apus_str("9"))) == "is a number")
        let text = parameter("a", "t", isNumber: false)
        #expect(text.mistake(in: apus_value(apus_str(""))) == nil)
        #expect(text.mistake(in: apus_value(1 as Int64)) == "is a text")
    }

    @Test func groupsStandTogetherAndTheCoreFirst() {
        let all = ChangeableParameters()
        for (group, name) in [("tm", "b"), ("pstn", "x"), ("core", "debug"), ("tm", "a")] {
            all.add(parameter(group, name))
        }
        #expect(names(all) == ["core.debug", "pstn.x", "tm.b", "tm.a"])
        #expect(all.number("tm", "a") == 3 && all.number("tm", "x") == nil)
        all.add(parameter("pstn", "x", isNumber: false))
        #expect(all.all.count == 4 && !all.all[1].isNumber)
        #expect(all.names(in: "tm") == ["b", "a"] && all.names(in: "no") == nil)
    }

    private func names(_ all: ChangeableParameters) -> [String] {
        all.listed.map { one in
            one.parameter.group + (one.instance.map { "[\($0)]" } ?? "") + "." + one.parameter.name
        }
    }

    @Test func wordsAndWhatIsFixed() {
        let facility = ChangeableParameter(
            group: "a", name: "t", doc: "", isNumber: false, range: nil, words: ["LOW", "HIGH"], apply: nil,
            read: { .null })
        #expect(facility.mistake(in: apus_value(apus_str("HIGH"))) == nil)
        #expect(facility.mistake(in: apus_value(apus_str("high"))) == "is one of LOW, HIGH, not \"high\"")
        let fixed = ChangeableParameter(
            group: "a", name: "n", doc: "", isNumber: true, range: nil, isFixed: true, apply: nil, read: { .null })
        #expect(fixed.mistake(in: apus_value(1 as Int64)) == "cannot change while the server runs")
    }

    @Test func instancesHaveTheirGroupsValuesUntilTheyHaveTheirOwn() {
        let all = ChangeableParameters()
        for name in ["calls", "label"] { all.add(parameter("limits", name)) }
        all.add(parameter("other", "x"))
        all.all[0].value = apus_value(5 as Int64)
        all.declareInstance("limits", 7, 0, apus_value(9 as Int64))
        all.addInstance("limits", -3)
        #expect(all.instanceCount == 2 && all.hasInstance("limits", -3) && !all.hasInstance("other", 7))
        #expect(
            names(all) == [
                "limits.calls", "limits.label", "limits[-3].calls", "limits[-3].label", "limits[7].calls",
                "limits[7].label", "other.x",
            ])
        #expect(all.value(0, of: 7).value.num == 9 && all.value(0, of: 7).isOwn)
        #expect(all.value(0, of: -3).value.num == 5 && !all.value(0, of: -3).isOwn)
        all.set(0, of: 7, .null)
        #expect(all.value(0, of: 7).value.num == 5 && all.initialValue(0, of: 7).num == 9)
        #expect(all.deleteInstance("limits", 7) && !all.deleteInstance("limits", 7))
        #expect(all.instanceCount == 1)
    }

    @Test func aWorkersTableFindsWhatItHas() {
        let all = ChangeableParameters()
        for group in ["a", "b", "c"] {
            for name in ["x", "y"] { all.add(parameter(group, name)) }
        }
        for id in Int64(-20)...20 where id % 2 == 0 {
            all.addInstance("b", id)
            all.set(3, of: id, apus_value(id * 10))
        }
        all.addInstance("c", 1)
        let table = all.makeTable()
        defer { table.free() }
        let (b, c) = (all.groupNumber("b") ?? 9, all.groupNumber("c") ?? 9)
        for id in Int64(-25)...25 {
            let isThere = id % 2 == 0 && abs(id) <= 20
            #expect(table.contains(b, id) == isThere)
            #expect(table.value(3, id)?.num == (isThere ? id * 10 : nil))
            #expect(table.value(2, id)?.num == nil && table.contains(c, id) == (id == 1))
        }
    }

    @Test(
        arguments: [
            ("limits", "limits", nil), ("limits[7]", "limits", 7), ("limits[-7]", "limits", -7),
            ("limits[x]", "limits[x]", nil),
            ("[7]", "[7]", nil), ("limits[]", "limits[]", nil), ("limits[7", "limits[7", nil),
        ] as [(String, String, Int64?)])
    func groupsAreReadAsTheyAreWritten(_ text: String, _ name: String, _ instance: Int64?) {
        let group = ConfigGroup(text)
        #expect(group.name == name && group.instance == instance)
    }

    @Test func selectsReadThem() throws {
        let all = ChangeableParameters()
        all.add(parameter("pstn", "gw_ip"))
        all.add(parameter("pstn", "gw_number"))
        func compile(_ path: String) throws(SelectPath.Mistake) -> CompiledSelect {
            try SelectPath.compile(path, parameters: all) { _ in apus_str() }
        }
        let select = try compile("cfg_get.pstn.gw_number")
        #expect(select.subject == .parameter && select.index == 1)
        let mistakes = [
            "cfg_get.pstn.gw_iq": "did you mean `gw_ip`?", "cfg_get.pstm.gw_ip": "did you mean `pstn`?",
            "cfg_get.pstn": "write its group and its name", "cfg_get.pstn[2].gw_ip": "write its group and its name",
        ]
        for (path, hint) in mistakes {
            let error = #expect(throws: SelectPath.Mistake.self) { try compile(path) }
            #expect(error?.hint == hint, "\(path)")
        }
    }
}
