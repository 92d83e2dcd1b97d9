import PluginKit
import RoutingKit

/// `corex.…` and `shm.…`
func declareCommands(_ host: Host) {
    declareSocketCommands(host)
    declareMemoryCommands(host)
    host.command(
        "corex.debug", arguments: "level:int?", reply: "{debug?:int, old?:int, new?:int}",
        doc: "The log level of the server; with a number it changes, and both are told."
    ) { command in
        guard let old = command.host.logLevel else { return command.fail(500, "the level is not to be had") }
        guard command.has(0) else {
            command.map { command.add("debug", old) }
            return .true
        }
        if let why = command.host.setLogLevel(command.number(0)) { return command.fail(400, composed: why) }
        command.map {
            command.add("old", old)
            command.add("new", command.number(0))
        }
        return .true
    }
}

private func declareSocketCommands(_ host: Host) {
    host.command(
        "corex.list_sockets", flags: APUS_RPC_READS,
        reply: """
            [{PROTO:string, NAME:string, ADDRLIST:{ADDR:string}, PORT:string, MCAST:string, MHOMED:string, \
            VIRTUAL:string, SOCKNAME:string, ADVERTISE:string}]
            """,
        doc: "The sockets that the server listens on."
    ) { command in
        command.array { command.host.forEachSocket { command.add(socket: $0) } }
        return .true
    }
    host.command(
        "corex.list_aliases", flags: APUS_RPC_READS, reply: "[{PROTO:string, ADDR:string, PORT:int}]",
        doc: "The names of this server that the config's aliases say; port 0: any."
    ) { command in
        command.array {
            var index: UInt32 = 0
            var name = apus_str()
            var port: UInt16 = 0
            while command.host.pointee.net.pointee.alias(command.host, index, &name, &port) > 0 {
                index += 1
                command.map {
                    command.add("PROTO", "*")
                    command.add("ADDR", name)
                    command.add("PORT", Int64(port))
                }
            }
        }
        return .true
    }
}

private func declareMemoryCommands(_ host: Host) {
    host.command("corex.shm_status", reply: "none", doc: "Logs the memory of the server.") { command in
        command.host.logAnswer(of: "core.shmmem")
        return .true
    }
    host.command(
        "corex.shm_summary", reply: "none", doc: "Logs the memory of the server and what modules hold."
    ) { command in
        command.host.logAnswer(of: "core.shmmem")
        command.host.logAnswer(of: "mod.stats", ["all"])
        return .true
    }
    host.command(
        "corex.pkg_summary", arguments: "selector:word(pid|idx), number:int", reply: "none",
        doc: "Logs the memory of a worker, by process or index, and what modules hold."
    ) { command in
        let isIndex = command.number(0) == 1
        command.host.logAnswer(of: "pkg.stats", [isIndex ? "index" : "pid", "\(command.number(1))"])
        command.host.logAnswer(of: "mod.stats", ["all"])
        return .true
    }
    host.command(
        "shm.info", flags: APUS_RPC_READS, reply: "{name:string, size:int}", doc: "The server's allocator and its size."
    ) { command in
        command.map {
            command.add("name", "malloc")
            command.add("size", command.heap("total_size"))
        }
        return .true
    }
    host.command(
        "shm.stats", flags: APUS_RPC_READS,
        reply: "{total:int, free:int, used:int, real_used:int, max_used:int, fragments:int}",
        doc: "The server's memory, in bytes."
    ) { command in
        command.map { command.addHeap(["total", "free", "used", "real_used", "max_used", "fragments"]) }
        return .true
    }
    host.command(
        "shm.report", flags: APUS_RPC_READS,
        reply:
            "{total_size:int, free_size_s:int, used_size_s:int, real_used_s:int, max_used_s:int, free_frags:int}",
        doc: "The same under other names."
    ) { command in
        command.map {
            command.addHeap(["total_size", "free_size_s", "used_size_s", "real_used_s", "max_used_s", "free_frags"])
        }
        return .true
    }
    host.command("shm.rprint", reply: "none", doc: "Logs the memory of the server.") { command in
        command.host.logAnswer(of: "core.shmmem")
        return .true
    }
}

extension UnsafePointer<apus_command> {
    /// A figure of the statistics' group `shmem`.
    fileprivate func heap(_ name: apus_str) -> Int64 {
        Int64(clamping: host.pointee.stats.pointee.read(host, "shmem", name))
    }

    /// All figures, under these names.
    fileprivate func addHeap(_ names: [String]) {
        let figures: [apus_str] = [
            "total_size", "free_size", "used_size", "real_used_size", "max_used_size", "fragments",
        ]
        for (name, figure) in zip(names, figures) { add(named: name, heap(figure)) }
    }

    fileprivate func add(socket info: apus_listener_info) {
        let proto = info.text[0..<(info.text.index(of: UInt8(ascii: ":")) ?? 0)]
        map {
            add("PROTO", proto)
            add("NAME", info.address)
            map("ADDRLIST") { add("ADDR", info.address) }
            add("PORT", text: "\(info.port)")
            add("MCAST", info.flags & UInt32(APUS_LISTENER_MULTICAST) != 0 ? "yes" : "no")
            // No listener stands for several addresses of one interface.
            add("MHOMED", "no")
            add("VIRTUAL", info.flags & UInt32(APUS_LISTENER_VIRTUAL) != 0 ? "yes" : "no")
            add("SOCKNAME", info.name.isEmpty ? "-" : info.name)
            add(
                "ADVERTISE", text: info.isAdvertised ? "\(info.advertised_address.string):\(info.advertised_port)" : "-"
            )
        }
    }
}

extension UnsafePointer<apus_host> {
    fileprivate func forEachSocket(_ body: (apus_listener_info) -> Void) {
        for index in 0..<pointee.net.pointee.count(self) {
            guard let socket = pointee.net.pointee.at(self, index),
                let info = apus_listener_info.filled({ pointee.net.pointee.info(socket, $0) })
            else { continue }
            body(info)
        }
    }

    /// The core's parameter `debug`.
    fileprivate var logLevel: Int64? {
        var index: UInt32 = 0
        while let one = apus_setting.filled({ pointee.config.pointee.setting(self, index, $0) }) {
            if one.group.equals("core"), one.name.equals("debug") { return one.value.num }
            index += 1
        }
        return nil
    }

    /// What is wrong with the level; nil when it is in force.
    fileprivate func setLogLevel(_ level: Int64) -> String? {
        var change = apus_change(group: "core", name: "debug", value: apus_value(level))
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { memory in
            var why = apus_complaint(
                size: UInt32(MemoryLayout<apus_complaint>.size), offset: 0, text: memory.baseAddress.unsafelyUnwrapped,
                capacity: memory.count, len: 0)
            guard pointee.config.pointee.change(self, &change, 1, &why) < 0 else { return nil }
            return apus_str(s: why.text, len: why.len).string
        }
    }
}
