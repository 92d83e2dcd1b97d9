import PluginKit

/// Arguments of a command, put together one after the other: what `rpc->start` takes. Maps and arrays that are opened are to be closed.
public struct ItemRow {
    private var items: [apus_item] = []
    /// Keys and texts of `items`, one behind the other; an item's `len` says how much is its.
    private var bytes: [UInt8] = []

    public init() {}

    public var count: Int { items.count }

    /// A text that is no number, even if it looks like one; or, `convertible`, one that may stand for a number.
    public mutating func text(_ text: some Collection<UInt8>, key: [UInt8]? = nil, convertible: Bool = false) {
        var item = begin(convertible ? APUS_ITEM_TEXT : APUS_ITEM_STRING, key)
        item.str.len = text.count
        bytes.append(contentsOf: text)
        items.append(item)
    }

    public mutating func int(_ number: Int64, key: [UInt8]? = nil) {
        var item = begin(APUS_ITEM_INT, key)
        item.num = number
        items.append(item)
    }

    public mutating func double(_ number: Double, key: [UInt8]? = nil) {
        var item = begin(APUS_ITEM_DOUBLE, key)
        item.real = number
        items.append(item)
    }

    public mutating func openMap(key: [UInt8]? = nil) { items.append(begin(APUS_ITEM_MAP, key)) }
    public mutating func openArray(key: [UInt8]? = nil) { items.append(begin(APUS_ITEM_ARRAY, key)) }
    public mutating func close() { items.append(begin(APUS_ITEM_END, nil)) }

    private mutating func begin(_ kind: Int, _ key: [UInt8]?) -> apus_item {
        var item = apus_item()
        item.kind = UInt32(kind)
        if let key {
            item.keyed = 1
            item.key.len = key.count
            bytes.append(contentsOf: key)
        }
        return item
    }

    /// The row as the contract has it, for the call.
    public func withItems<R>(_ body: (UnsafeBufferPointer<apus_item>) -> R) -> R {
        bytes.withUnsafeBufferPointer { bytes in
            var made = items
            var at = bytes.baseAddress
            for index in made.indices {
                if made[index].keyed != 0 { made[index].key = ItemRow.take(made[index].key.len, &at) }
                if made[index].kind <= UInt32(APUS_ITEM_STRING) {
                    made[index].str = ItemRow.take(made[index].str.len, &at)
                }
            }
            return made.withUnsafeBufferPointer(body)
        }
    }

    private static func take(_ count: Int, _ at: inout UnsafePointer<UInt8>?) -> apus_str {
        defer { at = at.map { $0 + count } }
        return at == nil ? "" : apus_str(start: at, count: count)
    }
}
