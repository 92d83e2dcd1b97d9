/// A server with commands, a script, and somebody to be called.
struct Desk: ~Copyable {
    let folder: TemporaryFolder
    let server: Server
    let door: RPCDoor
    let callee: UDPClient

    /// - Parameters:
    ///   - module: of the tests, in C.
    ///   - script: of the request route; `URI` in it is the callee's.
    ///   - products: further modules of the server.
    init(
        parameters: [String] = [], module: String? = nil, globals: String = "", script: String = "exit;",
        products: [String] = []
    ) throws {
        let folder = try TemporaryFolder()
        if let module { try CModule.build(module, into: folder.path) }
        let load = module.map { "loadmodule \"\(folder.path)/\($0).so\"" } ?? ""
        let callee = try UDPClient()
        let door = try RPCDoor.config(folder.path)
        let uri = "sip:callee@\(callee.address)"
        let lines = Probe.settings(Probe.shortTimes + parameters)
        let server = try Server { port in
            """
            children=2
            listen=udp:127.0.0.1:\(port)
            \(door)
            loadmodule "tm.so"
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "xlog.so"
            loadmodule "textops.so"
            \(products.map { "loadmodule \"\($0).so\"\n" }.joined())
            \(load)
            \(lines)
            \(globals)
            request_route {
            \(script.replacing("URI", with: uri))
            }

            """
        }
        let client = try RPCDoor(folder.path)
        self.folder = folder
        self.callee = callee
        self.server = server
        self.door = client
    }

    /// From and To of a request by command, with their line ends.
    static let dialog = "From: <sip:operator@example.org>\r\nTo: <sip:callee@example.org>\r\n"

    var uri: String { "sip:callee@\(callee.address)" }

    /// Begins a command of the kind t_uac_start.
    func begin(_ command: String, _ method: String, headers: String) throws {
        try door.send(command, [method, uri, ".", ".", headers])
    }

    /// Waits until no transaction is left.
    func waitForNothing(within attempts: Int = 200) throws {
        let door = try RPCDoor(folder.path, client: 99)
        var last = ""
        for _ in 0..<attempts {
            last = try door.call("tm.stats").json
            if last.hasPrefix(#"{"current":0,"#) { return }
            _ = callee.datagram(within: .milliseconds(50))
        }
        throw HarnessError("transactions are left: \(last)\n\(server.log)")
    }
}
