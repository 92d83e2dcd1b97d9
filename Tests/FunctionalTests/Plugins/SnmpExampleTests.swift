import Glibc
import Testing

/// `examples/snmp`: its README's commands do as it says, word for word, but for ports that are free.
@Suite struct SnmpExampleTests {
    private static let source = "examples/snmp"
    private static let places = ["1161", "1162", "7050", "/tmp/snmpd"]

    /// A folder as the source is, with the example's ports replaced, and the README's commands.
    private final class Example {
        let folder: TemporaryFolder
        /// What stands in a terminal of its own.
        let programs: [String]
        /// What comes before what is to be tried.
        let setting: String
        let commands: [String]

        init() throws {
            let folder = try TemporaryFolder()
            var values = try SnmpExampleTests.places.dropLast().map { _ in "\(try Ports.free())" }
            values.append(folder.path + "/snmpd")
            // In two steps, as a port that is free may have another one's digits.
            func fitted(_ text: String) -> String {
                let marked = places.enumerated().reduce(text) { $0.replacing($1.element, with: "<\($1.offset)>") }
                return values.enumerated().reduce(marked) { $0.replacing("<\($1.offset)>", with: $1.element) }
            }
            let sources = Products.sources
            for name in ["examples", source, "mibs", "Tests", "Tests/MIBs", ".build"] {
                mkdir("\(folder.path)/\(name)", 0o755)
            }
            symlink(String(try Products.path("apus").dropLast("/apus".count)), folder.path + "/.build/release")
            for name in ["mibs", "Tests/MIBs"] {
                for file in Products.names(in: "\(sources)/\(name)") {
                    symlink("\(sources)/\(name)/\(file)", "\(folder.path)/\(name)/\(file)")
                }
            }
            for file in ["snmpd.conf", "snmpstats.conf", "snmptrapd.conf"] {
                let text = try #require(readText("\(sources)/\(source)/\(file)"))
                try folder.write("\(source)/\(file)", fitted(text))
            }
            let readme = fitted(try #require(readText("\(sources)/\(source)/README.md")))
            let indented = readme.split(separator: "\n").filter { $0.hasPrefix("    ") }.map { String($0.dropFirst(4)) }
            programs = Array(indented.prefix(3))
            setting = indented.dropFirst(3).joined(separator: "\n")
            let list = try #require(readme.firstRange(of: "\n1. ")?.lowerBound)
            let end = try #require(readme.firstRange(of: "\n\nHow the server")?.lowerBound)
            // Every other piece between backticks.
            commands = readme[list..<end].split(separator: "`").enumerated().filter { $0.offset % 2 == 1 }
                .map { String($0.element) }
            self.folder = folder
        }

        /// Starts one of the programs.
        func start(_ number: Int) throws -> Child {
            try Child("bash", ["-c", "exec env " + programs[number]], folder: folder.path)
        }

        /// Runs one of the commands as somebody in the same terminal would.
        func run(_ number: Int) throws -> String {
            let result = try FunctionalTests.run(
                "bash", ["-c", setting + "\n" + commands[number]], environment: ["SNMPCONFPATH": folder.path],
                folder: folder.path)
            try #require(result.succeeded && result.errors.isEmpty, "\(commands[number]): \(result.errors)")
            return result.output
        }
    }

    @Test func theCommandsDoAsTheReadmeSays() throws {
        let example = try Example()
        try #require(example.programs.count == 3 && example.commands.count == 6)
        let port = try Ports.free()
        try example.folder.write(
            "my.cfg",
            """
            debug=2
            listen=udp:127.0.0.1:\(port)
            loadmodule "sl.so"
            loadmodule "tm.so"
            loadmodule "tmx.so"
            loadmodule "usrloc.so"
            loadmodule "registrar.so"
            loadmodule "snmpstats.so"
            modparam("snmpstats", "MsgQueueMinorThreshold", 1000)
            modparam("snmpstats", "alarm_interval", 1)
            request_route {
                if (method == "REGISTER") {
                    save("location");
                    exit;
                }
                sl_send_reply("486", "Busy Here");
            }

            """)
        let traps = try example.start(2)
        let master = try example.start(0)
        let server = try example.start(1)
        try server.waitForErrors("connected to the master agent", within: .seconds(30))
        let client = try UDPClient()
        let register = SIPText.request("REGISTER", "sip:127.0.0.1", from: client.address, id: "r")
            .replacing("To: <sip:127.0.0.1>", with: "To: <sip:alice@127.0.0.1>")
        #expect(try client.exchange(register, with: port).statusCode == 200)

        // What was registered is there a moment after the connection.
        let isServed = try until { try example.run(1).contains("= Counter32: 1\n") }
        #expect(isServed)
        let all = try example.run(0)
        #expect(all.hasPrefix("KAMAILIO-SIP-COMMON-MIB::kamailioSIPProtocolVersion.0 = STRING: SIP/2.0\n"))
        #expect(all.count(of: "\n") > 150 && !all.contains("Wrong Type"), "\(all)")
        let traffic = try example.run(1)
        #expect(
            traffic == """
                KAMAILIO-SIP-COMMON-MIB::kamailioSIPSummaryInRequests.0 = Counter32: 1
                KAMAILIO-SIP-COMMON-MIB::kamailioSIPSummaryOutResponses.0 = Counter32: 1
                KAMAILIO-SIP-COMMON-MIB::kamailioSIPCurrentTransactions.0 = Gauge32: 0

                """)
        let methods = try example.run(2).split(separator: "\n").map { $0.split(separator: " ") }
        #expect(methods.contains(["index", "kamailioSIPStatsOutbounds", "kamailioSIPStatsInbounds"]))
        #expect(methods.contains(["8", "0", "1"]), "REGISTER: \(methods)")
        let users = try example.run(3).split(separator: "\n").map { $0.split(separator: " ") }
        #expect(users.last == ["1", "alice", "0"], "\(users)")
        let made = try example.run(4)
        #expect(
            made == "KAMAILIO-SIP-COMMON-MIB::kamailioSIPStatusCodeRowStatus.1.486 = INTEGER: createAndGo(4)\n")
        let invite = SIPText.request("INVITE", "sip:a@127.0.0.1", from: client.address, id: "i")
        #expect(try client.exchange(invite, with: port).statusCode == 486)
        let codes = try example.run(5).split(separator: "\n").map { $0.split(separator: " ") }
        #expect(codes.last == ["1.486", "0", "1", "active"], "\(codes)")
        // The master agent's own first trap shows that they find their way, with names.
        #expect(until { traps.output.contains("Timeticks") })
        #expect(master.status == nil && server.status == nil)
    }
}
