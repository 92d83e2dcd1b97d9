import PluginAPI
import Testing

@testable import Core

@Suite struct CommandRegistryTests {
    private func command(_ name: String, _ aliases: [String] = [], of owner: String) -> Command {
        Command(name, aliases: aliases, owner: owner, doc: "Does nothing.") { _ in .done }
    }

    @Test func namesAndAliasesLeadToTheCommand() throws {
        let registry = CommandRegistry()
        let stats = command("tm.stats", ["t_stats", "tm_stats"], of: "tm")
        try registry.add(stats)
        for name in ["tm.stats", "t_stats", "tm_stats"] { #expect(registry.command(named: name) === stats) }
        #expect(registry.command(named: "tm.stat") == nil)
    }

    @Test func aNameHasOneOwner() throws {
        let registry = CommandRegistry()
        try registry.add(command("tm.stats", ["t_stats"], of: "tm"))
        let clashes = [
            (command("tm.stats", of: "tmx"), "command tm.stats belongs to tm; tmx cannot declare it, too"),
            (
                command("t_stats", of: "tmx"),
                "alias t_stats of command tm.stats belongs to tm; tmx cannot declare it, too"
            ),
            (
                command("x.stats", ["tm.stats"], of: "x"),
                "command tm.stats belongs to tm; x cannot declare it, too"
            ),
            (command("x.y", ["x.y"], of: "x"), "x.y stands twice in the names of one command"),
        ]
        for (command, text) in clashes {
            #expect(throws: CommandRegistry.Refusal(text: text)) { try registry.add(command) }
        }
        #expect(registry.all.count == 1 && registry.command(named: "x.stats") == nil)
    }

    // MARK: - As modules declare

    private func declare(
        _ host: UnsafePointer<apus_host>, _ name: StaticString, aliases: StaticString? = nil, _ args: StaticString = "",
        flags: Int = 0, size: Int = MemoryLayout<apus_rpc>.size
    ) -> CInt {
        let doc: StaticString = "Does nothing."
        var rpc = apus_rpc(
            size: UInt32(size), flags: UInt32(flags), name: name.cString, aliases: aliases?.cString, args: args.cString,
            doc: doc.cString, call: { _ in 1 }, user: nil, reply: nil)
        return host.pointee.rpc.pointee.add_command(host, &rpc)
    }

    @Test func modulesDeclareAndReportsList() throws {
        let test = TestModules()
        let added = try test.add("sample") { host in
            min(
                declare(
                    host, "sample.set", aliases: "s_set sset", "name:string, mode:word(on|off)?",
                    flags: APUS_RPC_EACH_WORKER),
                declare(host, "sample.get", "name:string, ...", flags: APUS_RPC_READS))
        }
        #expect(added.outcome == .done)
        let report = ModuleReport.describe(added.module, test.modules)
        #expect(
            report.contains(
                """

                Commands
                  sample.get name:string ...
                      Does nothing.
                  sample.set name:string mode:word(on|off)?
                      Does nothing.
                      also: s_set, sset
                      runs on every worker

                """))
        #expect(test.modules.management.commands.command(named: "sample.get")?.reads == true)
    }

    @Test func wrongDeclarationsAreRefusedWithAReason() throws {
        let test = TestModules()
        try test.add("first") { declare($0, "x.y", aliases: "xy") }
        func reasons(_ body: (UnsafePointer<apus_host>) -> CInt) throws -> [String] {
            guard case .failed(let reasons) = try test.add("second\(test.modules.all.count)", declare: body).outcome
            else {
                return []
            }
            return reasons
        }
        #expect(
            try reasons { declare($0, "x.y") }
                == ["add_command: command x.y belongs to first; second1 cannot declare it, too"])
        #expect(
            try reasons { declare($0, "a.b", aliases: "a xy") }
                == ["add_command: alias xy of command x.y belongs to first; second2 cannot declare it, too"])
        #expect(try reasons { declare($0, "a b") } == ["add_command: `a b` is no name for a command"])
        #expect(
            try reasons { declare($0, "a.b", "to:uri") }
                == ["add_command: commands take int, string, value and word, not `uri` as `to` of a.b is"])
        #expect(
            try reasons { declare($0, "a.b", "to") }
                == ["add_command: the signature \"to\" of a.b is wrong: `to` has no kind: write name:kind"])
        #expect(
            try reasons { declare($0, "a.b", flags: 128) } == ["add_command: the flags of a.b have unknown bits: 0x80"])
        #expect(
            try reasons { declare($0, "a.b", size: 8) } == [
                "add_command: apus_rpc.size is 8, at least \(MemoryLayout<apus_rpc>.end(of: \.user)) is expected:"
                    + " begin with APUS_STRUCT(apus_rpc)"
            ])
    }
}
