import Glibc
import PluginAPI

// Invariants: texts of values live for the run (program constants, message bytes, arena). Nothing here allocates but `text(of:)`, in the run's arena.

/// Values as the machine computes with them.
extension apus_value {
    /// `reserved` of a value whose expression failed.
    static var failedMark: UInt32 { 1 }

    @inline(__always)
    init(_ number: Int64) {
        self.init(kind: UInt32(APUS_INT), reserved: 0, num: number, str: apus_str())
    }

    @inline(__always)
    init(_ truth: Bool) { self.init(truth ? 1 : 0 as Int64) }

    @inline(__always)
    init(_ text: apus_str) {
        self.init(kind: UInt32(APUS_STRING), reserved: 0, num: 0, str: text)
    }

    @inline(__always)
    static var null: apus_value { apus_value(kind: 0, reserved: 0, num: 0, str: apus_str()) }

    @inline(__always)
    static var failed: apus_value { apus_value(kind: 0, reserved: failedMark, num: 0, str: apus_str()) }

    @inline(__always)
    var isNull: Bool { kind == 0 }
    @inline(__always)
    var hasInt: Bool { kind & UInt32(APUS_INT) != 0 }
    @inline(__always)
    var hasText: Bool { kind & UInt32(APUS_STRING) != 0 }
    @inline(__always)
    var hasFailed: Bool { reserved == apus_value.failedMark }

    /// As an integer: a text is read as a decimal or 0x number, anything else is 0.
    @inline(__always)
    var int: Int64 { hasInt ? num : hasText ? str.asInt : 0 }

    /// A condition: true when above 0.
    @inline(__always)
    var isTrue: Bool { int > 0 }
}

extension apus_str {
    @inline(__always)
    init(_ text: StaticString) {
        self.init(s: UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self), len: text.utf8CodeUnitCount)
    }

    @inline(__always)
    init(_ bytes: Bytes) {
        self.init(s: UnsafeRawPointer(bytes.start).assumingMemoryBound(to: CChar.self), len: bytes.count)
    }

    /// The same text as Core's slice.
    @inline(__always)
    var bytes: Bytes {
        guard let s else { return .empty }
        return Bytes(UnsafeRawPointer(s).assumingMemoryBound(to: UInt8.self), len)
    }

    /// For cold code.
    var string: String { bytes.string }

    /// Byte for byte.
    @inline(__always)
    func equals(_ other: apus_str) -> Bool {
        len == other.len && (len == 0 || memcmp(s!, other.s!, len) == 0)
    }

    /// Kamailio's reading of a text as a number: sign and decimal digits, else 0x and hexadecimal ones, and nothing around
    /// them; anything else is 0. Numbers beyond 64 bits wrap.
    var asInt: Int64 {
        let text = bytes
        var place = 0
        var negative = false
        if let first = s.map({ UInt8(bitPattern: $0.pointee) }), len > 0, first == 0x2d || first == 0x2b {
            negative = first == 0x2d
            place = 1
        }
        guard place < text.count else { return 0 }
        var value: UInt64 = 0
        if text.count - place > 2, text[place] == 0x30, text[place + 1] | 0x20 == 0x78 {
            for index in place + 2..<text.count {
                let byte = text[index]
                let digit = byte &- 0x30 <= 9 ? byte &- 0x30 : (byte | 0x20) &- 0x61 <= 5 ? (byte | 0x20) &- 0x57 : 0xff
                guard digit <= 15 else { return 0 }
                value = value &* 16 &+ UInt64(digit)
            }
        } else {
            for index in place..<text.count {
                let digit = text[index] &- 0x30
                guard digit <= 9 else { return 0 }
                value = value &* 10 &+ UInt64(digit)
            }
        }
        let signed = Int64(bitPattern: value)
        return negative ? 0 &- signed : signed
    }
}

extension UnsafeMutablePointer<Run> {
    /// A value as text: a number is printed, null is "". Nil when the run's memory is used up.
    @inline(__always)
    func text(of value: apus_value) -> apus_str? {
        if value.hasText { return value.str }
        return value.hasInt ? print(value.num) : apus_str("")
    }

    /// The decimal digits of a number, in the arena.
    func print(_ number: Int64) -> apus_str? {
        guard let place = allocate(24) else { return nil }
        let digits = place.assumingMemoryBound(to: UInt8.self)
        var cursor = 24
        var rest = number.magnitude
        repeat {
            cursor -= 1
            digits[cursor] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest != 0
        if number < 0 {
            cursor -= 1
            digits[cursor] = 0x2d
        }
        return apus_str(s: (place + cursor).assumingMemoryBound(to: CChar.self), len: 24 - cursor)
    }

    /// Both texts, one behind the other; nil when they are too long or the run's memory is used up.
    func join(_ left: apus_str, _ right: apus_str) -> apus_str? {
        let length = left.len + right.len
        guard length <= pointee.image.pointee.limits.maxText, let place = allocate(length) else { return nil }
        if let s = left.s { memcpy(place, s, left.len) }
        if let s = right.s { memcpy(place + left.len, s, right.len) }
        return apus_str(s: place.assumingMemoryBound(to: CChar.self), len: length)
    }
}
