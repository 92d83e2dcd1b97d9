/// A set of ASCII bytes as two words of bits; bytes from 0x80 on are in none. The constants are written out, since hot code may
/// not run an initialiser; a unit test compares each with the characters that its grammar rule lists.
struct ByteSet {
    let low: UInt64
    let high: UInt64

    @inline(__always)
    init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let word = byte < 64 ? low : high
        return byte < 128 && (word &>> UInt64(byte & 63)) & 1 != 0
    }

    /// RFC 3261 `token`.
    @inline(__always)
    static var token: ByteSet { ByteSet(low: 0x03ff_6ca2_0000_0000, high: 0x47ff_ffff_87ff_fffe) }

    /// The white space of `LWS`; CR and LF occur inside values only where a line is folded.
    @inline(__always)
    static var space: ByteSet { ByteSet(low: 0x0000_0001_0000_2600, high: 0x0000_0000_0000_0000) }

    /// RFC 3261 `unreserved`.
    @inline(__always)
    static var unreserved: ByteSet { ByteSet(low: 0x03ff_6782_0000_0000, high: 0x47ff_fffe_87ff_fffe) }

    /// RFC 3261 `user`, with `%` for the escapes.
    @inline(__always)
    static var user: ByteSet { ByteSet(low: 0xabff_fff2_0000_0000, high: 0x47ff_fffe_87ff_fffe) }

    /// RFC 3261 `password`, with `%` for the escapes.
    @inline(__always)
    static var password: ByteSet { ByteSet(low: 0x23ff_7ff2_0000_0000, high: 0x47ff_fffe_87ff_fffe) }

    /// A host name or IPv4 address: RFC 3261 `host` without IPv6 references, with the underscore that names in the field have.
    @inline(__always)
    static var host: ByteSet { ByteSet(low: 0x03ff_6000_0000_0000, high: 0x07ff_fffe_87ff_fffe) }

    /// What stands between the brackets of an IPv6 reference.
    @inline(__always)
    static var ipv6: ByteSet { ByteSet(low: 0x07ff_4000_0000_0000, high: 0x0000_007e_0000_007e) }

    /// RFC 3986 `scheme`, behind its first letter.
    @inline(__always)
    static var scheme: ByteSet { ByteSet(low: 0x03ff_6800_0000_0000, high: 0x07ff_fffe_07ff_fffe) }

    /// RFC 3261 `reserved`.
    @inline(__always)
    static var reserved: ByteSet { ByteSet(low: 0xac00_9850_0000_0000, high: 0x0000_0000_0000_0001) }

    /// RFC 3966 `global-number` and `local-number`.
    @inline(__always)
    static var telephone: ByteSet { ByteSet(low: 0x03ff_6f08_0000_0000, high: 0x0000_007e_0000_007e) }

    /// RFC 3966 `visual-separator`.
    @inline(__always)
    static var separator: ByteSet { ByteSet(low: 0x0000_6300_0000_0000, high: 0x0000_0000_0000_0000) }

    /// RFC 3966: of these a number has at least one.
    @inline(__always)
    static var hexOrSign: ByteSet { ByteSet(low: 0x03ff_0408_0000_0000, high: 0x0000_007e_0000_007e) }

    /// Decimal digits.
    @inline(__always)
    static var digit: ByteSet { ByteSet(low: 0x03ff_0000_0000_0000, high: 0x0000_0000_0000_0000) }
}
