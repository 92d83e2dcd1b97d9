import Glibc
import Testing

/// Commands for operators, executed by name on a running server.
@Suite(.timeLimit(.minutes(10))) struct CommandsTests {
    private func server(
        _ folder: borrowing TemporaryFolder, workers: Int = 2, globals: String = ""
    ) throws -> Server {
        try CModule.build("commands", into: folder.path)
        let door = try RPCDoor.config(folder.path)
        let path = folder.path
        return try Server { port in
            """
            children=\(workers)
            \(globals)
            listen=udp:127.0.0.1:\(port)
            \(door)
            loadmodule "\(path)/commands.so"
            request_route { exit; }

            """
        }
    }

    private func expect(
        _ door: RPCDoor, _ name: String, with arguments: [String] = [], _ code: Int, _ text: String,
        location: SourceLocation = #_sourceLocation
    ) throws {
        try door.send(name, arguments)
        let answer = try door.receive()
        #expect(answer.code == code, "\(name)", sourceLocation: location)
        #expect(answer.json == text, "\(name)", sourceLocation: location)
    }

    @Test func answers() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let sync = #"{"number":-7,"ratio":0.5,"text":"a \"b\"\n","list":[1,{}],"thread":"management"}"#
        for name in ["t.sync", "t_sync", "older.sync"] { try expect(door, name, 200, sync) }
        try expect(door, "t.workers", 200, "[0,1]")
        try expect(door, "core.echo", with: ["1", "two", "-3", "0x10"], 200, #"[1,"two",-3,"0x10"]"#)
        try expect(door, "core.echo", 200, "null")
        try expect(door, "core.echo", with: ["42"], 200, "42")
        let version = try door.call("core.version")
        #expect(version.code == 200 && version.json.hasPrefix("\"apus "))
        let uptime = try door.call("core.uptime")
        #expect(uptime.json.hasPrefix(#"{"now":""#) && uptime.json.contains(#","uptime":"#))
        let list = try door.call("system.listMethods")
        #expect(list.json.contains(#""core.version","#) && list.json.contains(#""t.sync","#))
        try expect(
            door, "system.methodHelp", with: ["t_sync"], 200,
            #""t.sync\nA command of the tests.\nAlso called t_sync, older.sync.""#)
        #expect(server.status == nil)
    }

    @Test func argumentsAreReadByTheirKinds() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        try expect(
            door, "t.args", with: ["-5", "x y", "off", "12"], 200,
            #"[{"given":1,"kind":0,"num":-5,"str":""},{"given":1,"kind":0,"num":0,"str":"x y"},"#
                + #"{"given":1,"kind":0,"num":1,"str":"off"},{"given":1,"kind":3,"num":12,"str":"12"},"#
                + #"{"given":0,"kind":0,"num":0,"str":""}]"#)
        try expect(
            door, "t.rest", with: ["a", "7"], 200,
            #"[{"given":1,"kind":2,"num":0,"str":"a"},{"given":1,"kind":3,"num":7,"str":"7"}]"#)
        let wrong: [([String], String)] = [
            (["1", "x"], "too few parameters (2/3)"),
            (["1", "x", "on", "v", "2", "y"], "too many parameters (6/5)"),
            (["one", "x", "on"], "parameter n must be a number: `one`"),
            (["9223372036854775808", "x", "on"], "parameter n must be a number: `9223372036854775808`"),
            (["1", "x", "maybe"], "parameter w is `maybe`, not one of on, off"),
        ]
        for (arguments, complaint) in wrong {
            try expect(
                door, "t.args", with: arguments, 400,
                complaint + "; usage: t.args n:int s:string w:word(on|off) v:value? last:int?")
        }
        try expect(door, "t.rest", 400, "too few parameters (0/1); usage: t.rest v:value ...")
        // By its older name, and without what it answers.
        try expect(door, "t_sync", with: ["x"], 400, "too many parameters (1/0); usage: t.sync")
        try expect(door, "t.nothing", 404, "there is no command t.nothing")
        try expect(door, "", with: [""], 404, "there is no command ")
        #expect(server.status == nil)
    }

    @Test func deferredAnswers() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        // The number is the command's own `user`.
        try expect(door, "t.thread", 200, "10")
        try expect(door, "t.at_once", 200, "11")
        try expect(door, "t.unlimited", 200, "12")
        try expect(door, "t.workers_thread", 200, "[5,5]")
        try expect(door, "t.workers_at_once", 200, "[6,6]")
        // The other thread was faster than the call, which then says that the answer is complete: so it is.
        try expect(door, "t.answers_anyway", 200, "14")
        try expect(door, "t.too_late", 504, "t.too_late has not answered within 20 ms")
        try expect(door, "t.workers_late", 504, "t.workers_late has not answered within 20 ms")
        try expect(door, "t.unresumed", 504, "t.unresumed has not answered within 20 ms")
        try server.waitForLog("module commands: command t.unresumed is finished without being resumed")
        // Both threads find nothing to answer, and do no harm.
        #expect(try until { try door.call("t.late_ones").json == "2" })
        #expect(server.status == nil)
    }

    /// From worker to worker, and no longer than a stuck one lets it wait.
    @Test func commandsGoOnOnWorkers() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        try expect(door, "t.tour", 200, "[0,1]")
        try expect(door, "t.thread_there", 200, "38")
        try expect(door, "t.nowhere", 404, "no such worker")
        for name in ["t.goes_twice", "t.goes_and_answers"] { #expect(try door.call(name).code == 500, "\(name)") }
        try expect(door, "t.stuck", 504, "t.stuck: worker 1 has not called it within 20 ms")
        // Every step is released, and that which was too late has not run.
        for _ in 0..<200 {
            if try door.call("t.steps").json == "[8,0]" { break }
            usleep(20_000)
        }
        try expect(door, "t.steps", 200, "[8,0]")
        try expect(door, "t.tour", 200, "[0,1]")
        #expect(server.status == nil)
    }

    /// A worker that does not come back costs whoever asks the time limit, and nobody else anything.
    @Test func commandsOnAStuckWorker() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder, globals: "command_timeout=100")
        let door = try RPCDoor(folder.path)
        try expect(door, "t.workers_block", 504, "t.workers_block: worker 0 has not called it within 100 ms")
        try expect(door, "core.echo", with: ["1"], 200, "1")
        try expect(door, "t.workers", 504, "t.workers: worker 0 has not called it within 100 ms")
        try expect(door, "t.release", 200, "null")
        #expect(try until { try door.call("t.workers").json == "[0,1]" })
        try expect(door, "t.workers_block", 200, "[0,1]")
        #expect(server.status == nil)
    }

    @Test func workersWatchDescriptors() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        try expect(door, "t.watched", 200, "[0,0]")
        try expect(door, "t.workers_watch", 200, "null")
        #expect(try until { try door.call("t.watched").json == "[15,15]" })
        let ended = server.stop()
        #expect(ended == .exited(0))
    }

    @Test func faultsAndMisuse() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        try expect(door, "t.fault", 481, "no such transaction")
        try expect(door, "t.workers_fault", 481, "no such transaction")
        try expect(door, "t.fault_after_defer", 503, "no thread")
        let misuse = [
            "t.closes": "it closes a map or array, and none is open",
            "t.no_key": "it adds a value to a map without a key",
            "t.stray_key": "it gives the key `key` outside a map",
            "t.deep": "its answer is nested deeper than 32",
            "t.leaves_open": "it leaves a map or array of its answer open",
            "t.workers_open": "it leaves a map or array of its answer open",
            "t.says_later": "it says that the answer comes later, and has not deferred",
            "t.says_nothing": "it fails without a fault",
            "t.says_exit": "its function returned 0, which means nothing here",
            "t.both": "it defers, and answers at once all the same",
            "t.twice": "it defers twice in one call",
            "t.good_code": "200 is no code of a fault: 300 to 999",
        ]
        try expect(door, "t.large", 413, "the answer is larger than 67108864 bytes")
        for (name, text) in misuse { try expect(door, name, 500, "module commands: command \(name): \(text)") }
        try server.waitForLog("module commands: command t.closes: it closes a map or array, and none is open")
        try expect(door, "t.workers", 200, "[0,1]")
        #expect(server.status == nil)
    }

    @Test func startAndEndAnswerWithAFault() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let log = server.log
        #expect(log.contains("declaring: 503 the server does not run yet"))
        #expect(log.contains("early: 503 the server does not run yet"))
        try door.send("t.never")
        try door.send("t.workers_never")
        // Whatever was sent before has begun when this is answered.
        _ = try door.call("t.workers")
        let status = server.stop()
        #expect(status == .exited(0))
        for _ in 0..<2 {
            let answer = try door.receive()
            #expect(answer.code == 503 && answer.json == "the server stops")
        }
        let end = server.log
        #expect(end.contains("late: 503 the server stops"))
    }

    @Test func checksOfAConfigFaultToo() throws {
        let folder = try TemporaryFolder()
        try CModule.build("commands", into: folder.path)
        let result = try Server.check("loadmodule \"\(folder.path)/commands.so\"\nrequest_route { exit; }\n")
        #expect(result.succeeded)
        #expect(result.errors.contains("declaring: 503 the server does not run yet"))
    }

    @Test func manyAtOnce() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder, workers: 4)
        let doors = try (0..<8).map { try RPCDoor(folder.path, client: $0) }
        let expected = [
            ("t.workers", "[0,1,2,3]"), ("t.at_once", "11"), ("t.workers_at_once", "[6,6,6,6]"), ("core.echo", "null"),
            ("t.workers_thread", "[5,5,5,5]"),
        ]
        for round in 0..<50 {
            let asked = doors.indices.map { expected[(round + $0) % expected.count] }
            for (door, command) in zip(doors, asked) { try door.send(command.0) }
            for (door, command) in zip(doors, asked) {
                let answer = try door.receive()
                #expect(answer.code == 200 && answer.json == command.1, "\(command.0)")
            }
        }
        #expect(server.status == nil)
    }
}
