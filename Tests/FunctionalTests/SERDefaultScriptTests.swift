import Testing

/// The script that SER was shipped with, as it stands: a registrar and proxy for one domain.
@Suite struct SERDefaultScriptTests {
    private let script = """
        debug=3         # debug level (cmd line: -dddddddddd)
        fork=yes
        log_stderror=no	# (cmd line: -E)
        check_via=no	# (cmd. line: -v)
        dns=no           # (cmd. line: -r)
        rev_dns=no      # (cmd. line: -R)
        children=4

        loadmodule "/usr/local/lib/ser/modules/sl.so"
        loadmodule "/usr/local/lib/ser/modules/tm.so"
        loadmodule "/usr/local/lib/ser/modules/rr.so"
        loadmodule "/usr/local/lib/ser/modules/maxfwd.so"
        loadmodule "/usr/local/lib/ser/modules/usrloc.so"
        loadmodule "/usr/local/lib/ser/modules/registrar.so"
        loadmodule "/usr/local/lib/ser/modules/textops.so"

        modparam("usrloc", "db_mode",   0)
        # add value to ;lr param to make some broken UAs happy
        modparam("rr", "enable_full_lr", 1)

        route{
        	# initial sanity checks -- messages with
        	# max_forwards==0, or excessively long requests
        	if (!mf_process_maxfwd_header("10")) {
        		sl_send_reply("483","Too Many Hops");
        		break;
        	};
        	if (len_gt( max_len )) {
        		sl_send_reply("513", "Message too big");
        		break;
        	};
        	if (!method=="REGISTER") record_route();
        	if (loose_route()) {
        		append_hf("P-hint: rr-enforced\\r\\n");
        		route(1);
        		break;
        	};
        	if (!uri==myself) {
        		append_hf("P-hint: outbound\\r\\n");
        		route(1);
        		break;
        	};
        	if (uri==myself) {
        		if (method=="REGISTER") {
        			save("location");
        			break;
        		};
        		lookup("aliases");
        		if (!uri==myself) {
        			append_hf("P-hint: outbound alias\\r\\n");
        			route(1);
        			break;
        		};
        		if (!lookup("location")) {
        			sl_send_reply("404", "Not Found");
        			break;
        		};
        	};
        	append_hf("P-hint: usrloc applied\\r\\n");
        	route(1);
        }

        route[1]
        {
        	if (!t_relay()) {
        		sl_reply_error();
        	};
        }

        """

