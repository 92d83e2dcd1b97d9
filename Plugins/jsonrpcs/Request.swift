import DoorKit
import JSON
import PluginKit

/// One request of a text: an object, as JSON-RPC has it.
struct Request {
    let method: [UInt8]
    let row: ItemRow
    /// Nil: a notification, which gets no response.
    let id: JSONValue?
    /// The reply FIFO that a request by a FIFO names.
    let replyName: String?
    /// A file for the response.
    let storePath: String?

    struct Refusal: Error {
        let code: Int64
        let text: String
        let id: JSONValue
    }

    init(_ value: JSONValue) throws(Refusal) {
        guard case .object = value else {
            throw Refusal(code: RPCFault.request, text: "a request is an object", id: .null)
        }
        let id = try Request.id(value)
        func refuse(_ code: Int64, _ text: String) -> Refusal { Refusal(code: code, text: text, id: id ?? .null) }
        guard value["jsonrpc"] == .string("2.0") else {
            throw refuse(RPCFault.request, "jsonrpc must be \"2.0\"")
        }
        guard case .string(let method)? = value["method"], !method.isEmpty else {
            throw refuse(RPCFault.request, "method must be a text")
        }
        var row = ItemRow()
        switch value["params"] {
        case nil, .null?: break
        case .array(let values)?: for value in values { row.add(value) }
        // Named ones keep their order: names are for the reader.
        case .object(let members)?: for member in members { row.add(member.value) }
        default: throw refuse(RPCFault.parameters, "params must be an array or an object")
        }
        self.method = method
        self.row = row
        self.id = id
        replyName = try Request.text(value, "reply_name", id)
        storePath = try Request.text(value, "store_path", id)
    }

    private static func id(_ value: JSONValue) throws(Refusal) -> JSONValue? {
        switch value["id"] {
        case nil: return nil
        case .array?, .object?, .bool?:
            throw Refusal(code: RPCFault.request, text: "id must be a text, a number or null", id: .null)
        case let id?: return id
        }
    }

    private static func text(_ value: JSONValue, _ name: String, _ id: JSONValue?) throws(Refusal) -> String? {
        switch value[name] {
        case nil, .null?: return nil
        case .string(let text)?: return String(decoding: text, as: UTF8.self)
        default: throw Refusal(code: RPCFault.request, text: "\(name) must be a text", id: id ?? .null)
        }
    }
}

extension ItemRow {
    /// A parameter. A text that is a number does for a number, as most clients do not tell them apart.
    mutating func add(_ value: JSONValue, key: [UInt8]? = nil) {
        switch value {
        case .null: text([], key: key)
        case .bool(let truth): int(truth ? 1 : 0, key: key)
        case .int(let number): int(number, key: key)
        case .double(let number): double(number, key: key)
        case .string(let text): self.text(text, key: key, convertible: true)
        case .array(let values):
            openArray(key: key)
            for value in values { add(value) }
            close()
        case .object(let members):
            openMap(key: key)
            for member in members { add(member.value, key: member.name) }
            close()
        }
    }
}
