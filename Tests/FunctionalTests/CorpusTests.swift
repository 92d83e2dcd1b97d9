import Testing

/// Every file of the message corpus, as one datagram, to a server that runs: it answers, forwards or drops as the index allows, and lives.
///
/// There is one worker, so what the server does about a file it has done when it answers the probe sent behind it: no test waits for
/// silence. Nothing leaves 127.0.0.1: the scripts answer requests, or forward them to a socket of the test's, and end replies.
@Suite struct CorpusTests {
    /// What became of a file.
    enum Outcome: Hashable, CustomStringConvertible {
        /// The script saw it.
        case routed
        /// The server answered by itself.
        case refused(Int)
        case dropped

        var description: String {
            switch self {
            case .routed: "routed"
            case .refused(let code): "\(code)"
            case .dropped: "dropped"
            }
        }
    }

    /// Requests that are dropped although the index has a code for them: what a reply has to repeat (RFC 3261 §8.2.6.2) is missing or cannot be
    /// read, so that no reply could be told from another.
    private static let unanswerable: [String: String] = [
        "fetched/pjsip_sip_in4.sip": "no From, Call-ID, CSeq",
        "fetched/resipraw_2_11.sip": "no From, To, Call-ID",
        "fetched/resipraw_2_19.sip": "no From",
        "fetched/rfc4475_insuf.sip": "no From, To, Call-ID",
        "fetched/rfc4475_baddn.sip": "an unquoted display name: the From cannot be read",
        "fetched/sofia_test40.sip": "an unquoted display name: the From cannot be read",
        "fetched/rfc4475_scalar02.sip": "no CSeq number that fits",
        "fetched/ser_inv_srv.sip": "no To",
        "fetched/ser_invite1.sip": "no To",
        "fetched/ser_invite3_callid.sip": "no Call-ID",
        "fetched/ser_invite4_cseq.sip": "no CSeq that can be read",
        "fetched/ser_invite5_callid.sip": "no Call-ID",
        "fetched/ser_message02.sip": "no To, Call-ID",
        "fetched/ser_rport.sip": "no To, Call-ID",
        "fetched/ser_req1.sip": "no From, To, Call-ID, CSeq",
        "fetched/ser_req2.sip": "no From, To, Call-ID, CSeq",
        "fetched/sofia_test11.sip": "no From, To, Call-ID",
        "fetched/sofia_test1.sip": "no To",
        "fetched/sofia_test1a.sip": "no To",
        "fetched/sorcery_08.sip": "the reply would be one to an ACK, by its CSeq",
        "fetched/sorcery_33.sip": "no port in the Via that can be read",
        "fetched/resipraw_2_21.sip": "a start line without a method",
        "fetched/rfc4475_badvers.sip": "a Via of another version: where to answer is unknown",
        "fetched/resipraw_2_41.sip": "a Via of another version: where to answer is unknown",
        "own/own_m_int_cseq_0.sip": "no CSeq that can be read",
        "own/own_m_int_cseq_1.sip": "no CSeq that can be read",
        "own/own_m_int_cseq_5.sip": "no CSeq that can be read",
        "own/own_m_ver_space.sip": "a start line without a version at its end",
    ]

    /// Requests that are routed although the index would refuse them: what is wrong with them concerns those who act on the field, and a proxy
    /// passes the others on (RFC 3261 §16.3).
    private static let leftToScripts: [String: String] = [
        "fetched/resipraw_2_25.sip": "header fields in the Request-URI",
        "fetched/rfc4475_escruri.sip": "header fields in the Request-URI",
        "fetched/resipraw_2_33.sip": "a Contact without angle brackets",
        "fetched/rfc4475_regbadct.sip": "a Contact without angle brackets",
        "fetched/sofia_test33.sip": "a Contact without angle brackets",
        "fetched/rfc4475_badaspec.sip": "white space in the To's URI",
        "fetched/sofia_test10b.sip": "Contact * without Expires 0",
        "fetched/sofia_test10c.sip": "Contact * without Expires 0",
        "fetched/sorcery_54.sip": "an empty Via parameter",
        "own/own_a_refer_two.sip": "two Refer-To",
        "own/own_a_route_empty.sip": "a Route without URI",
        "own/own_a_route_open.sip": "a Route with an open bracket",
    ]

