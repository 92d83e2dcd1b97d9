import Locations
import PluginKit
import RoutingKit

// Invariants: run on the management thread. A command that changes or looks up answers later, when the database has; its texts live until then.

func declareCommands(_ host: Host) {
    host.command(
        "ul.dump", aliases: "ul_dump", arguments: "mode:string?", flags: APUS_RPC_READS, reply: "any",
        doc: "All contacts of all tables; brief: the addresses of record only.", call: dump)
    host.command(
        "ul.lookup", arguments: "table:string, aor:string", flags: APUS_RPC_READS, reply: "any",
        doc: "The contacts of an address of record.", call: showContacts)
    host.command(
        "ul.rm", aliases: "ul_rm", arguments: "table:string, aor:string", reply: "none",
        doc: "Deletes all contacts of an address of record."
    ) { remove($0, contact: nil, form: false) }
    host.command(
        "ul.rm_contact", aliases: "ul_rm_contact", arguments: "table:string, aor:string, contact:string",
        reply: "none", doc: "Deletes one contact."
    ) { remove($0, contact: $0.text(2), form: false) }
    host.command(
        "ul.add",
        arguments: """
            table:string, aor:string, contact:string, expires:value, q:value, path:string?, flags:value?, \
            cflags:value?, methods:value?, agent:string?, socket:string?
            """, reply: "none",
        doc: "Adds or updates a contact; expires 0: for ever; path 0: none."
    ) { command in
        addContact(command, Additions(command)) { _ in }
    }
    host.command(
        "ul.flush", aliases: "ul_flush", reply: "none", doc: "Writes the rows that wait to be written."
    ) { command in
        switch state.pointee.settings.place {
        case .writeThrough, .writeBack:
            let deferral = command.rpc.pointee.defer(command, 60_000)
            guard deferral != 0 else { return .false }
            Flusher.shared.begin(state.pointee.host ?? command.host, deferral: deferral)
            return .suspended
        case .memory, .database, .readOnly: return .true
        }
    }
    host.command(
        "ul.reload_aor", arguments: "table:string, aor:string", reply: "none",
        doc: "Reads the contacts of an address of record from the database anew.", call: reload)
    declareCounts(host)
}

// MARK: - What commands have in common

extension Command {
    /// The table that an argument names; nil after a fault.
    func table(_ index: Int) -> TableRef? {
        if let table = state.table(text(index)) { return table }
        fail(
            404,
            composed: "Table '\(text(index).string)' not found in memory, use save(\"\(text(index).string)\") or "
                + "lookup(\"\(text(index).string)\") in the configuration script first")
        return nil
    }

    /// The address of record that an argument is: without its domain, when addresses have none; nil after a fault.
    func aor(_ index: Int) -> apus_str? {
        let aor = text(index)
        let at = aor.index(of: UInt8(ascii: "@"))
        if state.pointee.settings.usesDomain != 0, at == nil {
            fail(400, "username@domain expected")
            return nil
        }
        guard let at, state.pointee.settings.usesDomain == 0 else { return aor }
        return aor[0..<at]
    }

    /// The answer comes when `body` has called what it is given, now or later.
    func later(_ body: (@escaping ((Command) -> Void) -> Void) -> Void) -> CInt {
        let deferral = rpc.pointee.defer(self, 20_000)
        guard deferral != 0 else { return .false }
        let host = host
        body { answer in
            guard let command = host.pointee.rpc.pointee.resume(host, deferral) else { return }
            answer(command)
            host.pointee.rpc.pointee.finish(host, deferral)
        }
        return .suspended
    }

    /// Of a change or lookup that did not succeed.
    func fail(_ status: CInt, because text: apus_str) {
        let why: String
        switch Int(status) {
        case USRLOC_TOO_MANY: why = "there are too many contacts"
        case USRLOC_TOO_LONG: why = "a text is too long"
        case APUS_TIMED_OUT: why = "the database does not answer in time"
        default: why = text.isEmpty ? "status \(status)" : text.string
        }
        fail(500, composed: why)
    }
}

