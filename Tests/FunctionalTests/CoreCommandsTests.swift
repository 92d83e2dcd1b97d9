import Glibc
import Testing

/// The core's own commands. A debug build holds each answer against the reply that its command declares, and answers 500 when it differs.
@Suite struct CoreCommandsTests {
    private func server(_ folder: borrowing TemporaryFolder) throws -> Server {
        let door = try RPCDoor.config(folder.path)
        return try Server { port in
            """
            #!define MARK value
            children=2
            listen=udp:127.0.0.1:\(port) advertise 192.0.2.9:5099 name "one"
            auto_aliases=no
            alias=sip.example.org:5070
            \(door)
            loadmodule "sl.so"
            request_route { sl_send_reply("404", "No"); exit; }

            """
        }
    }

    @Test func everyReadingCommandAnswersAsItDeclares() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let arguments = [
            "system.methodHelp": ["core.ps"], "system.methodSignature": ["core.ps"],
            "core.echo_delta": ["0", "a", "1"],
            "core.prints": ["a", "1"], "core.printi": ["1", "2"], "core.shmmem": ["k"], "mod.stats": ["all"],
            "mod.mem_stats": ["sl"], "mod.mem_statsx": ["all"], "pkg.stats": ["rank", "1"],
        ]
        for name in [
            "system.listMethods", "system.methodHelp", "system.methodSignature", "core.version", "core.info",
            "core.runinfo", "core.uptime", "core.ps", "core.psx", "core.psa", "core.pwd", "core.arg", "core.flags",
            "core.ppdefines", "core.ppdefines_full", "core.modules", "core.echo", "core.echo_delta", "core.prints",
            "core.printi", "core.shmmem", "core.sockets_list", "core.aliases_list", "core.ready",
            "core.udp4_raw_info", "pkg.stats", "pkg.info", "mod.stats", "mod.mem_stats", "mod.mem_statsx", "dns.view",
            "dns.mem_info", "core.tcp_info", "core.tcp_options", "core.tcp_list",
            "dns.debug", "dns.debug_all", "dns.get_server_state", "core.msgstats", "modparam.list", "core.programs",
        ] {
            try door.send(name, arguments[name] ?? [])
            let answer = try door.receive()
            #expect(answer.code == 200, "\(name): \(answer.json)")
        }
        #expect(server.status == nil)
    }

    @Test func theyTellOfThisServer() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let (port, process) = (server.port, server.pid)
        #expect(try door.call("core.ready").json == #"{"ready":1}"#)
        #expect(try door.call("core.modules").json == #"["sl","rpcdoor"]"#)
        #expect(try door.call("core.ppdefines_full").json.contains(#"{"name":"MARK","type":0,"value":"value"}"#))
        let sockets = try door.call("core.sockets_list").json
        #expect(sockets.contains(#""address":"127.0.0.1","port":"\#(port)""#))
        #expect(sockets.contains(#""name":"one","advertise":"192.0.2.9:5099""#))
        #expect(
            try door.call("core.aliases_list").json
                == #"{"myself_callbacks":"no","aliases":[{"alias":{"proto":"*","address":"sip.example.org","port":"5070"}}]}"#
        )
        let threads = try door.call("core.psx").json
        #expect(threads.contains(#"{"IDX":0,"PID":\#(process),"DSC":"main process - attendant"}"#))
        #expect(threads.contains("udp receiver child=0 sock=127.0.0.1:\(port) (192.0.2.9:5099)"))
        #expect(threads.contains("udp receiver child=1 ") && threads.contains(#""DSC":"ctl handler""#))
        #expect(try door.call("pkg.stats", "index", "2").json.contains(#"[{"entry":2,"#))
        #expect(try door.call("mod.stats", "nope").code == 404)
        try door.expect("core.shmmem", ["x"], code: 400, is: "bad param, (use b|k|m|g)")
        #expect(try door.call("core.sfmalloc").code == 501)
        #expect(
            try door.call("system.methodHelp", "uptime").json.hasPrefix(
                #""core.uptime -> {now:string, up_since:string, uptime:int}\n"#))
        try door.expect("system.methodSignature", ["core.nope"], code: 404, is: "there is no command core.nope")
    }

    @Test func connectionsAreTold() throws {
        let folder = try TemporaryFolder()
        let module = try RPCDoor.config(folder.path)
        let server = try Server { port in
            """
            children=2
            listen=udp:127.0.0.1:\(port)
            listen=tcp:127.0.0.1:\(port)
            tcp_max_connections=100
            tcp_connection_lifetime=600
            tcp_connect_timeout=-1
            \(module)
            request_route { exit; }

            """
        }
        let door = try RPCDoor(folder.path)
        let port = server.port
        var clients = try (0..<2).map { _ in try TCPClient(to: port) }
        // A ping is answered: then its connection is known.
        for client in clients {
            try client.send("\r\n\r\n")
            #expect(client.bytes() == [13, 10])
        }
        try door.expect(
            "core.tcp_info",
            is: #"{"readers":2,"max_connections":100,"max_tls_connections":2048,"opened_connections":2,"#
                + #""opened_tls_connections":0,"write_queued_bytes":0}"#)
        let options = try door.call("core.tcp_options").json
        #expect(options.hasPrefix(#"{"connect_timeout":-1,"send_timeout":10,"connection_lifetime":600,"#), "\(options)")
        #expect(options.contains(#""max_connections(soft)":100,"#) && options.contains(#""crlf_ping":1,"#))
        let list = try door.call("core.tcp_list").json
        for client in clients {
            let line =
                #""lifetime":600,"ref_count":1,"src_ip":"127.0.0.1","src_port":\#(client.address.port),"#
                + #""dst_ip":"127.0.0.1","dst_port":\#(port)}"#
            #expect(list.contains(line), "\(list)")
        }
        #expect(list.split(separator: "{").count { $0.contains(#""type":"TCP","state":"CONN_OK""#) } == 2)
        clients.removeFirst()
        let isGone = try until { try door.call("core.tcp_info").json.contains(#""opened_connections":1,"#) }
        #expect(isGone && server.status == nil)
    }

    @Test func withoutTCPThereAreNoConnections() throws {
        let folder = try TemporaryFolder()
        let module = try RPCDoor.config(folder.path)
        let server = try Server { port in
            "disable_tcp=yes\nlisten=udp:127.0.0.1:\(port)\n\(module)request_route { exit; }\n"
        }
        let door = try RPCDoor(folder.path)
        for name in ["core.tcp_info", "core.tcp_options", "core.tcp_list"] {
            try door.expect(name, code: 500, is: "tcp support disabled")
        }
        #expect(server.status == nil)
    }

    @Test func aDelayedEchoComesLater() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let other = try RPCDoor(folder.path, client: 1)
        try door.send("core.echo_delta", ["1", "late"])
        #expect(try other.call("core.echo", "soon").json == #""soon""#)
        #expect(try door.receive().json == #""late""#)
        #expect(try door.call("core.echo_delta", "-1").code == 400)
        #expect(server.status == nil)
    }

    @Test func namesAreAddedShownAndForgotten() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        #expect(try door.call("dns.lookup", "A", "host.test").code == 404)
        try door.expect("dns.add_a", ["Host.test", "100", "192.0.2.1", "0"], is: "null")
        #expect(try door.call("dns.add_a", "host.test", "100", "192.0.2.2", "0").code == 200)
        #expect(try door.call("dns.add_aaaa", "host.test", "100", "2001:db8::1", "0").code == 200)
        #expect(try door.call("dns.add_srv", "_sip._udp.test", "100", "1", "2", "5060", "host.test", "0").code == 200)
        #expect(try door.call("dns.add_srv", "_sip._udp.test", "100", "2", "3", "5061", "other.test", "0").code == 200)
        let known = try door.call("dns.lookup", "a", "HOST.test").json
        #expect(known.contains(#""rr_ip":"192.0.2.1""#) && known.contains(#""rr_idx":1,"rr_ip":"192.0.2.2""#))
        #expect(known.contains(#""worker":0"#) && known.contains(#""worker":1"#))
        let services = try door.call("dns.lookup", "SRV", "_sip._udp.test").json
        #expect(services.contains(#""rr_name":"host.test","rr_port":5060,"rr_priority":1,"rr_weight":2"#))
        #expect(services.contains(#""rr_name":"other.test","rr_port":5061,"rr_priority":2,"rr_weight":3"#))
        #expect(try door.call("dns.view").json.contains("2001:db8::1"))
        #expect(try door.call("dns.delete_a", "host.test").code == 200)
        try door.expect("dns.delete_a", ["host.test"], code: 400, is: "Not found")
        #expect(try door.call("dns.delete_all").code == 200)
        #expect(try door.call("dns.view").json == "[]")
        for (arguments, code) in [
            (["host.test", "100", "2001:db8::1", "0"], 400), (["a b", "100", "192.0.2.1", "0"], 400),
            (["host.test", "-1", "192.0.2.1", "0"], 400), (["host.test", "1", "192.0.2.1", "1"], 400),
        ] {
            try door.send("dns.add_a", arguments)
            #expect(try door.receive().code == code)
        }
        #expect(server.status == nil)
    }

    /// What the resolvers count, and that they ask nobody while the servers are said to be down.
    @Test func nameServersAreCountedAndLeftAlone() throws {
        let folder = try TemporaryFolder()
        let config = try RPCDoor.config(folder.path)
        let names = try DNSServer(["A one.test": .a(["127.0.0.1"]), "A two.test": .a(["127.0.0.1"])])
        defer { names.stop() }
        let server = try Server { port in
            """
            children=1
            listen=udp:127.0.0.1:\(port)
            dns_servers="\(names.address)"
            dns_try_ipv6=no
            dns_use_search_list=no
            \(config)
            loadmodule "sl.so"
            request_route {
                if (!forward()) sl_send_reply("478", "Unresolvable");
                exit;
            }

            """
        }
        let door = try RPCDoor(folder.path)
        let client = try UDPClient()
        func ask(_ name: String, _ id: String) throws {
            let request = SIPText.request("OPTIONS", "sip:x@\(name).test:9", from: client.address, id: id)
            try client.send(request, to: server.port)
        }
        func figures(_ arguments: String...) throws -> String {
            try door.send("dns.stats_get", arguments)
            return try door.receive().json
        }
        try door.expect("dns.get_server_state", is: "1")
        try ask("one", "dns-1")
        #expect(try until({ try door.call("dns.lookup", "A", "one.test").code == 200 }))
        try ask("one", "dns-2")
        let once = #"{"dns_req_cnt":2,"dc_hits_cnt":1,"dc_neg_hits_cnt":0,"dc_lru_cnt":0}"#
        #expect(try until({ try figures("all") == once }))
        #expect(try figures("DC_hits_cnt", "1") == #"{"dc_hits_cnt":1}"#)
        #expect(try figures("dc_hits_cnt") == #"{"dc_hits_cnt":0}"#)
        try door.expect("dns.stats_get", ["x"], code: 500, is: "unknown dns cache stat parameter")

        try door.expect("dns.set_server_state", ["0"], is: "null")
        try door.expect("dns.get_server_state", is: "0")
        // A name that nobody asks for is none, at once.
        try ask("two", "dns-3")
        #expect(try client.receive(within: .seconds(10)).message.statusCode == 478)
        try door.expect("dns.set_server_state", ["1"], is: "null")
        try ask("two", "dns-4")
        #expect(try until({ try door.call("dns.lookup", "A", "two.test").json.contains("127.0.0.1") }))
        try door.expect(
            "dns.set_server_state", ["2"], code: 400, is: "the state is 0 (all name servers are down) or 1")
        #expect(server.status == nil)
    }

    /// What the build does not say is not made up.
    @Test func theBuildIsKnownOrNot() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let info = try door.call("core.info").json
        #expect(info.contains(#""id":""#) && !info.contains(#""id":"""#), "\(info)")
        let version = try run(Products.path("apus"), ["-V"]).output
        let line = version.split(separator: "\n").first { $0.hasPrefix("id: ") } ?? ""
        let revision = line.dropFirst("id: ".count).split(separator: " ").first ?? ""
        #expect(!revision.isEmpty && info.contains(#""id":"\#(revision)""#), "\(version) \(info)")
        #expect(server.status == nil)
    }

    @Test func killEndsTheServerInOrder() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        #expect(try door.call("core.kill", "99").code == 400)
        try door.expect("core.kill", ["0"], is: "0")
        #expect(server.status == nil)
        try door.expect("core.kill", is: "0")
        let status = server.wait()
        #expect(status == .exited(0))
    }
}
