import Glibc
import Testing

/// A server that phones register at over UDP and TCP, and a door for commands. What a REGISTER says of itself by headers becomes flags: X-Nat the
/// flag of contacts behind NAT (6), X-Sip that of SIP pings (7), X-Off that of no pings (8), X-Received keeps where it came from.
struct PhoneDesk: ~Copyable {
    let server: Server
    let door: RPCDoor

    /// - Parameter database: a file of SQLite's, for usrloc.
    init(_ folder: borrowing TemporaryFolder, _ parameters: [String], database: String? = nil) throws {
        // A server that was killed leaves its socket behind.
        unlink(folder.path + "/door")
        var parameters = parameters
        if let database { parameters.append("\"usrloc\", \"db_url\", \"sqlite://\(database)\"") }
        let lines = parameters.map { "modparam(\($0))" }.joined(separator: "\n")
        let driver = database == nil ? "" : "loadmodule \"db_sqlite.so\""
        let door = try RPCDoor.config(folder.path)
        let server = try Server { port in
            """
            children=2
            listen=udp:127.0.0.1:\(port)
            listen=tcp:127.0.0.1:\(port)
            \(door)
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "kex.so"
            loadmodule "xlog.so"
            loadmodule "textops.so"
            \(driver)
            loadmodule "usrloc.so"
            loadmodule "registrar.so"
            loadmodule "nathelper.so"
            modparam("usrloc", "nat_bflag", 6)
            modparam("nathelper|registrar", "received_avp", "$avp(RECEIVED)")
            modparam("registrar", "use_path", 1)
            modparam("registrar", "path_mode", 0)
            \(lines)
            request_route {
                if ($rm == "REGISTER") {
                    if ($hdr(X-Nat) != $null) setbflag(6);
                    if ($hdr(X-Sip) != $null) setbflag(7);
                    if ($hdr(X-Off) != $null) setbflag(8);
                    if ($hdr(X-Received) != $null) fix_nated_register();
                    save("location");
                    exit;
                }
                if ($rU != $null) {
                    lookup("location");
                    append_to_reply("X-Found: $rc\\r\\n");
                }
                sl_send_reply("200", "OK");
            }
            reply_route { xlog("L_NOTICE", "the script sees a reply\\n"); }
            event_route[usrloc:contact-expired] { xlog("L_NOTICE", "over: $ulc(exp=>aor)\\n"); }
            """.replacing("PORT", with: "\(port)")
        }
        let opened = try RPCDoor(folder.path)
        self.server = server
        self.door = opened
    }

    /// A REGISTER of that user.
    /// - Parameter contact: nil: where it comes from.
    static func request(
        _ user: String, from address: Address, contact: String? = nil, _ headers: [String], transport: String = "UDP",
        expires: Int = 600, cseq: Int = 1
    ) -> String {
        let tail = transport == "UDP" ? "" : ";transport=\(transport.lowercased())"
        let lines = [
            "REGISTER sip:127.0.0.1 SIP/2.0", "Via: SIP/2.0/\(transport) \(address);branch=z9hG4bK-\(user)-\(cseq)",
            "Max-Forwards: 70", "From: <sip:\(user)@127.0.0.1>;tag=\(user)", "To: <sip:\(user)@127.0.0.1>",
            "Call-ID: \(user)", "CSeq: \(cseq) REGISTER", "Contact: <\(contact ?? "sip:\(user)@\(address)\(tail)")>",
            "Expires: \(expires)",
        ]
        return (lines + headers + ["Content-Length: 0"]).joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// A phone of that user that has registered.
    func phone(_ user: String, contact: String? = nil, _ headers: [String] = []) throws -> UDPClient {
        let client = try UDPClient()
        let own = headers.map { $0.replacing("HERE", with: "\(client.address)") }
        let request = PhoneDesk.request(user, from: client.address, contact: contact, own)
        let code = try client.exchange(request, with: server.port).statusCode
        guard code == 200 else { throw HarnessError("\(user) cannot register: \(code ?? 0)") }
        return client
    }

    /// The same over a connection.
    func connectedPhone(_ users: [String], _ headers: [String] = [], expires: Int = 600) throws -> TCPClient {
        let client = try TCPClient(to: server.port)
        for user in users {
            try client.send(
                PhoneDesk.request(user, from: client.address, headers, transport: "TCP", expires: expires))
            guard try client.receive().statusCode == 200 else { throw HarnessError("\(user) cannot register") }
        }
        return client
    }

    /// The number that a contact's field has in the listing of its address; nil when there is none.
    func number(_ field: String, of user: String) throws -> Int? {
        let json = try door.call("ul.lookup", "location", user).json
        guard let start = json.firstRange(of: "\"\(field)\":")?.upperBound else { return nil }
        return Int(json[start...].prefix { $0.isNumber })
    }

    func isThere(_ user: String) throws -> Bool { try door.call("ul.lookup", "location", user).code == 200 }

    func statistic(_ name: String) throws -> String {
        let json = try door.call("stats.fetch", name).json
        return json.split(separator: ":").last.map { $0.filter { $0.isNumber } } ?? json
    }
}
