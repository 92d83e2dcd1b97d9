/// A server whose script says what a check answered, as the reason phrase of a 299, and challenges whoever asks for `challenge`.
struct AuthProbe: ~Copyable {
    let probe: Probe
    private var asked = 0

    /// - Parameters:
    ///   - check: the call of the check.
    ///   - rest: what the script says beside the code.
    init(
        _ parameters: [String] = [], check: String = #"pv_www_authenticate("test", "secret", "0")"#,
        challenge: String = #"www_challenge("test", "1")"#,
        modules: [String] = ["sl", "pv", "textops", "siputils", "auth"],
        globals: String = "", rest: String = ""
    ) throws {
        let settings = parameters.map { "modparam(\"auth\", \($0))\n" }.joined()
        probe = try Probe(
            modules, globals: settings + globals,
            script: """
                if ($rU == "challenge") { \(challenge); exit; }
                \(check); $var(code) = $rc;
                if ($var(code) < 0 && $rU == "again") { \(challenge); exit; }
                sl_send_reply("299", "$var(code)\(rest)");
                """)
    }

    /// A request with those lines, to that user.
    mutating func ask(
        _ user: String = "alice", _ lines: [String] = [], method: String = "OPTIONS", body: String = ""
    ) throws -> SIPText {
        asked += 1
        return try probe.ask(
            probe.request(method, user: user, id: "auth\(asked)", headers: lines, body: body))
    }

    /// A nonce that was just made.
    mutating func nonce(_ method: String = "OPTIONS") throws -> String {
        let reply = try ask("challenge", method: method)
        guard let nonce = reply.challenge("nonce") ?? reply.challenge("nonce", "Proxy-Authenticate") else {
            throw HarnessError("no challenge: \(reply)")
        }
        return nonce
    }

    /// What the check answered to credentials; 400 when they were refused.
    mutating func code(_ digest: Digest, method: String = "OPTIONS") throws -> String {
        try code([digest.line], method: method, body: digest.body)
    }

    mutating func code(_ lines: [String], method: String = "OPTIONS", body: String = "") throws -> String {
        let reply = try ask("alice", lines, method: method, body: body)
        return reply.statusCode == 299 ? reply.reason : "\(reply.statusCode ?? 0)"
    }

    /// Of the group `auth`, as the log of the server's end has none: by the script.
    func text(_ log: String) throws { try probe.server.waitForLog(log) }
}
