import PluginKit

// Invariants: a StoredContact is one piece of its stripe's slab: the head, then its texts one after the other. Everything in it is read and written under
// the stripe's lock, but for one that a Plan has made and not applied: that is the plan's. `record` is nil from the time it is taken out. It is
// in the wheel while `slot` is not `noSlot`, and in the list of dirty ones while `isListed`.

typealias ContactRef = UnsafeMutablePointer<StoredContact>

/// A contact as it lies in memory.
struct StoredContact {
    /// Of the same record, older than this one; of those that were removed, any.
    var next: ContactRef?
    var record: RecordRef?
    var wheelNext: ContactRef?
    var wheelPrevious: ContactRef?
    var dirtyNext: ContactRef?
    var dirtyPrevious: ContactRef?
    var connection: UInt64
    /// In the index of connections, while it is linked.
    var connectionNode: ConnectionNodeRef?
    /// Seconds since 1970; 0: never.
    var expires: UInt32
    var modified: UInt32
    var cseq: UInt32
    var flags: UInt32
    var cflags: UInt32
    var methods: UInt32
    var regId: UInt32
    var serverId: UInt32
    var lastKeepalive: UInt32
    var roundTrip: UInt32
    var q: Int16
    /// Place in the table of names; 0: the text stands here.
    var socketName: UInt16
    var agentName: UInt16
    var slot: UInt16
    var uriLength: UInt16
    var receivedLength: UInt16
    var pathLength: UInt16
    var attributesLength: UInt16
    var callIdLength: UInt8
    var instanceLength: UInt8
    var agentLength: UInt8
    var socketLength: UInt8
    var ruidLength: UInt8
    var bits: UInt8

    static let noSlot: UInt16 = 0xffff

    private static let isDirtyBit: UInt8 = 1
    private static let hasRowBit: UInt8 = 2
    private static let memoryOnlyBit: UInt8 = 4
    private static let keepaliveBit: UInt8 = 8
    private static let listedBit: UInt8 = 16

    /// The row is not as the contact is.
    var isDirty: Bool {
        get { bits & Self.isDirtyBit != 0 }
        set { set(Self.isDirtyBit, newValue) }
    }
    /// There is a row, or one is being written.
    var hasRow: Bool {
        get { bits & Self.hasRowBit != 0 }
        set { set(Self.hasRowBit, newValue) }
    }
    var isMemoryOnly: Bool {
        get { bits & Self.memoryOnlyBit != 0 }
        set { set(Self.memoryOnlyBit, newValue) }
    }
    var isPinged: Bool {
        get { bits & Self.keepaliveBit != 0 }
        set { set(Self.keepaliveBit, newValue) }
    }
    var isListed: Bool {
        get { bits & Self.listedBit != 0 }
        set { set(Self.listedBit, newValue) }
    }

    private mutating func set(_ bit: UInt8, _ on: Bool) { bits = on ? bits | bit : bits & ~bit }

    /// `USRLOC_NEW` …
    var state: UInt32 { UInt32(!hasRow ? USRLOC_NEW : isDirty ? USRLOC_DIRTY : USRLOC_SYNC) }

    @inline(__always)
    func isOver(_ now: UInt32) -> Bool { expires != 0 && expires <= now }

    /// Bytes of texts.
    var textSize: Int {
        Int(uriLength) + Int(receivedLength) + Int(pathLength) + Int(callIdLength) + Int(instanceLength)
            + Int(agentLength) + Int(socketLength) + Int(ruidLength) + Int(attributesLength)
    }
    /// Bytes of all of it.
    var size: Int { MemoryLayout<StoredContact>.size + textSize }
}

extension UnsafeMutablePointer<StoredContact> {
    private var texts: UnsafeMutablePointer<UInt8> {
        (UnsafeMutableRawPointer(self) + MemoryLayout<StoredContact>.size).assumingMemoryBound(to: UInt8.self)
    }

    private func text(_ offset: Int, _ count: Int) -> apus_str { apus_str(start: texts + offset, count: count) }

    var uri: apus_str { text(0, Int(pointee.uriLength)) }
    var received: apus_str { text(receivedOffset, Int(pointee.receivedLength)) }
    var path: apus_str { text(pathOffset, Int(pointee.pathLength)) }
    var callId: apus_str { text(callIdOffset, Int(pointee.callIdLength)) }
    var instance: apus_str { text(instanceOffset, Int(pointee.instanceLength)) }
    var ruid: apus_str { text(ruidOffset, Int(pointee.ruidLength)) }
    var attributes: apus_str { text(attributesOffset, Int(pointee.attributesLength)) }
    func agent(_ names: Names) -> apus_str {
        pointee.agentName > 0 ? names[pointee.agentName].text : text(agentOffset, Int(pointee.agentLength))
    }
    func socket(_ names: Names) -> apus_str {
        pointee.socketName > 0 ? names[pointee.socketName].text : text(socketOffset, Int(pointee.socketLength))
    }
    func listener(_ names: Names) -> OpaquePointer? {
        pointee.socketName > 0 ? names[pointee.socketName].listener : nil
    }

