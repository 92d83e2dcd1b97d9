import Glibc
import PluginKit
import RoutingKit

private nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "registrar", version: "1.0", summary: "REGISTER, and where registered users are", needs: "sl/1 usrloc/1",
    start: { host in state.start(host) },
    worker: { host, _ in
        var random: UInt64 = 0
        _ = getentropy(&random, MemoryLayout<UInt64>.size)
        let home = Home(settings: state.pointee.settings, random: random | 1)
        host.pointee.slots.pointee.set_worker(host, state.pointee.home, permanent(home))
        return .true
    },
    declare: { host in
        State.shared = state
        state.pointee.home = host.slot(APUS_SLOT_WORKER)
        state.pointee.notes = host.slot(APUS_SLOT_MESSAGE, destroy: endNotes)
        state.pointee.counters.declare(host)
        let settings = state.pointer(to: \.settings).unsafelyUnwrapped
        host.declare(ParameterTable.all, in: settings, changed: takeChange)
        host.parameter(
            "desc_time_order", into: state.pointer(to: \.ordersByTime).unsafelyUnwrapped, initial: "-1", range: -1...1,
            doc: "As usrloc's parameter of that name; -1: not set here.")
        declareWithoutEffect(host)
        declareGauges(host, state)
        declareSaving(host)
        declareLookups(host)
        declareTests(host)
        declareContacts(host)
    })

@c(apus_module_registrar)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareSaving(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE | APUS_ONREPLY_ROUTE
    host.function(
        "save", "table:string, flags:format?, uri:format?", routes: routes, flags: APUS_MAY_SUSPEND,
        doc: "Makes the changes that a REGISTER asks for, and answers it.", prepare: prepareSave, call: save)
    host.function(
        "save_noreply", "table:string", routes: routes, flags: APUS_MAY_SUSPEND, doc: "As save, without a reply.",
        prepare: prepareSave, call: saveWithoutReply)
    host.function(
        "save_memory", "table:string", routes: routes, flags: APUS_MAY_SUSPEND,
        doc: "As save; the contacts are not written to the database.", prepare: prepareSave, call: saveInMemory)
    host.function(
        "reg_send_reply", routes: APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE,
        doc: "Sends the reply that save() with flag 2 has left.", call: sendKeptReply)
    host.function(
        "add_sock_hdr", "name:format", routes: APUS_REQUEST_ROUTE,
        doc: "Adds a header with the socket that the request came to.", call: addSocketHeader)
}

private func declareLookups(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE
    let flags = APUS_MAY_SUSPEND | APUS_SETS_DESTINATION
    host.function(
        "lookup", "table:string, uri:format?", routes: routes, flags: flags,
        doc: "Puts the best contact of the Request-URI, or of a URI, in its place, and makes the others branches.",
        prepare: prepareTableOnly, call: lookup)
    host.function(
        "lookup_to_dset", "table:string, uri:format?", routes: routes, flags: flags,
        doc: "Makes all contacts branches.", prepare: prepareTableOnly, call: lookupToSet)
    host.function(
        "lookup_branches", "table:string", routes: routes, flags: flags,
        doc: "As lookup, of the Request-URI and of each branch that is nothing but a URI.", prepare: prepareTableOnly,
        call: lookupBranches)
    host.function(
        "lookup_xavp", "table:string, uri:format, rx:format, cx:format", flags: APUS_MAY_SUSPEND,
        doc: "Writes the contacts of a URI into XAVPs: of the address into rx, one for each contact into cx.",
        prepare: prepareTableOnly, call: lookupIntoXAVPs)
}

private func declareTests(_ host: Host) {
    host.function(
        "registered", "table:string, uri:format?, match:int?, action:int?", flags: APUS_MAY_SUSPEND,
        doc: "Whether the Request-URI, of a reply To, or a URI, has a contact: match 1 Call-ID, 2 received, 4 URI.",
        prepare: prepareTableOnly, call: registered)
    host.function(
        "reg_from_user", "table:string, uri:format, mode:int", flags: APUS_MAY_SUSPEND,
        doc: "Whether the message came from a contact of the URI; mode 1: port, 2: transport, too.",
        prepare: prepareTableOnly, call: isFromUser)
}

private func declareContacts(_ host: Host) {
    let routes = APUS_REQUEST_ROUTE | APUS_FAILURE_ROUTE
    host.function(
        "unregister", "table:string, uri:format, ruid:format?", flags: APUS_MAY_SUSPEND,
        doc: "Removes the contacts of a URI, or the one of that ruid.", prepare: prepareTableOnly, call: unregister)
    host.function(
        "reg_fetch_contacts", "table:string, uri:format, profile:string", routes: routes, flags: APUS_MAY_SUSPEND,
        doc: "Copies the contacts of a URI to $ulc(profile=>...).", prepare: prepareTableOnly, call: fetchContacts)
    host.function(
        "reg_free_contacts", "profile:string", routes: routes, doc: "Frees what was copied to $ulc(profile=>...).",
        call: freeContacts)
    host.variable(
        "ulc", inner: "*", flags: APUS_PV_INDEXED,
        doc: "A contact of those that reg_fetch_contacts has copied: $ulc(profile=>addr), $(ulc(profile=>addr)[1]).",
        get: getContact)
}
