import PluginKit

private let module = Module(
    "corex", version: "1.0", summary: "Further functions about messages, sockets, sending and files",
    start: { host in state.begin(host) ? .true : .false },
    worker: { host, _ in
        host.pointee.slots.pointee.set_worker(host, state.pointee.workerSlot, permanent(WorkerState()))
        for record in state.pointee.records where !record.remember(host) {
            host.log(.error, "dns_cache: \(record.name) cannot be remembered")
            return .false
        }
        return .true
    },
    declare: { host in
        makeState()
        state.pointee.workerSlot = host.slot(APUS_SLOT_WORKER)
        declareParameters(host)
        declareFlags(host)
        declareSockets(host)
        declareVia(host)
        declareSending(host)
        declareForwarding(host)
        declareFiles(host)
        declareMessageTests(host)
        declareVariables(host)
        declareEvents(host)
        declareCommands(host)
    })

@c(apus_module_corex)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareParameters(_ host: Host) {
    host.parameter(
        "alias_subdomains", doc: "A domain that is this server, with all below it: [transport:]domain[:port].",
        set: addSubdomainAlias)
    let record: StaticString =
        "A DNS record that is known from the start: type=A;name=...;addr=...;ttl=...;flags=..., of SRV priority, weight and port, too."
    host.parameter("dns_cache", doc: record, set: addKnownRecord)
    host.parameter("dns_file", doc: "A file with such records, one a line.", set: addKnownRecords)
    host.parameter(
        "nio_intercept", into: state.pointer(to: \.interceptsTraffic)!, initial: "0", range: 0...1,
        doc: "1: event_route[network:msg] sees what comes in and what leaves.")
    host.parameter(
        "nio_min_msg_len", into: state.pointer(to: \.shortestTraffic)!, initial: "0", range: 0...65535,
        doc: "What is shorter, in bytes, event_route[network:msg] does not see.")
    host.parameter(
        "nio_msg_avp", into: state.pointer(to: \.trafficVariableName)!,
        doc: "Variable in which event_route[network:msg] leaves what takes the place of the bytes.")
}

private func declareEvents(_ host: Host) {
    state.pointee.trafficEvent = host.event(
        "network:msg", flags: APUS_EVENT_IS_SHORT | APUS_EVENT_IS_WHOLE,
        doc: "Bytes that came in or are about to leave (nio_intercept), in $mb.")
    state.pointee.replyEvent = host.event("reply-out", doc: "A reply leaves, on a copy of it.")
    let hooks = host.pointee.hooks
    for (point, event, call) in [
        (APUS_HOOK_RECEIVED, state.pointee.trafficEvent, trafficReceived),
        (APUS_HOOK_SENDING, state.pointee.trafficEvent, trafficSending),
        (APUS_HOOK_SENDING, state.pointee.replyEvent, replySending),
    ] { _ = hooks.pointee.add_for_event(host, UInt32(point), event, call, nil) }
}

extension UnsafePointer<apus_host> {
    /// An event with flags, `APUS_EVENT_…`; its id.
    fileprivate func event(_ name: StaticString, flags: Int, doc: StaticString) -> CInt {
        name.withUTF8Buffer { name in
            doc.withUTF8Buffer { doc in
                pointee.events.pointee.add_special(
                    self, UnsafeRawPointer(name.baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: CChar.self),
                    UnsafeRawPointer(doc.baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: CChar.self),
                    UInt32(flags))
            }
        }
    }
}
