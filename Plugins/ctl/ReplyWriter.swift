import BinRPC
import PluginKit

/// Items of an answer as records of binrpc.
struct ReplyWriter {
    private(set) var records = RecordWriter()
    /// What is open: true for a map.
    private var open: [Bool] = []

    mutating func add(_ item: apus_item) {
        if item.keyed != 0 { records.name(item.key.bytes) }
        switch Int(item.kind) {
        case APUS_ITEM_INT: int(item.num)
        case APUS_ITEM_DOUBLE: records.double(item.real)
        case APUS_ITEM_MAP:
            records.openMap()
            open.append(true)
        case APUS_ITEM_ARRAY:
            records.openArray()
            open.append(false)
        case APUS_ITEM_END:
            if open.popLast() == true { records.closeMap() } else { records.closeArray() }
        default: records.text(item.str.bytes)
        }
    }

    /// Clients read 32 bits and would cut others off: those travel as text.
    private mutating func int(_ number: Int64) {
        if Int32(exactly: number) != nil { records.int(number) } else { records.text(String(number)) }
    }
}
