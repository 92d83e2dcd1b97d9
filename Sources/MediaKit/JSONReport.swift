import Bencode
import PluginKit

// Invariants: the text is measured first and then written into memory of the run of that size.

/// `rtpengine_query_v(format, variable)`: who gets a proxy's answer, and how.
struct JSONReport {
    let variable: OpaquePointer
    let isPretty: Bool

    /// `j`, or `jp` with line ends and indentation; nil for anything else.
    init?(_ format: apus_str, _ variable: OpaquePointer) {
        guard format.isSame("j") || format.isSame("jp") else { return nil }
        isPretty = format.len == 2
        self.variable = variable
    }

    @_noLocks func put(_ call: Call, _ answer: BencodedValue) {
        var measure = JSONText(nil, isPretty: isPretty)
        measure.write(answer)
        guard let memory = call.allocate(measure.count) else {
            _ = call.refuse("memory is out for the answer as JSON")
            return
        }
        var text = JSONText(memory.assumingMemoryBound(to: UInt8.self), isPretty: isPretty)
        text.write(answer)
        call.put(variable, apus_value(apus_str(start: memory.assumingMemoryBound(to: UInt8.self), count: text.count)))
    }
}

/// A bencoded value as JSON (RFC 8259).
struct JSONText {
    /// Nil: the bytes are counted only.
    private let memory: UnsafeMutablePointer<UInt8>?
    private let isPretty: Bool
    private(set) var count = 0
    private var depth = 0

    init(_ memory: UnsafeMutablePointer<UInt8>?, isPretty: Bool) {
        self.memory = memory
        self.isPretty = isPretty
    }

    /// As deep as Bencode reads.
    mutating func write(_ value: BencodedValue) {
        switch value.kind {
        // What stands between the letters is a number of JSON's, too.
        case .number: add(UnsafeRawBufferPointer(rebasing: value.bytes[1..<value.bytes.count - 1]))
        case .text: write(text: value.text ?? UnsafeRawBufferPointer(start: nil, count: 0))
        case .list:
            var items = value.items
            var isFirst = true
            open("[")
            while let item = items.next() {
                separate(&isFirst)
                write(item)
            }
            close("]", isEmpty: isFirst)
        case .dictionary:
            var items = value.items
            var isFirst = true
            open("{")
            while let key = items.next(), let item = items.next() {
                separate(&isFirst)
                write(key)
                add(UInt8(ascii: ":"))
                if isPretty { add(UInt8(ascii: " ")) }
                write(item)
            }
            close("}", isEmpty: isFirst)
        }
    }

    private mutating func write(text: UnsafeRawBufferPointer) {
        add(UInt8(ascii: "\""))
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                add(UInt8(ascii: "\\"))
                add(byte)
            case 0x00..<0x20:
                add("\\u00")
                add(0x30 + byte >> 4)
                add(JSONText.hex(byte & 15))
            default: add(byte)
            }
        }
        add(UInt8(ascii: "\""))
    }

    private static func hex(_ digit: UInt8) -> UInt8 { digit < 10 ? 0x30 + digit : 0x57 + digit }

    private mutating func open(_ bracket: StaticString) {
        add(bracket)
        depth += 1
    }

    private mutating func separate(_ isFirst: inout Bool) {
        if !isFirst { add(UInt8(ascii: ",")) }
        isFirst = false
        beginLine()
    }

    private mutating func close(_ bracket: StaticString, isEmpty: Bool) {
        depth -= 1
        if !isEmpty { beginLine() }
        add(bracket)
    }

    private mutating func beginLine() {
        guard isPretty else { return }
        add(UInt8(ascii: "\n"))
        for _ in 0..<depth { add("  ") }
    }

    private mutating func add(_ text: StaticString) {
        add(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        for byte in bytes { add(byte) }
    }

    private mutating func add(_ byte: UInt8) {
        memory?[count] = byte
        count += 1
    }
}
