/// A server whose config is written anew and read again, a caller who asks it, and a next hop.
struct Reloadable: ~Copyable {
    let server: Server
    let door: RPCDoor
    let client: UDPClient
    let nextHop: UDPClient
    private let folder: TemporaryFolder
    private let head: String

    /// - Parameters:
    ///   - script: what stands behind the loadmodule lines: parameters and routes. `@NEXT` is the address of the next hop.
    ///   - modules: further ones.
    ///   - tests: modules of the tests, in C.
    ///   - files: beside the config, which can include them.
    init(
        _ script: String, modules: [String] = [], tests: [String] = [], files: [String: String] = [:], workers: Int = 2,
        arguments: [String] = [], marker: String = "#!KAMAILIO"
    ) throws {
        let folder = try TemporaryFolder()
        for name in tests { try CModule.build(name, into: folder.path) }
        let nextHop = try UDPClient()
        let client = try UDPClient()
        let loads = ["tm", "sl", "pv", "xlog", "textops", "siputils", "cfg_rpc"] + modules + tests
        let path = folder.path
        let head = """
            \(marker)
            children=\(workers)
            loadpath "\(path)"
            \(try RPCDoor.config(path))
            \(loads.map { "loadmodule \"\($0).so\"\n" }.joined())
            modparam("tm", "wt_timer", "200ms")

            """
        let server = try Server(arguments: arguments, files: files) { port in
            head + "listen=udp:127.0.0.1:\(port)\n" + script.replacing("@NEXT", with: "@\(nextHop.address)")
        }
        let door = try RPCDoor(path)
        self.server = server
        self.door = door
        self.client = client
        self.head = head
        self.folder = folder
        self.nextHop = nextHop
    }

    /// Writes the config anew.
    /// - Parameters:
    ///   - script: as at the start.
    ///   - change: of the whole text.
    func write(_ script: String, change: (String) -> String = { $0 }) throws {
        let text = head + "listen=udp:127.0.0.1:\(server.port)\n"
        try server.folder.write("apus.cfg", change(text + script.replacing("@NEXT", with: "@\(nextHop.address)")))
    }

    /// Another way to the commands, at the same time.
    func anotherDoor() throws -> RPCDoor { try RPCDoor(folder.path, client: 1) }

    /// Reads the config again, which must work.
    /// - Returns: the answer.
    @discardableResult
    func reload() throws -> String {
        let answer = try door.call("core.reload")
        guard answer.code == 200 else { throw HarnessError("\(answer.code) \(answer.json)\n\(server.log)") }
        return answer.json
    }

    /// Writes a script and puts it in force.
    @discardableResult
    func reload(_ script: String) throws -> String {
        try write(script)
        return try reload()
    }

    func request(_ method: String = "OPTIONS", user: String = "alice", id: String, headers: [String] = []) -> String {
        SIPText.request(
            method, "sip:\(user)@\(server.address)", from: client.address, id: id, headers: headers)
    }

    /// Reason of the reply to a request of its own.
    func ask(_ user: String = "alice", id: String, headers: [String] = []) throws -> String {
        let asking = try UDPClient()
        let text = SIPText.request(
            "OPTIONS", "sip:\(user)@\(server.address)", from: asking.address, id: id, headers: headers)
        return try asking.exchange(text, with: server.port).reason
    }

    /// Versions of the scripts that the server goes by, that in force first.
    func versions() throws -> [Int] {
        let json = try door.call("core.programs").json
        return json.split(separator: #""version":"#).dropFirst().compactMap { Int($0.prefix { $0.isNumber }) }
    }

    /// Waits until all scripts but the one in force are gone.
    func waitForOne() throws {
        guard try until({ try versions().count == 1 }) else {
            throw HarnessError("old scripts are kept: \(try door.call("core.programs").json)\n\(server.log)")
        }
    }
}
