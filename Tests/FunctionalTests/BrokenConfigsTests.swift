import Glibc
import Testing

/// Configs that nobody meant to write: `apus -c` ends with a verdict and a place for each mistake, and no server starts.
@Suite struct BrokenConfigsTests {
    /// A bit of everything that the language has.
    private static let rich = #"""
        #!KAMAILIO
        #!define WITH_AUTH
        #!define LIMIT 5
        #!ifdef WITH_AUTH
        #!substdef "!REALM!example.com!g"
        #!endif
        debug=2
        log_stderror=yes
        listen=udp:127.0.0.1:5060 advertise 192.0.2.1:5060
        alias="example.com"
        flags acc:1, nat
        own.limit = 5 desc "calls at a time"
        loadmodule "sl.so"
        loadmodule "pv.so"
        loadmodule "xlog.so"
        loadmodule "textops.so"
        loadmodule "siputils.so"
        loadmodule "maxfwd.so"
        loadmodule "rr.so"
        loadmodule "tm.so"
        modparam("tm", "fr_timer", 5000)
        modparam("rr|tm", "no_such|thing", 1)
        request_route {
            if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
            route(CHECK);
            if (is_method("INVITE|SUBSCRIBE") && !has_totag()) record_route();
            switch ($rU) {
                case "100": $du = "sip:127.0.0.1:5070;transport=udp"; break;
                case /"^2[0-9]+$": strip(1); prefix("00"); break;
                default: $avp(s:x) = $(ru{s.len}) * (LIMIT - 1) + 0x10;
            }
            $var(i) = 0;
            while ($var(i) < 10 && $(avp(s:x)[0]) != $null) { $var(i) = $var(i) + 1; }
            if (uri == myself || src_ip == 10.0.0.0/8 || $si =~ "^192\.0\.2\.") { setflag(acc); }
            if (@cseq.method == "INVITE") xlog("L_INFO", "$rm for $(tu{uri.user}{s.substr,0,3}) of \"REALM\"\n");
            t_on_failure("NEXT"); t_on_branch("EACH"); t_on_reply("BACK");
            if (!t_relay()) sl_reply_error();
        }
        route[CHECK] { if ($(hdr(Via)[-1]) =~ 'x' and not defined $avp(y)) return -1; return; }
        failure_route[NEXT] { if (t_check_status("408|5[0-9][0-9]")) { $ru = "sip:" + $rU + "@127.0.0.2"; t_relay(); } }
        branch_route[EACH] { xlog("branch $T_branch_idx\n"); }
        onreply_route[BACK] { if (status =~ "18[0-9]") append_hf("X-Ringing: 1\r\n"); }
        event_route[tm:local-request] { drop; }
        onsend_route { if (to_port == 5080) drop; }
        """#

    private static let pieces = [
        "{", "}", "(", ")", "\"", "'", ";", "$", "$(", "@", "#!ifdef X\n", "#!endif\n", "/*", "*/", "\\", "\0",
        "\u{FFFD}", "=", "==", "if",
        "else", "route", "route[", "]", "99999999999999999999", "-", "!", "&&", "$avp(", "{s.", "include_file \"/\"",
        "\n", "//", "“",
    ]

    /// A copy of the text with some damage done to it.
    private func damaged(_ text: [UInt8], _ dice: inout Dice) -> [UInt8] {
        var text = text
        for _ in 0...dice.roll(0..<3) where !text.isEmpty {
            let start = dice.roll(0..<text.count)
            let end = min(text.count, start + dice.roll(1..<40))
            switch dice.roll(0..<6) {
            case 0: text.removeSubrange(start...)
            case 1: text.removeSubrange(start..<end)
            case 2: text.insert(contentsOf: text[start..<end], at: dice.roll(0..<text.count))
            case 3: text[start] ^= UInt8(1 << dice.roll(0..<8))
            case 4: text[start] = UInt8(dice.roll(0..<256))
            default: text.insert(contentsOf: dice.pick(BrokenConfigsTests.pieces).utf8, at: start)
            }
        }
        return text
    }

    private func write(_ bytes: [UInt8], to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        defer { close(file) }
        guard file >= 0, Glibc.write(file, bytes, bytes.count) == bytes.count else { throw HarnessError("no \(path)") }
    }

    private func check(_ path: String, within limit: Duration = .seconds(60)) throws -> ToolResult {
        try run(Products.path("apus"), ["-c", "-E", "-f", path], within: limit)
    }

    /// Cut off, thinned, doubled, with foreign bytes: each seed is another heap of them.
    @Test(arguments: 0..<4) func damage(seed: Int) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/broken.cfg"
        var dice = Dice(seed: UInt64(seed))
        let whole = Array(BrokenConfigsTests.rich.utf8)
        var refused: [UInt8] = []
        for round in 0..<100 {
            let bytes = damaged(whole, &dice)
            try write(bytes, to: path)
            let result = try check(path)
            let last = result.output.split(separator: "\n").last.map(String.init) ?? ""
            let text = String(decoding: bytes, as: UTF8.self)
            switch result.status {
            case .exited(0): #expect(last.hasPrefix("config ok"), "seed \(seed), round \(round):\n\(text)")
            case .exited(1):
                let isVerdict = last.contains(" error") && !last.hasPrefix("0")
                let isUnreadable = bytes.isEmpty && result.errors.contains(path)
                #expect(isVerdict || isUnreadable, "seed \(seed), round \(round): \(last)\n\(text)")
                refused = bytes
            case let other: Issue.record("seed \(seed), round \(round): \(other)\n\(text)")
            }
            #expect(!result.output.contains("\(path):0:"))
        }
        // What the check refuses does not start.
        try write(refused, to: path)
        let server = try run(Products.path("apus"), ["-DD", "-E", "-f", path], within: .seconds(20))
        #expect(server.status == .exited(1) && server.errors.contains("error"), "\(server)")
    }

    /// A text, and what the check says of it.
    private struct Extreme: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let text: @Sendable () -> String
        let verdict: String
    }

    private static func times(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    private static let extremes: [Extreme] = [
        Extreme(
            testDescription: "parentheses",
            text: { "request_route { if (\(times("(", 100_000))1\(times(")", 100_000))) drop; }" },
            verdict: "error: nested deeper than 200 levels"),
        Extreme(
            testDescription: "blocks", text: { "request_route { \(times("{", 50_000)) drop; \(times("}", 50_000)) }" },
            verdict: "error: nested deeper than 200 levels"),
        Extreme(
            testDescription: "pseudo-variables in names",
            text: { "request_route { $var(y) = \(times("$(avp(", 5000))x\(times("))", 5000)); }" },
            verdict: "error: pseudo-variables nested deeper than 32 levels"),
        Extreme(
            testDescription: "operators", text: { "request_route { $var(x) = $ru\(times(" + $ru", 100_000)); }" },
            verdict: "error: more than 500 operators in a row"),
        Extreme(
            testDescription: "defines that double",
            text: {
                let defines = (1..<40).map { "#!define A\($0) A\($0 - 1) + A\($0 - 1)\n" }.joined()
                return "#!define A0 1\n\(defines)request_route { $var(x) = A39; }"
            }, verdict: "error: defines expand to more than 262144 tokens"),
        Extreme(
            testDescription: "groups in a regular expression",
            text: { "request_route { if ($ru =~ \"\(times("(", 5000))a\(times(")", 5000))\") drop; }" },
            verdict: "error: bad regular expression: parentheses are too deeply nested"),
        Extreme(
            testDescription: "comments", text: { times("/*", 100_000) + "\nrequest_route { drop; }" },
            verdict: "error: unterminated comment"),
        Extreme(
            testDescription: "a long text", text: { "request_route { log(\"\(times("a", 3_000_000))\"); }" },
            verdict: "config ok"),
        Extreme(
            testDescription: "many branches of an if",
            text: { "request_route { if (af == 2) drop; \(times("else if ($rm == \"B\") drop;\n", 5000)) }" },
            verdict: "config ok"),
        Extreme(
            testDescription: "ten thousand routes that call each other",
            text: {
                let routes = (0..<10_000).map {
                    "route[R\($0)] { if ($rm == \"M\") { route(R\(($0 + 1) % 10_000)); } }\n"
                }
                return "request_route { route(R0); }\n" + routes.joined()
            }, verdict: "config ok"),
    ]

    /// Far beyond what anybody writes: a clear limit, or it simply works.
    @Test(arguments: extremes) private func extreme(_ extreme: Extreme) throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/extreme.cfg"
        try write(Array(extreme.text().utf8), to: path)
        let result = try check(path)
        #expect(
            result.output.contains(extreme.verdict),
            "\(result.status) \(result.output.prefix(1000)) \(result.errors.prefix(1000))")
        #expect(result.status == .exited(extreme.verdict == "config ok" ? 0 : 1))
        // A line of a megabyte is not shown whole.
        #expect(result.output.utf8.count < 20_000)
    }

    /// A file that includes itself, by way of another.
    @Test func filesThatIncludeEachOther() throws {
        let folder = try TemporaryFolder()
        try folder.write("one.cfg", "include_file \"two.cfg\"\nrequest_route { drop; }\n")
        try folder.write("two.cfg", "include_file \"one.cfg\"\n")
        let result = try run(Products.path("apus"), ["-c", "-f", "one.cfg"], folder: folder.path)
        #expect(result.status == .exited(1))
        #expect(result.output.contains("error: `one.cfg` includes itself"), "\(result.output)")
        #expect(result.output.contains("included from here"), "\(result.output)")
    }

    /// What the check ends with: what is here of the config, and where to begin.
    @Test func theSummary() throws {
        let result = try Server.check(
            """
            memdbg=5
            loadmodule "sl.so"
            loadmodule "presence.so"
            loadmodule "no_such.so"
            request_route { if (true) sl_send_replay("404", "x"); }
            """)
        #expect(result.status == .exited(1))
        let lines = result.output.split(separator: "\n").suffix(5).map(String.init)
        #expect(
            lines.prefix(3) == [
                "modules: 1 of 3 found", "modules missing: presence, no_such",
                "parameters without effect here: memdbg",
            ], "\(result.output)")
        #expect(lines[3].hasPrefix("to change first: ") && lines[3].hasSuffix(":3:12: there is no module `presence`"))
        #expect(lines[4] == "3 errors, 1 warning")
    }
}
