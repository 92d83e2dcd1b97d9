import Glibc
import Testing

/// Net-SNMP's snmpd as a master agent on loopback ports, unprivileged and with files of its own, and snmptrapd for what it sends. Both end when it
/// goes out of scope.
final class SnmpMaster {
    /// A master's files; they stay when it is started anew.
    final class Place {
        let path: String
        private let folder: TemporaryFolder

        init() throws {
            let folder = try TemporaryFolder()
            path = folder.path
            self.folder = folder
        }

        func write(_ name: String, _ text: String) throws { try folder.write(name, text) }
        func read(_ name: String) -> String { folder.read(name) ?? "" }
    }

    let place: Place
    let port: UInt16
    let trapPort: UInt16
    /// Where it speaks AgentX, as the parameter agentx_socket names it.
    let socket: String
    private var agent: Keeper?
    private var traps: Keeper?

    /// Holds what cannot be copied.
    private final class Keeper {
        let child: Child
        init(_ child: consuming Child) { self.child = child }
    }

    /// - Parameter tcp: AgentX over TCP; else over a unix socket.
    init(tcp: Bool = false, starts: Bool = true) throws {
        place = try Place()
        port = try Ports.free()
        trapPort = try Ports.free()
        socket = tcp ? "tcp:127.0.0.1:\(try Ports.free())" : "unix:\(place.path)/agentx"
        try place.write(
            "snmpd.conf",
            """
            rocommunity public 127.0.0.1
            rwcommunity private 127.0.0.1
            master agentx
            agentXSocket \(socket)
            trap2sink 127.0.0.1:\(trapPort) public

            """)
        try place.write("snmptrapd.conf", "authCommunity log,execute,net public\n")
        try place.write("snmpstats.conf", "agentXSocket \(socket)\nagentXPingInterval 2\nunknownDirective 1\n")
        if starts { try start() }
    }

    /// Variables for programs of Net-SNMP: no files but these, and no MIB files.
    private var environment: [String: String] { ["SNMPCONFPATH": place.path + "/none", "MIBS": ""] }

    /// Starts snmpd, and waits until it answers.
    func start() throws {
        let child = try Child(
            "snmpd",
            [
                "-f", "-Lo", "-C", "-c", place.path + "/snmpd.conf", "-p", place.path + "/pid",
                "--persistentDir=" + place.path + "/state", "udp:127.0.0.1:\(port)",
            ], environment: environment, folder: place.path)
        agent = Keeper(child)
        let answers = try until { try ask("snmpget", ["1.3.6.1.2.1.1.3.0"], isPatient: false).succeeded }
        try #require(answers, "snmpd does not answer: \(agent?.child.output ?? "")")
    }

    /// Kills snmpd, as if its machine were gone.
    func kill() {
        agent?.child.signal(SIGKILL)
        _ = agent?.child.wait(within: .seconds(10))
        agent = nil
    }

    /// snmpd neither answers nor goes away.
    func hang(_ isHanging: Bool) { agent?.child.signal(isHanging ? SIGSTOP : SIGCONT) }

    // MARK: - Traps

    func receiveTraps() throws {
        let child = try Child(
            "snmptrapd",
            [
                "-f", "-Lo", "-n", "-C", "-c", place.path + "/snmptrapd.conf", "-On", "-p", place.path + "/trappid",
                "-F", "TRAP %v\\n", "--persistentDir=" + place.path + "/state", "udp:127.0.0.1:\(trapPort)",
            ], environment: environment, folder: place.path)
        traps = Keeper(child)
        let isThere = until { contains(Array((traps?.child.output ?? "").utf8), Array("NET-SNMP version".utf8)) }
        try #require(isThere, "snmptrapd does not start: \(traps?.child.errors ?? "")")
    }

    /// The server's traps that have come, a line each; snmpd's own are left out.
    var received: [String] {
        (traps?.child.output ?? "").split(separator: "\n").map(String.init).filter {
            $0.hasPrefix("TRAP") && ($0.contains(SnmpDesk.kamailio) || $0.contains(SnmpDesk.openser))
        }
    }

    // MARK: - Managers

