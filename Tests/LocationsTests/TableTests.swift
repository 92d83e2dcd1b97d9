import Glibc
import PluginAPI
import PluginKit
import Synchronization
import Testing

@testable import Locations

@Suite struct TableTests {
    private typealias Wish = Register.Wish

    @Test func growsAndKeepsEverything() {
        let register = Register(exponent: 0)
        let count = 20_000
        for number in 0..<count {
            register.change("user\(number)", [Wish(uri: "sip:\(number)@h")])
            if number % 1000 == 0 {
                #expect(register.uris("user\(number / 2)") == ["sip:\(number / 2)@h"])
            }
        }
        #expect(register.table.counts.users == UInt64(count) && register.table.counts.contacts == UInt64(count))
        #expect(register.table.longestBucket < 12)
        let walked = register.walk(limit: 100)
        #expect(walked.count == count && Set(walked).count == count)
        let parts = (0..<3).map { register.walk(parts: (UInt32($0), 3)).count }
        #expect(parts.reduce(0, +) == count && parts.allSatisfy { $0 > count / 4 })
        for number in 0..<count {
            register.change("user\(number)", [Wish(kind: USRLOC_DROP, uri: "sip:\(number)@h", cseq: 2)])
        }
        #expect(register.table.counts.users == 0 && register.table.counts.contacts == 0)
        // What was given back is used again.
        let bytes = register.table.counts.bytes
        for number in 0..<count { register.change("user\(number)", [Wish(uri: "sip:\(number)@h")]) }
        #expect(register.table.counts.bytes <= bytes + bytes / 10)
    }

    @Test func attributesStay() {
        let register = Register()
        var edit = register.edit(Wish(uri: "sip:1@h"))
        edit.contact.attributes = Register.text("stenant red")
        func put() -> Change {
            withUnsafePointer(to: edit) { edit in
                var change = usrloc_change()
                change.aor = Register.text("a")
                change.edits = edit
                change.count = 1
                return register.table.make(
                    change, now: register.now, ruids: register.ruids.pointee, events: 0,
                    table: OpaquePointer(bitPattern: 1)!, register.arena.allocate)
            }
        }
        #expect(put().outcome.record?.pointee.contacts?[0].attributes.string == "stenant red")
        #expect(register.contacts("a")[0].attributes.string == "stenant red")
        edit.contact.attributes = Register.text(String(repeating: "x", count: Int(USRLOC_LONGEST_ATTRIBUTES) + 1))
        edit.contact.cseq = 2
        #expect(put().outcome.status == USRLOC_TOO_LONG)
        edit.contact.attributes = ""
        #expect(put().outcome.updated == 1 && register.contacts("a")[0].attributes.isEmpty)
    }

    @Test func byHashAndName() {
        let register = Register()
        let made = register.change("a", [Wish(uri: "sip:1@h"), Wish(uri: "sip:2@h")])
        let ruid = register.contacts("a")[0].ruid
        var query = usrloc_query()
        query.hash = made.hash
        query.ruid = ruid
        let found = register.table.record(
            query, now: register.now, table: OpaquePointer(bitPattern: 1)!, register.arena.allocate)
        #expect(found?.pointee.count == 1 && found?.pointee.aor.string == "a")
        register.now += 7
        #expect(register.table.refresh(made.hash, ruid, roundTrip: 1500, now: register.now))
        #expect(!register.table.refresh(made.hash, "none", roundTrip: 1500, now: register.now))
        let contact = register.contacts("a").first { $0.ruid.equals(ruid) }
        #expect(contact?.last_keepalive == register.now && contact?.round_trip == 1500)
    }

