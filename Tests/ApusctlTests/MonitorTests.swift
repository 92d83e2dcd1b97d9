import BinRPC
import Testing

@testable import apusctl

@Suite struct MonitorTests {
    private func reading(at: Int, total: Int64, requests: Int64?) -> Reading {
        var tm = Reading.Part()
        for name in ["waiting", "total_local", "rpl_generated", "6xx", "5xx", "4xx", "3xx", "2xx"] {
            tm.figures[name] = 0
        }
        tm.figures["current"] = 7
        tm.figures["total"] = total
        var core = Reading.Part()
        for name in ["rcv_requests", "fwd_requests", "drop_requests", "err_requests"] {
            core.figures[name] = requests ?? 0
        }
        return Reading(
            at: at, server: "Apus (1)", now: "Sat Nov 21 15:46:35 2026", since: "Sat Nov 21 15:34:03 2026", uptime: 752,
            sections: [
                tm, Reading.Part(absent: "404 there is no command sl.stats"), Reading.Part(absent: "no"),
                requests == nil ? Reading.Part(absent: "no") : core,
            ])
    }

    @Test func theScreenIsTheGuides() {
        #expect(
            Screen.lines(reading(at: 0, total: 10, requests: nil), before: nil, cycle: 1) == [
                "[cycle #: 1; if constant make sure server lives and fifo is on]", "Server: Apus (1)",
                "Now: Sat Nov 21 15:46:35 2026", "Up Since: Sat Nov 21 15:34:03 2026", "Up time: 752 [sec]", "",
                "Transaction Statistics", "Current: 7 (0 waiting) Total: 10 (0 local)", "Replied localy: 0",
                "Completion status 6xx: 0, 5xx: 0, 4xx: 0, 3xx: 0,2xx: 0", "Stateless Server Statistics",
                "(404 there is no command sl.stats)",
            ])
    }

    @Test func ratesStandBesideWhatGrows() {
        let before = reading(at: 1000, total: 10, requests: 100)
        let now = reading(at: 3000, total: 61, requests: 100)
        let lines = Screen.lines(now, before: before, cycle: 2)
        #expect(lines.contains("Current: 7 (0 waiting) Total: 61 [25.5/s] (0 local)"))
        #expect(lines.contains("requests received: 100 forwarded: 100 dropped: 100 failed: 100"))
        // Figures that were reset have no rate.
        #expect(Screen.lines(before, before: now, cycle: 3).contains("Current: 7 (0 waiting) Total: 10 (0 local)"))
        let json = Screen.json(now, before: before, cycle: 2).text
        #expect(json.hasPrefix(#"{"cycle":2,"server":"Apus (1)","now":"#))
        #expect(json.contains(#""total":61,"#) && json.contains(#""total":25.5,"#) && !json.contains(#""sl":"#))
    }

    @Test func templatesReadWhatTheyWrite() throws {
        for section in Section.all {
            for template in section.templates {
                var figures: [String: Int64] = [:]
                for piece in template.pieces {
                    switch piece {
                    case .text: break
                    case .count(let name), .level(let name): figures[name] = Int64(figures.count * 11)
                    }
                }
                let line = try #require(template.line(figures, rate: { _ in nil }))
                #expect(template.figures(line + "      ") == figures)
                #expect(template.figures(line + "x") == nil)
                #expect(template.line([:], rate: { _ in nil }) == nil)
            }
        }
        #expect(Template("a {~b} c").pieces == [.text("a "), .level("b"), .text(" c")])
    }

    @Test func theFIFOsLinesAreUnderstood() {
        var reading = Reading()
        for line in [
            "Server: Apus (1 (x86_64/linux))", "Now: Sat Nov 21 15:46:35 2026", "Up Since: Sat", "Up time: 12 [sec]",
            "",
        ] {
            reading.take(line)
        }
        #expect(reading.server == "Apus (1 (x86_64/linux))")
        #expect(reading.now == "Sat Nov 21 15:46:35 2026" && reading.since == "Sat" && reading.uptime == 12)
    }

    @Test func theManagementInterfacesLinesAreUnderstood() {
        var reading = Reading()
        for line in ["Server:: Apus (1)", "Up since:: Sat 1:2", "Up time:: 12 [sec]"] { reading.take(line) }
        #expect(reading.server == "Apus (1)" && reading.since == "Sat 1:2" && reading.uptime == 12)
        #expect(Reading.miFigure("\t2xx:: 15")?.0 == "2xx")
        #expect(Reading.miFigure("\t2xx:: 15")?.1 == 15)
        #expect(Reading.miFigure("200: 5 202: 7") == nil)
        #expect(Reading.miFigure("name:: text") == nil)
    }

    @Test func ratesRoundAndNeverOverflow() {
        let part = { (value: Int64) in Reading.Part(figures: ["a": value]) }
        #expect(Rates(part(1), part(0), milliseconds: 3000).text("a") == "0.3/s")
        #expect(Rates(part(1), part(0), milliseconds: 0).text("a") == nil)
        #expect(Rates(part(.max), part(0), milliseconds: 1).text("a") == nil)
        #expect(Rates(part(5), nil, milliseconds: 1000).tenths("a") == nil)
        #expect(Rates(part(5), part(5), milliseconds: 1000).tenths("a") == 0)
    }
}
