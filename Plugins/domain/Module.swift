import PluginKit
import TableKit

private let module = Module(
    "domain", version: "1.0", summary: "The domains of this server, from a table",
    start: { host in begin(host) ? .true : .false },
    stop: { _ in state.pointee.domains.end() },
    declare: { host in
        makeState()
        host.declare(State.parameters, in: state)
        declareFunctions(host)
        declareCommands(host)
    })

@c(apus_module_domain)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

/// Versions of the tables.
private let domainVersion: Int32 = 2
private let attributesVersion: Int32 = 1

private func begin(_ host: Host) -> Bool {
    let own = state.pointee
    let databases = host.pointee.db
    guard let db = databases.pointee.open(host, own.url, nil),
        databases.pointee.check_version(db, own.table, domainVersion) == CInt(APUS_OK),
        databases.pointee.check_version(db, own.attributesTable, attributesVersion) == CInt(APUS_OK)
    else { return false }
    state.pointee.domainReading = TableReading(db, own.table, [own.domain, own.identifier])
    state.pointee.attributesReading = TableReading(
        db, own.attributesTable, [own.identifier, own.name, own.type, own.value])
    if own.mode == 0 {
        host.log(.notice, "db_mode 0 has no effect: domains are always kept, and read again by domain.reload")
    }
    guard state.pointee.domains.begin(host) else { return false }
    guard own.registersMyself != 0 else { return true }
    let knows: @convention(c) (Host, apus_str, UInt16) -> CInt = { _, host, _ in
        state.pointee.domains.current?.pointee.find(host) == nil ? .false : .true
    }
    return host.pointee.net.pointee.add_myself(host, knows) > 0
}