/// The change of one address by an operator.
func operatorChange(_ aor: apus_str, _ edit: usrloc_edit?, flags: Int, _ body: (usrloc_change) -> Void) {
    var change = usrloc_change()
    change.size = UInt32(MemoryLayout<usrloc_change>.size)
    change.flags = UInt32(flags | USRLOC_UNORDERED)
    change.aor = aor
    guard let edit else { return body(change) }
    withUnsafePointer(to: edit) {
        change.edits = $0
        change.count = 1
        body(change)
    }
}

// MARK: - Changes

/// - Parameters:
///   - contact: nil: all of them.
///   - form: it answers in the words of SER's text.
func remove(_ command: Command, contact: apus_str?, form: Bool) -> CInt {
    guard let table = command.table(0), let aor = command.aor(1) else { return .false }
    return command.later { answer in
        var edit: usrloc_edit?
        if let contact {
            var made = usrloc_edit()
            made.kind = UInt32(USRLOC_DROP)
            made.contact.size = UInt32(MemoryLayout<usrloc_contact>.size)
            made.contact.uri = contact
            edit = made
        }
        let host = command.host
        // Whatever makes bindings differ: an operator names a contact by its URI, which may be there several times.
        var query = usrloc_query()
        query.size = UInt32(MemoryLayout<usrloc_query>.size)
        query.aor = aor
        guard let contact, var edit else {
            return operatorChange(aor, nil, flags: USRLOC_ALL) {
                submit(host, table, $0) { end(answer, $0.pointee, table, aor, contact: nil, form: form) }
            }
        }
        fetch(host, table, query) { status, record in
            guard status == CInt(APUS_OK), let record else { return answer { $0.fail(status, because: "") } }
            let all = UnsafeBufferPointer(start: record.pointee.contacts, count: Int(record.pointee.count))
            guard let found = all.first(where: { $0.uri.equals(contact) }) else {
                return answer { notFound($0, table, aor, all.isEmpty ? nil : contact, form: form) }
            }
            edit.contact.uri = ""
            edit.contact.ruid = found.ruid
            operatorChange(aor, edit, flags: 0) {
                submit(host, table, $0) { end(answer, $0.pointee, table, aor, contact: contact, form: form) }
            }
        }
    }
}

private func end(
    _ answer: ((Command) -> Void) -> Void, _ outcome: usrloc_outcome, _ table: TableRef, _ aor: apus_str,
    contact: apus_str?, form: Bool
) {
    answer { command in
        guard outcome.status == APUS_OK else { return command.fail(outcome.status, because: outcome.text) }
        guard outcome.deleted > 0 else { return notFound(command, table, aor, contact, form: form) }
        guard form else { return }
        let name = table.pointee.name.string
        if let contact {
            command.add(text: "200 Contact (\(aor.string), \(contact.string)) deleted from table \(name)")
        } else {
            command.add(text: "200 user (\(name), \(aor.string)) deleted")
        }
    }
}

/// - Parameter contact: nil: there is none at all.
func notFound(_ command: Command, _ table: TableRef, _ aor: apus_str, _ contact: apus_str?, form: Bool) {
    let name = table.pointee.name.string
    if form {
        let what = contact.map { "Contact \($0.string)" } ?? "Username \(aor.string)"
        command.add(text: "404 \(what) in table \(name) not found")
    } else {
        command.fail(404, composed: contact == nil ? "AOR not found" : "Contact not found")
    }
}

/// What `ul.add` and its older forms are given, as texts.
struct Additions {
    var expires: String
    var q: String
    var path: apus_str = ""
    var flags = "0"
    var cflags = "0"
    var methods = ""
    var agent: apus_str = "Apus operator"
    var socket: apus_str = ""

    init(expires: String, q: String) { (self.expires, self.q) = (expires, q) }

    init(_ command: Command) {
        func text(_ index: Int, _ other: String) -> String {
            guard command.has(index) else { return other }
            let value = command.value(index)
            return value.isInt && value.str.isEmpty ? "\(value.num)" : value.str.string
        }
        expires = text(3, "")
        q = text(4, "")
        if command.has(5), !command.text(5).equals("0") { path = command.text(5) }
        flags = text(6, "0")
        cflags = text(7, "0")
        methods = text(8, "")
        if !command.text(9).isEmpty { agent = command.text(9) }
        socket = command.text(10)
    }
}

