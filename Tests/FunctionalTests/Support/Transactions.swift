/// What the suites of tm share: a server that keeps transactions, and what callers and called sides do.
extension Probe {
    /// The beginning of a request route that tells how many transactions there are, and how much memory tm has.
    static let tellsTransactions =
        #"if ($rU == "stat") { sl_send_reply("200", "$stat(tmx:inuse_transactions) $stat(tm:pieces_in_use)"); exit; }"#

    /// Parameters of tm for a test that does not want to wait for retransmissions and ends of transactions.
    static let shortTimes = [#""retr_timer1", 100"#, #""retr_timer2", "200ms""#, #""wt_timer", "200ms""#]

    /// `modparam` lines for parameters of tm, written as `"name", value`.
    static func settings(_ parameters: [String]) -> String {
        parameters.map { "modparam(\"tm\", \($0))\n" }.joined()
    }

    /// A server with tm and its usual company.
    /// - Parameters:
    ///   - script: of the request route; behind `tellsTransactions`.
    ///   - parameters: of tm, in addition to `times`: `"name", value`.
    ///   - marker: the first line of the config, such as `#!SER`.
    static func tm(
        _ script: String = #"$du = "NEXT"; t_relay();"#, parameters: [String] = [], times: [String] = shortTimes,
        modules: [String] = [], globals: String = "", marker: String = ""
    ) throws -> Probe {
        try Probe(
            ["tm", "sl", "xlog", "pv", "siputils", "textops"] + modules,
            globals: settings(times + parameters) + globals,
            script: tellsTransactions + "\n" + script, marker: marker)
    }

    /// Sends as the client.
    func send(_ text: String) throws { try client.send(text, to: server.port) }

    /// Answers as the next hop.
    func answer(_ request: SIPText, _ code: Int, _ reason: String = "Test", headers: [String] = []) throws {
        try nextHop.send(request.response(code, reason, headers: headers), to: server.port)
    }

    /// The client acknowledges a final reply to its INVITE.
    func acknowledge(_ invite: String, _ reply: SIPText) throws { try send(SIPText.ack(invite, reply)) }

    /// Waits until the server has no transaction any more, and tm no memory.
    func waitForNothing() throws { try server.waitForNothing() }
}

extension Server {
    /// Waits until there is no transaction any more, and tm has no memory; the script begins with `Probe.tellsTransactions`.
    func waitForNothing() throws {
        var last = ""
        for attempt in 0..<400 {
            let client = try UDPClient()
            let request = SIPText.request(
                "OPTIONS", "sip:stat@\(address)", from: client.address, id: "stat\(attempt)")
            last = try client.exchange(request, with: port).reason
            if last == "0 0" { return }
            _ = client.datagram(within: .milliseconds(50))
        }
        throw HarnessError("transactions and pieces of memory that are left: \(last)\n\(log)")
    }
}

extension SIPText {
    /// The topmost Via's branch parameter.
    var branch: String {
        let value = (header("Via") ?? "").split(separator: ";branch=").last?.split(separator: ";").first ?? ""
        return String(value)
    }

    /// The ACK of an INVITE's sender to a final reply; the INVITE's branch, as for a negative one (RFC 3261 section 17.1.1.3).
    static func ack(_ invite: String, _ reply: SIPText) -> String {
        let to = SIPText(invite).header("To") ?? ""
        return invite.replacing("INVITE sip", with: "ACK sip").replacing("1 INVITE", with: "1 ACK")
            .replacing("To: " + to, with: "To: " + (reply.header("To") ?? ""))
    }

    /// The CANCEL for an INVITE (RFC 3261 section 9.1), with further lines.
    static func cancel(_ invite: String, headers: [String] = []) -> String {
        invite.replacing("INVITE sip", with: "CANCEL sip").replacing("1 INVITE", with: "1 CANCEL")
            .replacing("Content-Length", with: headers.map { $0 + "\r\n" }.joined() + "Content-Length")
    }
}

extension UDPClient {
    /// The next message of that method, or reply to it, that is no repetition of `last`; others are passed over.
    func next(_ method: String, not last: SIPText? = nil) throws -> SIPText {
        while true {
            let message = try receive(within: .seconds(10)).message
            if message.header("CSeq")?.hasSuffix(" " + method) == true, message.text != last?.text { return message }
        }
    }

    /// The next request of that method; others, and replies, are passed over.
    func request(_ method: String) throws -> SIPText {
        while true {
            let message = try receive(within: .seconds(10)).message
            if message.method == method { return message }
        }
    }

    /// The next reply with that status; other messages are passed over.
    @discardableResult
    func reply(_ code: Int) throws -> SIPText {
        while true {
            let message = try receive(within: .seconds(10)).message
            if message.statusCode == code { return message }
        }
    }

    /// The next message, which must be a request of that method.
    func receive(_ method: String) throws -> SIPText {
        let message = try receive().message
        guard message.method == method else { throw HarnessError("\(method) was expected, not:\n\(message)") }
        return message
    }

    /// Everything that has come and was not read.
    func waiting() -> [SIPText] {
        var all: [SIPText] = []
        while let datagram = datagram(within: .milliseconds(20)) {
            all.append(SIPText(String(decoding: datagram.bytes, as: UTF8.self)))
        }
        return all
    }

    /// Nothing comes.
    func staysSilent(for limit: Duration) throws {
        guard let datagram = datagram(within: limit) else { return }
        throw HarnessError("nothing was expected, but:\n\(String(decoding: datagram.bytes, as: UTF8.self))")
    }
}

extension String {
    /// How often a text occurs.
    func count(of text: String) -> Int { split(separator: text, omittingEmptySubsequences: false).count - 1 }
}
