import PluginAPI
import Testing

@testable import Core

@Suite struct CoreFunctionTests {
    /// Function, arguments, Request-URI before, after; nil: it fails and nothing changes.
    static let rewritingCases: [(String, [String], String, String?)] = [
        ("seturi", ["sip:new@host"], "sip:bob@example.net", "sip:new@host"),
        ("rewriteuri", ["nonsense"], "sip:bob@example.net", nil),
        ("sethost", ["h"], "sip:bob:pw@example.net:5070;p?h=1", "sip:bob:pw@h:5070;p?h=1"),
        ("seth", ["h i"], "sip:bob@example.net", nil),
        ("rewritehost", ["gw"], "tel:+49301;ext=2", "sip:+49301@gw;ext=2;user=phone"),
        ("sethostport", ["h:99"], "sip:bob@example.net:5070;p", "sip:bob@h:99;p"),
        ("sethp", ["h"], "sip:bob@example.net:5070", "sip:bob@h"),
        ("rewritehostport", ["h:x"], "sip:bob@example.net", nil),
        ("sethostporttrans", ["h:99"], "sip:bob@example.net:5070;transport=tcp;p", "sip:bob@h:99;p"),
        ("sethpt", ["h"], "sip:bob@example.net;transport=tcp", "sip:bob@h"),
        ("rewritehostporttrans", ["h"], "sip:bob@example.net", "sip:bob@h"),
        ("setport", ["77"], "sip:bob@example.net;p", "sip:bob@example.net:77;p"),
        ("setp", [""], "sip:bob@example.net:77", "sip:bob@example.net"),
        ("rewriteport", ["77777"], "sip:bob@example.net", nil), ("setport", ["5"], "tel:+49301", nil),
        ("setuser", ["u"], "sip:bob:pw@example.net", "sip:u:pw@example.net"),
        ("setu", ["u"], "sip:example.net", "sip:u@example.net"),
        ("rewriteuser", [""], "sip:bob:pw@example.net", "sip:example.net"),
        ("setuser", ["u v"], "sip:bob@example.net", nil), ("setuser", ["+1"], "tel:+49301;x=1", "tel:+1;x=1"),
        ("setuserpass", ["u:p"], "sip:bob:pw@example.net", "sip:u:p@example.net"),
        ("setup", ["u"], "sip:bob:pw@example.net", "sip:u@example.net"),
        ("rewriteuserpass", [""], "sip:bob@example.net", "sip:example.net"),
        ("prefix", ["00"], "sip:bob:pw@example.net", "sip:00bob:pw@example.net"),
        ("prefix", ["00"], "sip:example.net", "sip:00@example.net"),
        ("userphone", [], "sip:bob@example.net;p", "sip:bob@example.net;p;user=phone"),
        ("userphone", [], "sip:bob@example.net;user=ip", "sip:bob@example.net;user=ip"),
    ]

    @Test(arguments: rewritingCases)
    func rewriting(_ name: String, _ arguments: [String], _ before: String, _ after: String?) throws {
        let bench = try ScriptBench(VariableSample.invite(before))
        let code = arguments.isEmpty ? try bench.call(name) : try bench.call(name, arguments[0])
        #expect(code == (after == nil ? -1 : 1), "\(name) \(arguments)")
        #expect(bench["$ru"] == after ?? before, "\(name) \(arguments)")
    }

    static let strippingCases: [(String, Int, String, String)] = [
        ("strip", 1, "sip:+4930@h", "sip:4930@h"), ("strip", 0, "sip:bob@h", "sip:bob@h"),
        ("strip", 3, "sip:bob@h", "sip:h"), ("strip", 9, "sip:bob@h", "sip:h"), ("strip", 2, "sip:h", "sip:h"),
        ("strip_tail", 2, "sip:12345@h", "sip:123@h"), ("strip_tail", 9, "sip:bob@h", "sip:h"),
        ("strip_tail", 1, "sip:bob:pw@h", "sip:bo:pw@h"),
    ]

