import Glibc
import Testing

/// `scripts/bootstrap`, with a package manager and a user of the test's making.
@Suite struct BootstrapTests {
    /// Runs it with commands that stand in for the system's: name to shell script.
    private func bootstrap(_ arguments: [String], with commands: [String: String]) throws -> (ToolResult, calls: String)
    {
        let folder = try TemporaryFolder()
        let always = ["swift": "echo 'Swift version 6.3.1'", "sudo": "exit 1", "apt-get": "echo \"$@\" >>\"$CALLS\""]
        for (name, script) in always.merging(commands, uniquingKeysWith: { $1 }) {
            let file = try folder.write(name, "#!/bin/sh\n\(script)\n")
            chmod(file, 0o755)
        }
        let result = try run(
            Products.sources + "/scripts/bootstrap", arguments,
            environment: ["PATH": folder.path + ":/usr/bin:/bin", "CALLS": folder.path + "/calls"])
        return (result, folder.read("calls") ?? "")
    }

    private let allInstalled = "echo installed"
    private let noCares = "case \"$4\" in libc-ares-dev) exit 1;; esac; echo installed"

    @Test(arguments: ["build", "test", "bench", "install", "all"]) func itIsQuietWhenNothingIsMissing(task: String)
        throws
    {
        let (result, calls) = try bootstrap([task], with: ["dpkg-query": allInstalled])
        #expect(result.status == .exited(0))
        #expect(result.output + result.errors == "")
        #expect(calls == "")
    }

    @Test func itInstallsWhatIsMissingAndNothingElse() throws {
        let (result, calls) = try bootstrap(["build"], with: ["dpkg-query": noCares, "id": "echo 0"])
        #expect(result.status == .exited(0))
        #expect(result.errors == "bootstrap: installing libc-ares-dev\n")
        #expect(calls.hasSuffix(" install -y --no-install-recommends libc-ares-dev\n"))
    }

    @Test func withoutTheRightToInstallItSaysWhatToRun() throws {
        let (result, calls) = try bootstrap(["build"], with: ["dpkg-query": noCares, "id": "echo 1000"])
        #expect(result.status == .exited(1))
        #expect(result.errors.contains("\n    sudo apt-get install libc-ares-dev\n"))
        #expect(calls == "")
    }

    @Test func aFailedInstallationIsReportedWithItsReason() throws {
        let commands = ["dpkg-query": noCares, "id": "echo 0", "apt-get": "echo E: no network >&2; exit 100"]
        let (result, _) = try bootstrap([], with: commands)
        #expect(result.status == .exited(1))
        #expect(result.errors.contains("E: no network\nbootstrap: could not install libc-ares-dev\n"))
    }

    @Test func anOldToolchainIsRefused() throws {
        let (result, _) = try bootstrap([], with: ["dpkg-query": allInstalled, "swift": "echo 'Swift version 6.1.2'"])
        #expect(result.status == .exited(1))
        #expect(result.errors.contains("Swift 6.1 is too old, Apus needs 6.2"))
    }

    @Test func anUnknownTaskIsAUsageError() throws {
        let (result, _) = try bootstrap(["everything"], with: ["dpkg-query": allInstalled])
        #expect(result.status == .exited(2))
    }
}
