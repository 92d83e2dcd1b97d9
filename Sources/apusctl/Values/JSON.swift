import BinRPC

/// What `--json` prints (RFC 8259), on one line.
enum JSON: Equatable {
    case null
    case int(Int64)
    case double(Double)
    case bool(Bool)
    case text(String)
    case array([JSON])
    case object([(String, JSON)])

    static func == (left: JSON, right: JSON) -> Bool { left.text == right.text }

    var text: String {
        var out = ""
        write(&out)
        return out
    }

    private func write(_ out: inout String) {
        switch self {
        case .null: out += "null"
        case .int(let value): out += String(value)
        case .double(let value): out += value.isFinite ? "\(value)" : "null"
        case .bool(let value): out += value ? "true" : "false"
        case .text(let value): JSON.quote(value, &out)
        case .array(let values):
            out += "["
            for (index, value) in values.enumerated() {
                if index > 0 { out += "," }
                value.write(&out)
            }
            out += "]"
        case .object(let members):
            out += "{"
            for (index, member) in members.enumerated() {
                if index > 0 { out += "," }
                JSON.quote(member.0, &out)
                out += ":"
                member.1.write(&out)
            }
            out += "}"
        }
    }

    private static func quote(_ text: String, _ out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case _ where scalar.value < 32:
                out += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}

extension RPCValue {
    /// As JSON. A name that a map holds more than once becomes one member, the array of its values: parsers keep the last of equal names.
    var json: JSON {
        switch self {
        case .int(let value): return .int(value)
        case .double(let value): return .double(value)
        case .text(let bytes), .bytes(let bytes): return .text(String(decoding: bytes, as: UTF8.self))
        case .array(let values): return .array(values.map(\.json))
        case .map(let members):
            var result: [(String, JSON)] = []
            var places: [String: Int] = [:]
            var counts: [String: Int] = [:]
            for member in members {
                let name = String(decoding: member.name, as: UTF8.self)
                counts[name, default: 0] += 1
                if let place = places[name] {
                    if counts[name] == 2 { result[place].1 = .array([result[place].1]) }
                    if case .array(let values) = result[place].1 {
                        result[place].1 = .array(values + [member.value.json])
                    }
                } else {
                    places[name] = result.count
                    result.append((name, member.value.json))
                }
            }
            return .object(result)
        }
    }
}

extension [RPCValue] {
    /// An answer: nothing is null, one value is itself, several are an array.
    var json: JSON { isEmpty ? .null : count == 1 ? self[0].json : .array(map(\.json)) }
}