    /// What else is otherwise than the index says.
    private static let others: [String: (outcome: Outcome, why: String)] = [
        "fetched/jsip_060.sip": (.refused(505), "SIP/02.00 is another version than ours"),
        "fetched/rfc5118_ipv6-bug-abnf-3-colons.archive": (.refused(400), "archive form without the empty line"),
        "fetched/rfc5118_ipv6-correct-abnf-2-colons.archive": (.refused(400), "archive form without the empty line"),
        "fetched/rfc5118_ipv6-in-sdp.archive": (.refused(400), "archive form, shorter than its Content-Length"),
        "fetched/rfc5118_mult-ip-in-sdp.archive": (.refused(400), "archive form, shorter than its Content-Length"),
        "fetched/sorcery_01.sip": (.routed, "lines that end in LF are taken"),
        "fetched/sorcery_03.sip": (.routed, "lines that end in LF are taken"),
        "fetched/sorcery_04.sip": (.routed, "lines that end in LF are taken"),
    ]

    private static func deviation(_ file: String) -> (outcome: Outcome, why: String)? {
        if let why = unanswerable[file] { return (.dropped, why) }
        if let why = leftToScripts[file] { return (.routed, why) }
        return others[file]
    }

    @Test func everyFileIsAnsweredOrDroppedAsTheIndexSays() throws {
        let server = try Server { port in
            CorpusTests.config(port, "sl_send_reply(\"200\", \"Routed\");")
        }
        try exercise(server, answersAll: true, sink: UDPClient())
    }

    @Test func everyFileIsForwardedUntouchedOrRefused() throws {
        let sink = try UDPClient()
        let server = try Server { port in
            CorpusTests.config(
                port,
                """
                $du = "sip:\(sink.address)";
                if (!forward()) sl_send_reply("599", "Not Forwarded");
                """)
        }
        try exercise(server, answersAll: false, sink: sink)
    }

    private static func config(_ port: UInt16, _ request: String) -> String {
        """
        listen=udp:127.0.0.1:\(port)
        children=1
        force_rport=yes
        loadmodule "sl.so"
        loadmodule "pv.so"
        loadmodule "xlog.so"
        request_route {
            if ($rU == "probe") {
                xlog("L_NOTICE", "probe $hdr(Subject)\\n");
                sl_send_reply("200", "Alive");
                exit;
            }
            xlog("L_NOTICE", "routed\\n");
            \(request)
        }
        reply_route {
            xlog("L_NOTICE", "routed\\n");
            drop;
        }
        """
    }
}

// MARK: - One file

extension CorpusTests {
    /// Sends all files, each followed by a probe, and judges what came of them.
    private func exercise(_ server: borrowing Server, answersAll: Bool, sink: borrowing UDPClient) throws {
        let corpus = try MessageCorpus()
        let client = try UDPClient()
        var answers: [[SIPText]] = []
        var wasForwarded: [Bool] = []
        for (number, row) in corpus.rows.enumerated() {
            try client.send(row.datagram, to: server.address)
            try answers.append(probe(server, client, number))
            try wasForwarded.append(checkForwarded(row, sink, server, client.address))
        }
        let ended = server.stop()
        #expect(ended == .exited(0))
        let wasRouted = CorpusTests.routed(server.log)
        try #require(wasRouted.count == corpus.rows.count)

        var table = Table()
        for (number, row) in corpus.rows.enumerated() {
            let outcome = outcome(row, answers[number], wasRouted: wasRouted[number], answersAll)
            let isForwarded = outcome == .routed && !answersAll && row.isRequest
            #expect(wasForwarded[number] == isForwarded, "\(row.file): \(outcome)")
            table.count(row, judge(row, outcome))
        }
        print(table.text)
        #expect(table.total == corpus.rows.count && table.total > 300)
    }

