import Testing

/// apusctl's verbs for destinations, with the real server.
@Suite struct DispatcherApusctlTests {
    @Test func everyVerb() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/ctl"
        let server = try Dispatching(
            "1 sip:127.0.0.1:7001 0 5 duid=a\n1 sip:127.0.0.1:7002\n2 sip:127.0.0.2:8001 8\n3 sip:127.0.0.2:9001\n",
            parameters: ["ds_hash_size=4"], modules: ["ctl"],
            routes: "modparam(\"ctl\", \"binrpc\", \"unixs:\(path)\")",
            script: "exit;")
        func run(_ words: String...) throws -> ToolResult {
            try Apusctl.run(["-s", path, "dispatcher"] + words, folder: folder)
        }
        #expect(
            try run("list").output == """
                set  uri                 state  priority  calls  attributes
                1    sip:127.0.0.1:7001  AX     5         0      duid=a
                1    sip:127.0.0.1:7002  AX     0         0      
                2    sip:127.0.0.2:8001  AP     0         0      
                3    sip:127.0.0.2:9001  AX     0         0      

                """)
        #expect(try run("state", "ip", "1", "all").output == "Ok. Dispatcher state updated.\n")
        #expect(try server.flags() == ["IP", "IP", "AP", "AX"])
        #expect(
            try run("add", "1", "sip:127.0.0.1:7003", "0", "9", "weight=5").output
                == "Ok. Dispatcher destination added.\n")
        #expect(try run("show", "1").output.split(separator: "\n")[1].hasPrefix("1    sip:127.0.0.1:7003  AX     9"))
        #expect(try run("rm", "1", "sip:127.0.0.1:7003").status == .exited(0))
        #expect(try run("rmip", "127.0.0.2").output == "removed: 2 sip:127.0.0.2:8001\nremoved: 3 sip:127.0.0.2:9001\n")
        #expect(try run("reload", "dry").output.contains("2 sip:127.0.0.2:8001"))
        #expect(try run("reload").output == "Ok. Dispatcher successfully reloaded.\n")
        #expect(try run("rmset", "3").output == "removed: 3 sip:127.0.0.2:9001\n")
        #expect(try server.flags() == ["IP", "IP", "AP"])
        #expect(
            try Apusctl.run(["-s", path, "--json", "dispatcher", "list", "2"], folder: folder).output.contains(
                #""ID":2"#))
        // What the server refuses, and what is no verb, in its words and with codes for scripts.
        let refused = try run("state", "x", "1", "all")
        #expect(refused.status == .exited(1) && refused.errors.contains("Unknown State Value"))
        #expect(try run("list", "9").errors.contains("there is no set 9"))
        #expect(try run("rmset", "9").errors.contains("there is no such destination"))
        #expect(try run("lits").errors.contains("did you mean `list`?"))
        #expect(try run("state", "a").errors.contains("apusctl dispatcher list [set]"))
        #expect(try server.flags() == ["IP", "IP", "AP"])
    }
}
