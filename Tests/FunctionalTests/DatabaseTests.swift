import Glibc
import Testing

/// Databases that are slow, fail, die and come back, and what scripts and other traffic see of it.
@Suite struct DatabaseTests {
    /// A server of one worker, so that whoever holds it is seen, with the database of `Tests/Modules/dbfake.c`.
    private func server(
        _ folder: borrowing TemporaryFolder, isUp: Bool = true, workers: Int = 1, parameters: [String: Int] = [:],
        _ globals: String = ""
    ) throws -> Server {
        for name in ["dbfake", "dbuse"] { try CModule.build(name, into: folder.path) }
        if isUp { try folder.write("up", "") }
        let path = folder.path
        let door = try RPCDoor.config(path)
        let lines = parameters.map { #"modparam("dbuse", "\#($0.key)", \#($0.value))"# }.joined(separator: "\n")
        return try Server { port in
            """
            children=\(workers)
            listen=udp:127.0.0.1:\(port)
            \(globals)
            \(door)
            loadpath "\(path)"
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "textops.so"
            loadmodule "dbfake.so"
            loadmodule "dbuse.so"
            modparam("dbuse", "url", "dbfake://user:secret@host/\(path)/up")
            \(lines)
            request_route {
                $var(result) = 0;
                switch ($rU) {
                    case "sleep": $var(result) = ask("sleep", "$(hdr(X-Number){s.int})", "$(hdr(X-Limit){s.int})"); break;
                    case "die": case "fail": case "opened": $var(result) = ask("$rU", "0", "0"); break;
                    case "append": $var(result) = post("append", "$(hdr(X-Number){s.int})", "$(hdr(X-Key){s.int})"); break;
                    case "nap": $var(result) = post("sleep", "$(hdr(X-Number){s.int})", "0"); break;
                    case "told": $var(result) = told(); break;
                    case "order": $var(result) = order(); break;
                    case "wait": $var(result) = wait_here(); break;
                }
                sl_send_reply("200", "$rU $var(result)");
            }
            """
        }
    }

    private func request(_ user: String, _ client: borrowing UDPClient, _ id: String, _ headers: [String]) -> String {
        SIPText.request("OPTIONS", "sip:\(user)@127.0.0.1", from: client.address, id: id, headers: headers)
    }

    /// What the script answers.
    private func ask(_ user: String, _ port: UInt16, number: Int = 0, limit: Int = 0, key: Int = 0) throws -> String {
        let client = try UDPClient()
        let id = "\(user)-\(number)-\(limit)-\(key)-\(client.address.port)"
        let text = request(user, client, id, ["X-Number: \(number)", "X-Limit: \(limit)", "X-Key: \(key)"])
        return try client.exchange(text, with: port, within: .seconds(20)).reason
    }

    @Test func workThatTakesTooLongIsTold() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder, "latency_limit_db=20000\nlatency_log=1\n")
        #expect(try ask("sleep", server.port, number: 0, limit: 20000).hasPrefix("sleep "))
        #expect(try ask("sleep", server.port, number: 50, limit: 20000).hasPrefix("sleep "))
        try server.waitForLog("NOTICE: alert - database work took too long [")
        let lines = server.log.split(separator: "\n").filter { $0.contains("took too long") }
        #expect(lines.allSatisfy { $0.contains("for [dbuse at dbfake://user:") && !$0.contains("secret") })
    }

    @Test func aSlowDatabaseHoldsNoWorker() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let slow = try UDPClient()
        // More than there are connections.
        for number in 0..<12 {
            try slow.send(
                request("sleep", slow, "slow-\(number)", ["X-Number: 700", "X-Limit: 20000"]), to: server.port)
        }
        for _ in 0..<50 {
            let answer = try ask("other", server.port)
            #expect(answer == "other 0")
            // None of the slow ones is through.
            #expect(slow.datagram(within: .milliseconds(0)) == nil)
        }
        for _ in 0..<12 {
            let answer = try slow.receive(within: .seconds(20)).message
            #expect(answer.reason == "sleep 700")
        }
    }

    @Test func afterItsTimeTheScriptGoesOnAndTheLateAnswerIsThrownAway() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        // APUS_TIMED_OUT. Each of the late answers has four megabytes.
        for _ in 0..<40 {
            let answer = try ask("sleep", server.port, number: 60, limit: 20)
            #expect(answer == "sleep -1")
        }
        #expect(try until { try door.call("db.status").json.contains(#""running":0,"waiting":0"#) })
        let memory = try #require(readText("/proc/\(server.pid)/statm")).split(separator: " ")
        let resident = try #require(Int(memory[1])) * 4096
        #expect(resident < 140 << 20, "the server has \(resident >> 20) MiB")
        let answer = try ask("sleep", server.port, number: 1, limit: 20000)
        #expect(answer == "sleep 1")
        try server.waitForLog("the database does not answer in time")
    }

    @Test func whatIsPostedWithAKeyIsDoneAndToldInItsOrder() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let client = try UDPClient()
        for number in 1...120 {
            let headers = ["X-Number: \(number)", "X-Key: \(number % 4 + 1)"]
            let reply = try client.exchange(request("append", client, "key-\(number)", headers), with: server.port)
            #expect(reply.reason == "append 1")
        }
        #expect(try until { try ask("told", server.port) == "told 120" })
        let order = try ask("order", server.port)
        #expect(order == "order 1")
        let door = try RPCDoor(folder.path)
        let json = try door.call("db.exec", "dbuse", "list").json
        let list = try #require(json.split(separator: "\"").first { $0.hasSuffix(" ") })
        let numbers = list.split(separator: " ").compactMap { Int($0) }
        #expect(numbers.count == 120)
        for key in 0..<4 {
            let own = numbers.filter { $0 % 4 == key }
            #expect(own == own.sorted() && own.count == 30)
        }
    }

    @Test func aFullQueueAndAWorkerThatWouldWaitAreRefused() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder, parameters: ["connections": 1, "queue": 3, "milliseconds": 20000])
        var answers: [String: Int] = [:]
        for number in 0..<8 { answers[try ask("nap", server.port, number: 1500, key: number), default: 0] += 1 }
        // One is done, three wait, or all three do before the first has begun.
        #expect(answers["nap 1", default: 0] >= 3 && answers["nap -4", default: 0] >= 4, "\(answers)")
        let answer = try ask("sleep", server.port, number: 1)
        #expect(answer == "sleep -4")
        let wait = try ask("wait", server.port)
        #expect(wait == "wait -3")
        try server.waitForLog("cannot be waited for on a worker")
    }

    @Test func aDatabaseThatGoesAndComesIsFoundAgain() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder, parameters: ["connections": 1])
        let door = try RPCDoor(folder.path)
        #expect(try door.call("db.status").json.contains(#""state":"new""#))
        #expect(try ask("opened", server.port) == "opened 1")
        #expect(try ask("fail", server.port) == "fail -3")
        #expect(try ask("die", server.port) == "die -32")
        #expect(try ask("opened", server.port) == "opened 2")
        unlink(folder.path + "/up")
        #expect(try ask("opened", server.port) == "opened -32")
        #expect(try until { try door.call("db.status").json.contains(#""state":"down""#) })
        let status = try door.call("db.status").json
        let shown =
            #"{"module":"dbuse","url":"dbfake://user:***@host/\#(folder.path)/up","state":"down","reason":"nobody is there","retry":"#
        #expect(status.contains(shown), "\(status)")
        // At once, while nobody tries.
        #expect(try ask("opened", server.port) == "opened -32")
        #expect(try ask("append", server.port, number: 1, key: 1) == "append -32")
        try folder.write("up", "")
        #expect(try until { try door.call("db.status").json.contains(#""state":"up""#) })
        #expect(try ask("opened", server.port) == "opened 3")
        try server.waitForLog("is down: nobody is there")
        try server.waitForLog("is up again")
        #expect(!server.log.contains("secret"))
    }

    @Test func statementsComeOverSocketsOfThisMachineOnly() throws {
        let folder = try TemporaryFolder()
        let tcp = try Ports.free()
        let server = try server(
            folder,
            """
            loadmodule "ctl.so"
            modparam("ctl", "binrpc", "unixs:\(folder.path)/ctl")
            modparam("ctl", "binrpc", "tcp:127.0.0.1:\(tcp)")
            """)
        func exec(_ address: String, _ words: String...) throws -> ToolResult {
            try Apusctl.run(["-s", address, "rpc"] + words, folder: folder)
        }
        let own = try exec("\(folder.path)/ctl", "db.exec", "dbuse", "opened")
        #expect(own.succeeded && own.output.contains("number: 1"), "\(own.output)\(own.errors)")
        let remote = try exec("tcp:127.0.0.1:\(tcp)", "db.exec", "dbuse", "opened")
        #expect(!remote.succeeded && remote.errors.contains("403 not over TCP and UDP"), "\(remote.errors)")
        let status = try exec("tcp:127.0.0.1:\(tcp)", "db.status")
        #expect(status.succeeded && !status.output.contains("secret") && server.pid > 0)
    }

    @Test func aServerStartsWithoutItsDatabaseUnlessItMustNot() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder, isUp: false)
        #expect(try ask("opened", server.port) == "opened -32")
        do {
            let other = try TemporaryFolder()
            let refused = try self.server(other, isUp: false, "connect_required=yes")
            Issue.record("process \(refused.pid) has started")
        } catch let error as HarnessError {
            #expect("\(error)".contains("connect_required: dbfake://user:***@host/"), "\(error)")
            #expect("\(error)".contains("database of module dbuse: nobody is there"), "\(error)")
        }
    }

    @Test func aServerWithAStuckDatabaseStops() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder, parameters: ["milliseconds": 100], "drain_time=1")
        #expect(try ask("nap", server.port, number: 60000) == "nap 1")
        server.signal(SIGTERM)
        let status = server.wait(within: .seconds(20))
        #expect(status == .exited(0))
    }
}