    /// Sends an OPTIONS and returns what came before its answer.
    private func probe(
        _ server: borrowing Server, _ client: borrowing UDPClient, _ number: Int
    ) throws -> [SIPText] {
        let id = "probe-\(number)"
        let uri = "sip:probe@\(server.address)"
        try client.send(
            SIPText.request("OPTIONS", uri, from: client.address, id: id, headers: ["Subject: \(number)"]),
            to: server.port)
        var others: [SIPText] = []
        while true {
            let (answer, from) = try client.receive()
            #expect(from == server.address)
            if answer.header("Call-ID") == "\(id)@tests" { return others }
            others.append(answer)
        }
    }

    /// Whether the script saw what was sent before each probe, by what it logged.
    private static func routed(_ log: String) -> [Bool] {
        var result: [Bool] = []
        var wasRouted = false
        for line in log.split(separator: "\n") {
            if line.hasSuffix("routed") { wasRouted = true }
            if line.hasSuffix("probe \(result.count)") {
                result.append(wasRouted)
                wasRouted = false
            }
        }
        return result
    }

    private func outcome(_ row: MessageCorpus.Row, _ answers: [SIPText], wasRouted: Bool, _ answersAll: Bool) -> Outcome
    {
        #expect(answers.count <= 1, "\(row.file): \(answers)")
        guard let answer = answers.first else {
            #expect(!(wasRouted && answersAll) || row.isNeverAnswered, "\(row.file): not answered")
            return wasRouted ? .routed : .dropped
        }
        #expect(!row.isNeverAnswered, "\(row.file): answered \(answer)")
        // One that is folded behind its name the harness does not find.
        if let id = answer.header("Call-ID") ?? answer.header("i") {
            #expect(contains(row.bytes, Array(id.utf8)) || !row.isText, "\(row.file): Call-ID \(id)")
        } else {
            #expect(answer.text.lowercased().contains("call-id\r\n "), "\(row.file): an answer without Call-ID")
        }
        if wasRouted {
            #expect(answersAll && answer.startLine == "SIP/2.0 200 Routed", "\(row.file): \(answer.startLine)")
            return .routed
        }
        return .refused(answer.statusCode ?? 0)
    }

    /// Expects what the index, or our list of deviations, says; answers the outcome for the table.
    private func judge(_ row: MessageCorpus.Row, _ outcome: Outcome) -> String {
        if let deviation = CorpusTests.deviation(row.file) {
            #expect(outcome == deviation.outcome, "\(row.file): \(deviation.why)")
            return "\(outcome), other than the index: \(row.file): \(deviation.why)"
        }
        #expect(row.allows(outcome), "\(row.file): \(outcome), expected “\(row.expected)”: \(row.words)")
        return "\(outcome)"
    }

    private struct Table {
        var counts: [String: Int] = [:]
        var total = 0

        mutating func count(_ row: MessageCorpus.Row, _ outcome: String) {
            let role = row.isNeverAnswered && row.kind == "request" ? "ACK" : row.kind
            counts[
                "\(row.isValid ? "valid" : "invalid") \(role), expected “\(row.expected)”: \(outcome)", default: 0] += 1
            total += 1
        }

        var text: String {
            let lines = counts.sorted { $0.key < $1.key }.map { "\n    \($0.value)  \($0.key)" }
            return "corpus over UDP: \(total) files" + lines.joined()
        }
    }
}

extension MessageCorpus.Row {
    /// Octets that all mean the same as text.
    fileprivate var isText: Bool { bytes.allSatisfy { $0 < 128 } }

    /// Whatever is wrong with it: what is no request, and ACK.
    fileprivate var isNeverAnswered: Bool {
        let start = bytes.drop { $0 == 13 || $0 == 10 }
        return !isRequest || start.starts(with: Array("ACK ".utf8))
    }

    /// What a request_route takes, if anything.
    fileprivate var isRequest: Bool { kind == "request" || kind == "stream" }

    /// What the server takes unless its config says otherwise (msg_recv_max_size).
    private static let sizeLimit = 32767

