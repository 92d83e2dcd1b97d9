import PluginKit

/// Names the module's command for operators.
func declareCommands(_ host: Host) {
    host.command(
        "sl.stats", aliases: "sl_stats", flags: APUS_RPC_READS,
        reply: """
            {200:int, 202:int, 2xx:int, 300:int, 301:int, 302:int, 3xx:int, 400:int, 401:int, 403:int, 404:int, 407:int, \
            408:int, 483:int, 4xx:int, 500:int, 5xx:int, 6xx:int, xxx:int}
            """,
        doc: "Stateless replies since the start, by code and class."
    ) { command in
        let codes = [
            "200", "202", "2xx", "300", "301", "302", "3xx", "400", "401", "403", "404", "407", "408", "483", "4xx",
            "500", "5xx", "6xx", "xxx",
        ]
        command.map {
            for code in codes { command.add(named: code, count(command.host, "\(code)_replies")) }
        }
        return .true
    }
}

private func count(_ host: Host, _ name: String) -> Int64 {
    var name = name
    return name.withUTF8 {
        Int64(clamping: host.pointee.stats.pointee.read(host, "sl", apus_str(start: $0.baseAddress, count: $0.count)))
    }
}
