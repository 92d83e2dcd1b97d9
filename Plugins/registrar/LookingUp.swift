import PluginKit
import Registration
import RoutingKit

// Invariants: a Search lies in memory of the run; `found` is called once, perhaps after the run has waited. Contacts live for the run.

/// What a function that looks for contacts does with them.
struct Search {
    let table: OpaquePointer
    /// The best one becomes the request's destination; else all are branches.
    var replacesTarget = true
    /// Of the contact that a GRUU names (RFC 5627 section 5.4); empty: any.
    var instance = apus_str()
    /// One contact is meant.
    var isGRUU = false
}

/// Looks at the constant arguments of functions that begin with a table.
let prepareTableOnly: Preparation = { host, index, constant, prepared, complaint in
    index == 0 ? prepareTable(host, constant, prepared, complaint) : .true
}

/// `lookup(table[, uri])`
func lookup(_ call: Call) -> CInt { call.look(replacing: true) }

/// `lookup_to_dset(table[, uri])`
func lookupToSet(_ call: Call) -> CInt { call.look(replacing: false) }

extension UnsafePointer<apus_call> {
    fileprivate func look(replacing: Bool) -> CInt {
        guard message.isRequest, let table else { return -3 }
        let uri = has(1) && !text(1).isEmpty ? text(1) : message.field(APUS_FIELD_REQUEST_URI)
        var search = Search(table: table)
        search.replacesTarget = replacing
        guard let place = keep(search) else { return -3 }
        var isAsked = false
        return find(uri, place, user: place, isAsked: &isAsked, then: found)
    }

    /// Asks for the contacts of a URI; `then` answers for the function, unless there is nothing to ask for.
    func find(
        _ text: apus_str, _ search: UnsafeMutablePointer<Search>, user: UnsafeMutableRawPointer, isAsked: inout Bool,
        then: @escaping @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt
    ) -> CInt {
        guard let uri = message.parse(uri: text) else { return -3 }
        var query = usrloc_query()
        query.size = UInt32(MemoryLayout<usrloc_query>.size)
        if home.pointee.settings.usesExpired != 0 { query.flags = UInt32(USRLOC_EXPIRED_TOO) }
        if home.pointee.settings.hasGRUU != 0, let gr = message.parameter("gr", in: uri.params) {
            search.pointee.isGRUU = true
            search.pointee.instance = gr
        }
        if search.pointee.isGRUU, search.pointee.instance.isEmpty {
            guard let name = TemporaryName(uri.user), state.pointee.location.db_mode != 3 else { return .false }
            (query.ruid, query.hash) = (name.ruid, name.hash)
        } else {
            var fault: RegistrationFault?
            guard let key = key(uri, &fault) else { return -3 }
            query.aor = key
        }
        isAsked = true
        return usrloc.pointee.lookup(self, search.pointee.table, &query, then, user)
    }
}

/// The answer to lookup().
let found: @convention(c) (Call, CInt, UnsafePointer<usrloc_record>?, UnsafeMutableRawPointer?) -> CInt = {
    call, status, record, user in
    guard status == CInt(APUS_OK), let record else { return -3 }
    return call.use(record, user.unsafelyUnwrapped.assumingMemoryBound(to: Search.self))
}

/// Which contacts a request may be sent to.
struct ContactFilter {
    private let method: apus_str?
    private let flags: UInt32?
    private let instance: apus_str
    /// Contacts that came over connections are found only while these are there.
    private let connected: Host?

    init(_ call: Call, instance: apus_str) {
        let settings = call.home.pointee.settings
        let message = call.message
        let isInitial = message.field(APUS_FIELD_TO_TAG).isEmpty
        method = settings.filtersMethods != 0 && isInitial ? message.field(APUS_FIELD_METHOD_TEXT) : nil
        var wanted: UInt32?
        if settings.filterMode & 1 != 0, let bits = call.config?.number("rlf_bflags") {
            wanted = UInt32(truncatingIfNeeded: bits)
        }
        flags = wanted
        self.instance = instance
        connected = settings.filterMode & 2 != 0 ? call.host : nil
    }

    enum Verdict { case good, other, lacksMethod }

    func judge(_ contact: usrloc_contact) -> Verdict {
        if !instance.isEmpty, !contact.instance.instanceName.equalsIgnoringCase(instance) { return .other }
        if let flags, contact.cflags & flags == 0 { return .other }
        if let connected, connected.lacksConnection(contact) { return .other }
        if let method, !MethodMask(bits: contact.methods).contains(method) { return .lacksMethod }
        return .good
    }
}

