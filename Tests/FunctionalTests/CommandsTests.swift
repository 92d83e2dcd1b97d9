import Glibc
import Testing

/// Commands for operators, executed by name on a running server.
@Suite struct CommandsTests {
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

    @Test func answers() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        let sync = #"{"number":-7,"ratio":0.5,"text":"a \"b\"\n","list":[1,{}],"thread":"management"}"#
        for name in ["t.sync", "t_sync", "older.sync"] { try door.expect(name, is: sync) }
        try door.expect("t.workers", is: "[0,1]")
        try door.expect("core.echo", ["1", "two", "-3", "0x10"], is: #"[1,"two",-3,"0x10"]"#)
        try door.expect("core.echo", is: "null")
        try door.expect("core.echo", ["42"], is: "42")
        let version = try door.call("core.version")
        #expect(version.code == 200 && version.json.hasPrefix("\"apus "))
        let uptime = try door.call("core.uptime")
        #expect(uptime.json.hasPrefix(#"{"now":""#) && uptime.json.contains(#","uptime":"#))
        let list = try door.call("system.listMethods")
        #expect(list.json.contains(#""core.version","#) && list.json.contains(#""t.sync","#))
        try door.expect(
            "system.methodHelp", ["t_sync"], is: #""t.sync\nA command of the tests.\nAlso called t_sync, older.sync.""#)
        #expect(server.status == nil)
    }

    @Test func argumentsAreReadByTheirKinds() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        try door.expect(
            "t.args", ["-5", "x y", "off", "12"],
            is: #"[{"given":1,"kind":0,"num":-5,"str":""},{"given":1,"kind":0,"num":0,"str":"x y"},"#
                + #"{"given":1,"kind":0,"num":1,"str":"off"},{"given":1,"kind":3,"num":12,"str":"12"},"#
                + #"{"given":0,"kind":0,"num":0,"str":""}]"#)
        try door.expect(
            "t.rest", ["a", "7"],
            is: #"[{"given":1,"kind":2,"num":0,"str":"a"},{"given":1,"kind":3,"num":7,"str":"7"}]"#)
        let wrong: [([String], String)] = [
            (["1", "x"], "too few parameters (2/3)"),
            (["1", "x", "on", "v", "2", "y"], "too many parameters (6/5)"),
            (["one", "x", "on"], "parameter n must be a number: `one`"),
            (["9223372036854775808", "x", "on"], "parameter n must be a number: `9223372036854775808`"),
            (["1", "x", "maybe"], "parameter w is `maybe`, not one of on, off"),
        ]
        for (arguments, complaint) in wrong {
            try door.expect(
                "t.args", arguments, code: 400,
                is: complaint + "; usage: t.args n:int s:string w:word(on|off) v:value? last:int?")
        }
        try door.expect("t.rest", code: 400, is: "too few parameters (0/1); usage: t.rest v:value ...")
        // By its older name, and without what it answers.
        try door.expect("t_sync", ["x"], code: 400, is: "too many parameters (1/0); usage: t.sync")
        try door.expect("t.nothing", code: 404, is: "there is no command t.nothing")
        try door.expect("", [""], code: 404, is: "there is no command ")
        #expect(server.status == nil)
    }

    @Test func deferredAnswers() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        // The number is the command's own `user`.
        try door.expect("t.thread", is: "10")
        try door.expect("t.at_once", is: "11")
        try door.expect("t.unlimited", is: "12")
        try door.expect("t.workers_thread", is: "[5,5]")
        try door.expect("t.workers_at_once", is: "[6,6]")
        // The other thread was faster than the call, which then says that the answer is complete: so it is.
        try door.expect("t.answers_anyway", is: "14")
        try door.expect("t.too_late", code: 504, is: "t.too_late has not answered within 20 ms")
        try door.expect("t.workers_late", code: 504, is: "t.workers_late has not answered within 20 ms")
        try door.expect("t.unresumed", code: 504, is: "t.unresumed has not answered within 20 ms")
        try server.waitForLog("module commands: command t.unresumed is finished without being resumed")
        // Both threads find nothing to answer, and do no harm.
        try door.expect("t.release", is: "null")
        #expect(try until { try door.call("t.late_ones").json == "2" })
        #expect(server.status == nil)
    }

    /// From worker to worker, and no longer than a stuck one lets it wait.
    @Test func commandsGoOnOnWorkers() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        try door.expect("t.tour", is: "[0,1]")
        try door.expect("t.thread_there", is: "38")
        try door.expect("t.nowhere", code: 404, is: "no such worker")
        for name in ["t.goes_twice", "t.goes_and_answers"] { #expect(try door.call(name).code == 500, "\(name)") }
        try door.expect("t.stuck", code: 504, is: "t.stuck: worker 1 has not called it within 20 ms")
        // Every step is released, and that which was too late has not run.
        try door.expect("t.release", is: "null")
        #expect(try until { try door.call("t.steps").json == "[8,0]" })
        try door.expect("t.tour", is: "[0,1]")
        #expect(server.status == nil)
    }

    /// A worker that does not come back costs whoever asks the time limit, and nobody else anything.
    @Test func commandsOnAStuckWorker() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder, globals: "command_timeout=100")
        let door = try RPCDoor(folder.path)
        try door.expect("t.workers_block", code: 504, is: "t.workers_block: worker 0 has not called it within 100 ms")
        try door.expect("core.echo", ["1"], is: "1")
        try door.expect("t.workers", code: 504, is: "t.workers: worker 0 has not called it within 100 ms")
        try door.expect("t.release", is: "null")
        #expect(try until { try door.call("t.workers").json == "[0,1]" })
        try door.expect("t.workers_block", is: "[0,1]")
        #expect(server.status == nil)
    }

    @Test func workersWatchDescriptors() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        try door.expect("t.watched", is: "[0,0]")
        try door.expect("t.workers_watch", is: "null")
        #expect(try until { try door.call("t.watched").json == "[15,15]" })
        let ended = server.stop()
        #expect(ended == .exited(0))
    }

    @Test func faultsAndMisuse() throws {
        let folder = try TemporaryFolder()
        let server = try server(folder)
        let door = try RPCDoor(folder.path)
        try door.expect("t.fault", code: 481, is: "no such transaction")
        try door.expect("t.workers_fault", code: 481, is: "no such transaction")
        try door.expect("t.fault_after_defer", code: 503, is: "no thread")
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
        try door.expect("t.large", code: 413, is: "the answer is larger than 67108864 bytes")
        for (name, text) in misuse { try door.expect(name, code: 500, is: "module commands: command \(name): \(text)") }
        try server.waitForLog("module commands: command t.closes: it closes a map or array, and none is open")
        try door.expect("t.workers", is: "[0,1]")
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
