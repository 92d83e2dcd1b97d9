import Testing

/// A server with some modules and a script, a client that asks it, and a next hop that sees what it forwards.
struct Probe: ~Copyable {
    let server: Server
    let client: UDPClient
    let nextHop: UDPClient

    /// - Parameters:
    ///   - script: the body of the request route; `NEXT` in it is the URI of the next hop.
    ///   - globals: what stands in front of the routes: modparams, further routes.
    ///   - marker: the first line, such as `#!SER`.
    init(
        _ modules: [String], arguments: [String] = [], globals: String = "", script: String, marker: String = ""
    ) throws {
        let nextHop = try UDPClient()
        let client = try UDPClient()
        let server = try Server(arguments: arguments) { port in
            let loads = modules.map { "loadmodule \"\($0).so\"\n" }.joined()
            return """
                \(marker)
                children=2
                listen=udp:127.0.0.1:\(port)
                \(loads)\(globals)
                request_route {
                \(script)
                }

                """.replacing("NEXT", with: "sip:\(nextHop.address)").replacing("PORT", with: "\(port)")
        }
        self.server = server
        self.client = client
        self.nextHop = nextHop
    }

    /// A request to this server.
    func request(
        _ method: String = "OPTIONS", user: String = "alice", id: String, maxForwards: Int = 70,
        headers: [String] = [], body: String = ""
    ) -> String {
        SIPText.request(
            method, "sip:\(user)@\(server.address)", from: client.address, id: id, maxForwards: maxForwards,
            headers: headers, body: body)
    }

    /// The reply to a request.
    func ask(_ request: String) throws -> SIPText { try client.exchange(request, with: server.port) }

    /// What the next hop gets of a request.
    func pass(_ request: String) throws -> SIPText {
        try client.send(request, to: server.port)
        guard let datagram = nextHop.datagram(within: .seconds(5)) else {
            throw HarnessError("nothing reached the next hop; the server's log:\n\(server.log)")
        }
        return SIPText(String(decoding: datagram.bytes, as: UTF8.self))
    }

    /// The return codes of function calls, made one after the other in one run for one request.
    static func codes(
        _ modules: [String], globals: String = "", method: String = "OPTIONS", user: String = "alice",
        headers: [String] = [], body: String = "", _ calls: [String]
    ) throws -> [Int] {
        let script = calls.map { "    \($0); $var(codes) = $var(codes) + $rc + \" \";\n" }.joined()
        let probe = try Probe(
            modules.filter { $0 != "sl" } + ["sl"], globals: globals,
            script: "$var(codes) = \"\";\n\(script) sl_send_reply(\"200\", \"$var(codes)\");")
        let reply = try probe.ask(probe.request(method, user: user, id: "codes", headers: headers, body: body))
        return reply.reason.split(separator: " ").compactMap { Int($0) }
    }
}

extension SIPText {
    var body: String {
        text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false).dropFirst().first
            .map { String($0) } ?? ""
    }
}
