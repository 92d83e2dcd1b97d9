import PluginKit

// Invariants: the State is written before workers start and only read by them. A message's Hops lie in the message's own
// memory, are reached by its slot, and are touched by its home worker only.

/// What the module keeps for the life of the server.
struct State {
    var maxLimit: Int64 = 70
    /// Worker slot: what max_limit was changed to, as the pointer's bits; null: nothing.
    var changedLimit: CInt = -1
    /// Message slot: the Hops of a message whose Max-Forwards we have taken over.
    var slot: CInt = -1
}

/// The value with which a message will leave.
private struct Hops {
    var value: Int64
}

extension UnsafePointer<apus_call> {
    private var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }

    fileprivate var maxLimit: Int64 {
        let changed = host.pointee.slots.pointee.worker(host, state.pointee.changedLimit)
        return changed.map { Int64(Int(bitPattern: $0)) } ?? state.pointee.maxLimit
    }

    /// Set once the header is ours.
    fileprivate var hops: UnsafeMutablePointer<Hops>? {
        get {
            host.pointee.slots.pointee.message(pointee.msg, state.pointee.slot)?.assumingMemoryBound(to: Hops.self)
        }
        nonmutating set { host.pointee.slots.pointee.set_message(pointee.msg, state.pointee.slot, newValue) }
    }

    /// Lets the message leave with that value, in place of the header that it came with. The line is written when the message
    /// leaves: a second call in the same run changes the value, and neither meets the edit of the first.
    fileprivate func takeOver(_ header: apus_header?, value: Int64) -> Bool {
        let api = message.api.pointee
        guard let memory = api.allocate(pointee.msg, MemoryLayout<Hops>.size) else { return false }
        let hops = memory.bindMemory(to: Hops.self, capacity: 1)
        hops.initialize(to: Hops(value: value))
        var late = apus_late(
            size: UInt32(MemoryLayout<apus_late>.size), reserved: 0, produce: writeLine, copy: copyHops, user: hops)
        if var header {
            guard api.insert_late(host, pointee.msg, &header, &late) > 0, message.remove(&header) else {
                return false
            }
        } else {
            guard api.insert_late(host, pointee.msg, nil, &late) > 0 else { return false }
        }
        self.hops = hops
        return true
    }
}

/// RFC 3261 section 20.22: a number from 0 to 255; more is read, and cut to the limit when it is forwarded.
private func number(_ header: apus_header) -> Int64? {
    guard let value = header.value.number, value >= 0 else { return nil }
    return value
}

private let writeLine:
    @convention(c) (
        Host, OpaquePointer, OpaquePointer, UnsafeMutablePointer<CChar>, Int, UnsafeMutableRawPointer?
    ) -> Int = { _, _, _, buffer, capacity, user in
        var line = Writer(buffer, capacity: capacity)
        line.add("Max-Forwards: ")
        line.add(number: user.unsafelyUnwrapped.assumingMemoryBound(to: Hops.self).pointee.value)
        line.add("\r\n")
        return line.overflowed ? 0 : line.count
    }

private let copyHops: @convention(c) (Host, OpaquePointer, UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = {
    host, to, user in
    let hops = user.unsafelyUnwrapped.assumingMemoryBound(to: Hops.self)
    guard let memory = host.pointee.message.pointee.allocate(to, MemoryLayout<Hops>.size) else { return nil }
    memory.bindMemory(to: Hops.self, capacity: 1).initialize(to: hops.pointee)
    return memory
}

/// Checks a constant number of hops.
let prepareHops: Preparation = { _, _, constant, _, complaint in
    guard let hops = constant.number, 0...255 ~= hops else {
        return complaint.say("Max-Forwards is a number from 0 to 255")
    }
    return .true
}

/// `maxfwd_process(hops)`: 2 added, 1 decremented, −1 it was 0, −2 it is no number or could not be changed.
func process(_ call: Call) -> CInt {
    let initial = call.int(0)
    guard 0...255 ~= initial else { return call.fail("Max-Forwards is a number from 0 to 255") }
    if let hops = call.hops {
        guard hops.pointee.value > 0 else { return .false }
        hops.pointee.value &-= 1
        return .true
    }
    guard let header = call.message.find("Max-Forwards") else {
        return call.takeOver(nil, value: initial) ? 2 : -2
    }
    guard let value = number(header) else { return -2 }
    guard value > 0 else { return .false }
    return call.takeOver(header, value: min(value - 1, call.maxLimit)) ? .true : -2
}

/// `is_maxfwd_lt(hops)`: 1 below, −1 not, −2 there is no header, −3 it is no number.
func isBelow(_ call: Call) -> CInt {
    let limit = call.int(0)
    if let hops = call.hops { return hops.pointee.value < limit ? .true : .false }
    guard let header = call.message.find("Max-Forwards") else { return -2 }
    guard let value = number(header) else { return -3 }
    return value < limit ? .true : .false
}
