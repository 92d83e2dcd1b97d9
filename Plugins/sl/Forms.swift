import PluginKit

/// `sl_stats` in SER's text: codes of their own, then what is left of their class.
let statisticsLines: @convention(c) (UnsafePointer<apus_command>) -> CInt = { command in
    let host = command.pointee.host
    func read(_ name: String) -> UInt64 {
        var name = name
        return name.withUTF8 { name in
            host.pointee.stats.pointee.read(host, "sl", apus_str(start: name.baseAddress, count: name.count))
        }
    }
    func add(_ line: String) {
        // SER cleared what stood on a terminal behind a shorter number.
        var line = line + "      "
        line.withUTF8 { line in
            host.pointee.rpc.pointee.add_text(
                command.pointee.answer, nil, apus_str(start: line.baseAddress, count: line.count))
        }
    }
    func family(_ digit: Int, _ codes: [Int]) -> String {
        let own = codes.map { ($0, read("\($0)_replies")) }
        let others = read("\(digit)xx_replies") &- own.reduce(0) { $0 &+ $1.1 }
        return (own.map { "\($0.0): \($0.1)" } + ["\(digit)xx: \(others)"]).joined(separator: " ")
    }
    let status: apus_str = "200 ok"
    host.pointee.rpc.pointee.add_text(command.pointee.answer, nil, status)
    add(family(2, [200, 202]))
    add(family(3, [300, 301, 302]))
    add(family(4, [400, 401, 403, 404, 407, 408, 483]))
    add(family(5, [500]))
    add(family(6, []))
    add("xxx: \(read("xxx_replies"))")
    add("failures: \(read("failures"))")
    return .true
}