    private func register(
        _ contacts: [String], _ expires: Int, cseq: Int, _ phone: borrowing UDPClient, at server: Address
    ) -> String {
        let fields =
            [
                "REGISTER sip:\(server) SIP/2.0", "Via: SIP/2.0/UDP \(phone.address);branch=z9hG4bK-r\(cseq)",
                "From: <sip:123312@\(server)>;tag=f", "To: <sip:123312@\(server)>", "Call-ID: phone",
                "CSeq: \(cseq) REGISTER", "Expires: \(expires)",
            ] + contacts.map { "Contact: \($0)" } + ["Content-Length: 0"]
        return fields.joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test func registrarAndProxy() throws {
        let caller = try UDPClient()
        let first = try UDPClient()
        let second = try UDPClient()
        let server = try Server { "listen=127.0.0.1\nport=\($0)\n" + script }

        let contact = "<sip:123312@192.168.2.33:5060>"
        let saved = try caller.exchange(
            register([contact], 600, cseq: 1, caller, at: server.address), with: server.port)
        #expect(saved.startLine == "SIP/2.0 200 OK" && saved.headers("Record-Route").isEmpty)
        #expect(saved.header("To")?.contains(";tag=") == true)
        #expect(saved.headers("Contact") == ["\(contact);expires=600"])
        let gone = try caller.exchange(register([contact], 0, cseq: 2, caller, at: server.address), with: server.port)
        #expect(gone.startLine == "SIP/2.0 200 OK" && gone.headers("Contact").isEmpty)

        // Both phones ring.
        let phones = ["<sip:123312@\(first.address)>", "<sip:123312@\(second.address)>"]
        _ = try caller.exchange(register(phones, 600, cseq: 3, caller, at: server.address), with: server.port)
        let target = "sip:123312@\(server.address)"
        let invite = SIPText.request("INVITE", target, from: caller.address, id: "call", maxForwards: 20)
        try caller.send(invite, to: server.port)
        for (branch, phone) in [
            (try first.receive(within: .seconds(10)).message, first.address),
            (try second.receive(within: .seconds(10)).message, second.address),
        ] {
            #expect(branch.startLine == "INVITE sip:123312@\(phone) SIP/2.0")
            #expect(branch.header("P-hint") == "usrloc applied" && branch.header("Max-Forwards") == "19")
            let route = branch.header("Record-Route") ?? ""
            #expect(route.hasPrefix("<sip:\(server.address);lr=on") && route.contains("ftag=from-call"))
        }

        let unknown = try caller.exchange(
            SIPText.request("INVITE", "sip:nobody@\(server.address)", from: caller.address, id: "unknown"),
            with: server.port)
        #expect(unknown.startLine == "SIP/2.0 404 Not Found" && unknown.header("To")?.contains(";tag=") == true)
        let hops = try caller.exchange(
            SIPText.request("OPTIONS", target, from: caller.address, id: "hops", maxForwards: 0), with: server.port)
        #expect(hops.startLine == "SIP/2.0 483 Too Many Hops")
        let nowhere = try caller.exchange(
            SIPText.request("OPTIONS", "sip:x@no.such.host.invalid", from: caller.address, id: "nowhere"),
            with: server.port)
        #expect(nowhere.startLine == "SIP/2.0 478 Unresolvable destination (478/SL)")
        #expect(server.log.contains("ERROR") == false)
    }

    @Test func foreignRequestsAreRelayed() throws {
        let caller = try UDPClient()
        let phone = try UDPClient()
        let server = try Server { "listen=127.0.0.1\nport=\($0)\n" + script }
        let target = "sip:a@\(phone.address)"
        try caller.send(
            SIPText.request("OPTIONS", target, from: caller.address, id: "out"), to: server.port)
        let outbound = try phone.receive(within: .seconds(10)).message
        #expect(outbound.header("P-hint") == "outbound")
        let bye = SIPText.request(
            "BYE", target, from: caller.address, id: "bye", headers: ["Route: <sip:\(server.address);lr=on>"]
        ).replacing("To: <\(target)>", with: "To: <\(target)>;tag=there")
        try caller.send(bye, to: server.port)
        while true {
            let enforced = try phone.receive(within: .seconds(10)).message
            guard enforced.method == "BYE" else { continue }
            #expect(enforced.header("P-hint") == "rr-enforced" && enforced.headers("Route").isEmpty)
            break
        }
    }

    /// With the lines that its comments say are to be uncommented for digest authentication.
    @Test func registrationsAreAuthenticated() throws {
        let folder = try TemporaryFolder()
        let file = folder.path + "/ser.db"
        for table in ["version", "subscriber"] {
            try sqlite(file, ".read \(Products.sources)/share/db/sqlite/\(table).sql")
        }
        try sqlite(file, "INSERT INTO subscriber(username, domain, password) VALUES('123312', 'iptel.org', 'heslo')")
        let authenticated = script.replacing(
            "\n# add value",
            with: """

                loadmodule "/usr/local/lib/ser/modules/db_sqlite.so"
                loadmodule "/usr/local/lib/ser/modules/auth.so"
                loadmodule "/usr/local/lib/ser/modules/auth_db.so"
                modparam("auth_db", "db_url", "sqlite://\(file)")
                modparam("auth_db", "calculate_ha1", yes)
                modparam("auth_db", "password_column", "password")
                # add value
                """
        ).replacing(
            "save(\"location\");",
            with: """
                if (!www_authorize("iptel.org", "subscriber")) {
                    www_challenge("iptel.org", "0");
                    break;
                };
                save("location");
                """)
        let phone = try UDPClient()
        let server = try Server { "#!SER\nlisten=127.0.0.1\nport=\($0)\n" + authenticated }
        let request = register(["<sip:123312@192.0.2.1>"], 600, cseq: 1, phone, at: server.address)
        let challenged = try phone.exchange(request, with: server.port)
        let nonce = try #require(challenged.challenge("nonce"))
        #expect(challenged.startLine == "SIP/2.0 401 Unauthorized")
        #expect(
            challenged.headers("WWW-Authenticate")
                == [#"Digest realm="iptel.org", nonce="\#(nonce)", algorithm=MD5"#])
        for (password, code) in [("other", 401), ("heslo", 200)] {
            let digest = Digest(nonce) {
                ($0.user, $0.password, $0.realm, $0.method) = ("123312", password, "iptel.org", "REGISTER")
                ($0.uri, $0.qop) = ("sip:\(server.address)", nil)
            }
            let reply = try phone.exchange(
                request.replacing("Content-Length", with: "\(digest.line)\r\nContent-Length")
                    .replacing("z9hG4bK-r1", with: "z9hG4bK-r1-\(password)"), with: server.port)
            #expect(reply.statusCode == code, "\(reply)")
        }
    }
}
