import Bencode
import PluginKit

// Invariants: borrows the text of the flags, which is read again for each part of the command: a list stands together there, but not in the flags.

/// What flags ask for.
struct Wishes {
    let text: apus_str
    let dialect: Dialect
    var viaBranch: ViaBranch?
    var forcesAnswer = false
    var includesToTag = false
    // In the place of what the message says; empty: as it does.
    var callID = apus_str()
    var fromTag = apus_str()
    var toTag = apus_str()
    var receivedFrom = apus_str()
    private var transport: UInt8?
    private var hasWords = false
    private var lists: UInt32 = 0

    init(_ text: apus_str, _ dialect: Dialect) throws(FlagFault) {
        self.text = text
        self.dialect = dialect
        var found = Found()
        try dialect.read(text) { found.take($0) }
        (viaBranch, forcesAnswer, includesToTag) = (found.viaBranch, found.forcesAnswer, found.includesToTag)
        (callID, fromTag, toTag, receivedFrom) = (found.callID, found.fromTag, found.toTag, found.receivedFrom)
        (transport, hasWords, lists) = (found.transport, found.hasWords, found.lists)
    }

    private struct Found {
        var viaBranch: ViaBranch?
        var forcesAnswer = false
        var includesToTag = false
        var callID = apus_str()
        var fromTag = apus_str()
        var toTag = apus_str()
        var receivedFrom = apus_str()
        var transport: UInt8?
        var hasWords = false
        var lists: UInt32 = 0

        mutating func take(_ flag: Flag) {
            switch flag {
            case .word: hasWords = true
            case .item(let list, _): lists |= 1 << UInt32(list.rawValue)
            case .viaBranch(let branch): viaBranch = branch
            case .transport(let set, let decided): transport = (transport ?? 0) & ~decided | set
            case .forceAnswer: forcesAnswer = true
            case .callID(let text): callID = text
            case .fromTag(let text): fromTag = text
            case .toTag(let text): (toTag, includesToTag) = (text, true)
            case .receivedFrom(let text): receivedFrom = text
            case .entry, .number, .nothing: break
            }
        }
    }

    /// Writes the keys that flags ask for. An empty list is not written.
    func write(_ writer: inout BencodeWriter) {
        read { flag in
            switch flag {
            case .entry(let key, let value):
                writer.copy(key)
                writer.copy(value)
            case .number(let key, let number):
                writer.copy(key)
                writer.number(number)
            default: break
            }
        }
        if let transport {
            writer.text("transport-protocol")
            writer.text(TransportBits.name(transport))
        }
        if hasWords {
            writer.text("flags")
            writer.beginList()
            read { flag in if case .word(let word) = flag { writer.copy(word) } }
            writer.end()
        }
        for list in FlagList.allCases where !list.isOfCodecs { write(list, &writer) }
        guard lists >> UInt32(FlagList.codecStrip.rawValue) != 0 else { return }
        writer.text("codec")
        writer.beginDictionary()
        for list in FlagList.allCases where list.isOfCodecs { write(list, &writer) }
        writer.end()
    }

    private func write(_ list: FlagList, _ writer: inout BencodeWriter) {
        guard lists & 1 << UInt32(list.rawValue) != 0 else { return }
        writer.text(list.key)
        writer.beginList()
        read { flag in
            if case .item(let its, let text) = flag, its == list { writer.copy(text) }
        }
        writer.end()
    }

    /// They were read once without a fault.
    private func read(_ take: (Flag) -> Void) { try? dialect.read(text, take) }
}

extension BencodeWriter {
    mutating func copy(_ text: apus_str) { self.text(UnsafeRawBufferPointer(text.bytes)) }
}
