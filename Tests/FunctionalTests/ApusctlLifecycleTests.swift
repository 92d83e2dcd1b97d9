import Glibc
import Testing

/// apusctl start, stop and restart, with the real server.
@Suite struct ApusctlLifecycleTests {
    /// A server that apusctl is to start. Whatever happens to the test, it is ended.
    private final class Installation {
        let folder: TemporaryFolder
        let pidFile: String
        let settings: String

        init() throws {
            folder = try TemporaryFolder()
            pidFile = folder.path + "/apus.pid"
            settings = """
                PID_FILE=\(pidFile)
                STARTOPTIONS="-f '\(folder.path)/apus.cfg'"
                APUS_BIN=\(try Products.path("apus"))

                """
            try configure("request_route { exit; }")
        }

        deinit {
            if let pid, pid != getpid() { kill(pid, SIGKILL) }
        }

        func configure(_ script: String) throws {
            try folder.write("apus.cfg", "children=1\nlisten=udp:127.0.0.1:\(Ports.free())\n\(script)\n")
        }

        /// What the file says.
        var pid: pid_t? { readText(pidFile).flatMap { pid_t($0.prefix { $0.isNumber }) } }

        func run(_ verb: String...) throws -> ToolResult { try Apusctl.run(verb, folder: folder, settings: settings) }
    }

    /// One that has ended may wait for whoever has become its parent to notice.
    private func runs(_ pid: pid_t) -> Bool {
        guard kill(pid, 0) == 0, let text = readText("/proc/\(pid)/stat") else { return false }
        return !text.contains(") Z ")
    }

    @Test func startsAndStops() throws {
        let installation = try Installation()
        let nothing = try installation.run("stop")
        #expect(nothing.status == .exited(2))
        #expect(nothing.errors == "apusctl: No PID file found! (\(installation.pidFile)) Apus probably not running\n")

        let started = try installation.run("start")
        let pid = try #require(installation.pid, "\(started.errors)")
        #expect(started.status == .exited(0))
        #expect(started.output == "Starting Apus : started pid(\(pid))\n")
        #expect(runs(pid))

        let again = try installation.run("start")
        #expect(again.status == .exited(1))
        #expect(again.errors == "apusctl: PID file exists! (\(installation.pidFile)) process \(pid) already running?\n")

        let stopped = try installation.run("stop", "--json")
        #expect(stopped.status == .exited(0))
        #expect(stopped.output == "{\"stopped\":\(pid)}\n")
        #expect(!runs(pid))
        #expect(installation.pid == nil)
    }

    /// Standard error is a pipe here: the test waits for its end, as scripts do.
    @Test(arguments: ["", "-E "]) func whoeverReadsItsOutputIsNotHeld(option: String) throws {
        let installation = try Installation()
        let program = try Products.path("apus")
        let folder = installation.folder.path
        let started = try FunctionalTests.run(
            program,
            ["-P", installation.pidFile, "-f", folder + "/apus.cfg"] + option.split(separator: " ").map(String.init))
        #expect(started.status == .exited(0), "\(started.errors)")
        let pid = try #require(installation.pid)
        #expect(runs(pid))
        #expect(Products.realPath("/proc/\(pid)/fd/2") == "/dev/null")
        let stopped = try installation.run("stop")
        #expect(stopped.status == .exited(0))
    }

    @Test func aFileKeepsTheLogOfAServerInTheBackground() throws {
        let installation = try Installation()
        let (program, folder) = (try Products.path("apus"), installation.folder.path)
        let started = try FunctionalTests.run(
            "sh",
            [
                "-c",
                "exec '\(program)' -P '\(installation.pidFile)' -f '\(folder)/apus.cfg' -E --debug=2 2>'\(folder)/log'",
            ])
        #expect(started.status == .exited(0))
        let stopped = try installation.run("stop")
        #expect(stopped.status == .exited(0))
        let log = try #require(readText(folder + "/log"))
        #expect(log.contains("is ready: 1 worker") && log.contains("stopped"), "\(log)")
    }

    @Test func restartsOnlyWithAConfigThatIsRight() throws {
        let installation = try Installation()
        #expect(try installation.run("restart").status == .exited(0))
        let first = try #require(installation.pid)

        try installation.configure("request_route { exit")
        let refused = try installation.run("restart")
        #expect(refused.status == .exited(1))
        #expect(refused.errors.contains("the config has mistakes, the server is left as it is"))
        #expect(installation.pid == first)
        #expect(runs(first))

        try installation.configure("request_route { drop; }")
        let restarted = try installation.run("restart")
        let second = try #require(installation.pid)
        #expect(restarted.output == "Stopping Apus : stopped pid(\(first))\nStarting Apus : started pid(\(second))\n")
        #expect(!runs(first) && runs(second))
        #expect(try installation.run("stop").status == .exited(0))
    }

    @Test func aStartThatFailsSaysWhy() throws {
        let installation = try Installation()
        try installation.configure("request_route { nonsense(); }")
        let failed = try installation.run("start")
        #expect(failed.status == .exited(1))
        #expect(failed.output == "Starting Apus : failed\n")
        #expect(failed.errors.contains("nonsense"))
        #expect(failed.errors.contains("apusctl: the server has not started: exit code 1\n"))
        #expect(installation.pid == nil)
    }

    @Test func oldFilesAndForeignProcessesAreToldApart() throws {
        let installation = try Installation()
        // The test itself is a process, but no server.
        try installation.folder.write("apus.pid", "\(getpid())\n")
        let foreign = try installation.run("stop")
        #expect(foreign.status == .exited(2))
        #expect(foreign.errors.contains("names process \(getpid()), which is "))
        try installation.folder.write("apus.pid", "999999999\n")
        #expect(try installation.run("stop").errors.contains("names process 999999999, which does not run"))
        let started = try installation.run("start")
        #expect(started.status == .exited(0), "\(started.errors)")
        #expect(try installation.run("stop").status == .exited(0))
    }
}
