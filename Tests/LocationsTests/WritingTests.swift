import PluginAPI
import PluginKit
import Testing

@testable import Locations

/// What is written when.
@Suite struct WritingTests {
    private typealias Wish = Register.Wish

    private func flush(_ register: Register, onlyGone: Bool = false, isWritten: Bool = true) -> ([String], [String]) {
        let batch = LocationTable.Batch()
        register.table.take(100, onlyGone: onlyGone, into: batch)
        let rows = (batch.dirty.map { $0.contact.uri.string }.sorted(), batch.goneRows.map { $0.string })
        register.table.settle(batch, isWritten: isWritten)
        return rows
    }

    @Test func later() {
        let register = Register(.back)
        register.change("a", [Wish(uri: "sip:1@h"), Wish(uri: "sip:2@h")])
        register.change("b", [Wish(uri: "sip:3@h")], flags: USRLOC_MEMORY_ONLY)
        #expect(register.contacts("a").map(\.state) == [UInt32(USRLOC_NEW), UInt32(USRLOC_NEW)])
        // Written in vain, and once more.
        #expect(flush(register, isWritten: false) == (["sip:1@h", "sip:2@h"], []))
        #expect(register.contacts("a").map(\.state) == [UInt32(USRLOC_DIRTY), UInt32(USRLOC_DIRTY)])
        #expect(flush(register) == (["sip:1@h", "sip:2@h"], []))
        #expect(register.contacts("a").map(\.state) == [UInt32(USRLOC_SYNC), UInt32(USRLOC_SYNC)])
        #expect(flush(register) == ([], []))
        // Updated, then deleted; and one that nobody has written.
        let ruid = register.contacts("a").first { $0.uri.equals("sip:1@h") }!.ruid.string
        register.change("a", [Wish(uri: "sip:1@h", cseq: 2), Wish(uri: "sip:4@h")])
        register.change(
            "a", [Wish(kind: USRLOC_DROP, uri: "sip:1@h", cseq: 3), Wish(kind: USRLOC_DROP, uri: "sip:4@h", cseq: 3)])
        #expect(flush(register, isWritten: false) == ([], [ruid]))
        #expect(flush(register) == ([], [ruid]))
        #expect(flush(register) == ([], []))
    }

    @Test func whatExpiresIsDeleted() {
        let register = Register(.through)
        var contact = usrloc_contact()
        contact.uri = "sip:1@h"
        contact.ruid = "loaded"
        contact.expires = register.now + 5
        #expect(register.table.load("a", contact, now: register.now))
        #expect(register.contacts("a").map(\.state) == [UInt32(USRLOC_SYNC)])
        register.now += 5
        #expect(register.expire() == ["sip:1@h"])
        #expect(flush(register, onlyGone: true) == ([], ["loaded"]))
    }

    /// Of rows of one binding the newer one counts.
    @Test func rowsThatNobodyKnewOf() {
        let register = Register(.through)
        var contact = usrloc_contact()
        contact.uri = "sip:1@h"
        contact.call_id = "call"
        for (ruid, modified) in [("first", 100), ("second", 300), ("third", 200)] {
            contact.ruid = Register.text(ruid)
            contact.last_modified = Int64(modified)
            #expect(register.table.load("a", contact, now: register.now))
        }
        #expect(register.contacts("a").map { $0.ruid.string } == ["second"])
        #expect(flush(register, onlyGone: true).1.sorted() == ["first", "third"])
        contact.ruid = ""
        #expect(!register.table.load("a", contact, now: register.now))
    }

    @Test func afterTheRowsWereWritten() {
        let register = Register(.through)
        register.withChange("a", [Wish(uri: "sip:1@h"), Wish(uri: "sip:2@h")]) { change in
            let plan = register.table.begin(
                change, now: register.now, ruids: register.ruids.pointee, register.arena.allocate)
            var rows: [String] = []
            register.table.rows(plan) { rows.append("\($0.kind) \($0.contact.uri.string)") }
            #expect(rows == ["insert sip:1@h", "insert sip:2@h"])
            #expect(register.uris("a").isEmpty, "nobody sees what is not written")
            let made = register.finish(plan, change, .written)
            #expect(made.outcome.inserted == 2 && made.outcome.record?.pointee.count == 2)
        }
        #expect(register.contacts("a").map(\.state) == [UInt32(USRLOC_SYNC), UInt32(USRLOC_SYNC)])
        register.withChange("a", [Wish(uri: "sip:1@h", cseq: 2), Wish(kind: USRLOC_DROP, uri: "sip:2@h", cseq: 2)]) {
            change in
            let plan = register.table.begin(
                change, now: register.now, ruids: register.ruids.pointee, register.arena.allocate)
            var rows: [String] = []
            register.table.rows(plan) { rows.append("\($0.kind) \($0.contact.uri.string)") }
            #expect(rows == ["update sip:1@h", "delete sip:2@h"])
            // Meanwhile its time is over: it stays until the change has ended.
            register.now += 3600
            #expect(register.expire().isEmpty)
            register.now -= 3600
            let made = register.finish(plan, change, .refused)
            #expect(made.outcome.status == APUS_DB_DOWN && made.outcome.deleted == 0)
        }
        #expect(register.contacts("a").map(\.cseq) == [1, 1], "memory is as it was")
        #expect(flush(register) == ([], []))
    }

    @Test func whenNobodyKnows() {
        let register = Register(.through)
        register.withChange("a", [Wish(uri: "sip:1@h")]) { change in
            let plan = register.table.begin(
                change, now: register.now, ruids: register.ruids.pointee, register.arena.allocate)
            _ = register.finish(plan, change, .written)
        }
        register.withChange("a", [Wish(uri: "sip:1@h", cseq: 2), Wish(uri: "sip:2@h")]) { change in
            let plan = register.table.begin(
                change, now: register.now, ruids: register.ruids.pointee, register.arena.allocate)
            var ruids: [String] = []
            register.table.rows(plan) { ruids.append($0.contact.ruid.string) }
            _ = register.finish(plan, change, .unknown)
            // The row that may be there goes, and the other one is written as memory has it.
            #expect(flush(register, onlyGone: true).1 == [ruids[1]])
        }
        #expect(register.table.takeAddresses(10, register.arena).map { $0.string } == ["a"])
        let batch = LocationTable.Batch()
        register.table.take(of: "a", into: batch)
        #expect(batch.dirty.map { $0.contact.cseq } == [1])
        register.table.settle(batch, isWritten: true)
        #expect(register.table.takeAddresses(10, register.arena).isEmpty)
    }

    @Test func nothingIsKept() {
        let register = Register(.none)
        register.withChange("a", [Wish(uri: "sip:1@h")]) { change in
            let plan = register.table.begin(
                change, now: register.now, ruids: register.ruids.pointee, register.arena.allocate)
            let made = register.finish(plan, change, .written, keepsRecord: false)
            #expect(made.outcome.inserted == 1 && made.outcome.record?.pointee.count == 1)
        }
        #expect(register.table.counts.users == 0 && register.table.counts.contacts == 0)
    }
}
