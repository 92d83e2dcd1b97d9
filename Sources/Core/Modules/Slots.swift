import PluginAPI

// Invariants: the tables are filled on the main thread before the workers start, constant afterwards. A message's slots
// are an array in its arena, made when the first one is set: its first entry is the number of those behind it, and the
// id of a slot is its place. A worker's are an array of its own; the place is the id less 1. A run's are made at once, for all ids, in the
// run's arena: its first entry is the server's HostShared, and the id of a slot is its place.

/// Where modules keep data of their own with messages, workers and runs.
struct SlotTable {
    typealias Destroy = @convention(c) (UnsafePointer<apus_host>, UnsafeMutableRawPointer) -> Void

    private struct Slot {
        var host: UnsafePointer<apus_host>
        var destroy: Destroy?
    }

    static let limit = 256

    private let messageSlots = UnsafeMutablePointer<Slot>.allocate(capacity: limit)
    private let workerSlots = UnsafeMutablePointer<Slot>.allocate(capacity: limit)
    private let runSlots = UnsafeMutablePointer<Slot>.allocate(capacity: limit)
    private(set) var messageCount = 0
    private(set) var workerCount = 0
    private(set) var runCount = 0

    /// The new slot's id; nil when there are too many.
    mutating func addMessageSlot(host: UnsafePointer<apus_host>, destroy: Destroy?) -> CInt? {
        guard messageCount < SlotTable.limit else { return nil }
        (messageSlots + messageCount).initialize(to: Slot(host: host, destroy: destroy))
        messageCount += 1
        return CInt(messageCount)
    }

    mutating func addWorkerSlot(host: UnsafePointer<apus_host>, destroy: Destroy?) -> CInt? {
        guard workerCount < SlotTable.limit else { return nil }
        (workerSlots + workerCount).initialize(to: Slot(host: host, destroy: destroy))
        workerCount += 1
        return CInt(workerCount)
    }

    mutating func addRunSlot(host: UnsafePointer<apus_host>, destroy: Destroy?) -> CInt? {
        guard runCount < SlotTable.limit else { return nil }
        (runSlots + runCount).initialize(to: Slot(host: host, destroy: destroy))
        runCount += 1
        return CInt(runCount)
    }

    /// [worker] Nil until set, and for an id that is none.
    @inline(__always)
    static func get(_ id: CInt, of message: Message) -> UnsafeMutableRawPointer? {
        guard let slots = message.record.pointee.slots, id > 0, Int(id) <= capacity(of: slots) else { return nil }
        return slots[Int(id)]
    }

    /// [worker] Nothing happens when the message's memory is used up.
    @inline(__always)
    static func set(_ id: CInt, of message: Message, to data: UnsafeMutableRawPointer?) {
        guard id > 0, Int(id) <= limit else { return }
        if let slots = message.record.pointee.slots, Int(id) <= capacity(of: slots) {
            slots[Int(id)] = data
        } else if data != nil, let slots = grow(message, to: Int(id)) {
            slots[Int(id)] = data
        }
    }

    @inline(__always)
    private static func capacity(of slots: UnsafeMutablePointer<UnsafeMutableRawPointer?>) -> Int {
        Int(bitPattern: slots[0])
    }

    /// A longer array with what the old one held.
    @inline(never)
    private static func grow(_ message: Message, to id: Int) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? {
        let capacity = (id | 7)
        let stride = MemoryLayout<UnsafeMutableRawPointer?>.stride
        guard let place = message.arena.pointee.allocate((capacity + 1) * stride) else { return nil }
        let slots = place.bindMemory(to: UnsafeMutableRawPointer?.self, capacity: capacity + 1)
        slots.initialize(repeating: nil, count: capacity + 1)
        if let old = message.record.pointee.slots { slots.update(from: old, count: SlotTable.capacity(of: old) + 1) }
        slots[0] = UnsafeMutableRawPointer(bitPattern: capacity)
        message.record.pointee.slots = slots
        return slots
    }