    private var receivedOffset: Int { Int(pointee.uriLength) }
    private var pathOffset: Int { receivedOffset + Int(pointee.receivedLength) }
    private var callIdOffset: Int { pathOffset + Int(pointee.pathLength) }
    private var instanceOffset: Int { callIdOffset + Int(pointee.callIdLength) }
    private var ruidOffset: Int { instanceOffset + Int(pointee.instanceLength) }
    private var agentOffset: Int { ruidOffset + Int(pointee.ruidLength) }
    private var socketOffset: Int { agentOffset + Int(pointee.agentLength) }
    private var attributesOffset: Int { socketOffset + Int(pointee.socketLength) }

    /// Fills in the texts, in their order.
    func write(_ parts: [9 of apus_str]) {
        var place = UnsafeMutableRawPointer(texts)
        for index in 0..<9 {
            guard parts[index].len > 0, let start = parts[index].s else { continue }
            place.copyMemory(from: start, byteCount: parts[index].len)
            place += parts[index].len
        }
    }

    /// The contact as others see it; its texts are those of the store.
    func facts(_ names: Names) -> usrloc_contact {
        let one = pointee
        var facts = usrloc_contact()
        facts.size = UInt32(MemoryLayout<usrloc_contact>.size)
        facts.q = Int32(one.q)
        facts.uri = uri
        facts.received = received
        facts.path = path
        facts.call_id = callId
        facts.user_agent = agent(names)
        facts.instance = instance
        facts.ruid = ruid
        facts.socket = socket(names)
        facts.listener = listener(names)
        facts.expires = Int64(one.expires)
        facts.last_modified = Int64(one.modified)
        facts.connection = one.connection
        facts.cseq = one.cseq
        facts.flags = one.flags
        facts.cflags = one.cflags
        facts.methods = one.methods
        facts.reg_id = one.regId
        facts.server_id = one.serverId
        facts.state = one.state
        facts.keepalive = one.isPinged ? 1 : 0
        facts.last_keepalive = Int64(one.lastKeepalive)
        facts.round_trip = one.roundTrip
        facts.is_memory_only = one.isMemoryOnly ? 1 : 0
        facts.attributes = attributes
        return facts
    }

    /// The same, with texts of its own. Names live as long as the table.
    /// - Parameter allocate: nil when memory is out.
    func copy(_ names: Names, _ allocate: (Int) -> UnsafeMutableRawPointer?) -> usrloc_contact? {
        var facts = facts(names)
        let size = pointee.textSize
        guard let place = allocate(Swift.max(size, 1)) else { return nil }
        place.copyMemory(from: texts, byteCount: size)
        let start = place.assumingMemoryBound(to: UInt8.self)
        func moved(_ offset: Int, _ count: Int) -> apus_str { apus_str(start: start + offset, count: count) }
        facts.uri = moved(0, facts.uri.len)
        facts.received = moved(receivedOffset, facts.received.len)
        facts.path = moved(pathOffset, facts.path.len)
        facts.call_id = moved(callIdOffset, facts.call_id.len)
        facts.instance = moved(instanceOffset, facts.instance.len)
        facts.ruid = moved(ruidOffset, facts.ruid.len)
        facts.attributes = moved(attributesOffset, facts.attributes.len)
        if pointee.agentName == 0 { facts.user_agent = moved(agentOffset, facts.user_agent.len) }
        if pointee.socketName == 0 { facts.socket = moved(socketOffset, facts.socket.len) }
        return facts
    }
}

typealias RecordRef = UnsafeMutablePointer<StoredRecord>

/// An address of record: this head, then its text.
struct StoredRecord {
    /// In the same bucket.
    var next: RecordRef?
    /// Newest first.
    var contacts: ContactRef?
    let hash: UInt64
    var count: UInt32
    /// Changes that are being written: none of its contacts may be removed meanwhile.
    var pins: UInt16
    let keyLength: UInt16

    static func size(_ keyLength: Int) -> Int { MemoryLayout<StoredRecord>.size + keyLength }
}

extension UnsafeMutablePointer<StoredRecord> {
    var key: apus_str {
        let start = (UnsafeMutableRawPointer(self) + MemoryLayout<StoredRecord>.size).assumingMemoryBound(
            to: UInt8.self)
        return apus_str(start: start, count: Int(pointee.keyLength))
    }
}
