import DoorKit
import JSON
import PluginKit

/// Codes of JSON-RPC.
enum RPCFault {
    static let parse: Int64 = -32700
    static let request: Int64 = -32600
    static let method: Int64 = -32601
    static let parameters: Int64 = -32602
    static let server: Int64 = -32603
}

/// Texts of responses.
enum Response {
    static func fault(_ code: Int64, _ text: [UInt8], id: JSONValue) -> [UInt8] {
        var writer = begin()
        writer.openObject(key: "error".utf8)
        writer.int(code, key: "code".utf8)
        writer.text(text, key: "message".utf8)
        writer.closeObject()
        return end(&writer, id)
    }

    static func result(_ value: JSONValue, id: JSONValue) -> [UInt8] {
        var writer = begin()
        writer.value(value, key: "result".utf8)
        return end(&writer, id)
    }

    /// The answer of a command: nothing is null, one value itself, several an array.
    static func result(_ result: Exchange.Result, id: JSONValue) -> [UInt8] {
        var count = 0
        var depth = 0
        result.show { item in
            if Int(item.kind) == APUS_ITEM_END {
                depth -= 1
                return
            }
            if depth == 0 { count += 1 }
            if Int(item.kind) == APUS_ITEM_MAP || Int(item.kind) == APUS_ITEM_ARRAY { depth += 1 }
        }
        var writer = begin()
        let key: [UInt8]? = Array("result".utf8)
        if count == 0 { writer.word("null", key: key) }
        if count > 1 { writer.openArray(key: key) }
        var items = ItemWriter(first: count == 1 ? key : nil)
        result.show { items.add($0, to: &writer) }
        if count > 1 { writer.closeArray() }
        return end(&writer, id)
    }

    fileprivate static func begin() -> JSONWriter {
        var writer = JSONWriter(pretty: state.pointee.pretty != 0)
        writer.openObject(key: JSONWriter.none)
        writer.text("2.0".utf8, key: "jsonrpc".utf8)
        return writer
    }

    fileprivate static func end(_ writer: inout JSONWriter, _ id: JSONValue) -> [UInt8] {
        writer.value(id, key: "id".utf8)
        writer.closeObject()
        return writer.out
    }
}

/// The response to a request whose answer comes in parts.
struct LongResponse {
    private var writer = Response.begin()
    private var items: ItemWriter
    /// The answer is one array or map, not several values.
    private let isSingle: Bool
    private var begun = 0
    private var depth = 0

    /// - Parameter first: the first part, which tells the shape.
    init(_ first: Exchange.Result) {
        var count = 0
        var depth = 0
        first.show { LongResponse.count($0, &count, &depth) }
        isSingle = count == 1 && depth > 0
        let key: [UInt8]? = Array("result".utf8)
        if !isSingle { writer.openArray(key: key) }
        items = ItemWriter(first: isSingle ? key : nil)
    }

    private static func count(_ item: apus_item, _ count: inout Int, _ depth: inout Int) {
        if Int(item.kind) == APUS_ITEM_END {
            depth -= 1
            return
        }
        if depth == 0 { count += 1 }
        if Int(item.kind) == APUS_ITEM_MAP || Int(item.kind) == APUS_ITEM_ARRAY { depth += 1 }
    }

    /// The text of a part; nil when the answer does not go on as it began.
    mutating func add(_ part: Exchange.Result) -> [UInt8]? {
        part.show { item in
            LongResponse.count(item, &begun, &depth)
            items.add(item, to: &writer)
        }
        return isSingle && begun > 1 ? nil : writer.take()
    }

    /// The text behind the last part.
    mutating func end(_ id: JSONValue) -> [UInt8] {
        if !isSingle { writer.closeArray() }
        _ = Response.end(&writer, id)
        return writer.take()
    }
}

/// Writes an answer's items.
struct ItemWriter {
    /// The key of the first one.
    private var first: [UInt8]?
    /// What is open: true for a map.
    private var open: [Bool] = []

    init(first: [UInt8]?) { self.first = first }

    mutating func add(_ item: apus_item, to writer: inout JSONWriter) {
        var key = item.keyed != 0 ? Array(item.key.bytes) : nil
        if let first {
            key = first
            self.first = nil
        }
        switch Int(item.kind) {
        case APUS_ITEM_INT: writer.int(item.num, key: key)
        case APUS_ITEM_DOUBLE: writer.double(item.real, key: key)
        case APUS_ITEM_MAP:
            writer.openObject(key: key)
            open.append(true)
        case APUS_ITEM_ARRAY:
            writer.openArray(key: key)
            open.append(false)
        case APUS_ITEM_END:
            if open.popLast() == true { writer.closeObject() } else { writer.closeArray() }
        default: writer.text(item.str.bytes, key: key)
        }
    }
}
