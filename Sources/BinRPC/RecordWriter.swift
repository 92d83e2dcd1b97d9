/// Writes records, one after the other: the body of a packet. Maps and arrays that are opened are to be closed, in a map each value follows
/// a name; neither is checked. kamcmd (5.6) refuses an array that is a member of a map, with all that is around it: a server that wants to be
/// read by it writes a map there.
public struct RecordWriter: Sendable {
    public private(set) var bytes: [UInt8] = []

    public init() {}

    public mutating func int(_ value: Int64) { number(value, .int) }

    /// Cut to thousandths; what is no number, or too large for them, becomes 0, or the largest that there is.
    public mutating func double(_ value: Double) {
        let thousandths = (value * 1000).rounded()
        if thousandths.isNaN { return number(0, .double) }
        number(Int64(exactly: thousandths) ?? (thousandths < 0 ? .min : .max), .double)
    }

    public mutating func text(_ value: some Collection<UInt8>) { terminated(value, .text) }
    public mutating func text(_ value: String) { terminated(value.utf8, .text) }

    public mutating func bytes(_ value: some Collection<UInt8>) {
        begin(.bytes, size: value.count)
        bytes.append(contentsOf: value)
    }

    /// The name of the next value, which stands in a map.
    public mutating func name(_ value: some Collection<UInt8>) { terminated(value, .name) }
    public mutating func name(_ value: String) { terminated(value.utf8, .name) }

    public mutating func openMap() { bytes.append(RecordType.map.rawValue) }
    public mutating func closeMap() { bytes.append(RecordType.map.rawValue | RecordType.endBit) }
    public mutating func openArray() { bytes.append(RecordType.array.rawValue) }
    public mutating func closeArray() { bytes.append(RecordType.array.rawValue | RecordType.endBit) }

    public mutating func value(_ value: RPCValue) {
        switch value {
        case .int(let number): int(number)
        case .double(let number): double(number)
        case .text(let text): self.text(text)
        case .bytes(let some): bytes(some)
        case .array(let values):
            openArray()
            for value in values { self.value(value) }
            closeArray()
        case .map(let members):
            openMap()
            for member in members {
                name(member.name)
                self.value(member.value)
            }
            closeMap()
        }
    }

    private mutating func terminated(_ value: some Collection<UInt8>, _ type: RecordType) {
        begin(type, size: value.count + 1)
        bytes.append(contentsOf: value)
        bytes.append(0)
    }

    /// As few bytes as keep the sign.
    private mutating func number(_ value: Int64, _ type: RecordType) {
        var size = 8
        if Int64(Int32.min)..<0 ~= value {
            size = 4
        } else if value >= 0 {
            size = (64 - value.leadingZeroBitCount + 7) / 8
            // With 4 bytes it would be negative.
            if size == 4, value > Int64(Int32.max) { size = 5 }
        }
        begin(type, size: size)
        for index in (0..<size).reversed() { bytes.append(UInt8(truncatingIfNeeded: value >> Int64(index * 8))) }
    }

    private mutating func begin(_ type: RecordType, size: Int) {
        guard size > 7 else { return bytes.append(type.rawValue | UInt8(size) << 4) }
        var length: [UInt8] = []
        var rest = size
        while rest > 0 {
            length.insert(UInt8(rest & 255), at: 0)
            rest >>= 8
        }
        bytes.append(type.rawValue | UInt8(length.count) << 4 | RecordType.endBit)
        bytes.append(contentsOf: length)
    }
}
