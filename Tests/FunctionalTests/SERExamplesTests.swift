import Glibc
import Testing

/// A caller and four called sides around the examples that came with SER, with their hosts replaced by ours.
private struct Example: ~Copyable {
    let server: Server
    let caller: UDPClient
    let a: UDPClient
    let b: UDPClient
    let c: UDPClient
    let d: UDPClient

    init(_ config: String, arguments: [String] = []) throws {
        let a = try UDPClient()
        let b = try UDPClient()
        let c = try UDPClient()
        let d = try UDPClient()
        let caller = try UDPClient()
        server = try Server(arguments: arguments) { port in
            "listen=127.0.0.1\nport=\(port)\n"
                + config.replacing("@A", with: "@\(a.address)").replacing("@B", with: "@\(b.address)")
                .replacing("@C", with: "@\(c.address)").replacing("@D", with: "@\(d.address)")
                .replacing("PORT_A", with: "\(a.address.port)")
        }
        self.caller = caller
        self.a = a
        self.b = b
        self.c = c
        self.d = d
    }

    func request(_ method: String, user: String = "a", id: String) -> String {
        SIPText.request(method, "sip:\(user)@\(server.address)", from: caller.address, id: id)
    }

    func send(_ request: String) throws { try caller.send(request, to: server.port) }

    /// The next final reply that the caller gets.
    func outcome(_ id: String) throws -> SIPText {
        while true {
            let reply = try caller.receive(within: .seconds(20)).message
            if let code = reply.statusCode, code >= 200, reply.header("Call-ID") == "\(id)@tests" { return reply }
        }
    }

    func acknowledge(_ invite: String, _ reply: SIPText) throws {
        let to = SIPText(invite).header("To") ?? ""
        try send(
            invite.replacing("INVITE sip", with: "ACK sip").replacing("1 INVITE", with: "1 ACK")
                .replacing("To: " + to, with: "To: " + (reply.header("To") ?? "")))
    }

    /// How often the log holds a text, which is to come so many times at least.
    func count(_ text: String, _ expected: Int = 1) -> Int {
        var count = 0
        _ = until {
            count = server.log.split(separator: text).count - 1
            return count >= expected
        }
        return count
    }

    /// The next INVITE at a called side.
    func invite(at side: borrowing UDPClient) throws -> SIPText {
        while true {
            let request = try side.receive(within: .seconds(20)).message
            if request.method == "INVITE" { return request }
        }
    }

    func reply(_ code: Int, _ request: SIPText, from side: borrowing UDPClient) throws {
        try side.send(request.response(code, "Example"), to: server.port)
    }
}

/// The examples of SER's distribution that are about transactions: as their authors wrote them, they do what their comments say.
@Suite struct SERExamplesTests {
    /// SER as a user agent server.
    private let uas = """
        loadmodule "modules/sl/sl.so"
        loadmodule "modules/tm/tm.so"

        route{
            # for testing purposes, simply okay all REGISTERs
            if (method=="REGISTER") {
                log("REGISTER");
                sl_send_reply("200", "ok");
                break;
            };
            if ( !t_newtran()) {
                sl_reply_error();
                break;
            };
            log(1, "New Transaction Arrived\\n");
            if (uri=~"a@") {
                if (!t_reply("409", "Bizzar Error")) {
                    sl_reply_error();
                };
            } else {
                if (!t_reply("699", "I don't want to chat with you")) {
                    sl_reply_error();
                };
            };
        }

        """

    @Test func uasAnswersInATransaction() throws {
        let example = try Example(uas, arguments: ["--debug=4"])
        try example.send(example.request("REGISTER", id: "register"))
        let registered = try example.outcome("register")
        #expect(registered.startLine == "SIP/2.0 200 ok")
        // log() without a level is for those who debug.
        try example.server.waitForLog("DEBUG: REGISTER")

        let invite = example.request("INVITE", id: "a")
        try example.send(invite)
        try example.send(invite)
        let first = try example.outcome("a")
        #expect(first.startLine == "SIP/2.0 409 Bizzar Error")
        // To the second copy, and by the timer.
        for _ in 0..<2 {
            let again = try example.outcome("a")
            #expect(again.text == first.text)
        }
        try example.acknowledge(invite, first)
        let other = example.request("INVITE", user: "bob", id: "bob")
        try example.send(other)
        let refused = try example.outcome("bob")
        #expect(refused.startLine == "SIP/2.0 699 I don't want to chat with you")
        try example.acknowledge(other, refused)
        let arrivals = example.count("New Transaction Arrived", 2)
        #expect(arrivals == 2)
    }

