import Glibc
import PluginKit
import RoutingKit

// P-Charging-Vector (RFC 7315 section 4.6).
// Invariants: a Vector and its texts lie in the memory of the message that they speak of, or are pieces of it; it is reached by the message's
// slot, and touched by its home worker only.

/// What is done about the header of one message.
private struct Vector {
    /// What `$pcv(status)` shows.
    enum Status: Int64 {
        case broken = -1
        case absent = 0
        /// As it was received.
        case received = 1
        case generated = 3
        case removed = 4
        case replaced = 5
    }

    let state: UnsafeMutablePointer<State>
    var status: Status
    /// The header's value; no text without one.
    var text: apus_str

    var isOurs: Bool { status == .generated || status == .replaced }

    init(_ message: Message, _ state: UnsafeMutablePointer<State>) {
        self.state = state
        status = .absent
        text = apus_str()
        guard let header = message.find("P-Charging-Vector") else { return }
        text = header.value
        status = part("icid-value").isEmpty ? .broken : .received
    }

    /// The value of a parameter; no text when there is none.
    func part(_ name: apus_str) -> apus_str {
        var rest = text
        while var one = rest.nextElement(UInt8(ascii: ";")) {
            if let found = one.next(UInt8(ascii: "=")), found.trimmed.equalsIgnoringCase(name) { return one.trimmed }
        }
        return apus_str()
    }
}

/// `sip_p_charging_vector("r"|"g"|"f")`: removes it, makes one when there is none, makes one in any case. What was made here stays.
func chargingVector(_ call: Call) -> CInt {
    guard let vector = call.vector else { return call.fail("no memory left for this message") }
    let wanted = call.int(0)
    if vector.pointee.isOurs { return wanted == 0 ? .false : .true }
    let old = vector.pointee.status
    switch (wanted, old) {
    case (0, .absent), (0, .removed), (1, .received): return .true
    default: break
    }
    if old == .received || old == .broken, !call.message.removeAll("P-Charging-Vector") {
        return call.fail("P-Charging-Vector could not be removed: an earlier edit is in the way")
    }
    vector.pointee.text = apus_str()
    vector.pointee.status = .removed
    guard wanted > 0 else { return CInt(Vector.Status.removed.rawValue) }
    guard let text = call.newVector() else { return call.fail("no memory left for this message") }
    vector.pointee.text = text
    vector.pointee.status = old == .received ? .replaced : .generated
    return CInt(vector.pointee.status.rawValue)
}

/// `$pcv(all|value|genaddr|orig|term|status)`
let chargingVectorPart: @convention(c) (Access, UnsafeMutablePointer<apus_value>) -> CInt = { access, value in
    let state = access.pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    let known = access.host.pointee.slots.pointee.message(access.pointee.msg, state.pointee.vector)
    let vector = known?.assumingMemoryBound(to: Vector.self).pointee ?? Vector(access.message, state)
    if access.pointee.inner_id == 5 {
        value.pointee = apus_value(vector.status.rawValue)
        return .true
    }
    guard vector.status != .broken else { return .false }
    switch access.pointee.inner_id {
    case 0: return value.answer(vector.text)
    case 1: return value.answer(vector.part("icid-value"))
    case 2: return value.answer(vector.part("icid-generated-at"))
    case 3: return value.answer(vector.part("orig-ioi"))
    default: return value.answer(vector.part("term-ioi"))
    }
}

extension UnsafePointer<apus_call> {
    /// The message's Vector, made at the first call; nil when memory is out.
    fileprivate var vector: UnsafeMutablePointer<Vector>? {
        let slots = host.pointee.slots
        if let known = slots.pointee.message(pointee.msg, state.pointee.vector) {
            return known.assumingMemoryBound(to: Vector.self)
        }
        let api = message.api.pointee
        guard let memory = api.allocate(pointee.msg, MemoryLayout<Vector>.size) else { return nil }
        let vector = memory.bindMemory(to: Vector.self, capacity: 1)
        vector.initialize(to: Vector(message, state))
        // The line is written when the message leaves, so that copies of the message know of it, too.
        var late = apus_late(
            size: UInt32(MemoryLayout<apus_late>.size), reserved: 0, produce: writeLine, copy: copyVector, user: vector)
        guard api.insert_late(host, pointee.msg, nil, &late) > 0 else { return nil }
        slots.pointee.set_message(pointee.msg, state.pointee.vector, vector)
        return vector
    }

    /// A header's value with an identifier of its own, in memory of the message.
    fileprivate func newVector() -> apus_str? {
        let api = message.api.pointee
        let (net, slots) = (host.pointee.net.pointee, host.pointee.slots.pointee)
        guard let listener = api.sent_through(pointee.msg) ?? api.received_on(pointee.msg),
            let info = apus_listener_info.filled({ net.info(listener, $0) })
        else { return nil }
        let capacity = info.address.len + 80
        guard let memory = api.allocate(pointee.msg, capacity) else { return nil }
        let number = UInt(bitPattern: slots.worker(host, state.pointee.identifiers)) &+ 1
        slots.set_worker(host, state.pointee.identifiers, UnsafeMutableRawPointer(bitPattern: number))
        var text = Writer(memory, capacity: capacity)
        text.add("icid-value=")
        text.add(hex: UInt64(UInt(bitPattern: time(nil))), width: 8)
        text.add(hex: UInt64(api.hash(info.text, "")), width: 8)
        text.add(hex: UInt64(UInt32(bitPattern: host.pointee.worker.pointee.index(host))), width: 4)
        text.add(hex: UInt64(number), width: 12)
        text.add(";icid-generated-at=")
        text.add(info.address)
        return text.text
    }
}

private let writeLine:
    @convention(c) (
        Host, OpaquePointer, OpaquePointer, UnsafeMutablePointer<CChar>, Int, UnsafeMutableRawPointer?
    ) -> Int = { _, _, _, buffer, capacity, user in
        let vector = user.unsafelyUnwrapped.assumingMemoryBound(to: Vector.self)
        guard vector.pointee.isOurs else { return 0 }
        var line = Writer(buffer, capacity: capacity)
        line.add("P-Charging-Vector: ")
        line.add(vector.pointee.text)
        line.add("\r\n")
        return line.overflowed ? 0 : line.count
    }

private let copyVector: @convention(c) (Host, OpaquePointer, UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    host, to, user in
    let vector = user.unsafelyUnwrapped.assumingMemoryBound(to: Vector.self)
    let api = host.pointee.message.pointee
    let text = vector.pointee.text
    guard let memory = api.allocate(to, MemoryLayout<Vector>.size), let place = api.allocate(to, max(text.len, 1))
    else { return nil }
    var kept = Writer(place, capacity: max(text.len, 1))
    kept.add(text)
    let copy = memory.bindMemory(to: Vector.self, capacity: 1)
    copy.initialize(to: vector.pointee)
    if !text.isNull { copy.pointee.text = kept.text }
    host.pointee.slots.pointee.set_message(to, vector.pointee.state.pointee.vector, memory)
    return memory
}
