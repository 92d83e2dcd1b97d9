import PluginAPI
import Testing

@testable import Core

/// A setter that adds what it is given to an array.
private let noteValue: ParameterDeclaration.Setter = { _, value, user in
    let isText = value.pointee.kind == UInt32(APUS_STRING)
    let text = isText ? "s:" + value.pointee.str.string : "i:\(value.pointee.num)"
    user!.assumingMemoryBound(to: [String].self).pointee.append(text)
    return 1
}

@Suite struct ParameterTests {
    /// Modules usrloc and registrar with parameters, and what a config does to them.
    private final class Fixture {
        let test = TestModules()
        let expires = permanent(Int64(-1))
        let mode = permanent(Int64(-1))
        let name = permanent(apus_str())
        let registrarExpires = permanent(Int64(-1))
        /// What the setter was given.
        let given = permanent([String]())

        init() throws {
            try test.add("usrloc", aliases: ["location"]) { [self] host in
                min(
                    host.number("expires", into: expires, initial: "3600", range: 1...86400),
                    host.number("mode", into: mode, initial: "yes"),
                    host.text("table", into: name, initial: "location"),
                    host.setter("each", user: given, noteValue))
            }
            try test.add("registrar") { [self] host in host.number("expires", into: registrarExpires) }
            #expect(test.remarks.isEmpty)
        }
    }

    @Test func defaultsAreInForceAtOnce() throws {
        let it = try Fixture()
        #expect(it.expires.pointee == 3600)
        #expect(it.mode.pointee == 1)
        #expect(it.name.pointee.string == "location")
        #expect(it.registrarExpires.pointee == 0)
    }

    @Test func valuesArrive() throws {
        let it = try Fixture()
        it.test.load(
            """
            modparam("usrloc", "expires", 60)
            modparam("usrloc", "mode", no)
            modparam("usrloc", "table", "contacts")
            modparam("usrloc", "each", -5)
            modparam("usrloc", "each", "a=b")
            """)
        #expect(it.test.remarks.isEmpty)
        #expect(it.expires.pointee == 60)
        #expect(it.mode.pointee == 0)
        #expect(it.name.pointee.string == "contacts")
        #expect(it.given.pointee == ["i:-5", "s:a=b"])
        #expect(it.test.modules.settings["usrloc:table"]?.value == "\"contacts\"")
    }

    @Test(arguments: [
        "usrloc|registrar", "USRLOC|Registrar", "usrloc|reg.*", "location|registrar", "(usrloc|registrar)",
    ])
    func aPatternMeansAllThatItMatches(pattern: String) throws {
        let it = try Fixture()
        it.test.load("modparam(\"\(pattern)\", \"expires\", 77)")
        #expect(it.test.remarks.isEmpty)
        #expect(it.expires.pointee == 77 && it.registrarExpires.pointee == 77)
    }

