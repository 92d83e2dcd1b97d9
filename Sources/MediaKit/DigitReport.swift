import PluginKit

// Invariants: reads and rewrites the bytes that it is given, which are the caller's: texts of a report lie in them.

/// A key that somebody pressed in a call, as the proxy tells it: `{"callid":"…","source_tag":"…","event":5,"timestamp":1569246837,…}`.
struct DigitReport {
    private(set) var callID = apus_str()
    private(set) var sourceTag = apus_str()
    /// As RFC 4733 numbers them: 0 to 9, 10 for *, 11 for #, 12 to 15 for A to D.
    private(set) var event: Int64 = -1
    /// Seconds since 1970; -1: not told.
    private(set) var timestamp: Int64 = -1

    /// Nil when it is no such report: broken, without a Call-ID or without an event.
    init?(_ bytes: UnsafeMutableRawBufferPointer) {
        var reader = FlatJSON(bytes)
        guard reader.take(UInt8(ascii: "{")) else { return nil }
        while let name = reader.text(), reader.take(UInt8(ascii: ":")) {
            guard take(name, &reader) else { return nil }
            if reader.take(UInt8(ascii: ",")) { continue }
            guard reader.take(UInt8(ascii: "}")), reader.isAtEnd, !callID.isEmpty, event >= 0 else {
                return nil
            }
            return
        }
        return nil
    }

    private mutating func take(_ name: apus_str, _ reader: inout FlatJSON) -> Bool {
        if name.isSame("callid") {
            callID = reader.text() ?? apus_str()
            return !callID.isEmpty
        }
        if name.isSame("source_tag") {
            sourceTag = reader.text() ?? apus_str()
            return !sourceTag.isNull
        }
        if name.isSame("event") {
            event = reader.number() ?? -1
            return event >= 0
        }
        if name.isSame("timestamp") {
            timestamp = reader.number() ?? -1
            return timestamp >= 0
        }
        return reader.skip()
    }
}

/// Reads JSON (RFC 8259) where it lies; texts lose their escapes in place.
private struct FlatJSON {
    private let bytes: UnsafeMutableRawBufferPointer
    private var at = 0

    init(_ bytes: UnsafeMutableRawBufferPointer) { self.bytes = bytes }

    /// Lists and objects inside of each other.
    private static var deepest: Int { 8 }

    private mutating func skipBlanks() {
        while at < bytes.count,
            bytes[at] == 0x20 || bytes[at] == 0x0a || bytes[at] == 0x0d || bytes[at] == 0x09
        {
            at += 1
        }
    }

    var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return at == bytes.count
        }
    }

    mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    mutating func text() -> apus_str? {
        guard take(UInt8(ascii: "\"")) else { return nil }
        let start = at
        var end = at
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            switch byte {
            case UInt8(ascii: "\""):
                return UnsafeRawBufferPointer(rebasing: bytes[start..<end]).text
            case UInt8(ascii: "\\"):
                guard escape(&end) else { return nil }
            case 0..<0x20: return nil
            default:
                bytes[end] = byte
                end += 1
            }
        }
        return nil
    }

    /// What stands behind a backslash; never longer than how it was written.
    private mutating func escape(_ end: inout Int) -> Bool {
        guard at < bytes.count else { return false }
        let byte = bytes[at]
        at += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes[end] = byte
        case UInt8(ascii: "b"): bytes[end] = 0x08
        case UInt8(ascii: "f"): bytes[end] = 0x0c
        case UInt8(ascii: "n"): bytes[end] = 0x0a
        case UInt8(ascii: "r"): bytes[end] = 0x0d
        case UInt8(ascii: "t"): bytes[end] = 0x09
        case UInt8(ascii: "u"):
            // Identifiers of calls are ASCII.
            guard at + 4 <= bytes.count, bytes[at] == 0x30, bytes[at + 1] == 0x30,
                let high = digit(bytes[at + 2]),
                let low = digit(bytes[at + 3]), high < 8
            else { return false }
            bytes[end] = high << 4 | low
            at += 4
        default: return false
        }
        end += 1
        return true
    }

    private func digit(_ byte: UInt8) -> UInt8? {
        if byte &- 0x30 <= 9 { return byte &- 0x30 }
        let letter = byte | 0x20
        return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : nil
    }

    /// A whole number that is not negative.
    mutating func number() -> Int64? {
        skipBlanks()
        let start = at
        var value: Int64 = 0
        while at < bytes.count, at - start < 18, bytes[at] &- 0x30 <= 9 {
            value = value * 10 + Int64(bytes[at] - 0x30)
            at += 1
        }
        return at > start ? value : nil
    }

    /// Any value.
    mutating func skip() -> Bool {
        var depth = 0
        repeat {
            skipBlanks()
            guard at < bytes.count else { return false }
            switch bytes[at] {
            case UInt8(ascii: "\""):
                guard text() != nil else { return false }
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                at += 1
                guard depth <= FlatJSON.deepest else { return false }
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                guard depth > 0 else { return false }
                depth -= 1
                at += 1
            case UInt8(ascii: ","), UInt8(ascii: ":"):
                guard depth > 0 else { return false }
                at += 1
            default:
                let start = at
                while at < bytes.count, isOfAWord(bytes[at]) { at += 1 }
                guard at > start else { return false }
            }
        } while depth > 0
        return true
    }

    /// Of numbers, true, false and null.
    private func isOfAWord(_ byte: UInt8) -> Bool {
        byte &- 0x30 <= 9 || (byte | 0x20) &- 0x61 < 26 || byte == 0x2b || byte == 0x2d || byte == 0x2e
    }
}
