import Testing

@testable import Core

/// Every refusal of the loader, by a module that has just that fault.
@Suite struct ZooTests {
    /// Loads one module of the zoo by its path.
    private func load(_ name: String, and config: String = "") throws -> (TestModules, remarks: [String]) {
        let folder = try Zoo.folder.get()
        let test = TestModules(folders: [folder])
        test.load("loadmodule \"\(name).so\"\n\(config)")
        return (test, test.remarks.map { $0.replacing(folder + "/", with: "") })
    }

    @Test(arguments: [
        ("no_entry", "there is no module `no_entry`"),
        (
            "wrong_magic",
            "`wrong_magic.so` describes no module: its magic number is 0x0badf00d, that of modules is 0x53555041"
                + " | begin the description with APUS_HEADER"
        ),
        (
            "short_descriptor",
            "the description in `short_descriptor.so` has 48 bytes; this server expects at least 80"
                + " | begin the description with APUS_HEADER"
        ),
        (
            "other_major",
            "`other_major.so` was built for module ABI 1.9; this server has 0.9: major versions must be equal"
                + " | build the module again with this server's headers"
        ),
        (
            "newer_minor",
            "`newer_minor.so` was built for module ABI 0.10; this server has 0.9: the module is newer than the server"
                + " | use a newer server, or build the module with this server's headers"
        ),
        (
            "older_minor",
            "`older_minor.so` was built for module ABI 0.8; this server has 0.9: before 1.0 minor versions must be equal"
                + " | build the module again with this server's headers"
        ),
        (
            "other_name",
            "the description in `other_name.so` is wrong: it says that its name is `another`, the file's is "
                + "`other_name`: they must be equal"
        ),
        ("nameless", "the description in `nameless.so` is wrong: the module's name is missing"),
        ("null_description", "`null_description.so` describes no module: its entry point answers null"),
        (
            "renamed",
            "`renamed.so` does not export apus_module_renamed, but apus_module_original"
                + " | a module's file is named as the module: was it renamed?"
        ),
        (
            "bad_needs",
            "the description in `bad_needs.so` is wrong: `tm` in its needs is no interface: write name/number, such as tm/1"
        ),
        ("unmet_need", "module `unmet_need` needs nowhere/1 | load `nowhere.so`, too"),
        (
            "duplicate_function",
            "module `duplicate_function` cannot be loaded: add_function: twice(code:int) is declared twice: "
                + "twice(text:string, code:int?) takes the same number of arguments"
        ),
        (
            "bad_signature",
            "module `bad_signature` cannot be loaded: add_function: the signature \"text:str\" of odd is wrong: "
                + "unknown kind `str` in `text:str`"
        ),
        (
            "short_function",
            "module `short_function` cannot be loaded: add_function: apus_function.size is 0, at least 64 is expected: "
                + "begin with APUS_STRUCT(apus_function)"
        ),
        (
            "function_without_call",
            "module `function_without_call` cannot be loaded: add_function: empty has no `call`"
        ),
        (
            "duplicate_parameter",
            "module `duplicate_parameter` cannot be loaded: add_parameter: parameter limit is declared twice"
        ),
        (
            "bad_default",
            "module `bad_default` cannot be loaded: add_parameter: the default of limit is not in its range: 100"
        ),
        (
            "duplicate_variable",
            "module `duplicate_variable` cannot be loaded: add_variable: pseudo-variable $zoo is declared by "
                + "duplicate_variable already"
        ),
        (
            "duplicate_select",
            "module `duplicate_select` cannot be loaded: add_select: select @zoo is declared by duplicate_select already"
        ),
        ("own_select", "module `own_select` cannot be loaded: add_select: select @from is the server's own"),
        (
            "duplicate_event",
            "module `duplicate_event` cannot be loaded: events->add: event duplicate_event:bell is declared twice"
        ),
        (
            "unknown_event",
            "module `unknown_event` cannot be loaded: events->subscribe: there is no event `core:lunch`; there are: "
                + "core:ready, core:reload"
        ),
        ("declare_fails", "module `declare_fails` cannot be loaded: there is no coffee"),
        (
            "declare_fails_silently",
            "module `declare_fails_silently` cannot be loaded, and it does not say why"
        ),
        (
            "publishes_twice",
            "module `publishes_twice` cannot be loaded: publish: publishes_twice/1 is published already"
        ),
    ])
    func isRefused(name: String, expected: String) throws {
        let (test, remarks) = try load(name)
        #expect(remarks == ["1:12 error: \(expected)"])
        #expect(test.diagnostics.failed)
    }

    @Test func aLibraryWithAMissingSymbolIsRefused() throws {
        let (_, remarks) = try load("undefined_symbol")
        #expect(remarks.count == 1)
        #expect(remarks[0].hasPrefix("1:12 error: `undefined_symbol.so` cannot be loaded: "))
        #expect(remarks[0].contains("function_that_nobody_has"))
    }

