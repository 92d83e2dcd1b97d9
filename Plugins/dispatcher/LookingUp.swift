import Destinations
import Glibc
import PluginKit
import RoutingKit
import Synchronization

// Invariants: look-ups are made on worker 0 only, which has the Round. A Question lives until its answer is there; it holds a use of its cell.

/// Destinations whose names are to be looked up, one after the other, a few at a time.
private struct Round {
    var isUnderWay = false
    /// It is to begin anew when it has ended.
    var isWanted = false
    var version: UInt64 = 0
    var next = 0
    var open = 0
}

/// Worker 0's.
private nonisolated(unsafe) var round = Round()

/// Look-ups at a time.
private let most = 16

/// One look-up. Its text lies behind it.
private struct Question {
    /// First, so that the look-up is the question.
    var lookup: apus_lookup
    let cell: CellRef
    let isService: Bool
    var uri: apus_str
}

/// [start] By timer, if wanted.
func beginLookingUp(_ host: Host) -> Bool {
    let settings = state.pointee.settings
    if settings.dnsTTL != 0 {
        host.log(.notice, "ds_dns_ttl has no effect: the resolver keeps answers as long as they say")
    }
    guard settings.dnsMode & 4 != 0 else { return true }
    let interval = UInt32(settings.dnsInterval * 1000)
    return host.pointee.timer.pointee.every(
        host, interval, UInt32(APUS_TIMER_ONE_WORKER), { lookUp($0.pointee.host) }, nil) > 0
}

/// [any] There are other destinations.
func namesMayBeNew(_ host: Host) {
    guard state.pointee.settings.dnsMode & 13 != 0 else { return }
    send(host)
}

/// [worker] Somebody asks by address: what is known is a second old at most, or will be.
func namesAreWanted(_ host: Host) {
    let now = host.now
    let last = state.pointee.shared.pointee.lookedUp.load(ordering: .relaxed)
    guard now >= last + 1000 else { return }
    state.pointee.shared.pointee.lookedUp.store(now, ordering: .relaxed)
    send(host)
}

private func send(_ host: Host) {
    var errand = apus_errand(
        size: UInt32(MemoryLayout<apus_errand>.size), worker: 0, data: nil, count: 0, texts: nil, text_count: 0,
        reserved: 0,
        run: { host, _ in
            lookUp(host)
            return .true
        })
    _ = host.pointee.worker.pointee.send(host, &errand)
}

/// [worker 0]
private func lookUp(_ host: Host) {
    guard !round.isUnderWay else {
        round.isWanted = true
        return
    }
    round = Round(isUnderWay: true)
    goOn(host)
}

private func goOn(_ host: Host) {
    while round.open < most, let snapshot = state.snapshot {
        if snapshot.pointee.version != round.version {
            round.version = snapshot.pointee.version
            round.next = 0
        }
        guard round.next < snapshot.pointee.count else { break }
        let one = snapshot.pointee.destinations + round.next
        round.next += 1
        if one.pointee.address.family == 0, !one.pointee.flags.contains(.noLookup) { ask(host, one) }
    }
    guard round.open == 0 else { return }
    let again = round.isWanted
    round = Round()
    if again { lookUp(host) }
}

private func ask(_ host: Host, _ one: UnsafeMutablePointer<Destination>) {
    let isService = state.pointee.settings.dnsMode & 8 != 0
    // With a port there is nothing but addresses to look up.
    var text = one.pointee.uri.string
    if !isService { text = "sip:\(one.pointee.host.string):\(one.pointee.port)" }
    let size = MemoryLayout<Question>.stride
    let count = text.utf8.count
    let raw = UnsafeMutableRawPointer.allocate(byteCount: size + count, alignment: 16)
    let bytes = (raw + size).bindMemory(to: UInt8.self, capacity: max(1, count))
    for (index, byte) in text.utf8.enumerated() { (bytes + index).initialize(to: byte) }
    let question = raw.bindMemory(to: Question.self, capacity: 1)
    one.pointee.cell.retain()
    question.initialize(
        to: Question(
            lookup: apus_lookup(), cell: one.pointee.cell, isService: isService,
            uri: apus_str(start: bytes, count: count)))
    let lookup = UnsafeMutableRawPointer(question).assumingMemoryBound(to: apus_lookup.self)
    lookup.pointee.size = UInt32(MemoryLayout<apus_lookup>.size)
    lookup.pointee.done = { host, lookup, status in
        round.open -= 1
        answered(host, lookup, status == CInt(APUS_OK))
        goOn(host)
    }
    switch host.pointee.resolver.pointee.next_hop(host, question.pointee.uri, 0, lookup) {
    case .true: answered(host, lookup, true)
    case .suspended: round.open += 1
    default: answered(host, lookup, false)
    }
}

private func answered(_ host: Host, _ lookup: UnsafeMutablePointer<apus_lookup>, _ isFound: Bool) {
    let question = UnsafeMutableRawPointer(lookup).assumingMemoryBound(to: Question.self)
    let cell = question.pointee.cell
    if isFound, lookup.pointee.count > 0 {
        let addresses = (0..<Int(lookup.pointee.count)).map { lookup.hops[$0].address }
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let made = addresses.withUnsafeBufferPointer {
            AddressList.make($0, seconds: Int64(now.tv_sec), microseconds: Int64(now.tv_nsec) / 1000)
        }
        let old = cell.pointee.addresses.exchange(UInt(bitPattern: made), ordering: .acquiringAndReleasing)
        if let old = UnsafeMutableRawPointer(bitPattern: old) {
            host.pointee.shared.pointee.retire(host, old) { _, old in old.deallocate() }
        }
    } else {
        host.log(
            .warning, "no address is known for \(question.pointee.uri.string): requests from there are not recognised")
    }
    cell.release()
    UnsafeMutableRawPointer(question).deallocate()
}
