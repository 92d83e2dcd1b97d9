import BinRPC
import JSON

extension JSONValue {
    /// An object, its members in this order.
    static func fields(_ members: [(String, JSONValue)]) -> JSONValue {
        .object(members.map { Member(name: Array($0.0.utf8), value: $0.1) })
    }

    /// On one line.
    var text: String {
        var writer = JSONWriter(pretty: false)
        writer.value(self, key: JSONWriter.none)
        return String(decoding: writer.out, as: UTF8.self)
    }
}

extension RPCValue {
    /// As JSON. A name that a map holds more than once becomes one member, the array of its values: parsers keep the last of equal names.
    var json: JSONValue {
        switch self {
        case .int(let value): return .int(value)
        case .double(let value): return .double(value)
        case .text(let bytes), .bytes(let bytes): return .string(bytes)
        case .array(let values): return .array(values.map(\.json))
        case .map(let members):
            var values: [[UInt8]: [JSONValue]] = [:]
            var names: [[UInt8]] = []
            for member in members {
                if values[member.name] == nil { names.append(member.name) }
                values[member.name, default: []].append(member.value.json)
            }
            return .object(
                names.map { name in
                    let all = values[name] ?? []
                    return JSONValue.Member(name: name, value: all.count == 1 ? all[0] : .array(all))
                })
        }
    }
}

extension [RPCValue] {
    /// An answer: nothing is null, one value is itself, several are an array.
    var json: JSONValue { isEmpty ? .null : count == 1 ? self[0].json : .array(map(\.json)) }
}
