import Testing

/// What operators ask and change, by every door.
@Suite struct DispatcherCommandsTests {
    private let list = "1 sip:127.0.0.1:7001\n1 sip:127.0.0.1:7002 8 5 duid=b;weight=25\n2 sip:127.0.0.1:8001\n"

    private func server(_ list: String, _ parameters: [String] = [], modules: [String] = [], routes: String = "") throws
        -> Dispatching
    {
        try Dispatching(
            list, parameters: ["flags=2"] + parameters, modules: modules, routes: routes,
            script: Dispatching.steps([#"ds_select_dst("1", "8")| $du"#]))
    }

    @Test func listed() throws {
        let server = try server(list, ["ds_hash_size=4", "ds_ping_latency_stats=1"])
        let short = try server.base.door.call("dispatcher.list", "short").json
        func destination(_ index: Int, _ port: Int, _ flags: String, _ priority: Int, _ number: Int) -> String {
            #"{"DEST":{"IDX":\#(index),"URI":"sip:127.0.0.1:\#(port)","FLAGS":"\#(flags)","PRIORITY":\#(priority),"IUID":\#(number),"#
                + #""LATENCY":{"AVG":0,"STD":0,"EST":0,"MAX":0,"TIMEOUT":0},"RUNTIME":{"DLGLOAD":0}}}"#
        }
        let one = destination(0, 7002, "AP", 5, 1) + "," + destination(1, 7001, "AX", 0, 2)
        let whole =
            #"{"NRSETS":2,"RECORDS":[{"SET":{"ID":1,"TARGETS":[\#(one)]}},{"SET":{"ID":2,"TARGETS":[\#(destination(0, 8001, "AX", 0, 3))]}}]}"#
        #expect(short.replacing(".0,", with: ",").replacing(".000000", with: "") == whole)
        let usual = try server.base.door.call("dispatcher.list").json
        #expect(
            usual.contains(
                #""ATTRS":{"BODY":"duid=b;weight=25","DUID":"b","PROBING_COUNT":0,"MAXLOAD":0,"WEIGHT":25,"RWEIGHT":0,"SOCKET":"","SOCKNAME":"","PING_SOCKET":"","OBPROXY":"","OCMIN":10,"OCMAX":100}"#
            ))
        #expect(!usual.contains("HOST"))
        let full = try server.base.door.call("dispatcher.list", "full").json
        for field in [
            #""HOST":"127.0.0.1","IPADDR":"127.0.0.1","PORT":7002,"PROTOID":0,"DNSTIME_SEC":0"#,
            #""OCRATE":0,"OCIDX":0"#,
            #""STATE":{"CHANGED":0,"REASON":"start"}"#,
        ] { #expect(full.contains(field), "\(full)") }
        try server.base.door.expect("dispatcher.list", ["all"], code: 500, is: "Invalid Parameters")
    }

    @Test func manyAreListedInParts() throws {
        let count = 1000
        let server = try server((0..<count).map { "\($0 / 150) sip:127.0.0.1:\(2000 + $0)\n" }.joined())
        let json = try server.base.door.call("dispatcher.list", "short").json
        #expect(json.split(separator: #""URI""#).count == count + 1)
        #expect(json.hasPrefix(#"{"NRSETS":7,"#) && json.hasSuffix("}}]}}]}"))
    }

    @Test func statesAreSet() throws {
        let server = try server(list)
        let door = server.base.door
        func set(_ arguments: String..., code: Int = 200, is text: String = #""Ok. Dispatcher state updated.""#) throws
        {
            try door.expect("dispatcher.set_state", arguments, code: code, is: text)
        }
        try set("ip", "1", "sip:127.0.0.1:7002")
        #expect(try server.flags() == ["IP", "AX", "AX"])
        #expect(try server.tell(id: "one") == ["1 sip:127.0.0.1:7001"])
        try set("D", "1", "all")
        #expect(try server.flags() == ["DX", "DX", "AX"])
        #expect(try server.tell(id: "two") == ["-1 <null>"])
        try set("t", "2", "sip:127.0.0.1:8001")
        try door.expect("dispatcher.set_duid_state", ["ap", "1", "b"], is: #""Ok. Dispatcher state updated.""#)
        #expect(try server.flags() == ["AP", "DX", "TX"])
        let full = try door.call("dispatcher.list", "full").json
        #expect(full.contains(#""REASON":"command""#))
        // Mistakes change nothing.
        for (arguments, text) in [
            ([], "Invalid Parameters"), (["a"], "Invalid Parameters"), (["a", "1"], "Invalid Parameters"),
            (["a", "one", "all"], "Invalid Parameters"), (["x", "1", "all"], "Unknown State Value"),
            (["dp", "1", "all"], "Unknown State Value"), (["", "1", "all"], "Unknown State Value"),
            (["i", "9", "all"], "State Update Failed"), (["i", "1", "sip:nobody"], "State Update Failed"),
        ] { try door.expect("dispatcher.set_state", arguments, code: 500, is: text) }
        try door.expect("dispatcher.set_duid_state", ["i", "1", "zz"], code: 500, is: "State Update Failed")
        #expect(try server.flags() == ["AP", "DX", "TX"])
    }

    @Test func addedAndRemovedUntilReload() throws {
        let server = try server(list)
        let door = server.base.door
        try door.expect(
            "dispatcher.add", ["1", "sip:127.0.0.1:7003", "0", "9", "duid=z"],
            is: #""Ok. Dispatcher destination added.""#)
        #expect(try server.tell(id: "one") == ["1 sip:127.0.0.1:7003"])
        for attributes in ["weight=500", ""] {
            try door.expect(
                "dispatcher.add", ["3", "127.0.0.1:9", "0", "0", attributes],
                is: #""Ok. Dispatcher destination added.""#)
            try door.expect(
                "dispatcher.remove", ["3", "127.0.0.1:9"], is: #""Ok. Dispatcher destination removed.""#)
        }
        #expect(server.base.server.log.contains("dispatcher.add sip:127.0.0.1:9: weight is 1 to 100, not `500`"))
        try door.expect("dispatcher.add", ["3", "127.0.0.1:9"], is: #""Ok. Dispatcher destination added.""#)
        try door.expect(
            "dispatcher.remove", ["1", "sip:127.0.0.1:7002"], is: #""Ok. Dispatcher destination removed.""#)
        #expect(try server.flags() == ["AX", "AX", "AX", "AX"])
        for (name, arguments, text) in [
            ("dispatcher.add", ["x", "sip:a"], "Invalid Parameters"), ("dispatcher.add", ["1"], "Invalid Parameters"),
            ("dispatcher.add", ["1", "sip:a", "many"], "Invalid Parameters"),
            (
                "dispatcher.add", ["1", "sip:a;transport=bad"],
                "Adding dispatcher dst failed: there is no transport `bad`"
            ),
            ("dispatcher.add", ["1", "sip:"], "Adding dispatcher dst failed: `sip:` is no SIP URI"),
            ("dispatcher.remove", ["1"], "Invalid Parameters"),
            ("dispatcher.remove", ["1", "sip:x"], "Removing dispatcher dst failed: there is no such destination"),
        ] { try door.expect(name, arguments, code: 500, is: text) }
        try door.expect("dispatcher.reload", is: #""Ok. Dispatcher successfully reloaded.""#)
        #expect(try server.tell(id: "two") == ["1 sip:127.0.0.1:7002"])
        #expect(try server.flags() == ["AP", "AX", "AX"])
    }

    @Test func brokenListsChangeNothing() throws {
        let server = try server(list)
        let door = server.base.door
        let path = "\(server.base.server.folder.path)/dispatcher.list"
        try server.write("1 sip:127.0.0.1:7009\n# fine\n1\n")
        try door.expect(
            "dispatcher.reload", code: 500,
            is: "Reload Failed: \(path):3:2: the URI of the destination is missing, in `1`")
        try door.expect(
            "dispatcher.reload", ["dry"], code: 500,
            is: "Reload Failed: \(path):3:2: the URI of the destination is missing, in `1`")
        #expect(try server.tell(id: "one") == ["1 sip:127.0.0.1:7002"])
        try server.write("1 sip:127.0.0.1:7002 8 5 duid=b\n1 sip:;x 0 9\n4 sip:127.0.0.1:1 0 0 weight=0\n")
        try door.expect(
            "dispatcher.reload", ["dry"],
            is:
                #"{"added":["4 sip:127.0.0.1:1 0 0 weight=0"],"removed":["1 sip:127.0.0.1:7001","2 sip:127.0.0.1:8001"],"changed":["1 sip:127.0.0.1:7002 8 5 duid=b;weight=25 -> 1 sip:127.0.0.1:7002 8 5 duid=b"],"remarks":["\#(path):3:23: weight is 1 to 100, not `0`: the destination has none, in `4 sip:127.0.0.1:1 0 0 weight=0`","\#(path):2: `sip:;x` is no SIP URI, in `1 sip:;x 0 9`: the destination is left out"]}"#
        )
        #expect(try server.flags().count == 3)
        try door.expect("dispatcher.reload", ["wet"], code: 500, is: "Invalid Parameters")
        try door.expect("dispatcher.reload", is: #""Ok. Dispatcher successfully reloaded.""#)
        #expect(try server.flags() == ["AP", "AX"])
        try server.base.server.waitForLog("`sip:;x` is no SIP URI, in `1 sip:;x 0 9`: the destination is left out")
    }

    @Test func strictLoadsAndDelays() throws {
        let server = try server(list, ["ds_load_mode=1", "reload_delta=3600"])
        try server.base.door.expect("dispatcher.add", ["1", "sip:a"], is: #""Ok. Dispatcher destination added.""#)
        try server.base.door.expect("dispatcher.reload", code: 500, is: "Ongoing reload")
        try server.base.door.expect("dispatcher.remove", ["1", "sip:a"], code: 500, is: "Ongoing reload")
        let strict = try self.server(list, ["ds_load_mode=1"])
        try strict.write("1 sip:\n")
        let answer = try strict.base.door.call("dispatcher.reload")
        #expect(answer.code == 500 && answer.json.hasSuffix("dispatcher.list:1: `sip:` is no SIP URI, in `1 sip:`"))
    }

    @Test func scriptsReload() throws {
        let server = try Dispatching(
            list, script: Dispatching.steps(["ds_reload()| -", #"ds_select_dst("1", "8")| $du"#]))
        try server.write("1 sip:127.0.0.1:7009\n")
        #expect(try server.tell(id: "one") == ["1 -", "1 sip:127.0.0.1:7009"])
        try server.write("broken\n")
        #expect(try server.tell(id: "two") == ["-1 -", "1 sip:127.0.0.1:7009"])
        try server.base.server.waitForLog("nothing is reloaded: ")
    }

    @Test func furtherCommands() throws {
        let server = try server(list)
        let door = server.base.door
        try door.expect("dispatcher.ping_active", is: #"{"OldPingState":1}"#)
        try door.expect("dispatcher.ping_active", ["0"], is: #"{"NewPingState":0,"OldPingState":1}"#)
        try door.expect("dispatcher.ping_active", ["2"], code: 500, is: "Invalid Parameters")
        // As Kamailio 5.6 answers.
        try door.expect("dispatcher.hash", ["4", "bob", "server.com"], is: #"{"hashid":-411503614,"slot":2}"#)
        try door.expect("dispatcher.hash", ["0", "alice", "server.com"], is: #"{"hashid":1412806172,"slot":0}"#)
        try door.expect("dispatcher.oclist", ["9"], code: 404, is: "No such group")
        try door.expect(
            "dispatcher.oclist", ["2"],
            is: #"[{"uri":"sip:127.0.0.1:8001","OCRATE":0,"OCIDX":0,"OCSEQ":0,"OCTIME_SEC":0,"OCTIME_USEC":0}]"#)
        let empty = try self.server("# nothing\n")
        try empty.base.door.expect("dispatcher.list", code: 500, is: "No Destination Sets")
        #expect(empty.base.server.log.contains("dispatcher.list has no destinations"))
    }

    // MARK: - Other doors

    @Test func managementInterface() throws {
        let folder = try TemporaryFolder()
        let server = try server(
            list, modules: ["mi_fifo", "mi_datagram"],
            routes: """
                modparam("mi_fifo", "fifo_name", "\(folder.path)/fifo")
                modparam("mi_fifo", "reply_dir", "\(folder.path)/")
                modparam("mi_datagram", "socket_name", "\(folder.path)/sock")
                """)
        let fifo = try FIFOClient("\(folder.path)/fifo", replies: folder.path)
        #expect(
            try fifo.ask("ds_list") == """
                200 OK
                SET_NO:: 2
                SET:: 1
                \tURI:: sip:127.0.0.1:7002 flags=AP priority=5 attrs=duid=b;weight=25
                \tURI:: sip:127.0.0.1:7001 flags=AX priority=0 attrs=
                SET:: 2
                \tURI:: sip:127.0.0.1:8001 flags=AX priority=0 attrs=

                """)
        #expect(try fifo.ask("ds_set_state", "ip", "1", "sip:127.0.0.1:7001") == "200 OK\n")
        #expect(try server.flags() == ["AP", "IP", "AX"])
        #expect(try fifo.ask("ds_set_state", "i") == "400 missing parameters\n")
        #expect(try fifo.ask("ds_set_state", "q", "1", "sip:127.0.0.1:7001") == "500 unknown state value\n")
        #expect(try fifo.ask("ds_set_state", "i", "one", "sip:127.0.0.1:7001") == "500 bad group value\n")
        #expect(try fifo.ask("ds_set_state", "i", "1", "sip:nobody") == "404 destination not found\n")
        #expect(try fifo.ask("ds_reload") == "200 OK\n")
        let datagrams = try DatagramClient(unix: "\(folder.path)/sock", as: "\(folder.path)/own")
        #expect(try datagrams.ask(":ds_reload:\n.") == "200 OK\n")
        try server.write("broken\n")
        #expect(try datagrams.ask(":ds_reload:\n.").hasPrefix("500 Reload Failed: "))
        #expect(try server.flags() == ["AP", "IP", "AX"])
    }

    @Test func kamcmdAndJSON() throws {
        let folder = try TemporaryFolder()
        let server = try server(
            list, modules: ["ctl", "jsonrpcs"],
            routes: """
                modparam("ctl", "binrpc", "unix:\(folder.path)/ctl")
                modparam("jsonrpcs", "transport", 4)
                modparam("jsonrpcs", "dgram_socket", "\(folder.path)/json")
                """)
        func kamcmd(_ arguments: String...) throws -> String {
            let result = try run("kamcmd", ["-s", "unix:\(folder.path)/ctl"] + arguments)
            return result.output + result.errors
        }
        #expect(
            try kamcmd("dispatcher.set_state", "ip", "2", "sip:127.0.0.1:8001") == "Ok. Dispatcher state updated.\n")
        #expect(try kamcmd("dispatcher.set_state", "i", "9", "all").contains("500 - State Update Failed"))
        #expect(try kamcmd("dispatcher.set_state", "i").contains("500 - Invalid Parameters"))
        #expect(try kamcmd("dispatcher.reload") == "Ok. Dispatcher successfully reloaded.\n")
        let shown = try kamcmd("dispatcher.list", "short")
        let words = shown.split { $0 == "\n" || $0 == "\t" }.map { String($0) }
        #expect(
            words.starts(with: ["{", "NRSETS: 2", "RECORDS: {", "SET: {", "ID: 1", "TARGETS: {", "DEST: {"]), "\(shown)"
        )
        #expect(words.contains("FLAGS: IP"))
        let json = try DatagramClient(unix: "\(folder.path)/json", as: "\(folder.path)/own")
        let answer = try json.ask(#"{"jsonrpc":"2.0","method":"dispatcher.set_state","params":["x",1,"all"],"id":7}"#)
        #expect(answer.contains("500") && answer.contains("Unknown State Value"), "\(answer)")
        #expect(try server.flags() == ["AP", "AX", "IP"])
    }
}
