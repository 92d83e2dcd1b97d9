/// A caller, a server with tm, and three called sides.
struct Calls: ~Copyable {
    let server: Server
    let caller: UDPClient
    let a: UDPClient
    let b: UDPClient
    let c: UDPClient
    private let folder: TemporaryFolder

    /// - Parameters:
    ///   - script: `A`, `B` and `C` behind an `@` are the addresses of the called sides.
    ///   - names: modules of the tests, in C.
    ///   - products: further modules of the server.
    ///   - marker: the first line of the config, such as `#!SER`.
    init(
        _ script: String, parameters: [String] = [], modules names: [String] = [], products: [String] = [],
        marker: String = ""
    ) throws {
        let modules = ["tm", "sl", "pv", "xlog", "textops", "siputils"] + products + names
        let caller = try UDPClient()
        let a = try UDPClient()
        let b = try UDPClient()
        let c = try UDPClient()
        let folder = try TemporaryFolder()
        for name in names { try CModule.build(name, into: folder.path) }
        let path = folder.path
        let settings = [#""wt_timer", "300ms""#, #""retr_timer1", 300"#] + parameters
        server = try Server { port in
            """
            \(marker)
            children=2
            listen=udp:127.0.0.1:\(port)
            loadpath "\(path)"
            \(modules.map { "loadmodule \"\($0).so\"\n" }.joined())
            \(Probe.settings(settings))
            \(script)

            """.replacing("@A", with: "@\(a.address)").replacing("@B", with: "@\(b.address)")
                .replacing("@C", with: "@\(c.address)")
        }
        self.folder = folder
        self.caller = caller
        self.a = a
        self.b = b
        self.c = c
    }

    func invite(_ id: String, user: String = "bob") -> String {
        SIPText.request("INVITE", "sip:\(user)@\(server.address)", from: caller.address, id: id)
    }

    func send(_ request: String) throws { try caller.send(request, to: server.port) }

    /// The next reply that the caller gets, a 100 passed over.
    func answer() throws -> SIPText {
        while true {
            let reply = try caller.receive().message
            if reply.statusCode != 100 { return reply }
        }
    }

    /// The final reply of the caller's INVITE, acknowledged as a caller does.
    @discardableResult
    func outcome(_ invite: String) throws -> SIPText {
        while true {
            let reply = try answer()
            guard let code = reply.statusCode, code >= 200, reply.header("CSeq") == "1 INVITE" else { continue }
            if code >= 300 { try acknowledge(invite, reply) }
            return reply
        }
    }

    func acknowledge(_ invite: String, _ reply: SIPText) throws { try send(SIPText.ack(invite, reply)) }

    func cancel(_ invite: String, headers: [String] = []) throws { try send(SIPText.cancel(invite, headers: headers)) }

    /// The next request of that method that a called side gets; others, such as ACKs and repetitions, are passed over.
    func take(_ method: String, at side: borrowing UDPClient) throws -> SIPText { try side.request(method) }

    func reply(_ code: Int, _ request: SIPText, from side: borrowing UDPClient, headers: [String] = []) throws {
        try side.send(request.response(code, "Test \(code)", headers: headers), to: server.port)
    }

    /// A called side answers the INVITE that comes next.
    @discardableResult
    func answer(_ code: Int, at side: borrowing UDPClient, headers: [String] = []) throws -> SIPText {
        let invite = try take("INVITE", at: side)
        try reply(code, invite, from: side, headers: headers)
        return invite
    }
}
