import Testing

@testable import Core

/// Serialized: getopt keeps its place in globals.
@Suite(.serialized) struct OptionsTests {
    private func parse(_ arguments: String...) throws -> Options { try Options(["apus"] + arguments) }

    @Test func whatKamailiosUsersType() throws {
        let options = try parse(
            "-f", "/etc/apus.cfg", "-DD", "-E", "-dd", "-n", "4", "-l", "udp:10.0.0.1:5070", "-l", "[::1]", "-L",
            "/a:/b",
            "-A", "WITH_NAT", "-A", "PORT=5080", "-P", "/run/apus.pid", "-u", "sip", "-g", "sip", "-m", "64", "-M", "8",
            "--alias=example.com", "--modparam=rr:enable_full_lr:i:1", "-W", "epoll_lt")
        #expect(options.action == .serve)
        #expect(options.configPath == "/etc/apus.cfg")
        #expect(options.foreground == .workers)
        #expect(options.logToStderr)
        #expect(options.debugIncrease == 2)
        #expect(options.workers == 4)
        #expect(options.listens == ["udp:10.0.0.1:5070", "[::1]"])
        #expect(options.modulePath == "/a:/b")
        #expect(options.defines == ["WITH_NAT", "PORT=5080"])
        #expect(options.pidFile == "/run/apus.pid")
        #expect(options.user == "sip" && options.group == "sip")
        #expect(options.aliases == ["example.com"])
        #expect(options.moduleParameters == ["rr:enable_full_lr:i:1"])
        #expect(options.ignored == ["-m", "-M", "-W"])
    }

    @Test func actions() throws {
        #expect(try parse("-c", "--json").action == .check)
        #expect(try parse("-V").action == .version)
        #expect(try parse("-v").action == .version)
        #expect(try parse("-h").action == .help)
        #expect(try parse("-M").action == .describe(nil))
        #expect(try parse("-M", "textops").action == .describe("textops"))
        #expect(try parse("-Mtextops").action == .describe("textops"))
        #expect(try parse("-D").foreground == .alone)
        #expect(try parse("-W", "error").warningsAreErrors)
        #expect(try parse("--debug=-2").debugLevel == -2)
    }

    @Test(arguments: [["-Z"], ["-n"], ["-n", "many"], ["-p", "99999"], ["etc/apus.cfg"], ["--no-such-thing"]])
    func mistakes(_ arguments: [String]) {
        #expect(throws: Options.Mistake.self) { try Options(["apus"] + arguments) }
    }

    @Test func addressesOfTheCommandLine() {
        func spec(_ text: String) -> String {
            let spec = ListenAddresses.spec(text)
            return "\(spec.protocols.map { "\($0)" }.joined()) \(spec.host) \(spec.port.map(String.init) ?? "-")"
        }
        #expect(spec("127.0.0.1") == " 127.0.0.1 -")
        #expect(spec("udp:127.0.0.1:5070") == "udp 127.0.0.1 5070")
        #expect(spec("eth0:5070") == " eth0 5070")
        #expect(spec("[::1]:5070") == " [::1] 5070")
        #expect(spec("udp:[::1]") == "udp [::1] -")
        #expect(spec("::1") == " ::1 -")
    }
}
