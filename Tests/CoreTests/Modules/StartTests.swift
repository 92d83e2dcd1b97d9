import PluginAPI
import Synchronization
import Testing

@testable import Core

@Suite struct StartTests {
    /// Adds a module that offers `NAME/1` and needs others.
    private func add(
        _ test: TestModules, _ name: StaticString, needs: String = "", start: ModuleDescription.Step? = nil,
        stop: ModuleDescription.Stop? = nil
    ) throws {
        try test.add(
            String(describing: name), needs: needs,
            declare: { host in
                let table = permanent(UInt32(4))
                let id = PermanentText.bytes(String(describing: name) + "/1\0")
                return host.pointee.publish(
                    host, UnsafeRawPointer(id.start).assumingMemoryBound(to: CChar.self), table)
            }, start: start, stop: stop)
    }

    @Test func modulesStartBehindThoseThatTheyNeed() throws {
        let test = TestModules()
        try add(test, "acc", needs: "tm/1 dialog/1?")
        try add(test, "sl")
        try add(test, "dialog", needs: "rr/1,tm/1")
        try add(test, "tm", needs: "sl/1?")
        try add(test, "rr")
        test.modules.checkNeeds()
        #expect(test.remarks.isEmpty)
        #expect(test.modules.startOrder().order.map(\.name) == ["sl", "tm", "rr", "dialog", "acc"])
    }

    @Test func needsThatNobodyMeets() throws {
        let test = TestModules()
        try add(test, "acc", needs: "tm/1 dialog/2 sl/1 db/1? rr/9?")
        try add(test, "dialog")
        try test.add("sl")
        test.modules.checkNeeds()
        #expect(
            test.remarks == [
                "error: module `acc` needs tm/1 | load `tm.so`, too",
                "error: module `acc` needs dialog/2, but module `dialog` offers dialog/1"
                    + " | use versions of both that fit each other",
                "error: module `acc` needs sl/1, which module `sl` does not offer",
            ])
    }

    @Test func circles() throws {
        let test = TestModules()
        try add(test, "x", needs: "a/1")
        try add(test, "a", needs: "b/1")
        try add(test, "b", needs: "c/1?")
        try add(test, "c", needs: "a/1")
        test.modules.checkNeeds()
        #expect(test.remarks == ["error: modules need each other in a circle: `a` needs `b` needs `c` needs `a`"])
    }

    @Test func whatHasStartedIsStoppedInReverse() throws {
        StartWitness.events.withLock { $0 = [] }
        let test = TestModules()
        let stop: ModuleDescription.Stop = { StartWitness.note("stop " + $0.module.name) }
        let start: ModuleDescription.Step = {
            StartWitness.note("start " + $0.module.name)
            return 1
        }
        try add(test, "b", needs: "a/1", start: start, stop: stop)
        try add(test, "a", start: start, stop: stop)
        try add(
            test, "c",
            start: {
                StartWitness.note("start c")
                $0.say(APUS_ERR, "no")
                return -1
            }, stop: stop)
        try add(test, "d", start: start, stop: stop)
        #expect(!test.modules.start())
        let expected = ["start a", "start b", "start c", "stop b", "stop a"]
        #expect(StartWitness.events.withLock { $0 } == expected)
        #expect(test.remarks == ["error: module `c` does not start: no"])
        test.modules.stop()
        #expect(StartWitness.events.withLock { $0 } == expected)
    }

    @Test func coreEventsReachTheirSubscribers() throws {
        let count = permanent(0)
        let test = TestModules()
        let (module, outcome) = try test.add("sample") { host in
            let name: StaticString = "core:reload"
            return host.pointee.events.pointee.subscribe(
                host, name.cString, { _, user in user!.assumingMemoryBound(to: Int.self).pointee += 1 }, count)
        }
        #expect(outcome == .done && module.name == "sample")
        test.modules.raise(.ready)
        #expect(count.pointee == 0)
        test.modules.raise(.reload)
        #expect(count.pointee == 1)
    }
}

private enum StartWitness {
    static let events = Mutex<[String]>([])
    static func note(_ text: String) { events.withLock { $0.append(text) } }
}
