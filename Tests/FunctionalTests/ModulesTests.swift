import Glibc
import Testing

/// Modules in the server that users get: what starts it, what keeps it from starting, what `-M` tells.
@Suite struct ModulesTests {
    /// Compiles modules of the zoo into a folder.
    private static func build(_ names: [String], into folder: borrowing TemporaryFolder) throws {
        let root = Products.sources
        for name in names {
            let result = try run(
                "gcc",
                [
                    "-std=c11", "-O1", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror", "-shared", "-fPIC",
                    "-I", "\(root)/Sources/PluginAPI/include", "-Wl,--version-script=\(root)/Plugins/exports.map",
                    "\(root)/Tests/FunctionalTests/Zoo/\(name).c", "-o", "\(folder.path)/\(name).so",
                ])
            try #require(result.succeeded, "\(result.errors)")
        }
    }

    private static func config(_ folder: String, _ lines: String, port: UInt16 = 5060, workers: Int = 1) -> String {
        """
        debug=1 children=\(workers)
        listen=udp:127.0.0.1:\(port)
        loadpath "\(folder)"
        \(lines)
        request_route { exit; }

        """
    }

    /// Starts a server that must not start; what it said, and its exit code.
    private func refusal(_ modules: [String], workers: Int = 1) throws -> (text: String, status: ExitStatus) {
        let folder = try TemporaryFolder()
        try ModulesTests.build(modules, into: folder)
        let lines = modules.map { "loadmodule \"\($0).so\"" }.joined(separator: "\n")
        let file = try folder.write(
            "apus.cfg", ModulesTests.config(folder.path, lines, port: try Ports.free(), workers: workers))
        let result = try run(try Products.path("apus"), ["-f", file, "-DD", "-E"], folder: folder.path)
        return (result.errors, result.status)
    }

    @Test func startWorkersAndStopComeInOrder() throws {
        let folder = try TemporaryFolder()
        try ModulesTests.build(["lifecycle"], into: folder)
        let path = folder.path
        let server = try Server { port in
            ModulesTests.config(path, "loadmodule \"lifecycle\"", port: port, workers: 2)
        }
        server.signal(SIGHUP)
        try server.waitForLog("lifecycle: reload")
        let status = server.stop()
        #expect(status == .exited(0))
        let said = server.log.split(separator: "\n").compactMap { line -> String? in
            line.split(separator: "lifecycle: ", maxSplits: 1).dropFirst().first.map(String.init)
        }
        #expect(said == ["start", "worker", "worker", "ready", "reload", "stop after two workers"])
    }

    @Test func aModuleThatDoesNotStartKeepsTheServerFromStarting() throws {
        let (text, status) = try refusal(["start_fails"])
        #expect(text.contains("module `start_fails` does not start: the database is asleep"))
        #expect(text.contains("apus.cfg:4:12: error: "))
        #expect(status != .exited(0))
    }

    @Test func aModuleThatRefusesAWorkerKeepsTheServerFromStarting() throws {
        let (text, status) = try refusal(["worker_fails"], workers: 2)
        #expect(text.contains("module worker_fails refuses to run on worker 1"))
        #expect(status != .exited(0))
    }

    /// The whole of what `-c` prints about a module that cannot be loaded.
    @Test func theCheckShowsTheLine() throws {
        let folder = try TemporaryFolder()
        try ModulesTests.build(["newer_minor"], into: folder)
        let result = try Server.check(ModulesTests.config(folder.path, "loadmodule \"newer_minor.so\""))
        #expect(result.status == .exited(1))
        let lines = result.output.split(separator: "\n").map(String.init)
        let first = try #require(lines.firstIndex { $0.contains(": error: ") })
        #expect(lines[first].contains(":4:12: error: `\(folder.path)/newer_minor.so` was built for module ABI 0.10; "))
        #expect(lines[first].hasSuffix("this server has 0.9: the module is newer than the server"))
        #expect(lines[first + 1].hasSuffix("loadmodule \"newer_minor.so\""))
        #expect(lines[first + 2].hasSuffix("^~~~~~~~~~~~~~~~"))
        #expect(lines[first + 3] == "hint: use a newer server, or build the module with this server's headers")
    }

    /// Every module that is shipped, and both examples, in one process.
    @Test func everyModuleLoads() throws {
        let names = Products.names(in: Products.folder)
            .filter { $0.hasPrefix("lib") && $0.hasSuffix(".so") }.map { String($0.dropFirst(3).dropLast(3)) }
        #expect(names.contains("hello") && names.contains("hello_c") && names.contains("sl"))
        // Doors stand in a folder of the test's own; some have no place unless they are given one.
        let folder = try TemporaryFolder()
        let doors = [
            "ctl": ("binrpc", "unixs:\(folder.path)/ctl"), "jsonrpcs": ("dgram_socket", "\(folder.path)/json.sock"),
            "mi_fifo": ("fifo_name", "\(folder.path)/fifo"), "mi_datagram": ("socket_name", "\(folder.path)/mi.sock"),
        ]
        let list = try folder.write("dispatcher.list", "1 sip:127.0.0.1:5070\n")
        // Who has a table that is read at the start.
        let file = folder.path + "/sip.db"
        let schemas = Products.sources + "/share/db/sqlite"
        for name in ["version.sql"]
            + Products.names(in: schemas).filter({ $0.hasSuffix(".sql") && $0 != "version.sql" })
        {
            try sqlite(file, ".read \(schemas)/\(name)")
        }
        // Of two modules that are the same inside a config has one.
        var lines = names.filter { $0 != "rtpproxy-ng" }.map { "loadmodule \"\($0).so\"" }
        lines += doors.map { #"modparam("\#($0)", "\#($1.0)", "\#($1.1)")"# }
        lines.append(#"modparam("jsonrpcs", "fifo_name", "\#(folder.path)/json.fifo")"#)
        lines.append(#"modparam("dispatcher", "list_file", "\#(list)")"#)
        lines.append(#"modparam("domain|group|uri_db|alias_db|speeddial", "db_url", "sqlite://\#(file)")"#)
        let config = lines.joined(separator: "\n")
        let server = try Server { ModulesTests.config(Products.folder, config, port: $0) }
        let status = server.stop()
        #expect(status == .exited(0))
        let known = try run(try Products.path("apus"), ["-M"])
        for name in names {
            #expect(known.output.split(separator: "\n").contains { $0.hasPrefix(name + " ") }, "\(name)")
            let text = try run(try Products.path("apus"), ["-M", name])
            #expect(text.succeeded && text.output.hasPrefix(name + " "), "\(name): \(text.errors)")
        }
    }

    @Test func aModuleThatIsNotThere() throws {
        let result = try run(try Products.path("apus"), ["-M", "helo"])
        #expect(!result.succeeded)
        #expect(result.errors.contains("there is no module `helo`"))
        #expect(result.errors.contains("did you mean `hello`?"))
    }
}
