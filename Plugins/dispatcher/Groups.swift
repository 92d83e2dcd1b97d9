import Destinations
import PluginKit
import Synchronization

// Invariants: a Group lies in memory of its run.

/// What `$dsg` tells of a set, or of a destination.
private struct Group {
    var count: Int64 = 0
    var active: Int64 = 0
    var inactive: Int64 = 0
    /// Milliseconds since 1970 of the last report of overload.
    var reported: UInt64 = 0
    var sequence: UInt64 = 0
    var rate: Int64 = 0
}

func declareGroups(_ host: Host) {
    host.function(
        "ds_dsg_fetch", "set:int", doc: "Reads the numbers of a set, for $dsg; false when there is none."
    ) { fetch($0, uri: nil) }
    host.function(
        "ds_dsg_fetch_uri", "set:int, uri:format", doc: "The same of one destination of a set."
    ) { fetch($0, uri: $0.text(1)) }
    host.function(
        "ds_oc_set_attrs", "set:int, uri:format, rate:int, interval:int, sequence:format",
        doc: "What a destination says of its overload (RFC 7339): percent to be spared, milliseconds, oc-seq.",
        call: setOverload)
    host.variable(
        "dsg", inner: "count|active|pactive|inactive|pinactive|octime_sec|octime_usec|ocseq|ocrate",
        doc: "Numbers of the set that ds_dsg_fetch has read."
    ) { access, out in
        var call = apus_call(
            size: UInt32(MemoryLayout<apus_call>.size), count: 0, route_kind: access.pointee.route_kind, reserved: 0,
            host: access.pointee.host, run: access.pointee.run, msg: access.pointee.msg, args: nil, user: nil)
        guard
            let group = access.host.pointee.slots.pointee.run(&call, state.pointee.groupSlot)?
                .assumingMemoryBound(to: Group.self).pointee
        else { return .false }
        let share: (Int64) -> Int64 = { group.count > 0 ? $0 * 100 / group.count : 0 }
        switch access.pointee.inner_id {
        case 0: out.pointee = apus_value(group.count)
        case 1: out.pointee = apus_value(group.active)
        case 2: out.pointee = apus_value(share(group.active))
        case 3: out.pointee = apus_value(group.inactive)
        case 4: out.pointee = apus_value(share(group.inactive))
        case 5: out.pointee = apus_value(Int64(group.reported / 1000))
        case 6: out.pointee = apus_value(Int64(group.reported % 1000) * 1000)
        case 7: out.pointee = apus_value(Int64(clamping: group.sequence))
        default: out.pointee = apus_value(group.rate)
        }
        return .true
    }
}

private func fetch(_ call: Call, uri: apus_str?) -> CInt {
    guard let set = state.snapshot?.find(call.int(0)) else { return .false }
    var group = Group()
    var isFound = uri == nil
    for index in 0..<set.pointee.count {
        let one = set[index]
        if let uri {
            guard one.pointee.uri.equals(uri) else { continue }
            isFound = true
            let overload = one.pointee.cell
            group.reported = overload.pointee.overload.lastReport
            group.sequence = overload.pointee.overload.lastSequence
            group.rate = Int64(overload.pointee.overload.rate)
        }
        group.count += 1
        if one.pointee.cell.isUsable { group.active += 1 } else { group.inactive += 1 }
    }
    let host = call.host
    guard isFound, let memory = host.pointee.script.pointee.allocate(call, MemoryLayout<Group>.size) else {
        return .false
    }
    let place = memory.bindMemory(to: Group.self, capacity: 1)
    place.initialize(to: group)
    return host.pointee.slots.pointee.set_run(call, state.pointee.groupSlot, place)
}

/// `ds_oc_set_attrs(set, uri, rate, interval, sequence)`
private let setOverload: @convention(c) (Call) -> CInt = { call in
    guard let set = state.snapshot?.find(call.int(0)), var index = set.index(of: call.text(1)) else { return .false }
    guard let sequence = overloadSequence(call.text(4)) else {
        return call.fail("ds_oc_set_attrs: the sequence is seconds, or seconds.microseconds")
    }
    guard 0...100 ~= call.int(2), call.int(3) >= 0 else {
        return call.fail("ds_oc_set_attrs: the rate is 0 to 100 percent, the interval milliseconds from 0 on")
    }
    let clock = wallMilliseconds()
    while true {
        let one = set[index]
        var rate = UInt32(call.int(2))
        if rate > 0 { rate = max(min(rate, one.pointee.overloadMaximum), one.pointee.overloadMinimum) }
        let until = call.host.now + UInt64(call.int(3))
        let isNew = one.pointee.cell.pointee.overload.report(rate: rate, until: until, sequence: sequence, at: clock)
        if !isNew { return .false }
        guard let next = set.index(of: call.text(1), from: index + 1) else { return .true }
        index = next
    }
}

/// `1282321615.782`, in microseconds.
private func overloadSequence(_ text: apus_str) -> UInt64? {
    var rest = text.trimmed
    guard let seconds = rest.next(UInt8(ascii: "."))?.number, seconds >= 0 else { return nil }
    guard !rest.isEmpty else { return UInt64(seconds) &* 1_000_000 }
    guard rest.len <= 6, let digits = rest.number, digits >= 0 else { return nil }
    var fraction = UInt64(digits)
    for _ in rest.len..<6 { fraction *= 10 }
    return UInt64(seconds) &* 1_000_000 &+ fraction
}
