import AccessLists
import Glibc
import PluginKit
import TableKit

// Invariants: on the management thread, where the lists in force stay until the function returns.

func declareCommands(_ host: Host) {
    host.command(
        "permissions.addressReload", aliases: "address_reload", reply: "string",
        doc: "Reads the addresses again; when that fails, those that were stay in force."
    ) { command in
        reload(command, state.pointee.addresses, isThere: state.pointee.addressSource != nil)
    }
    host.command(
        "permissions.trustedReload", aliases: "trusted_reload", reply: "string",
        doc: "Reads the trusted peers again; when that fails, those that were stay in force."
    ) { command in
        guard case .cached? = state.pointee.trustedSource else {
            return reload(command, state.pointee.trusted, isThere: false)
        }
        return reload(command, state.pointee.trusted, isThere: true)
    }
    host.command(
        "permissions.addressDump", aliases: "address_dump", flags: APUS_RPC_READS, reply: "any",
        doc: "The addresses of hosts in force."
    ) { dump($0, dumpHost) }
    host.command(
        "permissions.subnetDump", aliases: "subnet_dump", flags: APUS_RPC_READS, reply: "any",
        doc: "The networks in force."
    ) { dump($0, dumpNetwork) }
    host.command(
        "permissions.domainDump", aliases: "domain_name_dump", flags: APUS_RPC_READS, reply: "any",
        doc: "The names in force."
    ) { dump($0, dumpName) }
    host.command(
        "permissions.trustedDump", aliases: "trusted_dump", flags: APUS_RPC_READS, reply: "any",
        doc: "The trusted peers in force.", call: dumpTrusted)
    host.command(
        "permissions.allowUri", aliases: "permissions.testUri allow_uri",
        arguments: "basename:string?, uri:string?, contact:string?", flags: APUS_RPC_READS, reply: "string",
        doc: "Whether the URI may call, or have, the Contact, by the files of that basename as they are now.", call: ask
    )
}

private func reload<List>(_ command: Command, _ list: Renewed<List>, isThere: Bool) -> CInt {
    guard isThere else { return command.fail(500, "Reload failed.") }
    return list.renew(
        command, notWithin: state.pointee.reloadDelta, done: { $0.add(nil, "Reload OK") },
        failed: { $0.fail(500, "Reload failed.") })
}

// MARK: - Dumps

/// Values of an answer's part: a few hundred.
private let rowsAtATime = 200

/// Adds a row if it is of that kind.
private typealias DumpRow = (Command, _ number: Int, AddressIndex.Entry) -> Bool

/// - Parameter add: false when the row is of another kind.
private func dump(_ command: Command, _ add: DumpRow) -> CInt {
    guard let list = state.pointee.addresses.current else { return command.fail(500, "No address table") }
    let index = list.pointee.index
    let isFirst = command.pointee.place[0] == 0
    if isFirst { command.rpc.pointee.open_array(command.pointee.answer, nil) }
    // The rows seen so far, and one more; of them so many were shown. A reload in between changes what follows.
    var (row, shown) = (isFirst ? 0 : Int(command.pointee.place[0]) - 1, Int(command.pointee.place[1]))
    let end = min(index.count, row + rowsAtATime)
    while row < end {
        if add(command, shown, index[row]) { shown += 1 }
        row += 1
    }
    (command.pointee.place[0], command.pointee.place[1]) = (UInt64(row + 1), UInt64(shown))
    if row < index.count { return CInt(APUS_RPC_MORE) }
    command.rpc.pointee.close(command.pointee.answer)
    return .true
}

private func addItem(
    _ command: Command, _ place: StaticString, _ number: Int, _ entry: AddressIndex.Entry, _ body: () -> Void
) {
    command.map {
        command.add(place, Int64(number))
        command.add("group", Int64(entry.group))
        command.map("item") {
            body()
            command.add("port", Int64(entry.port))
            command.add("tag", entry.tag.isNull ? "NULL" : entry.tag)
        }
    }
}

private func addAddress(_ command: Command, _ address: NetworkAddress) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: addressTextCapacity) {
        command.add("ip", command.host.text(of: address, in: $0))
    }
}

private func dumpHost(_ command: Command, _ number: Int, _ entry: AddressIndex.Entry) -> Bool {
    guard case .network(let address, let bits) = entry.pattern, bits == address.width else { return false }
    addItem(command, "table", number, entry) { addAddress(command, address) }
    return true
}

private func dumpNetwork(_ command: Command, _ number: Int, _ entry: AddressIndex.Entry) -> Bool {
    guard case .network(let address, let bits) = entry.pattern, bits < address.width else { return false }
    addItem(command, "id", number, entry) {
        addAddress(command, address)
        command.add("mask", Int64(bits))
    }
    return true
}