    /// Parallel forking, then two more tries one after the other.
    private let onr = """
        loadmodule "modules/sl/sl.so"
        loadmodule "modules/tm/tm.so"
        modparam("tm", "fr_inv_timer", 15 )
        modparam("tm", "fr_timer", 2 )

        route{
            seturi("sip:nobody@A");
            append_branch("sip:parallel@B");
            # if we do not get a positive reply, continue at failure_route[1]
            t_on_failure("1");
            t_relay();
        }

        failure_route[1] {
            append_branch("sip:nonsense@C");
            log(1, "first redirection\\n");
            t_on_failure("2");
            t_relay();
        }

        failure_route[2] {
            append_branch("sip:foo@D");
            log(1, "second redirection\\n");
            t_relay();
        }

        """

    @Test(arguments: [200, 480]) func onrTriesOneAfterTheOther(last: Int) throws {
        let example = try Example(onr)
        let invite = example.request("INVITE", id: "onr")
        try example.send(invite)
        let nobody = try example.invite(at: example.a)
        #expect(nobody.startLine == "INVITE sip:nobody@\(example.a.address) SIP/2.0")
        // The second one never answers.
        let parallel = try example.invite(at: example.b)
        #expect(parallel.startLine == "INVITE sip:parallel@\(example.b.address) SIP/2.0")
        try example.reply(404, nobody, from: example.a)
        let nonsense = try example.invite(at: example.c)
        #expect(nonsense.startLine == "INVITE sip:nonsense@\(example.c.address) SIP/2.0")
        try example.reply(486, nonsense, from: example.c)
        let foo = try example.invite(at: example.d)
        #expect(foo.startLine == "INVITE sip:foo@\(example.d.address) SIP/2.0")
        try example.reply(last, foo, from: example.d)
        let outcome = try example.outcome("onr")
        #expect(outcome.statusCode == last)
        if last >= 300 { try example.acknowledge(invite, outcome) }
        let redirections = [example.count("first redirection"), example.count("second redirection")]
        #expect(redirections == [1, 1])
    }

    /// The second destination is tried unless the first one has begun to ring.
    private let serial = """
        debug=3
        loadmodule "modules/tm/tm.so"
        loadmodule "modules/sl/sl.so"
        loadmodule "modules/maxfwd/maxfwd.so"

        route{
            if (!mf_process_maxfwd_header("10")) {
                sl_send_reply("483", "Too Many Hops");
                break;
            };
            if (len_gt( max_len )) {
                sl_send_reply("513", "Message too big");
                break;
            };
            /* skip register for testing purposes */
            if (method=="REGISTER") { sl_send_reply("200", "ok"); break; };

            if (!method=="ACK")
                log(1, "forwarding now to primary destination\\n");
            if (method=="INVITE") {
                rewriteuri("sip:xxx@A");
                # if transaction is broken, try an alternative route
                t_on_failure("1");
                # if a provisional came, stop alternating
                t_on_reply("1");
            };
            t_relay();
        }

        failure_route[1] {
            log(1, "trying at alternate destination\\n");
            append_branch("sip:yyy@B");
            t_relay();
        }

        onreply_route[1] {
            log(1, "reply came in\\n");
            if (status=~"18[0-9]")  {
                log(1, "provisional -- resetting negative failure\\n");
                t_on_failure("0");
            };
        }

        """

    @Test func serial183TriesTheAlternate() throws {
        let example = try Example(serial)
        let invite = example.request("INVITE", id: "alternate")
        try example.send(invite)
        let primary = try example.invite(at: example.a)
        #expect(primary.startLine == "INVITE sip:xxx@\(example.a.address) SIP/2.0")
        try example.reply(486, primary, from: example.a)
        let alternate = try example.invite(at: example.b)
        #expect(alternate.startLine == "INVITE sip:yyy@\(example.b.address) SIP/2.0")
        try example.reply(200, alternate, from: example.b)
        let outcome = try example.outcome("alternate")
        #expect(outcome.statusCode == 200)
    }

