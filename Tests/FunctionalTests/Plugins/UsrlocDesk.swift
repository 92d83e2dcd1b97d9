import Glibc
import Testing

/// A server with usrloc, a script that does what requests say by the C module ulcalls, and a door for commands.
struct UsrlocDesk: ~Copyable {
    let server: Server
    let door: RPCDoor
    private let client: UDPClient
    private var asked = 0

    /// The tables `location` and `version` of share/db.
    static func makeDatabase(_ folder: borrowing TemporaryFolder) throws -> String {
        let file = folder.path + "/contacts.db"
        for name in ["version", "location"] {
            let text = try #require(readText("\(Products.sources)/share/db/sqlite/\(name).sql"))
            // What begins with a dash would be an option of the program.
            try sqlite(file, "\n" + text)
        }
        return file
    }

    /// - Parameters:
    ///   - folder: outlives the server, as the database in it does.
    ///   - parameters: of usrloc, `"name", value`.
    init(
        _ folder: borrowing TemporaryFolder, database: String? = nil, _ parameters: [String] = [], workers: Int = 2,
        globals: String = "", routes: String = ""
    ) throws {
        try CModule.build("ulcalls", into: folder.path)
        let path = folder.path
        // A server that was killed leaves its socket behind.
        unlink(path + "/door")
        let door = try RPCDoor.config(path)
        var lines = parameters.map { "modparam(\"usrloc\", \($0))" }
        if let database {
            lines.append("modparam(\"usrloc\", \"db_url\", \"sqlite://\(database)\")")
            lines.insert("loadmodule \"db_sqlite.so\"", at: 0)
        }
        let server = try Server(within: .seconds(60)) { port in
            """
            children=\(workers)
            listen=udp:127.0.0.1:\(port)
            \(globals)
            \(door)
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "kex.so"
            loadmodule "textops.so"
            loadmodule "usrloc.so"
            loadpath "\(path)"
            loadmodule "ulcalls.so"
            \(lines.joined(separator: "\n"))
            request_route {
                $var(rc) = 0;
                switch ($rU) {
                    case "save":
                        ul_save("location", "$hdr(X-AoR)", "$hdr(X-Contact)", "$(hdr(X-Expires){s.int})", "$hdr(X-Call)",
                            "$(hdr(X-CSeq){s.int})", "$(hdr(X-Max){s.int})", "$(hdr(X-Flags){s.int})");
                        $var(rc) = $rc; break;
                    case "look": ul_look("location", "$hdr(X-AoR)"); $var(rc) = $rc; break;
                    case "walk": ul_walk("location"); $var(rc) = $rc; break;
                }
                sl_send_reply("200", "$var(rc)");
            }
            \(routes)
            """
        }
        let opened = try RPCDoor(path)
        let client = try UDPClient()
        self.server = server
        self.door = opened
        self.client = client
    }

    private mutating func request(_ user: String, _ headers: [String]) -> String {
        asked += 1
        return SIPText.request(
            "OPTIONS", "sip:\(user)@127.0.0.1", from: client.address, id: "\(user)\(asked)-\(client.address.port)",
            headers: headers)
    }

    /// What came of it: `status +inserted =updated -deleted ~repeated: contacts`.
    mutating func save(
        _ aor: String, _ contact: String, expires: Int = 3600, call: String = "call", cseq: Int = 1, most: Int = 0,
        flags: Int = 0
    ) throws -> String {
        let text = request(
            "save",
            [
                "X-AoR: \(aor)", "X-Contact: \(contact)", "X-Expires: \(expires)", "X-Call: \(call)", "X-CSeq: \(cseq)",
                "X-Max: \(most)", "X-Flags: \(flags)",
            ])
        let reply = try client.exchange(text, with: server.port, within: .seconds(20))
        return reply.header("X-Result") ?? "none: \(reply.reason)"
    }

    /// Begins to save; nobody waits for the answer here.
    mutating func begin(_ aor: String, _ contact: String) throws {
        let headers = [
            "X-AoR: \(aor)", "X-Contact: \(contact)", "X-Expires: 3600", "X-Call: \(aor)", "X-CSeq: 1", "X-Max: 0",
            "X-Flags: 0",
        ]
        try client.send(request("save", headers), to: server.port)
    }

    /// Answers that come in: contacts that were confirmed, as many as are wanted.
    /// - Parameter limit: of the time between two of them.
    func confirmed(_ count: Int, within limit: Duration) -> [String] {
        var contacts: [String] = []
        while contacts.count < count, let datagram = client.datagram(within: limit) {
            let reply = SIPText(String(decoding: datagram.bytes, as: UTF8.self))
            guard let result = reply.header("X-Result"), result.hasPrefix("0 +1 ") else { continue }
            // The newest stands first.
            if let contact = result.split(separator: " ").dropFirst(5).first { contacts.append(String(contact)) }
        }
        return contacts
    }

    /// `status: contacts`
    mutating func look(_ aor: String) throws -> String {
        let reply = try client.exchange(request("look", ["X-AoR: \(aor)"]), with: server.port, within: .seconds(20))
        return reply.header("X-Result") ?? "none: \(reply.reason)"
    }

    mutating func walk() throws -> String {
        try client.exchange(request("walk", []), with: server.port).header("X-Result") ?? "none"
    }

    /// A statistic of the group usrloc.
    func statistic(_ name: String) throws -> String {
        let json = try door.call("stats.fetch", "usrloc.\(name)").json
        return json.split(separator: ":").last.map { $0.filter { $0.isNumber } } ?? json
    }
}
