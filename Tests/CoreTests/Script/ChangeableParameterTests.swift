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
        #expect(all.sorted.map { $0.group + "." + $0.name } == ["core.debug", "pstn.x", "tm.b", "tm.a"])
        #expect(all.number("tm", "a") == 3 && all.number("tm", "x") == nil)
        all.add(parameter("pstn", "x", isNumber: false))
        #expect(all.all.count == 4 && !all.all[1].isNumber)
        #expect(all.names(in: "tm") == ["b", "a"] && all.names(in: "no") == nil)
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