private func dumpName(_ command: Command, _ number: Int, _ entry: AddressIndex.Entry) -> Bool {
    guard case .name(let name) = entry.pattern else { return false }
    addItem(command, "table", number, entry) { command.add("domain_name", name) }
    return true
}

private let dumpTrusted: @convention(c) (Command) -> CInt = { command in
    guard let list = state.pointee.trusted.current else { return command.fail(500, "No trusted table") }
    let isFirst = command.pointee.place[0] == 0
    if isFirst { command.rpc.pointee.open_array(command.pointee.answer, nil) }
    let start = isFirst ? 0 : Int(command.pointee.place[0]) - 1
    let rows = list.pointee.rows
    let end = max(start, min(rows.count, start + rowsAtATime))
    for index in start..<end {
        let row = rows[index]
        command.map {
            command.add("table", Int64(index))
            command.map("item") {
                command.add("ip", text: row.source)
                command.add("proto", Int64(TrustedTransport.number(row.transport, command.host) ?? 0))
                command.add("pattern", text: row.from ?? "NULL")
                command.add("ruri_pattern", text: row.requestURI ?? "NULL")
                command.add("tag", text: row.tag ?? "NULL")
                command.add("priority", row.priority)
            }
        }
    }
    command.pointee.place[0] = UInt64(end + 1)
    if end < rows.count { return CInt(APUS_RPC_MORE) }
    command.rpc.pointee.close(command.pointee.answer)
    return .true
}

// MARK: - Questions

/// A question about files, on its way to a thread that may read them; the command stays until it is answered.
private struct Question {
    var job: apus_job
    let deferral: UInt64
    let basename: String
    let uri: String
    let contact: String
}

/// `permissions.allowUri`, `permissions.testUri`
private let ask: @convention(c) (Command) -> CInt = { command in
    guard command.has(0), command.has(1), command.has(2) else {
        return command.fail(500, "Not enough parameters (basename, URI and contact)")
    }
    let host = command.host
    let deferral = command.rpc.pointee.defer(command, 0)
    guard deferral != 0 else { return .false }
    let job = apus_job(size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil), run: answer)
    let question = permanent(
        Question(
            job: job, deferral: deferral, basename: command.text(0).string, uri: command.text(1).string,
            contact: command.text(2).string))
    let node = UnsafeMutableRawPointer(question).assumingMemoryBound(to: apus_job.self)
    if host.pointee.offload.pointee.post(host, node) <= 0 {
        question.deinitialize(count: 1)
        question.deallocate()
        if let command = host.pointee.rpc.pointee.resume(host, deferral) {
            command.fail(500, "too much waits for a thread")
            host.pointee.rpc.pointee.finish(host, deferral)
        }
    }
    return .suspended
}

/// [offload]
private let answer: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { host, job in
    let place = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Question.self)
    let question = place.move()
    place.deallocate()
    var isAllowed: Result<Bool, ReadFault>
    do throws(ReadFault) { isAllowed = .success(try question.isAllowed(host)) } catch { isAllowed = .failure(error) }
    guard let command = host.pointee.rpc.pointee.resume(host, question.deferral) else { return }
    switch isAllowed {
    case .success(let isAllowed): command.add(nil, isAllowed ? "Allowed" : "Denied")
    case .failure(let fault): command.fail(500, composed: fault.text)
    }
    host.pointee.rpc.pointee.finish(host, question.deferral)
}

extension Question {
    func isAllowed(_ host: Host) throws(ReadFault) -> Bool {
        let paths = [RuleName.allow, .deny].map { host.path(besideConfig: $0.file(basename)) }
        guard paths.contains(where: { access($0, F_OK) == 0 }) else {
            throw ReadFault("there is neither \(paths[0]) nor \(paths[1])")
        }
        func read(_ name: RuleName) throws(ReadFault) -> Rules {
            try name.read(
                host, name.file(basename), allocate: { .allocate(byteCount: $0, alignment: 16) },
                compile: host.pointee.regex.pointee.make)
        }
        let allow = try read(.allow)
        defer { allow.end(host) }
        let deny = try read(.deny)
        defer { deny.end(host) }
        var (uri, contact) = (uri, contact)
        return uri.withUTF8 { uri in
            contact.withUTF8 { contact in
                var verdict = RulePair.Verdict()
                verdict.look(
                    host, allow, deny, apus_str(start: uri.baseAddress, count: uri.count),
                    apus_str(start: contact.baseAddress, count: contact.count))
                return verdict.result
            }
        }
    }
}
