import Testing

@Suite struct XlogTests {
    private func log(
        _ script: String, arguments: [String] = [], globals: String = "", until text: String,
        then look: (String) -> Void
    ) throws {
        let probe = try Probe(
            ["sl", "xlog"], arguments: arguments, globals: globals,
            script: script + #" xerr("the end\n"); sl_send_reply("200", "OK");"#)
        _ = try probe.ask(probe.request(id: "log"))
        try probe.server.waitForLog(text)
        look(probe.server.log)
    }

    @Test func coloursAreShown() throws {
        let globals = #"modparam("xlog", "log_colors", "L_WARN=Yb")"#
        // What stands for a change of colours within the server.
        let mark = String(try #require(Unicode.Scalar(0xFDD0 as UInt32)))
        try log(
            #"xlog("$C(rx)red$C(xx) $rm\n"); xwarn("warning\n"); xerr("net \#u{1B}[8m\#(mark)ss\n"); xerr("<$C(q)>\n");"#,
            globals: globals, until: "the end"
        ) { log in
            #expect(log.contains("<script>: \u{1B}[0;31;49mred\u{1B}[0;39;49m OPTIONS\n"))
            #expect(log.contains("\u{1B}[0;1;33;44m<script>: warning\u{1B}[0;39;49m\n"))
            // What hides, and what steers a terminal, is not shown as such.
            #expect(log.contains("net \\x1b[8m\(mark)ss\n"))
            #expect(log.contains("<script>: <<null>>\n"))
        }
    }

    @Test(arguments: ["L_ERR", "L_ERR=r", "L_ERR=rq", "X=rx"]) func wrongColoursAreRefused(text: String) throws {
        let result = try Server.check(
            "loadmodule \"xlog.so\"\nmodparam(\"xlog\", \"log_colors\", \"\(text)\")\nrequest_route { exit; }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains("write a level and two letters"))
    }

    @Test func levelsDecideWhatIsWritten() throws {
        let script = """
            xlog("plain $rm\\n");
            xlog("L_WARN", "warning $rm\\n");
            xlog("L_INFO", "information\\n");
            xdbg("debugging\\n");
            $var(level) = -1;
            xlog("$var(level)", "by variable\\n");
            """
        try log(script, arguments: ["--debug=1"], until: "the end") { log in
            #expect(log.contains("<script>: plain OPTIONS\n"))
            #expect(log.contains("<script>: warning OPTIONS\n"))
            #expect(!log.contains("information"))
            #expect(!log.contains("debugging"))
            #expect(log.contains("<script>: by variable\n"))
        }
    }

    @Test func theFormOfTheLineIsAParameter() throws {
        let globals = """
            modparam("xlog", "prefix", "[$ci] ")
            modparam("xlog", "prefix_mode", 1)
            modparam("xlog", "long_format", 1)
            modparam("xlog", "buf_size", 64)
            """
        let script = """
            xlogl("L_INFO", "here\\n");
            xinfo("\(String(repeating: "x", count: 100))\\n");
            """
        try log(script, globals: globals, until: "the end") { log in
            #expect(log.contains("[log@tests] "))
            #expect(log.contains(".cfg:"))
            #expect(log.contains(": here\n"))
            #expect(log.contains("[log@tests] " + String(repeating: "x", count: 64) + "…\n"))
        }
    }

    @Test func methodsCanBeFiltered() throws {
        let script = #"xlogm("L_ERR", "of $rm\n");"#
        try log(script, globals: #"modparam("xlog", "methods_filter", 1)"#, until: "the end") { log in
            #expect(log.contains("of OPTIONS"))
        }
        try log(script, globals: #"modparam("xlog", "methods_filter", 512)"#, until: "the end") { log in
            #expect(!log.contains("of OPTIONS"))
        }
    }

    @Test func aWrongLevelIsFoundAtStart() throws {
        let result = try Server.check("loadmodule \"xlog.so\"\nrequest_route { xlog(\"X_FOO\", \"x\"); }\n")
        #expect(!result.succeeded)
        #expect(result.output.contains("a level is L_ALERT"))
    }

    @Test func theFilterChangesWhileTheServerRuns() throws {
        let folder = try TemporaryFolder()
        let probe = try Probe(
            ["sl", "xlog", "cfg_rpc"], globals: try RPCDoor.config(folder.path),
            script: #"xlogm("L_ERR", "filtered $ci\n"); xerr("seen $ci\n"); sl_send_reply("200", "OK");"#)
        let door = try RPCDoor(folder.path)
        _ = try probe.ask(probe.request(id: "all"))
        try door.expect("cfg.seti", ["xlog", "methods_filter", "1"], is: "null")
        _ = try probe.ask(probe.request(id: "invite"))
        try probe.server.waitForLog("seen invite@tests")
        let log = probe.server.log
        #expect(log.contains("seen all@tests") && !log.contains("filtered all@tests"))
        #expect(log.contains("filtered invite@tests"))
    }
}