    @Test func modulesThatNeedEachOtherAreRefused() throws {
        let (_, remarks) = try load("circle_a", and: "loadmodule \"circle_b.so\"")
        #expect(
            remarks == [
                "1:12 error: modules need each other in a circle: `circle_a` needs `circle_b` needs `circle_a`"
            ])
    }

    @Test func aStartThatFailsIsToldAtTheLoadmoduleLine() throws {
        let (test, before) = try load("start_fails")
        #expect(before.isEmpty)
        #expect(!test.modules.start())
        #expect(test.remarks == ["1:12 error: module `start_fails` does not start: the database is asleep"])
    }

    @Test func declarationsAreOverWhenAModuleStarts() throws {
        let (test, before) = try load("late_declaration")
        #expect(before.isEmpty)
        #expect(!test.modules.start())
        #expect(
            test.remarks == [
                "1:12 error: module `late_declaration` does not start: "
                    + "add_function: it may be called in `declare` only"
            ])
        #expect(test.registry.functions(named: "late").isEmpty)
    }

    @Test func aParameterMayRefuseItsValue() throws {
        let (_, remarks) = try load("refuses_value", and: "modparam(\"refuses_value\", \"colour\", \"loud\")")
        #expect(
            remarks == [
                "2:37 error: parameter `colour` of module `refuses_value` refuses \"loud\": that is not a colour"
            ])
    }

    @Test func aModuleThatIsLoadedTwiceIsLoadedOnce() throws {
        let test = TestModules(folders: [try Zoo.folder.get()])
        test.load("loadmodule \"store.so\"\nloadmodule \"store\"")
        #expect(test.remarks == ["2:12 warning: module `store` is loaded already"])
        #expect(test.diagnostics.all[0].notes.map(\.range?.line) == [1])
        #expect(test.modules.all.count == 1)
    }

    @Test func twoFilesOfOneNameAreRefused() throws {
        let folder = try Zoo.folder.get()
        #expect(Zoo.run("mkdir", ["-p", "\(folder)/twin"]) == 0)
        #expect(Zoo.run("cp", ["\(folder)/store.so", "\(folder)/twin"]) == 0)
        let test = TestModules(folders: [folder])
        test.load("loadmodule \"store.so\"\nloadmodule \"twin/store.so\"")
        #expect(
            test.remarks == ["2:12 error: `\(folder)/twin/store.so` and `\(folder)/store.so` are both module `store`"])
    }

    @Test func aForeignModuleIsPassedOver() throws {
        let (_, remarks) = try load("foreign")
        #expect(
            remarks == [
                "1:12 error: there is no module `foreign`: `foreign.so` is a Kamailio module, "
                    + "which this server cannot load"
            ])
    }

    @Test func everyPathThatWasTriedIsTold() throws {
        let folder = try Zoo.folder.get()
        let test = TestModules(folders: [folder, "/nowhere"])
        test.load("loadmodule \"stroe\"")
        #expect(test.remarks == ["1:12 error: there is no module `stroe` | did you mean `store`?"])
        #expect(
            test.diagnostics.all[0].notes.map(\.text) == [
                "tried \(folder)/stroe.so", "tried \(folder)/stroe/stroe.so", "tried \(folder)/libstroe.so",
                "tried /nowhere/stroe.so", "tried /nowhere/stroe/stroe.so", "tried /nowhere/libstroe.so",
            ])
    }

    @Test func anInterfaceMayGrow() throws {
        let (test, remarks) = try load("consumer", and: "loadmodule \"store\"")
        #expect(remarks.isEmpty)
        #expect(test.modules.startOrder().order.map(\.name) == ["store", "consumer"])
        #expect(test.modules.start())
        #expect(test.modules.interfaces.users == ["store/1": ["consumer"]])
        test.modules.stop()
    }

    /// Both examples, one in Swift and one in C, beside another in Swift.
    @Test func swiftAndCModulesLiveInOneProcess() throws {
        let test = TestModules(folders: [TestModules.products])
        test.load("loadmodule \"hello.so\"\nloadmodule \"hello_c.so\"\nloadmodule \"maxfwd.so\"")
        #expect(test.remarks.isEmpty)
        #expect(test.registry.modules == ["hello", "hello_c", "maxfwd"])
        #expect(test.registry.functions(named: "hello").map(\.usage) == ["hello(text:format)"])
        #expect(test.registry.functions(named: "hello_c").map(\.usage) == ["hello_c(text:format)"])
        #expect(test.modules.start())
        test.modules.stop()
    }

    @Test(arguments: ["hello", "hello_c", "maxfwd"])
    func aModuleExportsItsEntryPointOnly(name: String) throws {
        let file = try #require(ModuleFile("\(TestModules.products)/lib\(name).so"))
        #expect(file.content == .module(entries: [name]))
        #expect(ModuleFile.exports(of: try Syscalls.readFile(file.path)) == ["apus_module_\(name)"])
    }
}
