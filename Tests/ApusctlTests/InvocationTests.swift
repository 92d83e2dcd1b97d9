import Testing

@testable import apusctl

@Suite struct InvocationTests {
    private func read(_ words: String...) throws -> Invocation { try Invocation(["/usr/sbin/serctl"] + words) }

    @Test func optionsStandBeforeOrBehindTheVerb() throws {
        for words in [
            ["--json", "-s", "/c", "ps"], ["ps", "--json", "--socket=/c"], ["--socket", "/c", "ps", "--json"],
        ] {
            let invocation = try Invocation(["apusctl"] + words)
            #expect(invocation.verb == "ps")
            #expect(invocation.json)
            #expect(invocation.socket == "/c")
            #expect(invocation.arguments.isEmpty)
        }
        #expect(try read("ps").program == "serctl")
        #expect(try read("ps", "--timeout", "0.5").timeout == 500)
        #expect(try read("fifo", "--fifo=/f", "which").fifo == "/f")
        #expect(try read("--config", "/rc", "ps").config == "/rc")
    }

    @Test func theVerbsWordsAreKept() throws {
        #expect(try read("rpc", "core.echo", "-3", "-x", "", "-").arguments == ["core.echo", "-3", "-x", "", "-"])
        #expect(try read("rpc", "core.echo", "--", "--json", "--").arguments == ["core.echo", "--json", "--"])
        #expect(try !read("rpc", "core.echo", "--", "--json").json)
    }

    @Test(arguments: [
        ["--nope"], ["--socket"], ["--timeout", "x", "ps"], ["--timeout=0", "ps"], ["--timeout=nan", "ps"],
    ])
    func mistakesAreUsage(words: [String]) {
        #expect(performing: { try Invocation(["apusctl"] + words) }, throws: { ($0 as? Failure)?.exitCode == 1 })
    }

    @Test func verbsCheckTheirWords() throws {
        try Verb.ps.check([])
        try Verb.rpc.check(["a", "-1"])
        #expect(throws: Failure.usage("too many words: apusctl ps")) { try Verb.ps.check(["x"]) }
        #expect(throws: Failure.usage("ps has no option -x")) { try Verb.ps.check(["-x"]) }
        #expect(throws: Failure.usage("ping wants more: apusctl ping <uri>")) { try Verb.ping.check([]) }
    }

    @Test func verbsHaveOneMeaningEach() {
        let names = Verb.all.flatMap(\.names)
        #expect(Set(names).count == names.count)
        for verb in Verb.all where !verb.summary.isEmpty {
            #expect(Help.overview.contains(" \(verb.usage) "))
            #expect(!verb.summary.hasSuffix("."))
            for line in verb.details.split(separator: "\n") { #expect(line.count < 90, "\(line)") }
        }
        for name in ["moni", "con", "console", "monitor"] { #expect(Verb.named(name)?.name == "monitor") }
    }

    @Test func suggestions() {
        #expect(Suggestion.closest(to: "moin", among: ["moni", "ps"]) == "moni")
        #expect(Suggestion.closest(to: "upt", among: ["uptime"]) == "uptime")
        #expect(Suggestion.closest(to: "xyzzy", among: ["moni", "ps"]) == nil)
        #expect(Suggestion.closest(to: "ls", among: ["ps"]) == "ps")
        #expect(Suggestion.distance("abcd", "acbd") == 1)
        #expect(Suggestion.distance("", "abc") == 3)
    }

    @Test func addresses() throws {
        #expect(try ControlAddress("/a") == .unix("/a"))
        #expect(try ControlAddress("run/a:b") == .unix("run/a:b"))
        #expect(try ControlAddress("unixs:/a:b") == .unix("/a:b"))
        #expect(try ControlAddress("unix:./a") == .unix("./a"))
        #expect(try ControlAddress("tcp:localhost:2049") == .tcp(host: "localhost", port: "2049"))
        #expect(try ControlAddress("tcp:[::1]:2049") == .tcp(host: "::1", port: "2049"))
        #expect(try "\(ControlAddress("tcp:[::1]:2049"))" == "tcp:[::1]:2049")
        for bad in ["", "a", "unixs:", "tcp:", "tcp:1", "tcp::1", "tcp:h:", "udp:h:1", "unixd:/a"] {
            #expect(performing: { try ControlAddress(bad) }, throws: { ($0 as? Failure)?.exitCode == 1 })
        }
    }

    @Test func completions() {
        let commands = { ["core.ps", "core.echo"] }
        #expect(Completion.candidates([], commands).contains("moni"))
        #expect(!Completion.candidates([], commands).contains("__complete"))
        #expect(Completion.candidates(["rpc"], commands).starts(with: commands()))
        #expect(Completion.candidates(["-s", "/c", "srv"], commands).first == "sockets")
        #expect(Completion.candidates(["--fifo"], commands).isEmpty)
        #expect(Completion.candidates(["nope"], commands).isEmpty)
        #expect(Completion.candidates(["rpc", "core.echo"], commands) == Completion.options)
    }
}
