import Glibc
import PluginAPI
import PluginKit

@testable import Locations

/// A table with a clock that tests set, and plain words for what is done to it.
final class Register: @unchecked Sendable {
    let table: LocationTable
    let settings: UnsafeMutablePointer<LocationSettings>
    var now: Int64 = 1_700_000_000
    let ruids: UnsafeMutablePointer<RuidSource>
    let arena = CopyArena()
    private let owner = OpaquePointer(bitPattern: 1)!

    init(_ rows: LocationSettings.Rows = .none, exponent: Int = 6, matching: Int = 0, followsConnections: Bool = false)
    {
        var made = LocationSettings { a, b in a.equalsIgnoringCase(b) ? 1 : -1 }
        made.rows = rows
        made.matchingMode = matching
        // An odd one is there.
        if followsConnections { made.isConnected = { $0 & 1 == 1 ? 1 : 0 } }
        settings = permanent(made)
        table = LocationTable(
            settings: settings, names: Names(nil, resolve: { _, _ in nil }, describe: { _, _ in "udp:0.0.0.0:5060" }),
            exponent: exponent, now: 1_700_000_000)
        ruids = .allocate(capacity: 1)
        ruids.initialize(to: RuidSource(start: 1_700_000_000, server: 0))
    }

    /// A text for as long as the process.
    static func text(_ text: String) -> apus_str {
        let copy = strdup(text)!
        return apus_str(s: UnsafePointer(copy), len: strlen(copy))
    }

    struct Wish {
        var kind = USRLOC_PUT
        var uri: String
        var expires: Int64 = 3600
        var q: Int32 = APUS_NO_Q
        var callId = "call"
        var cseq: UInt32 = 1
        var path = ""
        var instance = ""
        var regId: UInt32 = 0
        var ruid = ""
        var connection: UInt64 = 0
    }

    func edit(_ wish: Wish) -> usrloc_edit {
        var edit = usrloc_edit()
        edit.kind = UInt32(wish.kind)
        edit.contact.q = wish.q
        edit.contact.uri = Register.text(wish.uri)
        edit.contact.call_id = Register.text(wish.callId)
        edit.contact.path = Register.text(wish.path)
        edit.contact.instance = Register.text(wish.instance)
        edit.contact.ruid = Register.text(wish.ruid)
        edit.contact.user_agent = "an agent"
        edit.contact.expires = wish.expires == 0 ? 0 : now + wish.expires
        edit.contact.cseq = wish.cseq
        edit.contact.reg_id = wish.regId
        edit.contact.connection = wish.connection
        edit.contact.methods = USRLOC_ALL_METHODS
        return edit
    }

    @discardableResult
    func change(
        _ aor: String, _ wishes: [Wish], flags: Int = 0, most: UInt32 = 0, callId: String = "call", cseq: UInt32 = 1,
        events: Int = 0
    ) -> Change {
        withChange(aor, wishes, flags, most, callId, cseq) {
            table.make($0, now: now, ruids: ruids.pointee, events: UInt32(events), table: owner, arena.allocate)
        }
    }

    func withChange<R>(
        _ aor: String, _ wishes: [Wish], _ flags: Int = 0, _ most: UInt32 = 0, _ callId: String = "call",
        _ cseq: UInt32 = 1, _ body: (usrloc_change) -> R
    ) -> R {
        let edits = wishes.map(edit)
        return edits.withUnsafeBufferPointer { edits in
            var change = usrloc_change()
            change.flags = UInt32(flags)
            change.aor = Register.text(aor)
            change.edits = edits.baseAddress
            change.count = UInt32(edits.count)
            change.max_contacts = most
            change.call_id = Register.text(callId)
            change.cseq = cseq
            return body(change)
        }
    }

    func finish(
        _ plan: Plan, _ change: usrloc_change, _ writing: LocationTable.Writing, keepsRecord: Bool = true
    ) -> Change {
        table.finish(
            plan, of: change, writing, status: CInt(APUS_DB_DOWN), now: now, events: 0, table: owner,
            keepsRecord: keepsRecord, arena.allocate)
    }

    func contacts(_ aor: String, flags: Int = 0) -> [usrloc_contact] {
        var query = usrloc_query()
        query.aor = Register.text(aor)
        query.flags = UInt32(flags)
        let record = table.record(query, now: now, table: owner, arena.allocate)
        return Array(UnsafeBufferPointer(start: record?.pointee.contacts, count: Int(record?.pointee.count ?? 0)))
    }

    func uris(_ aor: String, flags: Int = 0) -> [String] { contacts(aor, flags: flags).map { $0.uri.string } }

    /// Contacts taken out because they are over.
    func expire(limit: Int = 1000) -> [String] {
        var gone: [LocationTable.Gone] = []
        for index in 0..<LocationTable.stripeCount {
            while table.expire(stripe: index, now: now, limit: limit, arena, &gone) == limit {}
        }
        return gone.map { $0.contact.uri.string }
    }

    func walk(limit: UInt32 = 10, parts: (UInt32, UInt32) = (0, 0), until: UInt32 = 0) -> [String] {
        var visit = usrloc_visit()
        visit.limit = limit
        (visit.part, visit.parts) = parts
        visit.until = until
        var place: (UInt64, UInt64) = (0, 0)
        var seen: [LocationTable.Seen] = []
        var before: (UInt64, UInt64)
        repeat {
            before = place
            guard table.slice(visit, place: &place, now: now, includesExpired: false, arena, &seen) else { break }
        } while place != before
        return seen.map { $0.aor.string }
    }
}
