/// The attributes of a destination: `name=value`, with semicolons between. Those without a meaning here are kept in `text` only.
package struct Attributes: Equatable, Sendable {
    /// As written.
    package var text = ""
    package var duid = ""
    /// Percent of the calls, 1 to 100; 0: none.
    package var weight: UInt32 = 0
    /// A share, 1 to 100; 0: none.
    package var relativeWeight: UInt32 = 0
    /// Calls at a time; 0: no limit.
    package var maxLoad = 0
    package var socket = ""
    package var socketName = ""
    package var pingSocket = ""
    package var pingFrom = ""
    package var outboundProxy = ""
    /// Milliseconds; 0: not known.
    package var latency: UInt32 = 0
    package var congestionControl = false
    /// Percent: what reports of overload are kept within.
    package var overloadMinimum: UInt32 = 10
    package var overloadMaximum: UInt32 = 100
    /// What is wrong with some; the destination is taken anyway.
    package var remarks: [String] = []

    package init() {}

    package init(_ text: String) {
        self.text = text
        for piece in text.utf8.split(separator: UInt8(ascii: ";")) {
            guard let equals = piece.firstIndex(of: UInt8(ascii: "=")) else {
                remarks.append("attribute `\(String(piece) ?? "")` has no value")
                continue
            }
            let name = String(piece[..<equals]) ?? ""
            let value = String(piece[piece.index(after: equals)...]) ?? ""
            set(name.lowercased(), value)
        }
    }

    private mutating func set(_ name: String, _ value: String) {
        switch name {
        case "duid": duid = value
        case "weight": weight = percent(name, value)
        case "rweight": relativeWeight = percent(name, value)
        case "maxload":
            if let number = Int(value), number >= 0 {
                maxLoad = number
            } else {
                remarks.append("maxload is a number from 0 on, not `\(value)`: there is no limit")
            }
        case "socket": socket = value
        case "sockname": socketName = value
        case "ping_socket": pingSocket = value
        case "ping_from": pingFrom = value
        case "obproxy": outboundProxy = value
        case "latency":
            if let number = UInt32(value) {
                latency = number
            } else {
                remarks.append("latency is a number of milliseconds, not `\(value)`")
            }
        case "cc": congestionControl = value != "0"
        case "ocmin": overloadMinimum = share(name, value, overloadMinimum)
        case "ocrate", "ocmax": overloadMaximum = share(name, value, overloadMaximum)
        default: break
        }
    }

    private mutating func percent(_ name: String, _ value: String) -> UInt32 {
        if let number = UInt32(value), 1...100 ~= number { return number }
        remarks.append("\(name) is 1 to 100, not `\(value)`: the destination has none")
        return 0
    }

    private mutating func share(_ name: String, _ value: String, _ initial: UInt32) -> UInt32 {
        if let number = UInt32(value), 0...100 ~= number { return number }
        remarks.append("\(name) is 0 to 100, not `\(value)`: it stays \(initial)")
        return initial
    }
}
