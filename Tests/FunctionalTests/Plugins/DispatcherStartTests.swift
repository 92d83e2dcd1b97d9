import Testing

/// What the server says of destination sets and parameters as it starts.
@Suite struct DispatcherStartTests {
    /// The log of a server that does not start.
    private func refusal(
        _ list: String?, parameters: String = "", routes: String = "request_route { exit; }"
    ) throws -> String {
        let folder = try TemporaryFolder()
        if let list { try folder.write("dispatcher.list", list) }
        let port = try Ports.free()
        let file = try folder.write(
            "apus.cfg",
            """
            #!KAMAILIO
            children=1
            listen=udp:127.0.0.1:\(port)
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "dispatcher.so"
            \(parameters)
            \(routes)

            """)
        let result = try run(Products.path("apus"), ["-f", file, "-DD", "-E"])
        #expect(!result.succeeded)
        return result.output + result.errors
    }

    @Test func brokenLists() throws {
        let broken = try refusal("1 sip:a\n\n1 sip:b zero\n2\n")
        #expect(
            broken.contains(
                "dispatcher.list:3:9: flags are a number, decimal or 0x and hexadecimal, not `zero`, in `1 sip:b zero`")
        )
        #expect(broken.contains("dispatcher.list:4:2: the URI of the destination is missing, in `2`"))
        let strict = try refusal(
            "1 sip:a\n1 sip:b 0 0 socket=udp:1.2.3.4:5\n", parameters: #"modparam("dispatcher", "ds_load_mode", 1)"#)
        #expect(strict.contains("dispatcher.list:2: the server has no socket `udp:1.2.3.4:5`, in `1 sip:b"))
        #expect(
            try refusal(nil, parameters: #"modparam("dispatcher", "list_file", "/nowhere/list")"#).contains(
                "/nowhere/list cannot be read: No such file or directory"))
        let none = try refusal(nil)
        #expect(none.contains("neither db_url nor list_file is set"), "\(none)")
    }

    @Test func wrongParameters() throws {
        func refused(_ parameter: String, _ value: String) throws -> String {
            try refusal("1 sip:a\n", parameters: "modparam(\"dispatcher\", \"\(parameter)\", \(value))")
        }
        #expect(try refused("ds_ping_interval", "10").contains("tm"))
        #expect(try refused("dst_avp", #""$var(x)""#).contains("dst_avp is an AVP, as $avp(dst), not `$var(x)`"))
        #expect(
            try refused("ds_ping_reply_codes", #""code=9""#).contains("`code=9` is neither code=100…699 nor class=1…6"))
        #expect(
            try refused("ds_default_socket", #""udp:1.2.3.4:5""#).contains("the server has no socket `udp:1.2.3.4:5`"))
        #expect(try refused("ds_default_sockname", #""nobody""#).contains("no socket is named `nobody`"))
        #expect(try refused("hash_pvar", #""$nobody""#).contains("nobody"))
    }

    @Test func algorithmsInScripts() throws {
        func said(_ algorithm: Int, parameters: String = "") throws -> ToolResult {
            try Server.check(
                """
                listen=udp:127.0.0.1:5060
                loadmodule "dispatcher.so"
                \(parameters)
                request_route { ds_select_dst("1", "\(algorithm)"); }

                """)
        }
        #expect(try said(4).succeeded)
        let seven = try said(7)
        #expect(!seven.succeeded && (seven.errors + seven.output).contains("algorithm 7 needs the parameter hash_pvar"))
        #expect(try said(7, parameters: #"modparam("dispatcher", "hash_pvar", "$ci")"#).succeeded)
        let ten = try said(10)
        #expect(ten.succeeded && (ten.errors + ten.output).contains("algorithm 10 needs ds_hash_size"))
        let unknown = try said(77)
        #expect(
            unknown.succeeded
                && (unknown.errors + unknown.output).contains(
                    "there is no algorithm 77: the first destination of the set is taken")
        )
        let nowhere = try Server.check(
            "loadmodule \"dispatcher.so\"\nrequest_route { exit; }\nonreply_route[x] { ds_select_dst(1, 4); }\n")
        #expect(!nowhere.succeeded)
    }

    @Test func remarks() throws {
        let server = try Dispatching(
            "1 sip:127.0.0.1:1 0 5 duid=a\n1 127.0.0.1:2 0 5 duid=a;weight=500\n1 sip:x 64\n1 sip:y;transport=none\n",
            parameters: ["ds_ping_reply_codes=class=4", "ds_timer_mode=1", "event_callback=x"],
            routes: """
                event_route[dispatcher:ds-down] { exit; }
                event_route[dispatcher:ds-up] { exit; }
                event_route[dispatcher:dst-up] { exit; }
                """,
            script: Dispatching.steps([
                #"$var(a) = 99; ds_select_dst("1", "$var(a)")| $du"#, #"ds_select_dst("1", "8")| $du"#,
            ]))
        let log = server.base.server.log
        for text in [
            ":2: set 1 has another destination with duid `a`: the first one counts",
            ":2:3: `127.0.0.1:2` has no scheme: it is taken as sip:127.0.0.1:2",
            ":2:19: weight is 1 to 100, not `500`: the destination has none",
            ":3:9: flags 64: bits beyond 63 mean nothing",
            ":4: there is no transport `none`, in `1 sip:y;transport=none`: the destination is left out",
            "ds_ping_reply_codes has 408", "ds_timer_mode has no effect", "event_callback has no effect",
            "event_route[dispatcher:ds-up] never runs",
            "event_route[dispatcher:ds-down] is known as dispatcher:dst-down today",
            "algorithm 8 takes the first one of the source: sip:127.0.0.1:1 of set 1",
        ] { #expect(log.contains(text), "\(text) is not in\n\(log)") }
        let said = ["1 sip:127.0.0.1:1", "1 sip:127.0.0.1:1"]
        #expect(try server.tell(id: "unknown") == said)
        #expect(try server.tell(id: "unknown2") == said)
        try server.base.server.waitForLog("there is no such algorithm")
        #expect(server.base.server.log.count(of: "there is no such algorithm") == 1)
    }

    @Test func kamailiosOrder() throws {
        let list = "1 sip:a\n1 sip:b 0 3\n1 sip:c\n1 sip:d 0 3\n"
        func order(_ parameters: [String]) throws -> [String] {
            let server = try Dispatching(list, parameters: parameters, script: "exit;")
            return try server.base.door.call("dispatcher.list", "short").json.split(separator: #""URI":""#).dropFirst()
                .map { String($0.prefix(5)) }
        }
        #expect(try order([]) == ["sip:b", "sip:d", "sip:a", "sip:c"])
        #expect(try order(["ds_order_compat=1"]) == ["sip:d", "sip:b", "sip:c", "sip:a"])
    }

    @Test func attributesForAll() throws {
        let server = try Dispatching(
            "1 sip:a\n1 sip:b 0 0 x=y\n", parameters: ["flags=2", "ds_attrs_none=1"],
            script: Dispatching.steps([
                #"ds_select_dst("1", "8")| $xavp(_dsdst_[0]=>attrs) $xavp(_dsdst_[1]=>attrs)"#
            ]))
        #expect(try server.tell(id: "attrs") == ["1 none=yes x=y"])
        // The list is as it was.
        try server.base.door.expect(
            "dispatcher.reload", ["dry"], is: #"{"added":[],"removed":[],"changed":[],"remarks":[]}"#)
    }
}
