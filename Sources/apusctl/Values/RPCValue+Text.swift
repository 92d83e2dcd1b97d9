import BinRPC

extension RPCValue {
    /// As kamcmd prints it: `name: value`, maps in braces, arrays in brackets, one tab per level.
    func text(indent: Int = 0) -> String {
        let tabs = String(repeating: "\t", count: indent)
        switch self {
        case .map(let members):
            let lines = members.map { member in
                "\(tabs)\t\(String(decoding: member.name, as: UTF8.self).printable): \(member.value.text(indent: indent + 1))\n"
            }
            return "{\n" + lines.joined() + tabs + "}"
        case .array(let values):
            return "[\n" + values.map { "\(tabs)\t\($0.text(indent: indent + 1))\n" }.joined() + tabs + "]"
        default: return plain.printable
        }
    }

    /// A number or text as it is; maps and arrays as JSON.
    var plain: String {
        switch self {
        case .int(let value): String(value)
        case .double(let value): RPCValue.thousandths(value)
        case .text(let bytes), .bytes(let bytes): String(decoding: bytes, as: UTF8.self)
        case .array, .map: json.text
        }
    }

    /// With six digits behind the point, as kamcmd prints them.
    private static func thousandths(_ value: Double) -> String {
        let number = Int64(exactly: (value * 1000).rounded()) ?? 0
        let digits = String(number.magnitude % 1000)
        let zeros = String(repeating: "0", count: 3 - digits.count)
        return "\(number < 0 ? "-" : "")\(number.magnitude / 1000).\(zeros)\(digits)000"
    }

    // MARK: - Looking into answers

    /// A member of a map.
    subscript(name: String) -> RPCValue? {
        guard case .map(let members) = self else { return nil }
        let wanted = Array(name.utf8)
        return members.first { $0.name == wanted }?.value
    }

    /// A number, also one written as text.
    var number: Int64? {
        switch self {
        case .int(let value): value
        case .double(let value): Int64(exactly: value.rounded())
        case .text: Int64(plain)
        default: nil
        }
    }

    /// Members of this name in maps and arrays at whatever depth, in order: doors differ in how they nest lists of maps.
    func all(named name: String) -> [RPCValue] {
        switch self {
        case .array(let values): return values.flatMap { $0.all(named: name) }
        case .map(let members):
            let wanted = Array(name.utf8)
            return members.flatMap { $0.name == wanted ? [$0.value] : $0.value.all(named: name) }
        default: return []
        }
    }
}
