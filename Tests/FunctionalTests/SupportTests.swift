import Glibc
import Testing

/// The harness itself: what it promises to the tests that use it.
@Suite struct SupportTests {
    @Test func aToolsOutputAndStatusAreCaptured() throws {
        let result = try run(
            "sh", ["-c", "echo out; echo err >&2; echo $WORD; pwd; exit 3"], environment: ["WORD": "hi"], folder: "/")
        #expect(result.status == .exited(3))
        #expect(result.output == "out\nhi\n/\n")
        #expect(result.errors == "err\n")
        #expect(try run("sh", ["-c", "kill -USR1 $$"]).status == .signalled(SIGUSR1))
    }

    @Test func muchOutputDoesNotBlock() throws {
        let result = try run("sh", ["-c", "head -c 3000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero >&2"])
        #expect(result.output.utf8.count == 3_000_000)
        #expect(result.errors.utf8.count == 3_000_000)
    }

    @Test func aMissingToolAndAnExceededLimitAreErrors() throws {
        #expect(throws: HarnessError.self) { try run("/nonexistent/tool") }
        #expect(throws: HarnessError.self) { try run("tail", ["-f", "/dev/null"], within: .milliseconds(50)) }
    }

    @Test func anAbandonedChildIsKilledWithItsGroup() throws {
        var pid: pid_t = 0
        var grandchild: pid_t = 0
        do {
            let child = try Child("sh", ["-c", "tail -f /dev/null & echo $! >&2; echo started >&2; wait"])
            try child.waitForErrors("started", within: .seconds(20))
            let said = child.errors
            pid = child.pid
            grandchild = try #require(pid_t(said.prefix { $0 != "\n" }))
            #expect(kill(grandchild, 0) == 0)
        }
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
        // The grandchild dies in its own time, and then waits for init to reap it: a zombie is as good as gone.
        let end = ContinuousClock.now + .seconds(20)
        var alive = true
        while alive && ContinuousClock.now < end {
            alive = readText("/proc/\(grandchild)/stat").map { !$0.contains(") Z") } ?? false
            sched_yield()
        }
        #expect(!alive)
    }

    @Test func waitingForALogLineEndsWithTheProcess() throws {
        let child = try Child("sh", ["-c", "echo almost >&2; exit 4"])
        do {
            try child.waitForErrors("ready", within: .seconds(20))
            Issue.record("it never said so")
        } catch let error as HarnessError {
            #expect(error.description.contains("exited(4)"))
            #expect(error.description.contains("almost"))
        }
        let status = child.wait(within: .seconds(20))
        #expect(status == .exited(4))
    }

    @Test func portsAreHandedOutOnce() throws {
        var seen: Set<UInt16> = []
        for _ in 0..<50 { #expect(seen.insert(try Ports.free()).inserted) }
    }

    @Test(arguments: ["127.0.0.1", "::1"]) func clientsTalkToEachOther(host: String) throws {
        let server = try UDPClient(host, port: Ports.free())
        let client = try UDPClient(host)
        #expect(throws: HarnessError.self) { try client.receive(within: .milliseconds(1)) }
        let sent = SIPText.request("OPTIONS", "sip:\(server.address)", from: client.address, id: "one")
        try client.send(sent, to: server.address.port)
        let (request, from) = try server.receive()
        #expect(from == client.address)
        #expect(request.text == sent)
        #expect(request.method == "OPTIONS")
        #expect(request.header("call-id") == "one@tests")
        try server.send(request.response(200, "Very OK"), to: from.port)
        let answer = try client.receive().message
        #expect(answer.statusCode == 200)
        #expect(answer.reason == "Very OK")
        #expect(answer.headers("Via") == request.headers("Via"))
        #expect(answer.header("To") == "<sip:\(server.address)>;tag=answered")
    }

    @Test func temporaryFoldersVanish() throws {
        var path = ""
        do {
            let folder = try TemporaryFolder()
            path = folder.path
            try folder.write("a.cfg", "text\n")
            mkdir(path + "/sub", 0o700)
            try folder.write("sub/b", "")
            let text = folder.read("a.cfg")
            #expect(text == "text\n")
            #expect(Products.names(in: path) == ["a.cfg", "sub"])
        }
        #expect(access(path, F_OK) == -1)
    }

    @Test func theSourceTreeIsFound() {
        #expect(readText(Products.sources + "/Package.swift")?.contains("name: \"apus\"") == true)
    }
}