extension UnsafePointer<apus_host> {
    /// The contact came over a connection that is no more.
    fileprivate func lacksConnection(_ contact: usrloc_contact) -> Bool {
        var transport = 0
        if let listener = contact.listener,
            let info = apus_listener_info.filled({ pointee.net.pointee.info(listener, $0) })
        {
            transport = Int(info.transport)
        } else if let uri = apus_uri.filled({ pointee.message.pointee.parse_uri(contact.uri, $0) }) {
            transport = uri.transportNumber
        }
        guard [APUS_TCP, APUS_TLS, APUS_WS, APUS_WSS].contains(transport) else { return false }
        return pointee.net.pointee.is_connected(self, contact.connection) <= 0
    }
}

extension UnsafePointer<apus_call> {
    /// Makes contacts destinations: 1; -1 there is none, -2 none that supports the method.
    fileprivate func use(_ record: UnsafePointer<usrloc_record>, _ search: UnsafeMutablePointer<Search>) -> CInt {
        guard let contacts = record.pointee.contacts else { return .false }
        let filter = ContactFilter(self, instance: search.pointee.instance)
        if search.pointee.isGRUU { return useNewest(record, filter, search) }
        let appends = home.pointee.settings.appendsBranches != 0
        var records = RecordNotes(self)
        var used = 0
        var lacksMethod = false
        for index in 0..<Int(record.pointee.count) {
            switch filter.judge(contacts[index]) {
            case .other: continue
            case .lacksMethod: lacksMethod = true
            case .good:
                let replaces = search.pointee.replacesTarget && used == 0
                guard take(contacts[index], replaces: replaces) else { continue }
                records.add(contacts[index])
                used += 1
            }
            if used > 0, !appends { break }
        }
        return used > 0 ? .true : lacksMethod ? -2 : .false
    }

    /// A GRUU leads to one contact: of several, which an instance has left behind, the last (RFC 5627 section 5.4).
    private func useNewest(
        _ record: UnsafePointer<usrloc_record>, _ filter: ContactFilter, _ search: UnsafeMutablePointer<Search>
    ) -> CInt {
        guard let contacts = record.pointee.contacts else { return .false }
        var newest: Int?
        var lacksMethod = false
        for index in 0..<Int(record.pointee.count) {
            switch filter.judge(contacts[index]) {
            case .other: break
            case .lacksMethod: lacksMethod = true
            case .good:
                if newest.map({ contacts[$0].last_modified < contacts[index].last_modified }) ?? true { newest = index }
            }
        }
        guard let newest, take(contacts[newest], replaces: search.pointee.replacesTarget) else {
            return lacksMethod ? -2 : .false
        }
        var records = RecordNotes(self)
        records.add(contacts[newest])
        return .true
    }

    /// Makes a contact the request's own destination, or a branch. False when its URI is none that requests can have, or there is no room.
    private func take(_ contact: usrloc_contact, replaces: Bool) -> Bool {
        var branch = apus_branch()
        branch.size = UInt32(MemoryLayout<apus_branch>.size)
        branch.q = contact.q
        branch.uri = contact.uri
        branch.flags = contact.cflags
        branch.send_through = contact.listener
        branch.instance = contact.instance
        branch.ruid = contact.ruid
        branch.user_agent = contact.user_agent
        branch.path = route(contact.path)
        if let first = message.parse(nameAddr: branch.path), !branch.path.isEmpty {
            branch.destination = first.uri
        } else if !contact.received.isEmpty {
            branch.destination = contact.received
        }
        let branches = host.pointee.branches.pointee
        if replaces {
            // What the script has set for the request stays.
            var own = apus_branch()
            own.size = UInt32(MemoryLayout<apus_branch>.size)
            branches.current(pointee.msg, &own)
            branch.flags |= own.flags
        }
        return (replaces ? branches.set_current : branches.append)(pointee.msg, &branch) > 0
    }

    /// Path without a first hop that is this server, with path_check_local.
    private func route(_ path: apus_str) -> apus_str {
        guard !path.isEmpty, home.pointee.settings.pathChecksLocal != 0, let first = message.parse(nameAddr: path),
            let uri = message.parse(uri: first.uri),
            host.pointee.net.pointee.is_myself(host, uri.host, UInt16(truncatingIfNeeded: uri.port_number)) > 0
        else { return path }
        return path.dropFirst(Int(first.length) + 1).trimmed
    }
}
