import Glibc
import Testing

/// Tables of contacts in memory: commands, the interface, what expires.
@Suite struct UsrlocTests {
    @Test func commands() throws {
        let folder = try TemporaryFolder()
        let desk = try UsrlocDesk(folder, [#""preload", "aliases""#])
        let door = desk.door
        let socket = "udp:127.0.0.1:\(desk.server.port)"
        try door.expect(
            "ul.add",
            ["location", "100", "sip:100@127.0.0.1:7000", "60", "0.5", "<sip:p;lr>", "1", "64", "31", "phone", socket],
            is: "null")
        try door.expect("ul.add", ["location", "100", "sip:100@127.0.0.1:7001", "0", "1.00"], is: "null")
        let json = try door.call("ul.lookup", "location", "100").json
        for part in [
            #"{"AoR":"100","#, #""Address":"sip:100@127.0.0.1:7001","Expires":"permanent","Q":1"#,
            #""Address":"sip:100@127.0.0.1:7000","Expires":"#,
            #""Q":0.5,"Call-ID":"operator@apus","CSeq":42,"User-Agent":"phone""#,
            #""Received":"[not set]","Path":"<sip:p;lr>","State":"CS_NEW","Flags":1,"CFlags":64,"Socket":"\#(socket)","Methods":31"#,
            #""Ruid":"uloc-"#, #""Reg-Id":0,"Server-Id":0,"Tcpconn-Id":-1,"Keepalive":0"#,
        ] {
            #expect(json.contains(part), "\(part) is not in \(json)")
        }
        let first = try #require(json.range(of: "7001")?.lowerBound)
        let second = try #require(json.range(of: "7000")?.lowerBound)
        #expect(first < second, "best q first")
        #expect(try desk.statistic("location_contacts") == "2" && desk.statistic("location_users") == "1")
        #expect(try desk.statistic("registered_users") == "1" && desk.statistic("aliases_users") == "0")
        let whole = try door.call("ul.dump").json
        #expect(
            whole.hasPrefix(#"{"Domains":[{"Domain":{"Domain":"aliases","Size":1024,"AoRs":[],"Stats":"#), "\(whole)")
        #expect(whole.contains(#""Stats":{"Records":1,"Max-Slots":1}"#))
        #expect(try door.call("ul.dump", "brief").json.contains(#""AoRs":[{"AoR":"100"}]"#))
        try door.expect(
            "ul.rm_contact", ["location", "100", "sip:100@127.0.0.1:7009"], code: 404, is: "Contact not found")
        try door.expect("ul.rm_contact", ["location", "100", "sip:100@127.0.0.1:7001"], is: "null")
        #expect(try !door.call("ul.lookup", "location", "100").json.contains("7001"))
        try door.expect("ul.rm", ["location", "100"], is: "null")
        try door.expect("ul.rm", ["location", "100"], code: 404, is: "AOR not found")
        try door.expect("ul.lookup", ["location", "100"], code: 404, is: "AOR not found in location table")
        #expect(
            try door.call("ul.add", "nowhere", "1", "sip:1@h", "0", "1").json.contains("not found in memory, use save"))
        try door.expect("ul.add", ["location", "1", "sip:1@h", "x", "1"], code: 400, is: "Invalid expires format")
        try door.expect("ul.add", ["location", "1", "sip:1@h", "0", "2"], code: 400, is: "Invalid q value")
        try door.expect("ul.add", ["location", "1", "nothing", "0", "1"], code: 400, is: "Invalid contact")
        #expect(try desk.statistic("location_contacts") == "0")
        try door.expect("ul.flush", is: "null")
        #expect(try door.call("ul.db_users", "location").code == 500)
    }

    @Test func manyInADump() throws {
        let folder = try TemporaryFolder()
        var desk = try UsrlocDesk(folder)
        for number in 0..<450 { #expect(try desk.save("user\(number)", "sip:\(number)@h").hasPrefix("0 +1")) }
        let json = try desk.door.call("ul.dump", "brief").json
        #expect(json.components(of: #"{"AoR":"user"#) == 450)
        #expect(try desk.walk() == "0 450")
    }

    @Test func theInterface() throws {
        let folder = try TemporaryFolder()
        var desk = try UsrlocDesk(folder)
        #expect(try desk.look("100") == "0:")
        #expect(try desk.save("100", "sip:1@h sip:2@h") == "0 +2 =0 -0 ~0: sip:2@h sip:1@h")
        #expect(try desk.save("100", "sip:1@h") == "0 +0 =0 -0 ~1: sip:2@h sip:1@h", "a retransmission")
        #expect(try desk.save("100", "sip:3@h sip:2@h", cseq: 0) == "64 +0 =0 -0 ~0: sip:2@h sip:1@h", "out of order")
        #expect(try desk.save("100", "sip:3@h", most: 2) == "65 +0 =0 -0 ~0: sip:2@h sip:1@h", "too many")
        #expect(try desk.save("100", "sip:1@h", cseq: 2, flags: 2) == "0 +0 =1 -1 ~0: sip:1@h", "only this one")
        let long = String(repeating: "x", count: 1100)
        #expect(try desk.save("100", "sip:\(long)@h").hasPrefix("66 "))
        #expect(try desk.save("100", "sip:1@h", expires: 0, cseq: 3) == "0 +0 =0 -1 ~0:")
        #expect(try desk.look("100") == "0:")
        for line in ["inserted 100 sip:1@h", "inserted 100 sip:2@h", "updated 100 sip:1@h", "deleted 100 sip:2@h"] {
            try desk.server.waitForLog("ulcalls: \(line)")
        }
        // The socket that the request came to.
        _ = try desk.save("200", "sip:1@h")
        let port = desk.server.port
        #expect(try desk.door.call("ul.lookup", "location", "200").json.contains(#""Socket":"udp:127.0.0.1:\#(port)""#))
    }

    @Test func whatExpires() throws {
        let folder = try TemporaryFolder()
        var desk = try UsrlocDesk(
            folder, routes: "stats_name_separator=\"-\"\nevent_route[usrloc:contact-expired] { ul_told(); }")
        _ = try desk.save("100", "sip:1@h sip:2@h", expires: 1)
        _ = try desk.save("200", "sip:3@h", expires: 3600)
        for line in ["expired 100 sip:1@h", "route 100 sip:1@h", "expired 100 sip:2@h", "route 100 sip:2@h"] {
            try desk.server.waitForLog("ulcalls: \(line)")
        }
        #expect(try desk.look("100") == "0:" && desk.look("200") == "0: sip:3@h")
        #expect(try desk.statistic("location-expires") == "2" && desk.statistic("location-users") == "1")
        let log = desk.server.log
        #expect(log.components(of: "ulcalls: route 100 sip:1@h") == 1 && log.components(of: "sip:3@h") == 1)
    }

    @Test func domainsAndKeeping() throws {
        let folder = try TemporaryFolder()
        var desk = try UsrlocDesk(folder, [#""use_domain", 1"#, #""rm_expired_delay", 3600"#])
        try desk.door.expect(
            "ul.add", ["location", "100", "sip:1@h", "0", "1"], code: 400, is: "username@domain expected")
        try desk.door.expect("ul.add", ["location", "100@d", "sip:1@h", "1", "1"], is: "null")
        #expect(try until { try desk.door.call("ul.dump").json.contains(#""Expires":"expired""#) })
        #expect(try desk.look("100@d") == "0:")
    }

    @Test func olderText() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        let desk = try UsrlocDesk(
            folder,
            globals: """
                fifo="\(path)/ser_fifo"
                fifo_dir="\(path)"
                loadmodule "mi_fifo.so"
                loadmodule "mi_rpc.so"
                modparam("mi_fifo", "fifo_name", "\(path)/mi_fifo")
                """)
        let ser = try FIFOClient("\(path)/ser_fifo", replies: path, name: "ser_reply")
        let mi = try FIFOClient("\(path)/mi_fifo", replies: path, name: "mi_reply")
        #expect(
            try ser.ask("ul_add", "location", "100", "sip:1@h", "0", "1.00")
                == "200 Added to table\n('100','sip:1@h') to 'location'\n")
        #expect(try ser.ask("ul_add", "location", "100", "sip:2@h", "600", "0.25", "0", "0").hasPrefix("200 Added"))
        let shown = try ser.ask("ul_show_contact", "location", "100").split(separator: "\n").map(String.init)
        try #require(shown.count == 3)
        #expect(shown[0] == "200 OK" && shown[1].hasPrefix("<sip:1@h>;q=1.00;expires=10737418"))
        #expect(shown[2] == "<sip:2@h>;q=0.25;expires=600" || shown[2] == "<sip:2@h>;q=0.25;expires=599")
        let tree = try mi.ask("ul_show_contact", "location", "100")
        #expect(tree.hasPrefix("200 OK\nContact:: <sip:1@h>;q=1.00;expires=permanent;flags=0x0;cflags=0x0;socket=<>"))
        #expect(
            try mi.ask("ul_add", "location", "200", "sip:3@h", "60", "0.5", "0", "1", "64", "31") == "200 OK\n")
        #expect(try desk.door.call("ul.lookup", "location", "200").json.contains(#""Flags":1,"CFlags":64"#))
        #expect(
            try ser.ask("ul_rm_contact", "location", "100", "sip:2@h")
                == "200 Contact (100, sip:2@h) deleted from table location\n")
        #expect(try ser.ask("ul_rm", "location", "100") == "200 user (location, 100) deleted\n")
        #expect(try ser.ask("ul_rm", "location", "100") == "404 Username 100 in table location not found\n")
        #expect(try ser.ask("ul_rm", "location") == "400 ul_rm: user name expected\n")
        #expect(try ser.ask("ul_add", "location", "1", "sip:1@h", "x", "1") == "400 Invalid expires format\n")
        #expect(try mi.ask("ul_rm", "location", "200") == "200 OK\n")
        #expect(try mi.ask("ul_rm", "location", "200") == "404 AOR not found\n")
        #expect(try mi.ask("ul_dump").hasPrefix("200 OK\n"))
    }

    @Test func parametersOfOthers() throws {
        let folder = try TemporaryFolder()
        let desk = try UsrlocDesk(
            folder, [#""timer_procs", 4"#, #""ka_randomize", 1"#, #""db_ops_ruid", 1"#, #""nat_bflag", 6"#])
        let log = desk.server.log
        #expect(log.contains("timer_procs has no effect: there are no processes of the module's own"))
        #expect(log.contains("ka_randomize has no effect: pings are spread over the interval in any case"))
        #expect(!log.contains("db_ops_ruid has no effect"))
    }
}

extension String {
    /// How often a text stands in this one.
    fileprivate func components(of text: String) -> Int { ranges(of: text).count }

    fileprivate func range(of text: String) -> Range<Index>? { firstRange(of: text) }
}
