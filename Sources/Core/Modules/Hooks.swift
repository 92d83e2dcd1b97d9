import PluginAPI

// Invariants: filled on the main thread before the workers start, constant afterwards; the memory is never freed.

/// What modules want to see of every message, by point, in the order of the loadmodule lines.
struct HookTables {
    typealias Call = @convention(c) (UnsafePointer<apus_hook>) -> CInt

    /// `APUS_HOOK_…`
    enum Point: UInt32, CaseIterable {
        case request = 1
        case reply = 2
        case replyRouted = 3
        case requestEnded = 4
        case received = 5
        case sending = 6
    }

    fileprivate struct Entry {
        var call: Call
        var host: UnsafePointer<apus_host>
        var user: UnsafeMutableRawPointer?
        /// Only called while the script has a block for this event; -1: always.
        var event: Int32
    }

    fileprivate struct Table {
        var entries: UnsafeMutablePointer<Entry>?
        var count = 0
    }

    private var tables: [7 of Table] = InlineArray(repeating: Table())

    mutating func add(
        _ point: Point, _ call: @escaping Call, host: UnsafePointer<apus_host>, user: UnsafeMutableRawPointer?,
        event: Int32 = -1
    ) {
        let old = tables[Int(point.rawValue)]
        let entries = UnsafeMutablePointer<Entry>.allocate(capacity: old.count + 1)
        if let before = old.entries {
            entries.initialize(from: before, count: old.count)
            before.deallocate()
        }
        (entries + old.count).initialize(to: Entry(call: call, host: host, user: user, event: event))
        tables[Int(point.rawValue)] = Table(entries: entries, count: old.count + 1)
    }

    /// Whether anybody listens at that point.
    @inline(__always)
    func isEmpty(_ point: Point) -> Bool { tables[Int(point.rawValue)].count == 0 }

    /// Whether anybody wants to see bytes at that point, as long as this script is in force.
    @inline(__always)
    func wants(_ point: Point, _ image: UnsafePointer<ProgramImage>?) -> Bool {
        let table = tables[Int(point.rawValue)]
        guard let entries = table.entries else { return false }
        for index in 0..<table.count where entries[index].isWanted(by: image) { return true }
        return false
    }

    /// [worker] Calls all of them until one answers APUS_EXIT.
    /// - Returns: false when one did: the message is dealt with. At `requestEnded` always true.
    @_noLocks
    func run(_ point: Point, _ message: Message) -> Bool {
        let table = tables[Int(point.rawValue)]
        guard let entries = table.entries else { return true }
        var index = 0
        while index < table.count {
            var hook = apus_hook(
                size: UInt32(MemoryLayout<apus_hook>.size), point: point.rawValue, host: entries[index].host,
                msg: message.opaque, user: entries[index].user, bytes: nil, destination: nil)
            let result = withUnsafePointer(to: &hook) { hook in unchecked { entries[index].call(hook) } }
            if result == CInt(APUS_EXIT), point != .requestEnded { return false }
            index &+= 1
        }
        return true
    }

    /// [worker] The same for bytes that are no message yet, or not any more: each sees what the one before has put in their place.
    /// - Parameters:
    ///   - shown: makes the message that knows the bytes.
    ///   - keep: a copy that lives as long as the bytes are needed; nil when memory is out.
    /// - Returns: the bytes to go on with; nil when one answered APUS_EXIT.
    func run(
        _ point: Point, _ bytes: Bytes, _ image: UnsafePointer<ProgramImage>?,
        destination: UnsafePointer<apus_destination>?, shown: (Bytes) -> Message,
        keep: (Bytes) -> Bytes?
    ) -> Bytes? {
        let table = tables[Int(point.rawValue)]
        guard let entries = table.entries else { return bytes }
        var bytes = bytes
        for index in 0..<table.count {
            let entry = entries[index]
            guard entry.isWanted(by: image) else { continue }
            var changed = apus_str()
            let result = withUnsafeMutablePointer(to: &changed) { changed in
                var hook = apus_hook(
                    size: UInt32(MemoryLayout<apus_hook>.size), point: point.rawValue, host: entry.host,
                    msg: shown(bytes).opaque, user: entry.user, bytes: changed, destination: destination)
                return entry.call(&hook)
            }
            if point == .received, result == CInt(APUS_EXIT) { return nil }
            if changed.len > 0, let kept = keep(changed.bytes) { bytes = kept }
        }
        return bytes
    }
}

extension HookTables.Entry {
    @inline(__always)
    fileprivate func isWanted(by image: UnsafePointer<ProgramImage>?) -> Bool {
        event < 0 || image?.eventRoute(Int(event)) != nil
    }
}

/// The group `hooks`: apus/hooks.h.
extension HostTables {
    static func makeHooks() -> apus_hooks_api {
        apus_hooks_api(
            size: size(apus_hooks_api.self),
            add: { HostTables.addHook($0, $1, event: -1, $2, $3) },
            add_for_event: { host, point, event, call, user in
                guard point == UInt32(APUS_HOOK_RECEIVED) || point == UInt32(APUS_HOOK_SENDING), event >= 0 else {
                    return host.declaring("hooks->add_for_event") { (_, _) throws(Registry.Refusal) in
                        throw Registry.Refusal(text: "it is for bytes that come in and leave, and for an event")
                    }
                }
                return HostTables.addHook(host, point, event: event, call, user)
            })
    }

    private static func addHook(
        _ host: UnsafePointer<apus_host>, _ point: UInt32, event: Int32, _ call: @escaping HookTables.Call,
        _ user: UnsafeMutableRawPointer?
    ) -> CInt {
        host.declaring("hooks->add") { (module, modules) throws(Registry.Refusal) in
            guard let known = HookTables.Point(rawValue: point) else {
                throw Registry.Refusal(text: "there is no point \(point)")
            }
            guard unsafeBitCast(call, to: UInt.self) != 0 else {
                throw Registry.Refusal(text: "`call` is null")
            }
            modules.shared.pointee.hooks.add(known, call, host: host, user: user, event: event)
            return CInt(APUS_TRUE)
        }
    }
}
