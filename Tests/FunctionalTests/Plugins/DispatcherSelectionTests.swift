import Testing

/// What scripts select, and what they do with it.
@Suite struct DispatcherSelectionTests {
    /// What the functions of a script answer, one after the other, with what variables are then: see `told`.
    private func told(
        _ list: String, parameters: [String] = ["flags=2"], globals: String = "", method: String = "OPTIONS",
        user: String = "alice", headers: [String] = [], id: String = "told", _ steps: [String]
    ) throws -> [String] {
        let server = try Dispatching(list, parameters: parameters, routes: globals, script: Dispatching.steps(steps))
        return try server.tell(method, user: user, headers: headers, id: id)
    }

    private let three = "1 sip:127.0.0.1:7001\n1 sip:127.0.0.1:7002 0 0 duid=b;my=x\n1 sip:127.0.0.1:7003\n"

    @Test func roundRobinAndFailover() throws {
        let said = try told(
            three,
            [
                #"ds_select_dst("1", "4")| $du $xavp(_dsctx_=>cnt) $xavp(_dsdst_[0]=>uri) $xavp(_dsdst_[0]=>grp)"#,
                "ds_next_dst()| $du $xavp(_dsdst_[0]=>attrs) $xavp(_dsdst_[1]=>uri)",
                "ds_set_dst()| $du",
                "ds_next_dst()| $du",
                "ds_next_dst()| $du $xavp(_dsdst_[0]=>uri)",
                #"ds_select_dst(1, 4)| $du"#,
                #"ds_select_dst("1", "4", "2")| $du $xavp(_dsctx_=>cnt) $xavp(_dsdst_[1]=>uri) $xavp(_dsdst_[2]=>uri)"#,
            ])
        #expect(
            said == [
                "1 sip:127.0.0.1:7001 3 sip:127.0.0.1:7001 1",
                "1 sip:127.0.0.1:7002 duid=b;my=x sip:127.0.0.1:7003", "1 sip:127.0.0.1:7002",
                "1 sip:127.0.0.1:7003", "-1 sip:127.0.0.1:7003 <null>", "1 sip:127.0.0.1:7002",
                "1 sip:127.0.0.1:7003 2 sip:127.0.0.1:7001 <null>",
            ])
    }

    @Test func variablesNameSetsAndAlgorithms() throws {
        let said = try told(
            three + "2 sip:127.0.0.1:8000\n",
            [
                #"$var(s) = 2; $var(a) = "8"; ds_select_dst("$var(s)", "$var(a)")| $du"#,
                #"$var(s) = "1"; ds_select_dst($var(s), $var(a))| $du"#, #"ds_select_dst("3", "8")| -"#,
            ])
        #expect(said == ["1 sip:127.0.0.1:8000", "1 sip:127.0.0.1:7001", "-1 -"])
    }

    @Test func withoutFailoverOneIsKept() throws {
        let said = try told(
            three, parameters: [],
            [
                #"ds_select_dst("1", "8")| $xavp(_dsctx_=>cnt) $xavp(_dsdst_[1]=>uri)"#, "ds_next_dst()| $du",
                #"ds_mark_dst("i")| $du"#, #"ds_select_dst("1", "8")| $du"#,
            ])
        #expect(
            said == ["1 1 <null>", "-1 sip:127.0.0.1:7001", "1 sip:127.0.0.1:7001", "1 sip:127.0.0.1:7002"])
    }

    /// The older form, which scripts may change.
    @Test func failoverByAVPs() throws {
        let avps = ["dst", "grp", "cnt", "dstid", "attrs"].map { "\($0)_avp=$avp(my_\($0))" }
        let said = try told(
            three, parameters: ["flags=2"] + avps,
            [
                #"ds_select_dst("1", "8")| $(avp(my_dst)[*]) $avp(my_grp) $avp(my_cnt) $avp(my_dstid) $avp(my_attrs)"#,
                "ds_next_dst()| $du $avp(my_dst) $xavp(_dsdst_[0]=>uri)",
                #"$avp(my_dst) = $null; $avp(my_dst) = $null; $avp(my_dst) = "sip:127.0.0.1:9999"; $avp(my_dst) = "sip:first"; ds_next_dst()| $du"#,
                "ds_next_dst()| $du",
            ])
        #expect(
            said == [
                "1 sip:127.0.0.1:7001, sip:127.0.0.1:7002, sip:127.0.0.1:7003 1 3 b duid=b;my=x",
                "1 sip:127.0.0.1:7002 sip:127.0.0.1:7002 sip:127.0.0.1:7002", "1 sip:127.0.0.1:9999",
                "-1 sip:127.0.0.1:9999",
            ])
    }

    @Test func namesAndModesOfXAVPs() throws {
        let other = try Ports.free()
        let said = try told(
            "1 sip:a 0 0 duid=x;socket=udp:127.0.0.1:\(other);sockname=second\n",
            parameters: ["flags=2", "xavp_dst=there", "xavp_ctx=here", "xavp_dst_mode=7", "xavp_ctx_mode=1"],
            globals: #"listen=udp:127.0.0.1:\#(other) name "second""#,
            [
                #"ds_select("1", "8")| $du $xavp(there=>uri) $xavp(there=>attrs) $xavp(there=>socket) $xavp(there=>sockname) $xavp(here=>cnt)"#,
                "ds_set_dst()| $du $fs",
            ])
        let socket = "udp:127.0.0.1:\(other)"
        #expect(said == ["1 <null> sip:a <null> \(socket) second <null>", "1 sip:a \(socket)"])
    }

    @Test func domains() throws {
        let said = try told(
            "1 sip:gw.example.com:7001;transport=udp\n1 sips:[::1]:7002\n", user: "+49123;phone=1",
            [
                #"ds_select_domain("1", "8")| $ru $du"#, "ds_next_domain()| $ru", "ds_set_domain()| $ru",
                "ds_next_domain()| $ru",
            ])
        #expect(
            said == [
                "1 sip:+49123;phone=1@gw.example.com:7001;transport=udp <null>",
                "1 sip:+49123;phone=1@[::1]:7002", "1 sip:+49123;phone=1@[::1]:7002",
                "-1 sip:+49123;phone=1@[::1]:7002",
            ])
    }

    @Test func forcedDestinations() throws {
        let steps = [#"$du = "sip:1.2.3.4"; ds_select_dst("1", "8")| $du"#, #"ds_select_domain("1", "8")| $rd"#]
        #expect(try told(three, steps) == ["1 sip:127.0.0.1:7001", "1 127.0.0.1"])
        #expect(
            try told(three, parameters: ["flags=2", "force_dst=0"], steps) == ["-1 sip:1.2.3.4", "1 127.0.0.1"])
    }

    @Test func lastResorts() throws {
        let said = try told(
            three, parameters: ["flags=2", "use_default=1"],
            [
                #"ds_select_dst("1", "4")| $du"#, #"ds_select_dst("1", "4")| $du"#, #"ds_select_dst("1", "4")| $du"#,
                #"ds_mark_dst("i"); ds_next_dst(); ds_mark_dst("i"); ds_select_dst("1", "0")| $du $xavp(_dsctx_=>cnt)"#,
            ])
        #expect(
            said == [
                "1 sip:127.0.0.1:7001", "1 sip:127.0.0.1:7002", "1 sip:127.0.0.1:7001", "1 sip:127.0.0.1:7003 1",
            ])
    }

    /// The slots are those that the command names.
    @Test func hashesAndTheirSlots() throws {
        let list = (0..<7).map { "1 sip:127.0.0.1:700\($0)\n" }.joined()
        let steps = [
            #"ds_select_dst("1", "0")| $du"#, #"ds_select_dst("1", "1")| $du"#, #"ds_select_dst("1", "2")| $du"#,
            #"ds_select_dst("1", "3")| $du"#, #"ds_select_dst("1", "5")| $du"#, #"ds_select_dst("1", "7")| $du"#,
        ]
        func slots(_ flags: Int) throws -> (said: [Int], named: [Int]) {
            let server = try Dispatching(
                list, parameters: ["flags=\(flags)", "hash_pvar=key $rm"], script: Dispatching.steps(steps))
            let digest = #"Proxy-Authorization: Digest username="bob", realm="r", nonce="n", uri="sip:x", response="d""#
            let said = try server.tell(user: "alice", headers: [digest], id: "slots").map { Int($0.suffix(1)) ?? -1 }
            let own = "\(server.base.client.address)"
            let host = { (text: String) in flags & 1 != 0 ? [] : [text] }
            let keys = [
                ["slots@tests"], ["tester"] + host(own), ["alice"] + host("\(server.base.server.address)"),
                ["alice"] + host("\(server.base.server.address)"), ["bob"], ["key OPTIONS"],
            ]
            let named = try keys.map { key in
                try server.base.door.send("dispatcher.hash", ["7"] + key)
                let json = try server.base.door.receive().json
                return Int(json.split(separator: #""slot":"#)[1].prefix { $0.isNumber }) ?? -2
            }
            return (said, named)
        }
        for flags in [0, 1] {
            let (said, named) = try slots(flags)
            #expect(said == named, "flags \(flags)")
        }
    }

    /// 5060 and none are the same, other ports count.
    @Test func usualPortsAreNotHashed() throws {
        let list = (0..<97).map { "1 sip:127.0.0.1:\(7000 + $0)\n" }.joined()
        let said = try told(
            list,
            [
                #"$ru = "sip:a@h"; ds_select_dst("1", "3")| $du"#,
                #"$ru = "sip:a@h:5060"; ds_select_dst("1", "3")| $du"#,
                #"$ru = "sips:a@h:5061"; ds_select_dst("1", "3")| $du"#,
                #"$ru = "sip:a@h:5061"; ds_select_dst("1", "3")| $du"#,
                #"$ru = "sip:b@h"; ds_select_dst("1", "3")| $du"#,
            ])
        #expect(said[0] == said[1] && said[1] == said[2])
        #expect(said[3] != said[0] && said[4] != said[0])
    }

    @Test func aUserThatIsNotThereMeansRoundRobin() throws {
        let said = try told(three, [#"ds_select_dst("1", "5")| $du"#, #"ds_select_dst("1", "5")| $du"#])
        #expect(said == ["1 sip:127.0.0.1:7001", "1 sip:127.0.0.1:7002"])
    }

    @Test func allAtOnce() throws {
        let said = try told(
            three,
            [
                #"ds_select_dst("1", "12")| $du $branch(count) $(branch(dst_uri)[0]) $(branch(dst_uri)[1]) $xavp(_dsdst_=>uri)"#
            ])
        #expect(said == ["1 sip:127.0.0.1:7001 2 sip:127.0.0.1:7002 sip:127.0.0.1:7003 <null>"])
    }

    @Test func severalSetsInARow() throws {
        let list = three + "2 sip:127.0.0.1:8001\n2 sip:127.0.0.1:8002\n"
        let said = try told(
            list,
            [
                #"$var(a) = 8; ds_select_routes("2=$var(a);1=8", "d")| $du $xavp(_dsctx_=>cnt) $(xavp(_dsdst_[2]=>uri)) $xavp(_dsdst_[2]=>grp)"#,
                #"ds_select_routes("2=8;9=4;1=8", "ruri", "3")| $ru $xavp(_dsctx_=>cnt)"#,
                #"$du = $null; ds_select_routes("1=8", "x")| $du $xavp(_dsdst_[0]=>uri)"#,
                #"ds_select_routes("9=4", "d")| -"#, #"ds_select_routes("1=8", "q")| -"#,
                #"ds_select_routes("1", "d")| -"#,
            ])
        #expect(said[0] == "1 sip:127.0.0.1:8001 5 sip:127.0.0.1:7001 1")
        #expect(said[1] == "1 sip:alice@127.0.0.1:8001 3")
        #expect(Array(said[2...]) == ["1 <null> sip:127.0.0.1:7001", "-1 -", "-1 -", "-1 -"])
    }

    @Test func states() throws {
        let said = try told(
            three, parameters: ["flags=2", "ds_probing_threshold=2"],
            [
                #"ds_mark_dst("i")| -"#, #"ds_select_dst("1", "8")| $du"#, #"ds_mark_dst("zz")| -"#,
                #"ds_mark_dst("p")| -"#, #"ds_mark_dst("dp")| -"#, #"ds_mark_dst("T")| -"#,
                #"ds_select_dst("1", "8")| $du"#, #"ds_mark_dst("tp")| -"#, #"ds_select_dst("1", "8")| $du"#,
                #"ds_mark_dst()| -"#, #"ds_is_active("1")| -"#,
                #"ds_mark_addr("d", "1", "sip:127.0.0.1:7003")| -"#, #"ds_is_active("1")| -"#,
                #"ds_select_dst("1", "8")| -"#, #"ds_mark_addr("ap", "1", "sip:127.0.0.1:7002")| -"#,
                #"ds_is_active("1", "sip:127.0.0.1:7002")| -"#, #"ds_is_active("1", "sip:127.0.0.1:7001")| -"#,
                #"ds_is_active("9")| -"#, #"ds_mark_addr("a", "1", "sip:nobody")| -"#,
                #"ds_mark_addr("a", "9", "sip:127.0.0.1:7001")| -"#,
            ])
        #expect(
            said == [
                "-1 -", "1 sip:127.0.0.1:7001", "-1 -", "-1 -", "-1 -", "1 -", "1 sip:127.0.0.1:7001", "1 -",
                "1 sip:127.0.0.1:7002", "1 -", "1 -", "1 -", "-1 -", "-1 -", "1 -", "1 -", "-1 -", "-1 -", "-1 -",
                "-1 -",
            ])
    }

    /// Destinations that are alike share their states.
    @Test func equalURIsAreMarkedTogether() throws {
        let said = try told(
            "1 sip:a 0 9 duid=x\n1 sip:a 0 8 duid=y\n1 sip:b\n",
            [#"ds_select_dst("1", "8")| $du $xavp(_dsctx_=>cnt)"#, #"ds_mark_dst("i"); ds_select_dst("1", "8")| $du"#])
        #expect(said == ["1 sip:a 3", "1 sip:b"])
    }

    @Test func membership() throws {
        let server = try Dispatching(
            "1 sip:127.0.0.1:CLIENT 0 0 name=one\n2 sip:127.0.0.1:1;transport=tcp\n3 sip:127.0.0.2\n4 sip:host.test\n",
            parameters: ["setid_pvname=$var(id)", "attrs_pvname=$var(attrs)"],
            script: Dispatching.steps([
                "ds_is_from_list()| $var(id) $var(attrs)", #"ds_is_from_list("1")| -"#, #"ds_is_from_list("-1")| -"#,
                #"ds_is_from_list("2")| -"#, #"ds_is_from_list("2", "3")| -"#, #"ds_is_from_list("2", "1")| -"#,
                #"ds_is_from_list("3", "3")| -"#, #"ds_is_from_list("9")| -"#,
                #"ds_is_from_list("3", "0", "sip:x@127.0.0.2")| $var(id)"#,
                #"ds_is_from_list("3", "2", "sip:127.0.0.2:99")| -"#,
                #"ds_is_from_list("3", "1", "sip:127.0.0.2:99")| -"#,
                #"ds_is_from_list("4", "2", "sip:x@HOST.test")| -"#, #"ds_is_from_list("4", "2", "nonsense")| -"#,
                #"ds_is_from_list("1", "8")| -"#, #"ds_is_from_list("-1", "19")| $var(id)"#,
                #"ds_mark_addr("i", "1", "sip:$si:$sp"); ds_is_from_list("1", "6")| -"#,
                #"ds_is_from_list("1", "2")| -"#, #"ds_list_exists("1")| -"#, #"ds_list_exist("7")| -"#,
                #"$var(n) = "x"; ds_list_exists("$var(n)")| -"#,
            ]))
        let said = try server.tell(id: "member")
        #expect(
            said == [
                "1 1 name=one", "1 -", "1 -", "-1 -", "1 -", "-1 -", "-1 -", "-1 -", "1 3", "-1 -", "1 -", "1 -",
                "-1 -",
                "-1 -", "1 1", "-1 -", "1 -", "1 -", "-1 -", "-2 -",
            ])
    }

    @Test func socketsOfDestinations() throws {
        let other = try Ports.free()
        let server = try Dispatching(
            "1 sip:127.0.0.1:7001\n1 sip:127.0.0.1:7002 0 0 socket=udp:127.0.0.1:\(other)\n1 sip:127.0.0.1:7003 0 0 socket=udp:1.1.1.1:1;sockname=second\n1 sip:127.0.0.1:7004\n",
            parameters: ["flags=2"],
            routes: #"listen=udp:127.0.0.1:\#(other) name "second""#,
            script: Dispatching.steps([
                #"ds_select_dst("1", "8")| $fs"#, "ds_next_dst()| $fs $xavp(_dsdst_=>sock)", "ds_next_dst()| $fs",
                "ds_next_dst()| $du $fs",
            ]))
        let second = "udp:127.0.0.1:\(other)"
        #expect(
            try server.tell(id: "socket") == [
                "1 <null>", "1 \(second) \(second)", "1 \(second)", "1 sip:127.0.0.1:7004 <null>",
            ])
        let byDefault = try Dispatching(
            "1 sip:127.0.0.1:7001\n", parameters: ["ds_default_sockname=second"],
            routes: #"listen=udp:127.0.0.1:\#(try Ports.free()) name "second""#,
            script: Dispatching.steps([#"ds_select_dst("1", "8")| $fs"#]))
        #expect(try byDefault.tell(id: "socket")[0].hasPrefix("1 udp:127.0.0.1:"))
    }

    @Test func numbersOfSetsAndOverload() throws {
        let said = try told(
            three,
            [
                #"ds_mark_addr("i", "1", "sip:127.0.0.1:7001"); ds_dsg_fetch("1")| $dsg(count) $dsg(active) $dsg(pactive) $dsg(inactive) $dsg(pinactive)"#,
                #"ds_dsg_fetch("9")| -"#,
                #"ds_oc_set_attrs("1", "sip:127.0.0.1:7002", "5", "60000", "12.5")| -"#,
                #"ds_oc_set_attrs("1", "sip:127.0.0.1:7002", "50", "60000", "12.5")| -"#,
                #"ds_dsg_fetch_uri("1", "sip:127.0.0.1:7002")| $dsg(count) $dsg(ocrate) $dsg(ocseq)"#,
                #"ds_oc_set_attrs("1", "sip:127.0.0.1:7002", "100", "60000", "13")| -"#,
                #"ds_select_dst("1", "64")| $du"#, #"ds_select_dst("1", "64")| $du"#,
                #"ds_oc_set_attrs("1", "sip:nobody", "5", "60000", "12.5")| -"#,
                #"ds_oc_set_attrs("1", "sip:127.0.0.1:7002", "5", "60000", "soon")| -"#,
            ])
        #expect(
            said == [
                "1 3 2 66 1 33", "-1 -", "1 -", "-1 -", "1 1 10 12500000", "1 -", "1 sip:127.0.0.1:7003",
                "1 sip:127.0.0.1:7003", "-1 -", "-1 -",
            ])
    }

    /// Call-IDs as callers make them, over a real server.
    @Test func callIDsSpread() throws {
        let server = try Dispatching(
            (0..<4).map { "1 sip:127.0.0.1:700\($0)\n" }.joined(),
            script: Dispatching.steps([#"ds_select_dst("1", "0")| $du"#]))
        var counts = [0, 0, 0, 0]
        let calls = 2000
        for call in 0..<calls {
            let said = try server.tell(id: "\(call)-\(call &* 2_654_435_761 % 1_000_003)")[0]
            counts[Int(said.suffix(1)) ?? 0] += 1
        }
        let expected = Double(calls) / 4
        let figure = counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
        print("algorithm 0 over Call-IDs: \(counts) of \(calls), chi-square \(figure)")
        // Hashing promises no fair shares: none is left out, none gets half of all.
        #expect(counts.allSatisfy { $0 > calls / 16 && $0 < calls / 2 }, "\(counts)")
    }
}
