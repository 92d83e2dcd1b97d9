import PluginAPI
import Testing

@testable import Core

/// The groups of the contract as a module sees them, without a server.
@Suite struct HostTests {
    private func outcome(_ declare: (UnsafePointer<apus_host>) -> CInt) throws -> (TestModules, LoadedModule.Outcome) {
        let test = TestModules()
        return (test, try test.add("sample", declare: declare).outcome)
    }

    @Test func functionsGoToTheRegistry() throws {
        let (test, outcome) = try outcome {
            min($0.function("f", "text:format, code:int?"), $0.function("f", "a:int, b:int, c:int, ..."))
        }
        #expect(outcome == .done)
        #expect(
            Set(test.registry.functions(named: "f").map(\.usage)) == [
                "f(text:format, code:int?)", "f(a:int, b:int, c:int, ...)",
            ])
        #expect(test.registry.functions(named: "f").allSatisfy { $0.owner.name == "sample" })
    }

    @Test func refusedFunctions() throws {
        func reason(_ declare: (UnsafePointer<apus_host>) -> CInt) throws -> String {
            guard case .failed(let reasons) = try outcome(declare).1 else { return "done" }
            return reasons.joined(separator: "; ")
        }
        #expect(try reason { $0.function("") } == "add_function: the function's name is missing")
        #expect(try reason { $0.function("a-b") } == "add_function: `a-b` is no name for a function")
        #expect(try reason { $0.function("f", routes: 0) } == "add_function: f may be called nowhere: its routes are 0")
        #expect(
            try reason { $0.function("f", routes: 0x1000) } == "add_function: the routes of f have unknown bits: 0x1000"
        )
        #expect(try reason { $0.function("f", flags: 256) } == "add_function: the flags of f have unknown bits: 0x100")
        #expect(
            try reason { $0.function("f", size: 40) }
                == "add_function: apus_function.size is 40, at least 64 is expected: begin with APUS_STRUCT(apus_function)"
        )
        #expect(
            try reason { $0.function("f", "a:int?, b:int") }
                == "add_function: the signature \"a:int?, b:int\" of f is wrong: `b` is required but follows the optional `a`"
        )
        // The module need not pass the refusal on.
        #expect(
            try reason {
                _ = $0.function("a-b")
                return 1
            } == "add_function: `a-b` is no name for a function")
    }

    /// A module built when the struct was longer is read as far as it is known; behind a shorter one there are zeroes.
    @Test func structsOfOtherVersions() throws {
        let size = MemoryLayout<apus_function>.size
        let memory = UnsafeMutableRawPointer.allocate(byteCount: size + 16, alignment: 16)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0xee, count: size + 16)
        for given in [size, size + 16] {
            memory.storeBytes(of: UInt32(given), as: UInt32.self)
            let flags = try GivenStruct.read(memory, apus_function.self, name: "f", first: size - 8) {
                (given) throws(Registry.Refusal) in given.contents.flags
            }
            #expect(flags == 0xeeee_eeee)
        }
        memory.storeBytes(of: UInt32(size - 8), as: UInt32.self)
        let isNull = try GivenStruct.read(memory, apus_function.self, name: "f", first: size - 8) {
            (given) throws(Registry.Refusal) in given.isNull(\.user)
        }
        #expect(isNull)
    }

    @Test func aFunctionOfTwoModules() throws {
        let test = TestModules()
        try test.add("rtpproxy") { $0.function("start_recording") }
        try test.add("rtpengine") { $0.function("start_recording") }
        #expect(
            test.remarks == [
                "warning: `start_recording` of module rtpengine takes the place of the one of rtpproxy"
                    + " | the module that is loaded last wins"
            ])
        #expect(test.registry.functions(named: "start_recording").first?.owner.name == "rtpengine")
    }

    @Test func whatAModuleLogsIsTheReasonOfItsFailure() throws {
        let failed = try outcome { host in
            host.say(APUS_INFO, "starting")
            host.say(APUS_ERR, "first")
            host.say(APUS_CRIT, "second")
            return -1
        }.1
        #expect(failed == .failed(reasons: ["first", "second"]))
        let quiet = try outcome { host in
            host.say(APUS_INFO, "only a hint")
            return -1
        }.1
        #expect(quiet == .failed(reasons: ["only a hint"]))
    }

    @Test func variables() throws {
        func add(_ host: UnsafePointer<apus_host>, _ name: StaticString, _ inner: StaticString?) -> CInt {
            let doc: StaticString = "Null."
            var variable = apus_pv(
                size: UInt32(MemoryLayout<apus_pv>.size), flags: UInt32(APUS_PV_INDEXED), name: name.cString,
                inner: inner?.cString, doc: doc.cString, get: { _, _ in -1 }, set: nil, user: nil, ask: nil)
            return host.pointee.vars.pointee.add_variable(host, &variable)
        }
        let (test, done) = try outcome { min(add($0, "a", "x|y?"), add($0, "b.c", "*"), add($0, "?", nil)) }
        #expect(done == .done)
        #expect(test.registry.variable(named: "a")?.inner == InnerNameRule("x|y?"))
        #expect(test.registry.variable(named: "a")?.indexed == true)
        #expect(
            try outcome { add($0, "a(b)", nil) }.1
                == .failed(reasons: ["add_variable: `a(b)` is no name for a pseudo-variable"]))
        #expect(
            try outcome { add($0, "a", "x|x") }.1
                == .failed(reasons: ["add_variable: the inner names of $a are none, or one stands twice"]))
    }

    @Test func statistics() throws {
        let ids = permanent([UInt32]())
        let (test, done) = try outcome { host in
            let (group, name, doc): (StaticString, StaticString, StaticString) = ("sl", "sent_replies", "Replies.")
            let gauge: StaticString = "load"
            let stats = host.pointee.stats.pointee
            ids.pointee = [
                stats.add(host, group.cString, name.cString, doc.cString),
                stats.add(host, group.cString, name.cString, doc.cString),
            ]
            stats.bump(host, ids.pointee[0], 3)
            stats.bump(host, 0, 9)
            return stats.add_gauge(host, group.cString, gauge.cString, doc.cString, { _ in 42 }, nil)
        }
        #expect(done == .done)
        #expect(ids.pointee[0] > 0 && ids.pointee[0] == ids.pointee[1])
        let host = test.modules.all[0].host
        func read(_ name: StaticString) -> UInt64 {
            host.pointee.stats.pointee.read(host, apus_str("sl"), apus_str(name))
        }
        #expect(read("sent_replies") == 3)
        #expect(read("load") == 42)
        #expect(read("nothing") == 0)
    }

    @Test func interfaces() throws {
        let table = permanent((size: UInt32(16), value: UInt32(7)))
        let (test, done) = try outcome { host in
            let id: StaticString = "sample/1"
            return host.pointee.publish(host, id.cString, table)
        }
        #expect(done == .done)
        let user = try test.add("user", needs: "sample/1").module
        let id: StaticString = "sample/1"
        func find(_ size: UInt32) -> UnsafeRawPointer? {
            var found: UnsafeRawPointer?
            _ = user.run(.starting) {
                found = user.host.pointee.find(user.host, id.cString, size)
                return 1
            }
            return found
        }
        #expect(find(16) == UnsafeRawPointer(table))
        #expect(find(4) == UnsafeRawPointer(table))
        #expect(find(17) == nil)
    }

    @Test func messagesHaveSlots() throws {
        let destroyed = permanent([Int]())
        nonisolated(unsafe) let ids = permanent([CInt]())
        SlotWitness.place = destroyed
        let (test, done) = try outcome { host in
            let slots = host.pointee.slots.pointee
            for _ in 0..<20 {
                ids.pointee.append(
                    slots.add(host, UInt32(APUS_SLOT_MESSAGE)) { _, data in
                        SlotWitness.place?.pointee.append(Int(bitPattern: data))
                    })
            }
            return slots.add(host, 9, nil) < 0 ? 1 : -1
        }
        #expect(done == .failed(reasons: ["slots->add: there is no kind 9"]))
        let slots = test.modules.all[0].host.pointee.slots.pointee
        let sample = TestMessage(Sample.invite)
        let message = sample.message
        #expect(slots.message(message.opaque, ids.pointee[0]) == nil)
        for index in [0, 19, 5] {
            slots.set_message(message.opaque, ids.pointee[index], UnsafeMutableRawPointer(bitPattern: 100 + index))
        }
        #expect(slots.message(message.opaque, ids.pointee[0]) == UnsafeMutableRawPointer(bitPattern: 100))
        #expect(slots.message(message.opaque, ids.pointee[19]) == UnsafeMutableRawPointer(bitPattern: 119))
        #expect(slots.message(message.opaque, 0) == nil && slots.message(message.opaque, 999) == nil)
        slots.set_message(message.opaque, ids.pointee[5], nil)
        test.modules.shared.pointee.slots.end(message)
        #expect(destroyed.pointee == [100, 119])
        #expect(slots.message(message.opaque, ids.pointee[0]) == nil)
    }

    @Test func hooksMayEndAMessage() throws {
        let calls = permanent([String]())
        func add(_ host: UnsafePointer<apus_host>, _ result: @escaping HookTables.Call) -> CInt {
            host.pointee.hooks.pointee.add(host, UInt32(APUS_HOOK_REQUEST), result, calls)
        }
        let (test, done) = try outcome { host in
            min(
                add(host) { hook in
                    hook.pointee.user!.assumingMemoryBound(to: [String].self).pointee.append("first")
                    return 1
                },
                add(host) { hook in
                    hook.pointee.user!.assumingMemoryBound(to: [String].self).pointee.append("second")
                    return 0
                },
                add(host) { hook in
                    hook.pointee.user!.assumingMemoryBound(to: [String].self).pointee.append("third")
                    return 1
                })
        }
        #expect(done == .done)
        let sample = TestMessage(Sample.invite)
        let hooks = test.modules.shared.pointee.hooks
        #expect(!hooks.run(.request, sample.message))
        #expect(calls.pointee == ["first", "second"])
        #expect(hooks.run(.reply, sample.message))
        #expect(hooks.isEmpty(.reply) && !hooks.isEmpty(.request))
    }

    @Test func regularExpressions() throws {
        let (test, _) = try outcome { _ in 1 }
        let host = test.modules.all[0].host
        let regex = host.pointee.regex.pointee
        var text = [CChar](repeating: 0, count: 64)
        text.withUnsafeMutableBufferPointer { buffer in
            var complaint = apus_complaint(
                size: UInt32(MemoryLayout<apus_complaint>.size), offset: 0, text: buffer.baseAddress!,
                capacity: buffer.count, len: 0)
            let compiled = regex.compile(host, apus_str("^(a+)(b)?"), 0, &complaint)
            #expect(compiled != nil)
            var groups = [apus_match](repeating: apus_match(), count: 3)
            #expect(regex.match(compiled!, apus_str("xx\nAAc"), 0, &groups, 3) == 2)
            #expect(groups[0].start == 3 && groups[0].end == 5 && groups[1].end == 5)
            #expect(regex.match(compiled!, apus_str("xx\nAAc"), 0, &groups, 1) == 1)
            #expect(regex.match(compiled!, apus_str("xx\nAAc"), 0, nil, 0) == 1)
            #expect(regex.match(compiled!, apus_str("xx\nAAc"), 4, &groups, 3) == 0)
            #expect(regex.match(compiled!, apus_str("a"), 9, &groups, 3) == 0)
            #expect(regex.compile(host, apus_str("a(b"), 0, &complaint) == nil)
            #expect(complaint.offset == 3)
            #expect(String(cString: buffer.baseAddress!).hasPrefix("missing"))
            #expect(complaint.len == "missing closing parenthesis".utf8.count)
        }
    }

    @Test func facilities() {
        for (name, number) in [("LOG_LOCAL0", 16), ("local7", 23), ("LOG_DAEMON", 3), ("LOCAL8", nil), ("x", nil)] {
            #expect(SyslogFacility.number(named: name) == number)
        }
    }
}

/// Where destructors of slots, which have no `user`, write; one test uses it.
private enum SlotWitness {
    nonisolated(unsafe) static var place: UnsafeMutablePointer<[Int]>?
}
