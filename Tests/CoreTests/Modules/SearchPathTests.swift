import Glibc
import Testing

@testable import Core

@Suite struct SearchPathTests {
    @Test func theOrderOfTheSearch() {
        var path = SearchPath(commandLine: ["/cl"], configured: ["/a", "/b"], builtIn: ["/built", "/a"])
        #expect(path.folders == ["/cl", "/a", "/b", "/built"])
        path.configured = SearchPath.folders(in: "/c/:/d//::/")
        #expect(path.folders == ["/cl", "/c", "/d", "/", "/built", "/a"])
    }

    @Test(arguments: ["tm", "tm.so"])
    func placesOfAPlainName(name: String) {
        let path = SearchPath(configured: ["/a", "/b"])
        #expect(
            path.candidates(for: name) == [
                "/a/tm.so", "/a/tm/tm.so", "/a/libtm.so", "/b/tm.so", "/b/tm/tm.so", "/b/libtm.so",
            ])
    }

    @Test func placesOfARelativePath() {
        let path = SearchPath(configured: ["/a"])
        #expect(path.candidates(forRelative: "my/tm") == ["my/tm.so", "/a/my/tm.so"])
    }

    @Test(arguments: [
        "/usr/lib/ser/modules/tm.so", "/usr/local/lib/openser/modules/tm.so", "/usr/lib64/kamailio/modules_k/tm.so",
        "/usr/lib/x86_64-linux-gnu/kamailio/modules/tm.so", "modules/tm/tm.so", "/src/modules_s/tm/tm.so",
    ])
    func pathsOfOtherServers(path: String) { #expect(SearchPath.isForeign(path)) }

    @Test(arguments: [
        "/opt/apus/lib/apus/modules/tm.so", "/home/me/tm.so", "tm.so", "modules/tm.so", "my/modules/x/tm.so",
    ])
    func pathsOfOurs(path: String) { #expect(!SearchPath.isForeign(path)) }

    @Test func entriesHaveUnderscores() {
        #expect(ModuleFile.entry(of: "rtpproxy-ng") == "rtpproxy_ng")
        #expect(SearchPath.baseName("/x/librtpproxy-ng.so") == "librtpproxy-ng")
    }

    // MARK: - Finding real files

    private func load(_ written: String, configured: [String] = []) -> (TestModules, [String]) {
        let test = TestModules(folders: [TestModules.products])
        test.modules.path.configured = configured
        test.load("loadmodule \"\(written)\"")
        return (test, test.registry.modules)
    }

    @Test(arguments: ["hello", "hello.so", "libhello.so", "libhello"])
    func aModuleIsFoundByItsName(written: String) {
        let (test, loaded) = load(written)
        #expect(loaded == ["hello"])
        #expect(test.remarks.isEmpty)
    }

    @Test func anAbsolutePathIsTakenAsItIs() {
        let (test, loaded) = load("\(TestModules.products)/libhello.so")
        #expect(loaded == ["hello"])
        #expect(test.remarks.isEmpty)
        let (other, none) = load("/nowhere/hello.so")
        #expect(none.isEmpty)
        #expect(
            other.remarks == [
                "1:12 error: there is no `/nowhere/hello.so` | `\(TestModules.products)/libhello.so` is found by its name "
                    + "alone: loadmodule \"hello.so\""
            ])
        #expect(other.diagnostics.all[0].notes.map(\.text) == ["tried /nowhere/hello.so"])
    }

    @Test(arguments: ["/usr/local/lib/ser/modules/hello.so", "modules/hello/hello.so"])
    func aPathOfAnotherServerFallsBackToTheName(written: String) {
        let (test, loaded) = load(written)
        #expect(loaded == ["hello"])
        #expect(
            test.remarks == [
                "1:12 notice: `\(written)` belongs to another server: loading `\(TestModules.products)/libhello.so`"
            ])
    }

    @Test func aForeignFileInTheConfiguredFolderIsPassedOver() throws {
        let zoo = try Zoo.folder.get()
        #expect(Zoo.run("mkdir", ["-p", "\(zoo)/kamailio"]) == 0)
        #expect(Zoo.run("cp", ["\(zoo)/foreign.so", "\(zoo)/kamailio/hello.so"]) == 0)
        let (test, loaded) = load("hello.so", configured: ["\(zoo)/kamailio"])
        #expect(loaded == ["hello"])
        #expect(test.remarks.isEmpty)
        let (direct, also) = load("\(zoo)/kamailio/hello.so")
        #expect(also == ["hello"])
        #expect(direct.diagnostics.all.map(\.severity) == [.notice])
    }

    @Test func brokenFilesAreNoModules() throws {
        let whole = try Syscalls.readFile("\(TestModules.products)/libhello_c.so")
        #expect(ModuleFile.exports(of: whole) == ["apus_module_hello_c"])
        #expect(ModuleFile.exports(of: []).isEmpty)
        for size in stride(from: 0, to: whole.count, by: max(1, whole.count / 200)) {
            _ = ModuleFile.exports(of: Array(whole[..<size]))
        }
        // Every header field at its largest.
        for place in 16..<64 {
            var broken = whole
            broken[place] = 0xff
            _ = ModuleFile.exports(of: broken)
        }
        #expect(ModuleFile("/etc/passwd")?.content == .other)
        #expect(ModuleFile("/etc") == nil)
    }

    // MARK: - Paths and old names in configs

    @Test func loadpathReplacesAnEarlierOne() {
        let test = TestModules()
        test.load("mpath=\"/nowhere\"\nloadpath \"\(TestModules.products)\"\nloadmodule \"hello\"")
        #expect(test.registry.modules == ["hello"])
        #expect(test.remarks == ["1:7 warning: there is no folder `/nowhere`"])
    }

    @Test func anOldNameStandsForTodays() {
        let test = TestModules(folders: [TestModules.products])
        test.load("loadmodule \"options.so\"\nmodparam(\"options\", \"nothing\", 1)")
        #expect(test.registry.modules == ["siputils"])
        #expect(test.remarks.count == 1 && test.remarks[0].contains("module `siputils` has no parameter `nothing`"))
    }

    @Test func anOldNameOfWhichOneHalfIsThere() throws {
        var template = Array(("/tmp/apus-half-" + String(repeating: "X", count: 6)).utf8CString)
        let folder = String(cString: try #require(mkdtemp(&template)))
        defer {
            unlink(folder + "/siputils.so")
            rmdir(folder)
        }
        symlink(TestModules.products + "/libsiputils.so", folder + "/siputils.so")
        let half = TestModules(folders: [folder])
        half.load("loadmodule \"uri.so\"")
        #expect(half.registry.modules == ["siputils"])
        #expect(half.remarks == ["1:12 warning: `uri` is siputils and uri_db today; there is no `uri_db`"])
        let whole = TestModules(folders: [TestModules.products])
        whole.load("loadmodule \"uri.so\"")
        #expect(whole.registry.modules == ["siputils", "uri_db"] && whole.remarks.isEmpty)
    }

    @Test func aModuleThatIsPlannedIsCalledSo() {
        let test = TestModules(folders: [TestModules.products])
        test.load("loadmodule \"cpl-c.so\"")
        #expect(test.remarks == ["1:12 error: there is no module `cpl-c`"])
        #expect(
            test.diagnostics.all[0].notes.first?.text
                == "`cpl-c` is cplc today; planned, tier 4: this build does not have it")
    }

    @Test func loadmodulexFillsInTheEnvironment() {
        let test = TestModules(folders: [TestModules.products])
        test.load("loadmodulex \"$env(NO_SUCH_VARIABLE)hello.so\"\nloadmodulex \"$var(x).so\"")
        #expect(test.registry.modules == ["hello"])
        #expect(test.remarks == ["2:13 error: only $env(…) and $def(…) have a value before the server runs"])
    }
}