    @Test func serial183StaysWithWhoRings() throws {
        let example = try Example(serial)
        let invite = example.request("INVITE", id: "rings")
        try example.send(invite)
        let primary = try example.invite(at: example.a)
        try example.reply(183, primary, from: example.a)
        try example.reply(486, primary, from: example.a)
        let outcome = try example.outcome("rings")
        #expect(outcome.statusCode == 486)
        try example.acknowledge(invite, outcome)
        let resets = example.count("resetting negative failure")
        #expect(resets == 1)
        let log = example.server.log
        #expect(!log.contains("alternate destination"))
        let second = example.b.datagram(within: .milliseconds(100))
        #expect(second == nil)
    }

    /// A flag that the request has is there for its replies.
    @Test func flagReplySeesTheFlag() throws {
        let example = try Example(
            """
            check_via=no    # (cmd. line: -v)
            dns=no           # (cmd. line: -r)
            rev_dns=no      # (cmd. line: -R)
            children=4
            loadmodule "/usr/local/lib/ser/modules/sl.so"
            loadmodule "/usr/local/lib/ser/modules/tm.so"
            loadmodule "/usr/local/lib/ser/modules/rr.so"
            loadmodule "/usr/local/lib/ser/modules/maxfwd.so"
            loadmodule "/usr/local/lib/ser/modules/textops.so"
            modparam("rr", "enable_full_lr", 1)

            route{
                setflag(1);
                t_on_failure("1");
                t_on_reply("1");
                log(1, "message received\\n");
                t_relay_to_udp("127.0.0.1", "PORT_A");
                break;
            }

            onreply_route[1]
            {
                if (isflagset(1)) {
                    log(1, "onreply: flag set\\n");
                } else {
                    log(1, "onreply: flag unset\\n");
                };
            }

            failure_route[1]
            {
                if (isflagset(1)) {
                    log(1, "failure: flag set\\n");
                } else {
                    log(1, "failure: flag unset\\n");
                };
            }

            """)
        let invite = example.request("INVITE", id: "flag")
        try example.send(invite)
        let received = try example.invite(at: example.a)
        try example.reply(486, received, from: example.a)
        let outcome = try example.outcome("flag")
        #expect(outcome.statusCode == 486)
        try example.acknowledge(invite, outcome)
        let seen = [example.count("onreply: flag set"), example.count("failure: flag set")]
        #expect(seen == [1, 1])
        let log = example.server.log
        #expect(!log.contains("unset"))
    }

    /// Configs of the corpus that use tm, as far as their modules are there.
    @Test func configsWithTransactionsPassTheCheck() throws {
        let root = getenv("APUS_CORPUS").map { String(cString: $0) } ?? Products.sources + "/../shared/corpus"
        let folders = ["", "/kamailio-examples", "/ser-0.8.11"].map { root + "/configs" + $0 }
        let files = folders.flatMap { folder in
            Products.names(in: folder).filter { $0.hasSuffix(".cfg") }.map { folder + "/" + $0 }
        }
        guard !files.isEmpty else { return print("notice: \(root)/configs is not there, so its configs are skipped") }
        var checked = 0
        for file in files {
            guard let modules = modules(of: readText(file) ?? ""), modules.contains("tm") else { continue }
            let result = try run(Products.path("apus"), ["-c", "-f", file, "-E"])
            #expect(result.succeeded, "\(file): \(result.errors)")
            checked += 1
        }
        print("configs of the corpus with tm that were checked: \(checked)")
        #expect(checked > 0)
    }

    /// The modules that a config loads; nil when one of them is not there.
    private func modules(of config: String) -> [String]? {
        var names: [String] = []
        for line in config.split(whereSeparator: \.isNewline) {
            let line = line.drop { $0 == " " || $0 == "\t" }
            guard line.hasPrefix("loadmodule") else { continue }
            guard let path = line.split(separator: "\"").dropFirst().first else { continue }
            let name = (path.split(separator: "/").last ?? "").replacing(".so", with: "")
            guard access(Products.folder + "/lib\(name).so", R_OK) == 0 else { return nil }
            names.append(String(name))
        }
        // The function of nathelper's youth is rtpproxy's today.
        if config.contains("force_rtp_proxy("), access(Products.folder + "/librtpproxy.so", R_OK) != 0 { return nil }
        return names
    }
}