    @Test func memoryPerContact() {
        let register = Register(exponent: 10)
        let count = 100_000
        for number in 0..<count {
            var change = usrloc_change()
            var edit = usrloc_edit()
            edit.kind = UInt32(USRLOC_PUT)
            let texts = (
                "sip:user\(number)@192.168.\(number % 250).\(number % 200):5060;transport=udp",
                "user\(number)@example.org",
                "sip:203.0.113.\(number % 250):\(1024 + number % 60000)", "a84b4c76e66710-\(number)@192.168.1.77"
            )
            Self.with(texts.0) { uri in
                Self.with(texts.1) { aor in
                    Self.with(texts.2) { received in
                        Self.with(texts.3) { callId in
                            edit.contact.uri = uri
                            edit.contact.received = received
                            edit.contact.call_id = callId
                            edit.contact.user_agent = "Grandstream HT802 1.0.17.5"
                            edit.contact.socket = "udp:192.0.2.1:5060"
                            edit.contact.instance = "<urn:uuid:00000000-0000-1000-8000-000A95A0E128>"
                            edit.contact.expires = register.now + 3600
                            change.aor = aor
                            change.count = 1
                            withUnsafePointer(to: &edit) { edit in
                                change.edits = edit
                                let arena = CopyArena()
                                let made = register.table.make(
                                    change, now: register.now, ruids: register.ruids.pointee, events: 0,
                                    table: OpaquePointer(bitPattern: 1)!, arena.allocate)
                                #expect(made.outcome.inserted == 1)
                            }
                        }
                    }
                }
            }
        }
        let own = Double(register.table.counts.bytes) / Double(count)
        #expect(own < 420, "\(own) bytes")
    }

    private static func with(_ text: String, _ body: (apus_str) -> Void) {
        var text = text
        text.withUTF8 { body(apus_str(start: $0.baseAddress, count: $0.count)) }
    }

    private final class Tally: Sendable {
        let inserted = Atomic<Int>(0)
        let deleted = Atomic<Int>(0)
        let refused = Atomic<Int>(0)
    }

    /// Two threads at the same addresses, and a third that reads, walks and takes out what is over.
    @Test func twoThreadsAtOnce() async {
        let register = Register(.back, exponent: 0)
        let shared = register
        let tally = Tally()
        @Sendable func work(_ thread: Int) {
            let arena = CopyArena()
            for round in 0..<8000 {
                var edit = usrloc_edit()
                edit.kind = UInt32(round % 3 == 2 ? USRLOC_DROP : USRLOC_PUT)
                edit.contact.expires = shared.now + 1000
                Self.with("sip:\(thread)@h") { uri in
                    Self.with("user\(round % 500)") { aor in
                        Self.with("\(thread)-\(round)") { callId in
                            edit.contact.uri = uri
                            edit.contact.call_id = callId
                            withUnsafePointer(to: &edit) { edit in
                                var change = usrloc_change()
                                change.aor = aor
                                change.edits = edit
                                change.count = 1
                                // Only one of them fits: both can never pass.
                                change.max_contacts = 1
                                let made = shared.table.make(
                                    change, now: shared.now, ruids: shared.ruids.pointee, events: 0,
                                    table: OpaquePointer(bitPattern: 1)!, arena.allocate)
                                tally.inserted.add(Int(made.outcome.inserted), ordering: .relaxed)
                                tally.deleted.add(Int(made.outcome.deleted), ordering: .relaxed)
                                if made.outcome.status == USRLOC_TOO_MANY { tally.refused.add(1, ordering: .relaxed) }
                                if let record = made.outcome.record, record.pointee.count > 1 {
                                    Issue.record("\(record.pointee.count) contacts")
                                }
                            }
                        }
                    }
                }
            }
        }
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<2 { group.addTask { work(thread) } }
            group.addTask {
                let arena = CopyArena()
                for round in 0..<60 {
                    var gone: [LocationTable.Gone] = []
                    for index in 0..<LocationTable.stripeCount {
                        _ = shared.table.expire(
                            stripe: index, now: shared.now + Int64(round), limit: 50, arena, &gone)
                    }
                    let batch = LocationTable.Batch()
                    shared.table.take(200, onlyGone: false, into: batch)
                    shared.table.settle(batch, isWritten: round % 2 == 0)
                    var place: (UInt64, UInt64) = (0, 0)
                    var seen: [LocationTable.Seen] = []
                    while shared.table.slice(
                        usrloc_visit(), place: &place, now: shared.now, includesExpired: true, arena, &seen)
                    {}
                }
            }
        }
        let counts = register.table.counts
        #expect(
            Int(counts.contacts)
                == tally.inserted.load(ordering: .relaxed) - tally.deleted.load(ordering: .relaxed)
                - Int(counts.expired))
        #expect(tally.refused.load(ordering: .relaxed) > 0)
    }
}