    /// [worker] The message ends: every slot that is set is destroyed. Before its arena is reset.
    @inline(__always)
    func end(_ message: Message) {
        guard let slots = message.record.pointee.slots else { return }
        destroy(slots + 1, messageSlots, min(messageCount, SlotTable.capacity(of: slots)))
        message.record.pointee.slots = nil
    }

    /// [worker] The slots of a run, made when they are not there yet; nil when its memory is used up.
    static func slots(
        of run: UnsafeMutablePointer<Run>, _ shared: UnsafeMutablePointer<HostShared>
    ) -> UnsafeMutablePointer<UnsafeMutableRawPointer?>? {
        if let known = run.pointee.slots { return known }
        let capacity = shared.pointee.slots.runCount + 1
        guard let place = run.allocate(capacity * MemoryLayout<UnsafeMutableRawPointer?>.stride) else { return nil }
        let slots = place.bindMemory(to: UnsafeMutableRawPointer?.self, capacity: capacity)
        slots.initialize(repeating: nil, count: capacity)
        slots[0] = UnsafeMutableRawPointer(shared)
        run.pointee.slots = slots
        run.pointee.endSlots = { slots in
            guard let shared = slots[0]?.assumingMemoryBound(to: HostShared.self) else { return }
            let table = shared.pointee.slots
            table.destroy(slots + 1, table.runSlots, table.runCount)
        }
        return slots
    }

    /// [worker] The worker ends.
    func endWorker(_ slots: UnsafeMutablePointer<UnsafeMutableRawPointer?>) { destroy(slots, workerSlots, workerCount) }

    private func destroy(
        _ values: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ slots: UnsafeMutablePointer<Slot>, _ count: Int
    ) {
        for index in 0..<count {
            guard let data = values[index] else { continue }
            values[index] = nil
            slots[index].destroy?(slots[index].host, data)
        }
    }
}

/// The group `slots`: apus/slots.h.
extension HostTables {
    static func makeSlots() -> apus_slots_api {
        apus_slots_api(
            size: size(apus_slots_api.self),
            add: { host, kind, destroy in
                host.declaring("slots->add") { (module, modules) throws(Registry.Refusal) in
                    let id: CInt?
                    switch Int(kind) {
                    case Int(APUS_SLOT_MESSAGE):
                        id = modules.shared.pointee.slots.addMessageSlot(host: host, destroy: destroy)
                    case Int(APUS_SLOT_WORKER):
                        id = modules.shared.pointee.slots.addWorkerSlot(host: host, destroy: destroy)
                    case Int(APUS_SLOT_RUN):
                        id = modules.shared.pointee.slots.addRunSlot(host: host, destroy: destroy)
                    default: throw Registry.Refusal(text: "there is no kind \(kind)")
                    }
                    guard let id else { throw Registry.Refusal(text: "there are \(SlotTable.limit) already") }
                    return id
                }
            },
            message: { message, id in SlotTable.get(id, of: Message(opaque: message)) },
            set_message: { message, id, data in SlotTable.set(id, of: Message(opaque: message), to: data) },
            worker: { host, id in
                guard let worker = host.shared.worker, id > 0, Int(id) <= host.shared.pointee.slots.workerCount else {
                    return nil
                }
                return worker.pointee.slots[Int(id) - 1]
            },
            set_worker: { host, id, data in
                guard let worker = host.shared.worker, id > 0, Int(id) <= host.shared.pointee.slots.workerCount else {
                    return
                }
                worker.pointee.slots[Int(id) - 1] = data
            },
            run: { call, id in
                guard let slots = UnsafeMutablePointer<Run>(call.pointee.run).pointee.slots, id > 0,
                    Int(id) <= call.pointee.host.shared.pointee.slots.runCount
                else { return nil }
                return slots[Int(id)]
            },
            set_run: { call, id, data in
                let shared = call.pointee.host.shared
                guard id > 0, Int(id) <= shared.pointee.slots.runCount,
                    let slots = SlotTable.slots(of: UnsafeMutablePointer<Run>(call.pointee.run), shared)
                else { return CInt(APUS_FALSE) }
                slots[Int(id)] = data
                return CInt(APUS_TRUE)
            })
    }
}
