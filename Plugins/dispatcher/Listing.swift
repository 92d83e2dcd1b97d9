import Destinations
import PluginKit
import Synchronization

// Invariants: as Commands.swift. Between two parts of a list the sets may be replaced, which `place` tells.

/// How much is said of a destination.
private enum Detail {
    case short, usual, full
}

/// Destinations of one part.
private let part = 200

/// `dispatcher.list [short|full]`
let list: @convention(c) (Command) -> CInt = { command in
    let detail: Detail
    switch command.text(0).string {
    case "": detail = .usual
    case "short": detail = .short
    case "full": detail = .full
    default: return command.fail(500, "Invalid Parameters")
    }
    guard let snapshot = state.snapshot, snapshot.pointee.setCount > 0 else {
        return command.fail(500, "No Destination Sets")
    }
    let rpc = command.rpc
    let answer = command.pointee.answer
    let place = command.pointee.place
    if place[1] == 0 {
        place[1] = snapshot.pointee.version
        rpc.pointee.open_map(answer, nil)
        command.add("NRSETS", Int64(snapshot.pointee.setCount))
        rpc.pointee.open_array(answer, "RECORDS")
    } else if place[1] != snapshot.pointee.version {
        return command.fail(500, "The destination sets were replaced while they were listed")
    }
    var next = Int(place[0])
    let end = min(snapshot.pointee.count, next + part)
    var number = 0
    while number < snapshot.pointee.setCount, next < end {
        let set = snapshot.pointee.sets + number
        let first = set.pointee.destinations - snapshot.pointee.destinations
        number += 1
        guard next < first + set.pointee.count else { continue }
        if next == first {
            rpc.pointee.open_map(answer, nil)
            rpc.pointee.open_map(answer, "SET")
            command.add("ID", Int64(set.pointee.id))
            rpc.pointee.open_array(answer, "TARGETS")
        }
        while next < min(end, first + set.pointee.count) {
            let index = next - first
            command.map { command.map("DEST") { describe(command, set[index], index, detail) } }
            next += 1
        }
        if next == first + set.pointee.count { for _ in 0..<3 { rpc.pointee.close(answer) } }
    }
    place[0] = UInt64(next)
    guard next == snapshot.pointee.count else { return CInt(APUS_RPC_MORE) }
    rpc.pointee.close(answer)
    rpc.pointee.close(answer)
    return .true
}

private func describe(
    _ command: Command, _ one: UnsafeMutablePointer<Destination>, _ index: Int, _ detail: Detail
) {
    let cell = one.pointee.cell
    command.add("IDX", Int64(index))
    command.add("URI", one.pointee.uri)
    command.add("FLAGS", text: cell.condition.letters)
    command.add("PRIORITY", Int64(one.pointee.priority))
    command.add("IUID", Int64(clamping: cell.pointee.number))
    if detail == .full { addPlace(command, one) }
    if detail != .short { addAttributes(command, one) }
    if state.pointee.settings.latencyStatistics != 0 { addLatency(command, cell) }
    if state.pointee.settings.countsCalls { command.map("RUNTIME") { command.add("DLGLOAD", Int64(cell.load)) } }
    guard detail == .full else { return }
    addOverload(command, one)
    command.map("STATE") {
        command.add("CHANGED", cell.lastChange)
        command.add("REASON", text: cell.lastCause.text)
    }
}

private func addPlace(_ command: Command, _ one: UnsafeMutablePointer<Destination>) {
    let cell = one.pointee.cell
    let known = AddressList.of(cell)
    var address = one.pointee.address
    if address.family == 0, let known, known.pointee.count > 0 { address = known[address: 0] }
    command.add("HOST", one.pointee.host)
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
        guard let start = buffer.baseAddress else { return }
        let count =
            address.family == 0 ? 0 : command.host.pointee.net.pointee.write_address(&address, start, buffer.count)
        command.add("IPADDR", apus_str(s: start, len: count))
    }
    command.add("PORT", Int64(one.pointee.port))
    command.add("PROTOID", Int64(one.pointee.transport))
    command.add("DNSTIME_SEC", known?.pointee.seconds ?? 0)
    command.add("DNSTIME_USEC", known?.pointee.microseconds ?? 0)
}

private func addAttributes(_ command: Command, _ one: UnsafeMutablePointer<Destination>) {
    let cell = one.pointee.cell
    command.map("ATTRS") {
        command.add("BODY", one.pointee.attributes)
        command.add("DUID", one.pointee.duid)
        command.add("PROBING_COUNT", Int64(cell.failureCount))
        command.add("MAXLOAD", Int64(one.pointee.maxLoad))
        command.add("WEIGHT", Int64(one.pointee.weight))
        command.add("RWEIGHT", Int64(one.pointee.relativeWeight))
        command.add("SOCKET", one.pointee.socket)
        command.add("SOCKNAME", one.pointee.socketName)
        command.add("PING_SOCKET", one.pointee.pingSocket)
        command.add("OBPROXY", one.pointee.outboundProxy)
        command.add("OCMIN", Int64(one.pointee.overloadMinimum))
        command.add("OCMAX", Int64(one.pointee.overloadMaximum))
    }
}

private func addLatency(_ command: Command, _ cell: CellRef) {
    let rpc = command.rpc
    let answer = command.pointee.answer
    command.map("LATENCY") {
        rpc.pointee.add_double(answer, "AVG", cell.pointee.latency.average)
        rpc.pointee.add_double(answer, "STD", cell.pointee.latency.deviation)
        rpc.pointee.add_double(answer, "EST", cell.pointee.latency.estimate)
        command.add("MAX", Int64(cell.pointee.latency.maximum))
        command.add("TIMEOUT", Int64(cell.pointee.latency.timeouts))
    }
}
