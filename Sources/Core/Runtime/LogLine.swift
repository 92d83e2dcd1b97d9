// Invariants: the buffer belongs to whoever made the line and outlives it; `count` never exceeds `capacity`; what does not
// fit is cut, never written.

/// One log line while it is composed, in memory of the caller. Trusted text goes in as it is; what came from outside goes in
/// escaped, so that nobody can forge a line or steer a terminal.
struct LogLine {
    private let start: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private(set) var count = 0
    private(set) var isCut = false

    @inline(__always)
    init(_ start: UnsafeMutablePointer<UInt8>, capacity: Int) {
        self.start = start
        self.capacity = capacity
    }

    var bytes: Bytes { Bytes(UnsafePointer(start), count) }

    /// Text of the program.
    @inline(__always)
    mutating func add(_ text: StaticString) { addVerbatim(Bytes(text)) }

    /// Text of the program or the config, control characters and all.
    mutating func addVerbatim(_ text: Bytes) {
        let room = capacity - count
        let size = min(text.count, room)
        if size < text.count { isCut = true }
        UnsafeMutableRawPointer(start + count).copyMemory(from: text.start, byteCount: size)
        count += size
    }

    @inline(__always)
    mutating func addByte(_ byte: UInt8) {
        if count < capacity {
            start[count] = byte
            count += 1
        } else {
            isCut = true
        }
    }

    /// Text from the network: control characters, C1 and DEL among them, become `\xNN`.
    /// - Parameter keepingLines: a line feed or tab stays what it is, for scripts that log whole messages, and colours are shown.
    mutating func add(_ text: Bytes, keepingLines: Bool = false) {
        var i = 0
        while i < text.count {
            let c = text[i]
            i += 1
            if c == 0xEF, keepingLines, let colours = LogLine.colours(text.dropFirst(i)) {
                if Log.showsColours { add(colours) }
                i += 4
            } else if c >= 0x20, c != 0x7F, c != 0xC2 {
                addByte(c)
            } else if c == 0xC2 {
                // U+0080 … U+009F are control characters too.
                if i < text.count, text[i] >= 0x80, text[i] <= 0x9F {
                    addEscaped(c)
                    addEscaped(text[i])
                    i += 1
                } else {
                    addByte(c)
                }
            } else if keepingLines, c == 0x0A || c == 0x09 || (c == 0x0D && i < text.count && text[i] == 0x0A) {
                addByte(c)
            } else {
                addEscaped(c)
            }
        }
    }

    /// A change of colours.
    private typealias Colours = (isBold: Bool, foreground: Int, background: Int)

    /// What stands behind the first byte of U+FDD0: two more, and two letters. A text in the colour of its background is none: it would hide.
    private static func colours(_ text: Bytes) -> Colours? {
        guard text.count >= 4, text[0] == 0xB7, text[1] == 0x90, let foreground = colour(text[2]),
            let background = colour(text[3]), foreground != background || foreground == 9
        else { return nil }
        return (text[2] & 0x20 == 0, foreground, background)
    }

    /// The terminal's number of a colour: 9 is its default.
    private static func colour(_ letter: UInt8) -> Int? {
        switch letter | 0x20 {
        case UInt8(ascii: "x"): 9
        case UInt8(ascii: "s"): 0
        case UInt8(ascii: "r"): 1
        case UInt8(ascii: "g"): 2
        case UInt8(ascii: "y"): 3
        case UInt8(ascii: "b"): 4
        case UInt8(ascii: "p"): 5
        case UInt8(ascii: "c"): 6
        case UInt8(ascii: "w"): 7
        default: nil
        }
    }

    private mutating func add(_ colours: Colours) {
        addByte(0x1B)
        add(colours.isBold ? "[0;1;3" : "[0;3")
        add(colours.foreground)
        add(";4")
        add(colours.background)
        add("m")
    }

    private mutating func addEscaped(_ c: UInt8) {
        switch c {
        case 0x0A: add("\\n")
        case 0x0D: add("\\r")
        case 0x09: add("\\t")
        default:
            add("\\x")
            addByte(LogLine.hex(c >> 4))
            addByte(LogLine.hex(c & 0xF))
        }
    }

    @inline(__always)
    private static func hex(_ nibble: UInt8) -> UInt8 { nibble < 10 ? 0x30 + nibble : 0x57 + nibble }

    /// A number in decimal.
    mutating func add(_ value: Int) {
        if value < 0 { addByte(UInt8(ascii: "-")) }
        add(unsigned: UInt64(value.magnitude))
    }

    mutating func add(unsigned value: UInt64) {
        var digits: [20 of UInt8] = InlineArray(repeating: 0)
        var at = 20
        var rest = value
        repeat {
            at -= 1
            digits[at] = 0x30 + UInt8(rest % 10)
            rest /= 10
        } while rest != 0
        while at < 20 {
            addByte(digits[at])
            at += 1
        }
    }

    /// "192.0.2.1:5060".
    mutating func add(_ address: SocketAddress) {
        if capacity - count < SocketAddress.longestText {
            isCut = true
        } else if address.isNone {
            addByte(UInt8(ascii: "-"))
        } else {
            count += address.writeAddressAndPort(to: start + count)
        }
    }

    /// What strerror says about an errno.
    @_semantics("no_performance_analysis")
    mutating func add(error: SystemError) { add(error.text) }

    /// For cold code.
    @_semantics("no_performance_analysis")
    mutating func add(_ text: String) {
        var copy = text
        copy.withUTF8 { buffer in
            if let start = buffer.baseAddress { add(Bytes(start, buffer.count), keepingLines: true) }
        }
    }

    /// Begins anew.
    mutating func clear() { (count, isCut) = (0, false) }

    /// Ends the line: one line feed, whatever stood at the end, and "..." where something was cut.
    /// - Parameter tail: stands before the line feed.
    mutating func finish(_ tail: StaticString = "") {
        while count > 0, start[count - 1] == 0x0A || start[count - 1] == 0x0D { count -= 1 }
        if isCut, count >= 4 {
            count = min(count, capacity - 4 - tail.utf8CodeUnitCount)
            for _ in 0..<3 { addByte(UInt8(ascii: ".")) }
        }
        if tail.utf8CodeUnitCount > 0 {
            count = min(count, capacity - 1 - tail.utf8CodeUnitCount)
            add(tail)
        }
        if count == capacity { count -= 1 }
        addByte(0x0A)
    }
}
