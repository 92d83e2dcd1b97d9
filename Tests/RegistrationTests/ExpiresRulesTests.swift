import PluginKit
import Testing

@testable import Registration

@Suite struct ExpiresRulesTests {
    private func rules(_ change: (inout ExpiresRules) -> Void = { _ in }) -> ExpiresRules {
        var rules = ExpiresRules()
        change(&rules)
        return rules
    }

    @Test func whoseWordCounts() {
        let plain = rules()
        #expect(plain.period(parameter: nil, header: nil, random: nil) == .seconds(3600))
        #expect(plain.period(parameter: nil, header: 120, random: nil) == .seconds(120))
        #expect(plain.period(parameter: "90", header: 120, random: nil) == .seconds(90))
        #expect(plain.period(parameter: "0", header: 120, random: nil) == .seconds(0))
        #expect(plain.period(parameter: nil, header: 0, random: nil) == .seconds(0))
        for broken: apus_str in ["", "x", "-1", "+1", "4294967296", "12 ", "00000000001"] {
            #expect(plain.period(parameter: broken, header: 120, random: nil) == .seconds(3600), "\(broken.string)")
        }
        #expect(plain.period(parameter: "4294967295", header: nil, random: nil) == .seconds(4_294_967_295))
    }

    @Test func limits() {
        let raising = rules { ($0.least, $0.most) = (60, 600) }
        for (asked, given) in [("1", 60), ("59", 60), ("60", 60), ("600", 600), ("601", 600), ("0", 0)] {
            let period = withText(asked) { raising.period(parameter: $0, header: nil, random: nil) }
            #expect(period == .seconds(Int64(given)), "\(asked)")
        }
        let refusing = rules { ($0.least, $0.refusesBrief) = (60, true) }
        #expect(refusing.period(parameter: "59", header: nil, random: nil) == .tooBrief)
        #expect(refusing.period(parameter: "0", header: nil, random: nil) == .seconds(0))
        let low = rules { ($0.initial, $0.least) = (30, 60) }
        #expect(low.period(parameter: nil, header: nil, random: nil) == .seconds(60))
    }

    /// Periods become shorter at random, never longer, and never shorter than the least.
    @Test func spread() {
        let both = rules { ($0.initial, $0.initialSpread, $0.spread, $0.least) = (1000, 30, 10, 60) }
        for random in UInt64(0)...2000 {
            guard case .seconds(let own) = both.period(parameter: nil, header: nil, random: random),
                case .seconds(let asked) = both.period(parameter: "1000", header: nil, random: random),
                case .seconds(let brief) = both.period(parameter: "60", header: nil, random: random)
            else { return #expect(Bool(false), "\(random)") }
            #expect(700...1000 ~= own && 900...1000 ~= asked && brief == 60)
        }
        #expect(both.period(parameter: nil, header: nil, random: 300) == .seconds(700))
        #expect(both.period(parameter: nil, header: nil, random: 0) == .seconds(1000))
        #expect(both.period(parameter: "0", header: nil, random: 77) == .seconds(0))
    }
}

/// A text for the length of a call.
func withText<R>(_ text: String, _ body: (apus_str) -> R) -> R {
    var text = text
    return text.withUTF8 { body(apus_str(start: $0.baseAddress, count: $0.count)) }
}