/// - Parameter done: adds to an answer that is no fault.
func addContact(_ command: Command, _ given: Additions, _ done: @escaping (Command) -> Void) -> CInt {
    guard let table = command.table(0), let aor = command.aor(1) else { return .false }
    var edit = usrloc_edit()
    edit.kind = UInt32(USRLOC_PUT)
    edit.contact.size = UInt32(MemoryLayout<usrloc_contact>.size)
    edit.contact.uri = command.text(2)
    guard command.host.uriIsValid(edit.contact.uri) else { return command.fail(400, "Invalid contact") }
    guard let expires = Int64(given.expires), 0...Int64(UInt32.max) ~= expires else {
        return command.fail(400, "Invalid expires format")
    }
    var text = given.q
    let q: Int32? =
        text == "-1" ? Int32(APUS_NO_Q) : text.withUTF8 { apus_str(start: $0.baseAddress, count: $0.count).qValue }
    guard let q else { return command.fail(400, "Invalid q value") }
    guard let flags = UInt32(given.flags), let cflags = UInt32(given.cflags) else {
        return command.fail(400, "Invalid flags format")
    }
    let methods = given.methods.isEmpty || given.methods == "-1" ? USRLOC_ALL_METHODS : UInt32(given.methods)
    guard let methods else { return command.fail(400, "Invalid methods format") }
    edit.contact.expires = expires == 0 ? 0 : wallSeconds() + expires
    edit.contact.q = q
    edit.contact.path = given.path
    edit.contact.flags = flags
    edit.contact.cflags = cflags
    edit.contact.methods = methods
    edit.contact.user_agent = given.agent
    edit.contact.socket = given.socket
    // As of old: constants, by which such contacts are known.
    edit.contact.call_id = "operator@apus"
    edit.contact.cseq = 42
    return command.later { answer in
        operatorChange(aor, edit, flags: 0) {
            submit(command.host, table, $0) { outcome in
                answer { command in
                    guard outcome.pointee.status == APUS_OK else {
                        return command.fail(outcome.pointee.status, because: outcome.pointee.text)
                    }
                    done(command)
                }
            }
        }
    }
}

extension UnsafePointer<apus_host> {
    func uriIsValid(_ text: apus_str) -> Bool {
        apus_uri.filled { pointee.message.pointee.parse_uri(text, $0) } != nil
    }
}

/// `ul.reload_aor`
private let reload: @convention(c) (Command) -> CInt = { command in
    guard let table = command.table(0), let aor = command.aor(1) else { return .false }
    guard let shape = state.pointee.rows, state.pointee.settings.place != .database else { return .true }
    return command.later { answer in
        let arena = CopyArena()
        let own = arena.copy(aor)
        let key = table.pointee.store.hash(own)
        var attributes = LoadedAttributes()
        func readContacts() {
            let query = RowQuery.of(shape, table, own)
            ask(command.host, query.work(key: key)) { found in
                guard found.status == CInt(APUS_OK) else {
                    let text = found.result.pointee.text
                    return answer { $0.fail(found.status, because: text) }
                }
                replace(own, table, by: found.result, shape, attributes)
                withExtendedLifetime(arena) {}
                answer { _ in }
            }
            withExtendedLifetime(query) {}
        }
        guard shape.keepsAttributes else { return readContacts() }
        let query = RowQuery.attributes(shape, table, of: own)
        ask(command.host, query.work(key: key)) { found in
            guard found.status == CInt(APUS_OK) else {
                let text = found.result.pointee.text
                return answer { $0.fail(found.status, because: text) }
            }
            attributes.take(found.result)
            readContacts()
        }
        withExtendedLifetime(query) {}
    }
}

/// The contacts of an address become those of the rows.
private func replace(
    _ aor: apus_str, _ table: TableRef, by result: UnsafePointer<apus_db_result>, _ shape: RowShape,
    _ attributes: LoadedAttributes
) {
    table.pointee.store.forget(aor)
    withUnsafeTemporaryAllocation(byteCount: Int(USRLOC_LONGEST_AOR), alignment: 1) { buffer in
        for row in 0..<Int(result.pointee.row_count) {
            guard let values = result.pointee.values,
                let (_, contact) = shape.read(values + row * Int(result.pointee.column_count), buffer)
            else { continue }
            _ = attributes.with(contact) { table.pointee.store.load(aor, $0, now: wallSeconds()) }
        }
    }
}