    @Test(arguments: strippingCases)
    func stripping(_ name: String, _ count: Int, _ before: String, _ after: String) throws {
        let bench = try ScriptBench(VariableSample.invite(before))
        #expect(try bench.call(name, count) == 1 && bench["$ru"] == after)
        #expect(try bench.call(name, -1) == -1 && bench["$ru"] == after)
    }

    @Test func repliesAreNotRewritten() throws {
        let bench = try ScriptBench(VariableSample.reply)
        #expect(try bench.call("seturi", "sip:a@b") == -1 && bench.call("sethost", "h") == -1)
        #expect(try bench.call("prefix", "1") == -1 && bench.call("strip", 1) == -1 && bench.call("revert_uri") == -1)
    }

    @Test func revertGoesBackToWhatWasReceived() throws {
        let bench = try ScriptBench()
        #expect(try bench.call("setuser", "carol") == 1 && bench.call("revert_uri") == 1)
        #expect(bench["$ru"] == "sip:bob@example.net")
    }

    @Test func theNextHop() throws {
        let bench = try ScriptBench()
        #expect(try bench.call("isdsturiset") == -1 && bench.call("setdsturi", "sip:192.0.2.1:5080") == 1)
        #expect(try bench.call("isdsturiset") == 1 && bench["$du"] == "sip:192.0.2.1:5080")
        #expect(try bench.call("setdsturi", "nonsense") == -1 && bench["$du"] == "sip:192.0.2.1:5080")
        #expect(try bench.call("resetdsturi") == 1 && bench.call("isdsturiset") == -1)
    }

    @Test func branches() throws {
        let bench = try ScriptBench()
        try bench.assign("$du", "sip:192.0.2.1")
        #expect(try bench.call("append_branch") == 1 && bench["$br"] == "sip:bob@example.net")
        #expect(bench["$branch(dst_uri)"] == "sip:192.0.2.1")
        #expect(try bench.call("append_branch", "sip:two@host", "0.7") == 1 && bench["$(branch(q)[1])"] == "0.7")
        #expect(bench["$(branch(dst_uri)[1])"] == nil)
        #expect(try bench.call("append_branch", "sip:x@y", "7") == -1 && bench.call("append_branch", "nonsense") == -1)
        #expect(try bench.call("setbflag", 3, 2) == 1 && bench.call("isbflagset", 3, 2) == 1)
        #expect(try bench.call("isbflagset", 3, 1) == -1 && bench.call("isbflagset", 3) == -1)
        #expect(try bench.call("setbflag", 3) == 1 && bench.call("isbflagset", 3, 0) == 1 && bench.number("$bf") == 8)
        #expect(try bench.call("resetbflag", 3, 2) == 1 && bench.call("isbflagset", 3, 2) == -1)
        #expect(try bench.call("setbflag", 3, 9) == -1 && bench.call("setbflag", 3, -1) == -1)
        #expect(try bench.call("remove_branch", 7) == -1 && bench.call("remove_branch") == 1)
        #expect(bench["$br"] == "sip:two@host" && bench.number("$branch(count)") == 1)
        #expect(try bench.call("clear_branches") == 1 && bench.number("$branch(count)") == 0)
        #expect(try bench.call("remove_branch") == -1)
    }

    @Test func branchesAreBounded() throws {
        let bench = try ScriptBench()
        for _ in 0..<Limits.furtherBranches { #expect(try bench.call("append_branch") == 1) }
        #expect(
            try bench.call("append_branch") == -1 && bench.number("$branch(count)") == Int64(Limits.furtherBranches))
    }

    @Test func branchesBelongToRequests() throws {
        let bench = try ScriptBench(VariableSample.reply)
        #expect(throws: ScriptBench.Wrong.self) { try bench.call("append_branch") }
    }