    /// Runs a manager's tool with OIDs and values; numbers are printed as numbers.
    func ask(
        _ tool: String, _ arguments: [String], options: [String] = ["-On"], community: String = "public",
        isPatient: Bool = true, named: Bool = false
    ) throws -> ToolResult {
        var variables = environment
        if named {
            let sources = Products.sources
            variables["MIBDIRS"] = "\(sources)/mibs:\(sources)/Tests/MIBs"
            variables["MIBS"] = "ALL"
        }
        return try run(
            tool,
            ["-v2c", "-c", community, "-t", isPatient ? "5" : "1", "-r", isPatient ? "3" : "0"] + options
                + ["127.0.0.1:\(port)"] + arguments, environment: variables)
    }

    /// The values of objects, without their types.
    func get(_ oids: String...) throws -> [String] {
        let result = try ask("snmpget", oids, options: ["-Oqv"])
        try #require(result.succeeded, "\(result.errors)")
        return result.output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// One object's value as a number.
    func number(_ oid: String) throws -> Int {
        let text = try get(oid)[0]
        return try #require(Int(text), "\(oid) is \(text)")
    }

    /// Sets objects: OID, type and value each. Nil when that is done, else why not.
    func set(_ words: String...) throws -> String? {
        let result = try ask("snmpset", words, community: "private")
        if result.succeeded { return nil }
        let reason = result.errors.split(separator: "\n").first { $0.hasPrefix("Reason: ") } ?? "no reason"
        return String(reason.dropFirst(8).prefix { $0 != " " })
    }
}

/// A server with snmpstats behind a master agent.
final class SnmpDesk {
    let master: SnmpMaster
    let folder: TemporaryFolder
    let server: Server
    let door: RPCDoor

    /// The enterprises' OIDs.
    static let kamailio = "1.3.6.1.4.1.34352"
    static let openser = "1.3.6.1.4.1.27483"

    /// - Parameters:
    ///   - parameters: of snmpstats.
    ///   - modules: others of the server, in front of it.
    ///   - own: modules in C of the tests.
    ///   - waits: until the master agent is there.
    ///   - preload: a library in C of the tests.
    init(
        _ parameters: [String] = [], master given: SnmpMaster? = nil, modules: [String] = ["sl"], own: [String] = [],
        globals: String = "", script: String = "sl_send_reply(\"200\", \"OK\");", waits: Bool = true,
        preload: String? = nil
    ) throws {
        let master = try given ?? SnmpMaster()
        let folder = try TemporaryFolder()
        for name in own { try CModule.build(name, into: folder.path) }
        let door = try RPCDoor.config(folder.path)
        let loads =
            modules.map { "loadmodule \"\($0).so\"\n" } + own.map { "loadmodule \"\(folder.path)/\($0).so\"\n" }
        let settings = parameters.map { "modparam(\"snmpstats\", \($0))\n" }
        var environment = ["SNMPCONFPATH": master.place.path]
        if let preload {
            try CModule.build(preload, into: folder.path, isPreloaded: true)
            environment["LD_PRELOAD"] = "\(folder.path)/\(preload).so"
        }
        let server = try Server(environment: environment) { port in
            """
            children=2
            listen=udp:127.0.0.1:\(port)
            listen=tcp:127.0.0.1:\(port)
            \(door)
            \(loads.joined())
            loadmodule "snmpstats.so"
            \(settings.joined())
            \(globals)
            request_route {
            \(script)
            }

            """
        }
        if waits { try server.waitForLog("connected to the master agent", within: .seconds(30)) }
        // What was registered is there a moment later.
        if waits {
            let isServed = try until {
                try master.ask("snmpget", [SnmpDesk.protocolVersion]).output.contains("SIP/2.0")
            }
            let log = server.log
            try #require(isServed, "nothing is served: \(log)")
        }
        let client = try RPCDoor(folder.path)
        self.master = master
        self.folder = folder
        self.server = server
        self.door = client
    }

    /// Asks the server to end, and says how it did.
    func stop() -> ExitStatus? { server.stop() }

    private static let protocolVersion = kamailio + ".3.1.1.1.1.1.0"

    /// The OID of an object below Kamailio's enterprise.
    static func oid(_ path: String) -> String { kamailio + "." + path }

    func get(_ path: String) throws -> String { try master.get(SnmpDesk.oid(path))[0] }
    func number(_ path: String) throws -> Int { try master.number(SnmpDesk.oid(path)) }
}
