import Destinations
import PluginKit
import RoutingKit
import Synchronization

// Invariants: worker 0 sends probes. A Probe is made there, handed to tm, which gives it back on the worker of its transaction, and freed when that ends; it
// holds a use of its cell, of which one probe at a time is under way.

/// One probe under way. Its URI lies behind it.
private struct Probe {
    let cell: CellRef
    let set: Int32
    let uri: apus_str
    let begun: UInt64
    /// Of the snapshot that it was sent for.
    let version: UInt64
    let measures: Bool
}

/// How often it is looked whose turn it is, in milliseconds.
private let beat: UInt64 = 50

/// Worker 0's, from `start` on.
private nonisolated(unsafe) var clock = ProbeClock(interval: 1)

/// [start]
func beginProbing(_ host: Host) -> Bool {
    clock = ProbeClock(interval: UInt64(state.pointee.settings.pingInterval) * 1000)
    return host.pointee.timer.pointee.every(host, UInt32(beat), UInt32(APUS_TIMER_ONE_WORKER), turn, nil) > 0
}

/// Probes those whose time in the interval has come: they are spread over it.
private let turn: @convention(c) (UnsafePointer<apus_tick>) -> Void = { tick in
    guard let snapshot = state.snapshot else { return }
    let (first, second) = clock.turn(now: tick.pointee.now, count: snapshot.pointee.count)
    // Those whose time goes by meanwhile wait for the next one: they are not all probed at once afterwards.
    guard state.pointee.shared.pointee.pingActive.load(ordering: .relaxed) != 0 else { return }
    probe(tick.pointee.host, snapshot, first)
    probe(tick.pointee.host, snapshot, second)
}

private func probe(_ host: Host, _ snapshot: SnapshotRef, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    var number = 0
    for index in range {
        let one = snapshot.pointee.destinations + index
        while number + 1 < snapshot.pointee.setCount, snapshot.pointee.sets[number + 1].destinations <= one {
            number += 1
        }
        if isProbed(one.pointee.cell.condition) {
            send(host, one, of: snapshot.pointee.sets[number].id, snapshot.pointee.version)
        }
    }
}

/// Whether a destination in that state is probed at all.
private func isProbed(_ condition: Condition) -> Bool {
    guard condition.isDisjoint(with: [.disabled, .noPing, .noLookup]) else { return false }
    switch state.pointee.settings.probingMode {
    case 1: return true
    case 2: return condition.contains(.inactive) && condition.contains(.probing)
    default: return condition.contains(.probing)
    }
}

private func send(_ host: Host, _ one: UnsafeMutablePointer<Destination>, of set: Int32, _ version: UInt64) {
    guard let tm = state.pointee.tm,
        one.pointee.cell.pointee.isProbed.compareExchange(
            expected: false, desired: true, ordering: .acquiringAndReleasing
        ).exchanged
    else { return }
    let settings = state.pointee.settings
    let uri = one.pointee.uri
    let size = MemoryLayout<Probe>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: size + uri.len, alignment: 16)
    if let bytes = uri.s { (raw + size).copyMemory(from: bytes, byteCount: uri.len) }
    let text = apus_str(s: (raw + size).assumingMemoryBound(to: CChar.self), len: uri.len)
    let probe = raw.bindMemory(to: Probe.self, capacity: 1)
    one.pointee.cell.retain()
    probe.initialize(
        to: Probe(
            cell: one.pointee.cell, set: set, uri: text, begun: host.clock, version: version,
            measures: settings.latencyStatistics != 0))
    var request = tm_request()
    request.size = UInt32(MemoryLayout<tm_request>.size)
    request.method = settings.pingMethod
    request.uri = text
    request.next_hop = one.pointee.outboundProxy.isEmpty ? settings.outboundProxy : one.pointee.outboundProxy
    request.listener =
        one.pointee.pingListener ?? one.pointee.listener ?? state.pointee.pingListener ?? state.pointee.defaultListener
    request.fr_timer = UInt32(settings.pingTimeout)
    request.fr_inv_timer = UInt32(settings.pingTimeout)
    request.kinds = UInt32(TM_LOCAL_COMPLETED)
    request.call = answered
    request.user = UnsafeMutableRawPointer(probe)
    request.release = ended
    var from = "<\((one.pointee.pingFrom.isEmpty ? settings.pingFrom : one.pointee.pingFrom).string)>"
    var to = "<\(uri.string)>"
    var reason = apus_str()
    let answer = from.withUTF8 { from in
        to.withUTF8 { to in
            request.from = apus_str(start: from.baseAddress, count: from.count)
            request.to = apus_str(start: to.baseAddress, count: to.count)
            return tm.pointee.t_request(host, &request, &reason)
        }
    }
    host.bump(state.pointee.probes)
    guard answer <= 0 else { return }
    // It cannot even be sent: that is a failure like others.
    probe.failed(host, -answer, reason)
    ended(UnsafeMutableRawPointer(probe))
}