    /// The peers take any number: the nearest that we can take is used.
    @Test(arguments: [("0", 1), ("99999", 86400)] as [(String, Int64)])
    func aNumberOutOfRange(written: String, used: Int64) throws {
        let it = try Fixture()
        it.test.load("modparam(\"usrloc\", \"expires\", \(written))")
        #expect(it.expires.pointee == used)
        #expect(
            it.test.remarks == [
                "1:31 warning: parameter `expires` of module `usrloc` is a number from 1 to 86400, not \(written): "
                    + "\(used) is used"
            ])
    }

    @Test func aPatternIsAnchored() throws {
        let it = try Fixture()
        it.test.load("modparam(\"usr\", \"expires\", 77)")
        #expect(it.expires.pointee == 3600)
        #expect(it.test.remarks == ["1:11 error: module `usr` is not loaded"])
    }

    @Test(arguments: [
        (
            "modparam(\"usrloc\", \"expirse\", 1)",
            "1:20 error: module `usrloc` has no parameter `expirse` | did you mean `expires`?"
        ),
        (
            "modparam(\"registrar\", \"zzz\", 1)",
            "1:23 error: module `registrar` has no parameter `zzz` | it has `expires`"
        ),
        (
            "modparam(\"usrloc\", \"expires\", \"60\")",
            "1:31 error: parameter `expires` of module `usrloc` is a number, not the string \"60\""
        ),
        (
            "modparam(\"usrloc\", \"table\", 5)",
            "1:29 error: parameter `table` of module `usrloc` is a string, not the number 5"
        ),
        ("modparam(\"usrlco\", \"expires\", 60)", "1:11 error: module `usrlco` is not loaded | did you mean `usrloc`?"),
        ("modparam(\"x|y\", \"expires\", 60)", "1:11 error: no module that matches `x|y` is loaded"),
        (
            "modparam(\"usrloc(\", \"expires\", 60)",
            "1:18 error: `usrloc(` is no expression for module names: missing closing parenthesis"
        ),
    ])
    func mistakes(config: String, expected: String) throws {
        let it = try Fixture()
        it.test.load(config)
        #expect(it.test.remarks == [expected])
        #expect(it.expires.pointee == 3600)
    }

    @Test func theLastValueCounts() throws {
        let it = try Fixture()
        it.test.load("modparam(\"usrloc\", \"expires\", 60)\nmodparam(\"usrloc|registrar\", \"expires\", 90)")
        #expect(it.expires.pointee == 90 && it.registrarExpires.pointee == 90)
        #expect(
            it.test.remarks == ["2:1 warning: parameter `expires` of module `usrloc` is set again: this value counts"])
        let note = try #require(it.test.diagnostics.all[0].notes.first)
        #expect(note.text == "it was set to 60 here" && note.range?.line == 1)
    }

    @Test func modparamxFillsInVariables() throws {
        let it = try Fixture()
        it.test.modules.evaluator = Modules.constants { $0 == Array("$def(X)".utf8) ? Array("filled".utf8) : $0 }
        it.test.load("modparamx(\"usrloc\", \"table\", \"$def(X)\")\nmodparamx(\"usrloc\", \"table\", \"$rU\")")
        #expect(it.name.pointee.string == "filled")
        #expect(it.test.remarks == ["2:30 error: only $env(…) and $def(…) have a value before the server runs"])
    }

    @Test func aModuleThatIsLoadedFurtherDown() throws {
        let test = TestModules(folders: [TestModules.products])
        test.load("modparam(\"maxfwd\", \"max_limit\", 10)\nloadmodule \"maxfwd.so\"")
        #expect(
            test.remarks == [
                "1:11 error: module `maxfwd` is not loaded yet | move this line below its loadmodule line"
            ])
        #expect(test.diagnostics.all[0].notes.first?.range?.line == 2)
    }

    @Test func aModuleThatIsThereButNotLoaded() throws {
        let test = TestModules(folders: [TestModules.products])
        test.load("modparam(\"maxfwd\", \"max_limit\", 10)")
        #expect(
            test.remarks == [
                "1:11 error: module `maxfwd` is not loaded | load it before this line: loadmodule \"maxfwd.so\""
            ])
    }

    /// Declarations that the host refuses, each with its reason.
    @Test func refusedDeclarations() throws {
        func reasons(_ declare: (UnsafePointer<apus_host>) -> CInt) throws -> LoadedModule.Outcome {
            try TestModules().add("sample", declare: declare).outcome
        }
        let place = permanent(Int64(0))
        #expect(
            try reasons { $0.number("x y", into: place) }
                == .failed(reasons: ["add_parameter: `x y` is no name for a parameter"]))
        #expect(
            try reasons { $0.number("x", into: place, range: 5...5) } == .done)
        #expect(
            try reasons { $0.number("x", into: place, initial: "ten") }
                == .failed(reasons: ["add_parameter: the default of x is no number: \"ten\""]))
        #expect(
            try reasons { $0.setter("x", kind: 9) { _, _, _ in 1 } }
                == .failed(reasons: ["add_parameter: x has the unknown kind 9"]))
        #expect(
            try reasons { $0.setter("x", flags: 6) { _, _, _ in 1 } }
                == .failed(reasons: ["add_parameter: the flags of x have unknown bits: 0x6"]))
    }
}
