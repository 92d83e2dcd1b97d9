import PluginKit
import TableKit

private let module = Module(
    "permissions", version: "1.0", summary: "Who may do what: lists of addresses, trusted peers, files of rules",
    start: { host in begin(host) ? .true : .false },
    stop: { _ in
        state.pointee.addresses.end()
        state.pointee.trusted.end()
    },
    declare: { host in
        makeState()
        host.declare(State.parameters, in: state)
        host.parameter(
            withoutEffect: "max_subnets", APUS_PARAM_INT, nil, "there may be as many networks as one likes",
            doc: "No effect: there may be as many networks as one likes.")
        host.parameter(
            withoutEffect: "trusted_cleanup_interval", APUS_PARAM_INT, nil, "what was replaced goes at once",
            doc: "No effect: what was replaced goes as soon as nobody sees it.")
        declareAddressFunctions(host)
        declareTrustedFunctions(host)
        declareRuleFunctions(host)
        declareCommands(host)
    })

@c(apus_module_permissions)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

/// Versions of the tables.
private let addressVersion: Int32 = 6
private let trustedVersion: Int32 = 6

private func begin(_ host: Host) -> Bool {
    let own = state.pointee
    if !own.tagName.isEmpty {
        state.pointee.tag = host.pointee.vars.pointee.compile(host, own.tagName)
        guard state.pointee.tag != nil else { return false }
    }
    let wantsAddresses = own.loads(Backend.addresses)
    let wantsTrusted = own.loads(Backend.trusted)
    if wantsAddresses, !own.addressFile.isEmpty {
        state.pointee.addressSource = .file(host.path(besideConfig: own.addressFile.string))
    }
    if !own.url.isEmpty, wantsTrusted || (wantsAddresses && own.addressFile.isEmpty) {
        guard openTables(host, wantsAddresses: wantsAddresses && own.addressFile.isEmpty, wantsTrusted: wantsTrusted)
        else { return false }
    }
    if state.pointee.addressSource != nil, !state.pointee.addresses.begin(host) { return false }
    guard case .cached? = state.pointee.trustedSource else { return true }
    return state.pointee.trusted.begin(host)
}

private func openTables(_ host: Host, wantsAddresses: Bool, wantsTrusted: Bool) -> Bool {
    let own = state.pointee
    let databases = host.pointee.db
    guard let db = databases.pointee.open(host, own.url, nil) else { return false }
    if wantsAddresses {
        guard databases.pointee.check_version(db, own.addressTable, addressVersion) == CInt(APUS_OK) else {
            return false
        }
        state.pointee.addressSource = .table(
            TableReading(db, own.addressTable, [own.group, own.address, own.mask, own.port, own.tagColumn]))
    }
    guard wantsTrusted else { return true }
    guard databases.pointee.check_version(db, own.trustedTable, trustedVersion) == CInt(APUS_OK) else { return false }
    let columns = [own.transport, own.from, own.requestURI, own.tagColumn, own.priority]
    state.pointee.trustedSource =
        own.cachesTrusted != 0
        ? .cached(TableReading(db, own.trustedTable, columns + [own.source])) : .asked(db, ColumnList(columns))
    return true
}