    @Test func flagsOfMessageAndScript() throws {
        let bench = try ScriptBench()
        #expect(
            try bench.call("isflagset", 31) == -1 && bench.call("setflag", 31) == 1 && bench.call("isflagset", 31) == 1)
        #expect(bench.message.routing.flags == 0x8000_0000 && bench.number("$Mf(31)") == 1)
        #expect(try bench.call("resetflag", 31) == 1 && bench.call("isflagset", 31) == -1)
        #expect(try bench.call("setsflag", 4) == 1 && bench.call("issflagset", 4) == 1 && bench.number("$sf") == 16)
        #expect(try bench.call("resetsflag", 4) == 1 && bench.call("issflagset", 4) == -1)
    }

    @Test func flagsOfAVPs() throws {
        let bench = try ScriptBench()
        #expect(try bench.call("setavpflag", "$avp(a)", 1) == -1 && bench.call("isavpflagset", "$avp(a)", 1) == -1)
        try bench.assign("$avp(a)", "x")
        #expect(try bench.call("setavpflag", "$avp(a)", 1) == 1 && bench.call("isavpflagset", "$avp(s:a)", 1) == 1)
        #expect(try bench.call("isavpflagset", "$avp(a)", 2) == -1)
        // The flag belongs to the value, not to the name.
        try bench.assign("$avp(a)", "y")
        #expect(try bench.call("isavpflagset", "$avp(a)", 1) == -1)
        try bench.clear("$avp(a)")
        #expect(try bench.call("resetavpflag", "$avp(a)", 1) == 1 && bench.call("isavpflagset", "$avp(a)", 1) == -1)
        #expect(try bench.call("setavpflag", "$ru", 1) == -1)
    }

    @Test func options() throws {
        let bench = try ScriptBench()
        for (name, option) in [
            ("force_rport", Routing.Options.forceRport), ("add_rport", .forceRport),
            ("add_local_rport", .addLocalRport),
            ("set_forward_no_connect", .forwardNoConnect), ("set_reply_no_connect", .replyNoConnect),
            ("set_forward_close", .forwardClose), ("set_reply_close", .replyClose),
        ] {
            bench.message.routing.options = Routing.Options(rawValue: 0)
            #expect(try bench.call(name) == 1 && bench.message.routing.options == option, "\(name)")
        }
    }

    @Test func advertisedAddresses() throws {
        let bench = try ScriptBench()
        #expect(try bench.call("set_advertised_address", "sip.example.com") == 1)
        #expect(try bench.call("set_advertised_port", 5099) == 1 && bench.call("set_advertised_port", 70000) == -1)
        #expect(bench.message.routing.advertisedAddress?.string == "sip.example.com")
        #expect(try bench.call("set_advertised_address", "") == -1 && bench.message.routing.advertisedPort == 5099)
    }

    @Test func lengths() throws {
        let bench = try ScriptBench()
        let length = bench.message.received.count
        #expect(try bench.call("len_gt", length) == 1 && bench.call("len_gt", length + 1) == -1)
    }

    @Test func logging() throws {
        let bench = try ScriptBench()
        #expect(try bench.call("log", "text") == 1 && bench.call("log", 4, "text") == 1)
        #expect(try bench.call("error", "class", "text") == 1)
    }

    @Test func sockets() throws {
        let cases: [(String, UInt32, String, UInt16)?] = [
            ("udp:127.0.0.1:5060", 1, "127.0.0.1", 5060), ("127.0.0.1", 0, "127.0.0.1", 0),
            ("TLS:[::1]:5061", 3, "[::1]", 5061), ("[::1]", 0, "[::1]", 0), ("host:80", 0, "host", 80),
        ]
        for case (let text, let transport, let host, let port)? in cases {
            let socket = try #require(SocketText(Bytes(leaking: text)), "\(text)")
            #expect(socket.transport == transport && socket.host.string == host && socket.port == port, "\(text)")
        }
        for text in ["", "udp:", "[::1", "h:x", "h:", "h:99999"] {
            #expect(SocketText(Bytes(leaking: text)) == nil, "\(text)")
        }
    }
}