private let answered: tm_callback = { event in
    guard let probe = event.pointee.user?.assumingMemoryBound(to: Probe.self), probe.isWanted else { return }
    let host = event.pointee.host
    let hasReply = event.pointee.reply != nil && event.pointee.flags & UInt32(TM_FAKED) == 0
    let now = host.clock
    if probe.pointee.measures {
        if hasReply {
            let settings = state.pointee.settings
            probe.pointee.cell.pointee.latency.add(
                UInt32(clamping: now - probe.pointee.begun), weight: Double(settings.latencyAlpha) / 1000)
            // Weights may depend on it.
            probe.pointee.cell.pointee.record.pointee.generation.add(1, ordering: .relaxed)
        } else {
            probe.pointee.cell.pointee.latency.addTimeout()
        }
    }
    var reason: apus_str = "no reply"
    if let reply = event.pointee.reply, hasReply {
        reason = host.pointee.message.pointee.field(reply, UInt32(APUS_FIELD_REASON))
    }
    if ReplyCodes.isGood(event.pointee.code) {
        probe.succeeded(host, event.pointee.code, reason)
    } else {
        probe.failed(host, event.pointee.code, reason, hasReply: hasReply)
    }
}

private let ended: @convention(c) (UnsafeMutableRawPointer?) -> Void = { user in
    guard let probe = user?.assumingMemoryBound(to: Probe.self) else { return }
    let cell = probe.pointee.cell
    cell.pointee.isProbed.store(false, ordering: .releasing)
    UnsafeMutableRawPointer(probe).deallocate()
    cell.release()
}

extension UnsafeMutablePointer<Probe> {
    /// The destination is still listed, with that URI: after a reload the answer may say nothing of it any more.
    fileprivate var isWanted: Bool {
        guard let snapshot = state.snapshot else { return false }
        if snapshot.pointee.version == pointee.version { return true }
        guard let set = snapshot.find(Int64(pointee.set)) else { return false }
        return (0..<set.pointee.count).contains {
            set[$0].pointee.cell == pointee.cell && set[$0].pointee.uri.equals(pointee.uri)
        }
    }

    fileprivate func succeeded(_ host: Host, _ code: Int32, _ reason: apus_str) {
        // Who goes on being asked when all is well.
        let mode = state.pointee.settings.probingMode
        let isProbed = mode == 1 || (mode == 3 && pointee.cell.condition.contains(.probing))
        let threshold = state.pointee.shared.pointee.inactiveThreshold.load(ordering: .relaxed)
        let change = pointee.cell.succeed(threshold: threshold, probing: isProbed, at: wallSeconds())
        host.turned(pointee.set, pointee.uri, change, Reason(cause: .probe, code: code, text: reason))
    }

    fileprivate func failed(_ host: Host, _ code: Int32, _ reason: apus_str, hasReply: Bool = false) {
        host.bump(state.pointee.failedProbes)
        let threshold = state.pointee.shared.pointee.probingThreshold.load(ordering: .relaxed)
        let cause: Cause = hasReply ? .probe : .noReply
        let probing = state.pointee.settings.probingMode == 1 ? true : nil
        let change = pointee.cell.fail(threshold: threshold, probing: probing, cause, at: wallSeconds())
        host.turned(pointee.set, pointee.uri, change, Reason(cause: cause, code: code, text: reason))
    }
}
