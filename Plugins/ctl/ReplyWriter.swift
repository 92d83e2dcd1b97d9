import BinRPC
import DoorKit
import PluginKit

/// Items of an answer as records of binrpc, in the shape that clients can read.
///
/// A list is its rows, one after the other, as Kamailio answers: kamcmd would print a bracket around them.
/// They read no arrays inside maps: there, as in Kamailio, an array is a map. Its elements that are maps of one member are that member,
/// `SET: {…} SET: {…}`; others are named by their place, from 0.
struct ReplyWriter {
    private(set) var records = RecordWriter()
    private var open: [Container] = []
    /// How many members each map and array has, in the order of their beginnings.
    private let counts: [Int32]
    private var begun = 0

    private enum Container {
        case map
        case array
        /// A list at the top of the answer: its elements stand for themselves.
        case rows
        /// An array that is a map: the name of the next element.
        case named(Int)
        /// A map of one member that stands for itself.
        case transparent
    }

    init(_ answer: Exchange.Result) {
        var counts: [Int32] = []
        var open: [Int] = []
        answer.show { item in
            if Int(item.kind) == APUS_ITEM_END {
                open.removeLast()
                return
            }
            if let last = open.last { counts[last] += 1 }
            if item.isContainer {
                open.append(counts.count)
                counts.append(0)
            }
        }
        self.counts = counts
        answer.show { add($0) }
    }

    private mutating func add(_ item: apus_item) {
        if Int(item.kind) == APUS_ITEM_END { return close() }
        let count = item.isContainer ? counts[begun] : 0
        if item.isContainer { begun += 1 }
        let parent = open.last
        if case .named(let place) = parent {
            open[open.count - 1] = .named(place + 1)
            if Int(item.kind) == APUS_ITEM_MAP, count == 1 { return open.append(.transparent) }
            records.name(String(place))
        } else if item.keyed != 0 {
            records.name(item.key.bytes)
        }
        switch Int(item.kind) {
        case APUS_ITEM_INT: int(item.num)
        case APUS_ITEM_DOUBLE: records.double(item.real)
        case APUS_ITEM_MAP:
            records.openMap()
            open.append(.map)
        case APUS_ITEM_ARRAY:
            switch parent {
            case nil: open.append(.rows)
            case .array, .rows:
                records.openArray()
                open.append(.array)
            default:
                records.openMap()
                open.append(.named(0))
            }
        default: records.text(item.str.bytes)
        }
    }

    private mutating func close() {
        switch open.popLast() {
        case .array: records.closeArray()
        case .rows, .transparent, nil: break
        default: records.closeMap()
        }
    }

    /// Clients read 32 bits and would cut others off: those travel as text.
    private mutating func int(_ number: Int64) {
        if Int32(exactly: number) != nil { records.int(number) } else { records.text(String(number)) }
    }
}

extension apus_item {
    /// A map or an array begins.
    fileprivate var isContainer: Bool { Int(kind) == APUS_ITEM_MAP || Int(kind) == APUS_ITEM_ARRAY }
}
