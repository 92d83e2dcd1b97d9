import PluginAPI
import Testing

@testable import Core

@Suite struct ModuleReportTests {
    @Test func aModuleWithEverything() throws {
        let test = TestModules()
        let place = permanent(Int64(0))
        let text = permanent(apus_str())
        try test.add("sample", needs: "tm/1 db/1?", aliases: ["old_sample"]) { host in
            let names: (StaticString, StaticString, StaticString) = ("group", "seen", "sample/1")
            let table = permanent(UInt32(4))
            var variable = apus_pv(
                size: UInt32(MemoryLayout<apus_pv>.size), flags: 0, name: names.0.cString, inner: names.1.cString,
                doc: names.2.cString, get: { _, _ in -1 }, set: { _, _ in 1 }, user: nil, ask: nil)
            return min(
                host.number("expires", into: place, initial: "60", range: 1...90),
                host.text("table", into: text, initial: "location"),
                host.setter("each") { _, _, _ in 1 }, host.function("save", "domain:string, flags:int?"),
                host.function("look", routes: APUS_REQUEST_ROUTE, flags: UInt32(APUS_MAY_SUSPEND)),
                host.function("old_look", flags: UInt32(APUS_DEPRECATED)),
                host.pointee.vars.pointee.add_variable(host, &variable),
                host.pointee.events.pointee.add(host, names.1.cString, names.1.cString),
                CInt(host.pointee.stats.pointee.add(host, names.0.cString, names.1.cString, names.1.cString)),
                host.pointee.publish(host, names.2.cString, table))
        }
        test.load("modparam(\"sample\", \"expires\", 5)")
        let sample = try #require(test.modules.module(named: "sample"))
        #expect(
            ModuleReport.describe(sample, test.modules) == """
                sample 1.0
                  A module of the tests
                  file: /test/sample.so
                  also known as: old_sample
                  needs: tm/1, db/1 (if there)
                  offers: sample/1

                Parameters
                  expires (int, 1 to 90, default 60, set to 5)
                      A number of the tests.
                  table (string, default "location")
                      A text of the tests.
                  each (int or string, may be repeated)
                      A value of the tests.

                Functions
                  look()
                      Does nothing.
                      in: request; may suspend
                  save(domain:string, flags:int?)
                      Does nothing.
                      in: any route

                Pseudo-variables
                  $group(seen) (can be assigned)
                      sample/1

                Events
                  event_route[sample:seen]
                      seen

                Statistics
                  group:seen
                      seen

                """)
    }

    @Test func theListOfAll() {
        let test = TestModules(folders: [TestModules.products])
        let list = ModuleReport.list(test.modules)
        let lines = list.split(separator: "\n").map(String.init)
        #expect(lines.contains { $0.hasPrefix("hello ") && $0.hasSuffix("The smallest module, in Swift") })
        #expect(lines.contains { $0.hasPrefix("hello_c ") })
        #expect(lines == lines.sorted())
        #expect(ModuleReport.list(TestModules(folders: ["/nowhere"]).modules) == "There are no modules in /nowhere.\n")
    }

    @Test func oneByItsName() throws {
        let test = TestModules(folders: [TestModules.products])
        let text = try #require(ModuleReport.describe("hello.so", test.modules))
        #expect(text.hasPrefix("hello 1.0\n"))
        #expect(text.contains("hello(text:format)"))
        #expect(ModuleReport.describe("hello", test.modules) == text)
        #expect(ModuleReport.describe("nothing", test.modules) == nil)
        #expect(test.diagnostics.errors == 1)
    }
}