    /// Whether the index allows that a server whose script takes everything does this with the file. `drop` and the codes that a server
    /// gives by itself stand for themselves, anything else (`accept`, `forward`, `-`, `401`) for what a script does.
    fileprivate func allows(_ outcome: CorpusTests.Outcome) -> Bool {
        if kind == "sdp" || kind == "uri" || kind == "junk" { return outcome == .dropped }
        if datagram.count > Self.sizeLimit { return outcome == .refused(513) || (outcome == .dropped && !isValid) }
        // What ends a connection has no meaning in a datagram; a valid stream begins with a message.
        if kind == "stream" { return !isValid || outcome == .routed }
        // `drop` in a valid reply's row is about relaying it, which the script here never does.
        if isValid, kind == "response" { return outcome == .routed }
        if outcome == .routed, isValid || words.contains("leniently") { return true }
        let alternatives = expected.split(separator: "/").flatMap { $0.split(separator: " or ") }
        return alternatives.contains { alternative in
            switch alternative.drop(while: { $0 == " " }) {
            case "drop": outcome == .dropped
            case "4xx": if case .refused(400..<500) = outcome { true } else { false }
            case "5xx": if case .refused(500..<600) = outcome { true } else { false }
            case "400", "505", "513": outcome == .refused(Int(alternative.filter { $0 != " " })!)
            default: outcome == .routed
            }
        }
    }
}

// MARK: - Forwarding

extension CorpusTests {
    /// What came to the sink for a file, if anything, differs from it in two places only: our Via on top, and the top Via below.
    private func checkForwarded(
        _ row: MessageCorpus.Row, _ sink: borrowing UDPClient, _ server: borrowing Server, _ client: Address
    ) throws -> Bool {
        guard let (bytes, from) = sink.datagram(within: .zero) else { return false }
        #expect(from == server.address)
        #expect(sink.datagram(within: .zero) == nil, "\(row.file): forwarded twice")
        let (sent, got) = (Parts(row.datagram), Parts(bytes))
        try #require(got.lines.count > 1, "\(row.file): what was forwarded is no message")
        let ours = Array("Via: SIP/2.0/UDP \(server.address);branch=z9hG4bK".utf8)
        #expect(got.lines[1].starts(with: ours), "\(row.file): our Via is not on top")
        var below = got
        below.lines.remove(at: 1)
        let old = try #require(sent.topVia, "\(row.file): it had no Via")
        let new = try #require(below.topVia, "\(row.file): its Via is gone")
        #expect(sent.lines[..<old.lowerBound] == below.lines[..<new.lowerBound], "\(row.file): changed above the Via")
        #expect(sent.lines[old.upperBound...] == below.lines[new.upperBound...], "\(row.file): changed below the Via")
        let (before, after) = (Array(sent.lines[old].joined()), Array(below.lines[new].joined()))
        let marks = Array(";received=\(client.host);rport=\(client.port)".utf8)
        #expect(contains(after, marks), "\(row.file): the source is not in the Via")
        // Further values on the line, or its end, are as they were.
        let rest = before.firstIndex(of: UInt8(ascii: ",")) ?? before.count - 2
        #expect(after.suffix(before.count - rest) == before[rest...], "\(row.file): further Via values changed")
        #expect(sent.body.starts(with: got.body), "\(row.file): the body changed")
        if let count = row.body { #expect(got.body.count == count, "\(row.file): the body's length") }
        return true
    }

    /// A message cut into lines, and a body, with no notion of SIP. Lines that end in LF alone have become whole ones: so they are sent on.
    private struct Parts {
        var lines: [[UInt8]] = []
        let body: ArraySlice<UInt8>

        init(_ bytes: [UInt8]) {
            var rest = bytes.drop { $0 == 13 || $0 == 10 }
            while let end = rest.firstIndex(of: 10) {
                let line = rest[..<end]
                rest = rest[(end + 1)...]
                lines.append(line.last == 13 ? Array(line) + [10] : line + [13, 10])
                if lines.last == [13, 10] { break }
            }
            body = rest
        }

        /// The lines of the first Via header field.
        var topVia: Range<Int>? {
            let first = lines.firstIndex { line in
                guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return false }
                let name = String(decoding: line[..<colon].filter { $0 != 32 && $0 != 9 }, as: UTF8.self).lowercased()
                return name == "via" || name == "v"
            }
            guard let first else { return nil }
            let end = lines[(first + 1)...].firstIndex { $0.first != 32 && $0.first != 9 } ?? lines.count
            return first..<end
        }
    }
}
