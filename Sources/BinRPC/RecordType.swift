/// The types of records. A record begins with a byte `e sss tttt`: t is the type; s the size of the value, or, with e, of the length that
/// stands before it. A map or array begins with s 0, and ends with e and s 0.
enum RecordType: UInt8 {
    /// Two's complement, most significant byte first: 4 and 8 bytes have a sign, fewer than these do not. 0 has no bytes at all.
    case int = 0
    /// Ends with a zero byte.
    case text = 1
    /// An int: thousandths.
    case double = 2
    case map = 3
    case array = 4
    /// The name of a map's next value; form of a text.
    case name = 5
    case bytes = 6

    static let endBit: UInt8 = 0x80
}
