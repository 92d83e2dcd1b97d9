/// A server whose script saves what is registered, and tells with a 299 what a lookup has made of other requests.
struct RegistrarProbe: ~Copyable {
    let probe: Probe
    private var sent = 0

    /// - Parameters:
    ///   - parameters: of registrar.
    ///   - save: what is done with REGISTER.
    ///   - look: what is done with other requests, before the 299 whose reason is `told`.
    init(
        _ parameters: [String] = [], usrloc: [String] = [], modules: [String] = [], globals: String = "",
        save: String = #"save("location");"#, look: String = #"lookup("location"); $var(rc) = $rc;"#,
        told: String = "$var(rc) $ru $du $branch(count) $(branch(uri)[0])", marker: String = ""
    ) throws {
        let settings =
            parameters.map { "modparam(\"registrar\", \($0))\n" } + usrloc.map { "modparam(\"usrloc\", \($0))\n" }
        probe = try Probe(
            ["sl", "tm", "pv", "textops", "siputils", "kex"] + modules + ["usrloc", "registrar"],
            globals: settings.joined() + globals,
            script: """
                if (is_method("REGISTER")) { \(save) exit; }
                \(look)
                sl_send_reply("299", "\(told)");
                """, marker: marker)
    }

    /// The reply to a REGISTER.
    /// - Parameters:
    ///   - call: makes Call-ID.
    ///   - to: URI of To; nil: alice at the server.
    ///   - branch: nil: that of a new transaction.
    mutating func register(
        _ contacts: [String], _ headers: [String] = [], cseq: Int = 1, call: String = "a", to: String? = nil,
        vias: [String] = []
    ) throws -> SIPText {
        try probe.ask(request(contacts, headers, cseq: cseq, call: call, to: to, vias: vias))
    }

    mutating func request(
        _ contacts: [String], _ headers: [String] = [], cseq: Int = 1, call: String = "a", to: String? = nil,
        vias: [String] = []
    ) -> String {
        sent += 1
        let own = probe.client.address
        let uri = to ?? "sip:alice@127.0.0.1"
        let fields =
            ["REGISTER sip:127.0.0.1 SIP/2.0", "Via: SIP/2.0/UDP \(own);branch=z9hG4bK-reg-\(sent)"]
            + vias.map { "Via: \($0)" }
            + [
                "Max-Forwards: 70", "From: <\(uri)>;tag=f", "To: <\(uri)>", "Call-ID: \(call)",
                "CSeq: \(cseq) REGISTER",
            ] + contacts.map { "Contact: \($0)" } + headers + ["Content-Length: 0"]
        return fields.joined(separator: "\r\n") + "\r\n\r\n"
    }

    /// What the script tells of another request to that user, as the reason phrase says it.
    mutating func told(
        _ user: String = "alice", _ headers: [String] = [], method: String = "OPTIONS", to uri: String? = nil
    ) throws -> String {
        sent += 1
        let target = uri ?? "sip:\(user)@127.0.0.1"
        let reply = try probe.ask(
            SIPText.request(method, target, from: probe.client.address, id: "look\(sent)", headers: headers))
        return reply.statusCode == 299 ? reply.reason : reply.startLine
    }

    /// The contacts that a reply tells, each without its expires.
    static func contacts(_ reply: SIPText) -> [String] {
        reply.headers("Contact").flatMap { $0.split(separator: ", ").map { String($0) } }.map { value in
            value.split(separator: ";").filter { !$0.hasPrefix("expires=") }.joined(separator: ";")
        }
    }

    /// The expires of the contacts that a reply tells.
    static func expires(_ reply: SIPText) -> [Int] {
        reply.headers("Contact").flatMap { $0.split(separator: ", ") }.compactMap { value in
            value.split(separator: ";").first { $0.hasPrefix("expires=") }.flatMap { Int($0.dropFirst(8)) }
        }
    }
}
