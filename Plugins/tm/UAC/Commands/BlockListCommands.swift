import PluginKit
import RoutingKit

/// `dst_blocklist.…`: each worker has a list of its own; what is added or deleted is so in all of them.
func declareBlockListCommands(_ host: Host, _ state: UnsafeMutablePointer<State>) {
    let row: StaticString = "[{protocol:string, ip:string, port:int, flags:int, worker:int, *:int}]"
    host.command(
        "dst_blocklist.view", flags: APUS_RPC_READS, reply: row,
        doc: "The destinations that are left alone, for how many seconds, and why; -1: for ever.", user: state,
        call: viewBlockLists)
    host.command(
        "dst_blocklist.debug", flags: APUS_RPC_READS, reply: row, doc: "The same as dst_blocklist.view.", user: state,
        call: viewBlockLists)
    host.command(
        "dst_blocklist.add", arguments: "ip:string, port:int, proto:value, flags:int?", reply: "none",
        doc: """
            Leaves a destination alone for dst_blocklist_expire seconds; proto: 1 udp, 2 tcp, 3 tls, 4 sctp, or its name; flags: what is \
            shown, with 128 for ever.
            """,
        user: state, call: addToBlockLists)
    host.command(
        "dst_blocklist.delete_all", reply: "none",
        doc: "Leaves no destination alone any more, but for those that are for ever.", user: state
    ) { command in
        command.visitLists { _, home in home.pointee.blockList.removeAll() }
    }
    host.command(
        "dst_blocklist.mem_info", flags: APUS_RPC_READS, reply: "[int]",
        doc: "Bytes of the entries, and of all that there may be, over all workers.", user: state,
        call: measureBlockLists)
    host.command(
        "dst_blocklist.stats_get", arguments: "name:string, reset:int?", reply: "{*:int}",
        doc: """
            Addresses that were passed over (bkl_hit_cnt), entries that were pushed out before their time (bkl_lru_cnt), or all; reset 1 \
            sets it to 0.
            """,
        user: state, call: countBlockLists)
}

extension Command {
    /// [management] The visit of all workers; a fault while there is no list.
    fileprivate func visitLists(_ visit: @escaping Tour.Visit, answer: Tour.Answer? = nil) -> CInt {
        guard state.pointee.settings.hasBlockList, isListInUse else {
            return fail(500, "dst blocklist support disabled")
        }
        return Tour.all(self, visit, answer: answer)
    }

    /// By now: `use_dst_blocklist` may change.
    private var isListInUse: Bool {
        var index: UInt32 = 0
        while let one = apus_setting.filled({ host.pointee.config.pointee.setting(host, index, $0) }) {
            if one.group.equals("core"), one.name.equals("use_dst_blocklist") { return one.value.num != 0 }
            index += 1
        }
        return false
    }
}

private let viewBlockLists: @convention(c) (Command) -> CInt = { command in
    command.visitLists { tour, home in
        let command = tour.command
        if tour.isFirst { command.openArray() }
        let now = home.now
        home.pointee.blockList.visit(at: now) { entry in
            let isForEver = entry.reasons.contains(.permanent)
            command.openMap()
            command.add("protocol", viaTransport(UInt32(entry.transport)))
            command.add("ip", text: addressText(entry.address, home.host))
            command.add("port", Int64(entry.address.port))
            command.add("expires in (s)", isForEver ? -1 : Int64(clamping: (entry.expires - now + 999) / 1000))
            command.add("flags", Int64(entry.reasons.rawValue))
            command.add("worker", Int64(home.pointee.index))
            command.close()
        }
        if tour.isLast { command.close() }
    }
}

private let addToBlockLists: @convention(c) (Command) -> CInt = { command in
    var address = apus_address()
    guard command.host.pointee.net.pointee.parse_address(command.text(0), &address) > 0 else {
        return command.fail(400, "Malformed ip address")
    }
    guard let port = UInt16(exactly: command.number(1)), port > 0 else {
        return command.fail(400, "port is a number from 1 to 65535")
    }
    let proto = command.value(2)
    let transport = proto.isInt ? UInt32(clamping: proto.num) : command.host.pointee.net.pointee.transport(proto.str)
    guard 1...4 ~= transport else { return command.fail(400, "Unknown protocol") }
    guard let flags = UInt8(exactly: command.number(3)) else { return command.fail(400, "flags are 0 to 255") }
    address.port = port
    let reasons = BlockList.Reasons(rawValue: flags & ~BlockList.Reasons.isV6.rawValue)
    return command.visitLists { [address] _, home in
        home.block(address, transport, reasons, milliseconds: UInt64(home.settings.pointee.blockListExpire))
    }
}

private let measureBlockLists: @convention(c) (Command) -> CInt = { command in
    command.visitLists { tour, home in
        if tour.isFirst { tour.sums = [0, 0] }
        home.pointee.blockList.visit(at: home.now) { _ in tour.sums[0] += UInt64(MemoryLayout<BlockList.Entry>.stride) }
        tour.sums[1] += UInt64(BlockList.size)
    } answer: { command, sums in
        command.array {
            for sum in sums { command.add(nil, Int64(clamping: sum)) }
        }
    }
}

private let countBlockLists: @convention(c) (Command) -> CInt = { command in
    let names = ["bkl_hit_cnt", "bkl_lru_cnt"]
    let wanted = command.text(0).string.lowercased()
    let meant = names.filter { wanted == "all" || wanted == $0 }
    guard !meant.isEmpty else { return command.fail(500, "unknown dst blocklist stat parameter") }
    let resets = command.number(1) != 0
    return command.visitLists { tour, home in
        if tour.isFirst { tour.sums = [0, 0] }
        tour.sums[0] &+= home.pointee.blockList.hits
        tour.sums[1] &+= home.pointee.blockList.evictions
        guard resets else { return }
        if meant.contains(names[0]) { home.pointee.blockList.hits = 0 }
        if meant.contains(names[1]) { home.pointee.blockList.evictions = 0 }
    } answer: { command, sums in
        command.map {
            for (name, sum) in zip(names, sums) where meant.contains(name) {
                command.add(named: name, Int64(clamping: sum))
            }
        }
    }
}

/// Without the brackets of IPv6.
private func addressText(_ address: apus_address, _ host: Host) -> String {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
        var address = address
        guard let start = buffer.baseAddress else { return "" }
        let count = host.pointee.net.pointee.write_address(&address, start, buffer.count)
        return String(apus_str(s: start, len: Int(count)).string.filter { $0 != "[" && $0 != "]" })
    }
}
