import PluginAPI

// Invariants: `apus_route` is a pointer to a CompiledRoute.

/// The group `events`: apus/events.h.
extension HostTables {
    static func makeEvents() -> apus_events_api {
        apus_events_api(
            size: size(apus_events_api.self),
            add: { HostTables.addEvent($0, $1, $2, flags: 0) },
            route: { host, id in host.shared.image?.eventRoute(Int(id)).map { OpaquePointer($0) } },
            subscribe: { host, name, call, user in
                host.declaring("events->subscribe") { (module, modules) throws(Registry.Refusal) in
                    let name = try HostTables.text(name, "the event's name")
                    guard let event = Modules.CoreEvent(rawValue: name) else {
                        let known = Modules.CoreEvent.allCases.map(\.rawValue).joined(separator: ", ")
                        throw Registry.Refusal(text: "there is no event `\(name)`; there are: \(known)")
                    }
                    guard unsafeBitCast(call, to: UInt.self) != 0 else {
                        throw Registry.Refusal(text: "`call` is null")
                    }
                    modules.subscribe(to: event, host, call, user)
                    return CInt(APUS_TRUE)
                }
            },
            add_special: { HostTables.addEvent($0, $1, $2, flags: $3) })
    }

    private static func addEvent(
        _ host: UnsafePointer<apus_host>, _ name: UnsafePointer<CChar>, _ doc: UnsafePointer<CChar>, flags: UInt32
    ) -> CInt {
        host.declaring("events->add") { (module, modules) throws(Registry.Refusal) in
            let name = try HostTables.text(name, "the event's name")
            guard DeclaredName.isDotted(name) else {
                throw Registry.Refusal(text: "`\(name)` is no name for an event")
            }
            let doc = try HostTables.text(doc, "the doc of event \(name)")
            try HostTables.checkBits(flags, UInt32(APUS_EVENT_IS_SHORT | APUS_EVENT_IS_WHOLE), "the flags of \(name)")
            return CInt(
                try modules.registry.add(
                    event: name, doc: doc, owner: module.declarer,
                    isWhole: flags & UInt32(APUS_EVENT_IS_WHOLE) != 0,
                    mayWait: flags & UInt32(APUS_EVENT_IS_SHORT) == 0))
        }
    }

    /// A text that a module must give; the header calls it non-null, which a module may not have read.
    static func text(_ text: UnsafePointer<CChar>, _ what: String) throws(Registry.Refusal) -> String {
        guard UInt(bitPattern: text) != 0, text.pointee != 0 else { throw Registry.Refusal(text: "\(what) is missing") }
        return String(cString: text)
    }
}

extension PermanentText {
    /// For the call only.
    static func withBytes<R, Failure: Error>(
        of text: String, _ body: (apus_str) throws(Failure) -> R
    ) throws(Failure) -> R {
        let bytes = Array(text.utf8)
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        defer { copy.deallocate() }
        copy.initialize(from: bytes, count: bytes.count)
        return try body(apus_str(Bytes(UnsafePointer(copy), bytes.count)))
    }
}
