import Testing

/// What the command line puts before the config, or behind it.
@Suite struct CommandLineTests {
    @Test func substitutionsAndDefinesOfTheCommandLineComeBeforeTheConfig() throws {
        let probe = try Probe(
            [],
            arguments: [
                "--loadmodule=sl", "--loadmodule=maxfwd.so", "--modparam=maxfwd:max_limit:i:7", "-A", "WITH_B", "-A",
                "NUMBER=5",
                "--subst=/HERE/there/", "--substdef=/REASON/word/", "--substdefs=/QUOTED/in quotes/",
            ],
            script: """
                #!ifdef WITH_B
                mf_process_maxfwd_header("70");
                sl_send_reply("200", "HERE REASON QUOTED " + QUOTED + " " + NUMBER);
                #!endif
                """)
        let reply = try probe.ask(probe.request(id: "line", headers: []))
        #expect(reply.reason == "there word in quotes in quotes 5")
    }

    @Test func whatStandsThereTwiceOrIsWrongIsRefused() throws {
        let config = "#!define A 1\nrequest_route { exit; }\n"
        let twice = try Server.check(config, arguments: ["-A", "A=2"])
        #expect(!twice.succeeded && (twice.output + twice.errors).contains("`A`"))
        let substitution = try Server.check(config, arguments: ["--subst=/a/"])
        #expect(!substitution.succeeded)
        let parameter = try Server.check(config, arguments: ["--modparam=sl:x:i:y"])
        #expect(!parameter.succeeded && parameter.errors.contains("write module:name:s:text or module:name:i:number"))
        let module = try Server.check(config, arguments: ["--loadmodule=nosuch"])
        #expect(!module.succeeded && (module.output + module.errors).contains("nosuch"))
    }

    @Test func theCommandLinesParameterWins() throws {
        let probe = try Probe(
            ["sl", "maxfwd"], arguments: ["--modparam=maxfwd:max_limit:i:7"],
            globals: "modparam(\"maxfwd\", \"max_limit\", 50)\n",
            script: "mf_process_maxfwd_header(\"70\"); $du = \"NEXT\"; forward();")
        #expect(try probe.pass(probe.request(id: "wins", maxForwards: 60)).header("Max-Forwards") == "7")
    }
}
