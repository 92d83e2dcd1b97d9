/// A server with a module for media, a caller, two called sides, and what they say of their media.
struct MediaCall: ~Copyable {
    let server: Server
    let caller: UDPClient
    let a: UDPClient
    let b: UDPClient
    let door: RPCDoor
    private let folder: TemporaryFolder

    /// - Parameters:
    ///   - proxies: values of the parameter that names them.
    ///   - module: `rtpengine` or `rtpproxy-ng`.
    ///   - parameters: of the module, `"name", value`.
    ///   - script: what stands behind the parameters. `@A` and `@B` are the addresses of the called sides.
    init(
        _ proxies: [String], module: String = "rtpengine", parameters: [String] = [], modules: [String] = [],
        without: [String] = [], workers: Int = 2, _ script: String
    ) throws {
        let folder = try TemporaryFolder()
        let caller = try UDPClient()
        let a = try UDPClient()
        let b = try UDPClient()
        let loads = (["tm", "sl", "pv", "xlog", "textops", "textopsx", "siputils", "rr", "kex"] + modules + [module])
            .filter { !without.contains($0) }
        let socket = module == "rtpengine" ? "rtpengine_sock" : "rtpproxy_sock"
        let settings = proxies.map { "\"\(socket)\", \"\($0)\"" } + parameters
        let config = try RPCDoor.config(folder.path)
        let server = try Server { port in
            """
            children=\(workers)
            listen=udp:127.0.0.1:\(port)
            \(config)
            \(loads.map { "loadmodule \"\($0).so\"\n" }.joined())
            \(without.contains("tm") ? "" : Probe.settings(Probe.shortTimes))
            \(settings.map { "modparam(\"\(module)\", \($0))\n" }.joined())
            \(script)

            """.replacing("@A", with: "@\(a.address)").replacing("@B", with: "@\(b.address)")
        }
        let door = try RPCDoor(folder.path)
        self.server = server
        self.door = door
        self.folder = folder
        self.caller = caller
        self.a = a
        self.b = b
    }

    /// Rings at both called sides at once.
    static let forks = """
        request_route {
            t_on_branch("1");
            t_on_reply("1");
            $ru = "sip:a@A";
            append_branch("sip:b@B");
            t_relay();
        }
        """

    /// Short times: a dead proxy is known after two sendings of a tenth of a second.
    static let shortTimes = [#""rtpengine_tout_ms", 100"#, #""rtpengine_retr", 2"#]

    /// A session description of a side that has its media at an address.
    static func description(_ host: String, _ port: UInt16) -> String {
        "v=0\r\no=u 1 1 IN IP4 \(host)\r\ns=-\r\nc=IN IP4 \(host)\r\nt=0 0\r\nm=audio \(port) RTP/AVP 0\r\n"
    }

    static let type = ["Content-Type: application/sdp"]
    static let plain = description("127.0.0.1", 4000)

    func request(
        _ method: String, id: String, cseq: Int = 1, user: String = "bob", body: String = "", headers: [String]? = nil
    ) -> String {
        SIPText.request(
            method, "sip:\(user)@\(server.address)", from: caller.address, id: id, cseq: cseq,
            headers: headers ?? (body.isEmpty ? [] : MediaCall.type), body: body)
    }

    /// A request within the call: the called side has answered it.
    func inDialog(_ request: String) -> String {
        request.replacing(">\r\nCall-ID", with: ">;tag=answered\r\nCall-ID")
    }

    /// The ACK to a 200, a transaction of its own.
    func acknowledge(_ id: String, cseq: Int = 1, body: String = "") throws {
        let ack = inDialog(request("ACK", id: id, cseq: cseq, body: body))
        try send(ack.replacing("branch=z9hG4bK-\(id)-\(cseq)", with: "branch=z9hG4bK-\(id)-\(cseq)-ack"))
    }

    func send(_ request: String) throws { try caller.send(request, to: server.port) }

    /// The final reply to a request.
    func ask(_ request: String) throws -> SIPText { try caller.exchange(request, with: server.port) }

    func reply(
        _ code: Int, _ request: SIPText, from side: borrowing UDPClient, headers: [String] = [], body: String = ""
    ) throws {
        try side.send(
            request.response(code, "Test", headers: headers + (body.isEmpty ? [] : MediaCall.type), body: body),
            to: server.port)
    }

    /// A counter of the module.
    func counter(_ name: String, of module: String = "rtpengine") throws -> Int {
        let json = try door.call("stats.get_statistics", "\(module):\(name)").json
        return Int(json.reversed().drop { !$0.isNumber }.prefix { $0.isNumber }.reversed().map(String.init).joined())
            ?? -1
    }
}

extension SIPText {
    /// Where the body's first stream of media goes.
    var media: Address? {
        let lines = body.split(separator: "\r\n")
        guard let connection = lines.first(where: { $0.hasPrefix("c=") })?.split(separator: " ").last,
            let stream = lines.first(where: { $0.hasPrefix("m=") })?.split(separator: " "), stream.count > 1,
            let port = UInt16(stream[1])
        else { return nil }
        return Address(String(connection), port)
    }

    /// Content-Length says how long the body is.
    var hasExactLength: Bool { header("Content-Length") == "\(body.utf8.count)" }
}
