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

    @_noLocks init(_ text: apus_str, _ dialect: Dialect) throws(FlagFault) {
        self.text = text
        self.dialect = dialect
        var reader = dialect.reader(text)
        while let flag = try reader.next() { take(flag) }
    }

    private mutating func take(_ flag: Flag) {
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

    /// Writes the keys that flags ask for. An empty list is not written.
    @_noLocks func write(_ writer: inout BencodeWriter, fragment isFragment: Bool = false) {
        var reader = dialect.reader(text)
        while let flag = next(&reader) {
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
        writeWords(&writer, isFragment)
        writeLists(from: 0, to: FlagList.firstOfCodecs, &writer)
        guard lists >> UInt32(FlagList.firstOfCodecs) != 0 else { return }
        writer.text("codec")
        writer.beginDictionary()
        writeLists(from: FlagList.firstOfCodecs, to: FlagList.end, &writer)
        writer.end()
    }

    private func writeWords(_ writer: inout BencodeWriter, _ isFragment: Bool) {
        guard hasWords || isFragment else { return }
        writer.text("flags")
        writer.beginList()
        if isFragment { writer.text("fragment") }
        var reader = dialect.reader(text)
        while let flag = next(&reader) {
            if case .word(let word) = flag { writer.copy(word) }
        }
        writer.end()
    }

    private func writeLists(from start: UInt8, to end: UInt8, _ writer: inout BencodeWriter) {
        var number = start
        while number < end {
            if lists & 1 << UInt32(number) != 0, let list = FlagList(rawValue: number) { write(list, &writer) }
            number += 1
        }
    }

    private func write(_ list: FlagList, _ writer: inout BencodeWriter) {
        writer.text(list.key)
        writer.beginList()
        var reader = dialect.reader(text)
        while let flag = next(&reader) {
            if case .item(let its, let text) = flag, its == list { writer.copy(text) }
        }
        writer.end()
    }

    /// They were read once without a fault.
    private func next(_ reader: inout FlagReader) -> Flag? {
        do throws(FlagFault) { return try reader.next() } catch { return nil }
    }
}

extension BencodeWriter {
    mutating func copy(_ text: apus_str) { self.text(UnsafeRawBufferPointer(text.bytes)) }
}
