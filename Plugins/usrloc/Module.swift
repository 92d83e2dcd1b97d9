import Locations
import PluginKit

private let module = Module(
    "usrloc", version: "1.0", summary: "Tables of registered contacts",
    start: { host in state.start(host) },
    stop: { host in Flusher.shared.writeAll(host) },
    declare: { host in
        let made = makeState(host)
        State.shared = made
        let interface = makeInterface()
        made.pointee.interface = UnsafePointer(interface)
        _ = host.pointee.publish(host, USRLOC_API, interface)
        made.pointee.eventSlot = host.slot(APUS_SLOT_MESSAGE)
        made.pointee.expiredEvent = host.event(
            "contact-expired", doc: "A contact is over; on a made-up request. $ulc(exp=>...) of registrar tells of it.")
        declareParameters(host, made)
        declareKeepAlives(host, made)
        declareCommands(host)
        declareForms(host)
        host.gauge("usrloc", "registered_users", doc: "Addresses of record with contacts, in all tables.") { _ in
            var sum: UInt64 = 0
            for index in 0..<state.pointee.tableCount { sum += state.pointee.tables[index].pointee.store.counts.users }
            return Int64(clamping: sum)
        }
    })

@c(apus_module_usrloc)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }
