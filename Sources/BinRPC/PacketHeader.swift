/// The head of a binrpc packet. After it come `bodySize` bytes of records.
///
///     1010 0001   0xA and the version, 1
///     kkkk llcc   kind; size of the length, and of the cookie, less one
///     length      ll + 1 bytes, most significant first
///     cookie      cc + 1 bytes: what the reply repeats
public struct PacketHeader: Equatable, Sendable {
    public enum Kind: UInt8, Sendable {
        /// The command's name, a text, then its arguments.
        case request = 0
        /// The values of the answer.
        case reply = 1
        /// A code, an int, and a text.
        case fault = 3
    }

    public var kind: Kind
    public var cookie: UInt32
    /// Bytes of the records behind the header.
    public var bodySize: Int

    /// More bytes than any header has.
    public static let maxSize = 10
    static let magic: UInt8 = 0xA1

    public init(kind: Kind, cookie: UInt32, bodySize: Int) {
        self.kind = kind
        self.cookie = cookie
        self.bodySize = bodySize
    }

    /// Reads the header at the beginning of bytes.
    /// - Returns: nil while bytes are missing; else the header and its size, where the body begins.
    /// - Throws: when these bytes, whatever follows, are no header: the stream cannot be followed any more.
    public static func read(_ bytes: some RandomAccessCollection<UInt8>) throws(ReadFault) -> (PacketHeader, size: Int)?
    {
        var rest = bytes[...]
        guard let first = rest.popFirst() else { return nil }
        guard first == magic else { throw first >> 4 == magic >> 4 ? .otherVersion(first & 15) : .notBinRPC }
        guard let second = rest.popFirst() else { return nil }
        guard let kind = Kind(rawValue: second >> 4) else { throw .unknownKind(second >> 4) }
        let lengthSize = Int(second >> 2 & 3) + 1
        let cookieSize = Int(second & 3) + 1
        guard rest.count >= lengthSize + cookieSize else { return nil }
        let length = rest.prefix(lengthSize).reduce(0) { $0 << 8 | Int($1) }
        let cookie = rest.dropFirst(lengthSize).prefix(cookieSize).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        return (PacketHeader(kind: kind, cookie: cookie, bodySize: length), 2 + lengthSize + cookieSize)
    }

    /// The header as it is sent. Precondition: `bodySize` has 32 bits.
    public var bytes: [UInt8] {
        let length = PacketHeader.digits(UInt32(bodySize))
        let cookie = PacketHeader.digits(cookie)
        let sizes = UInt8(length.count - 1) << 2 | UInt8(cookie.count - 1)
        return [PacketHeader.magic, kind.rawValue << 4 | sizes] + length + cookie
    }

    /// Without leading zeros, but at least one byte.
    private static func digits(_ number: UInt32) -> [UInt8] {
        let all = [UInt8(number >> 24), UInt8(number >> 16 & 255), UInt8(number >> 8 & 255), UInt8(number & 255)]
        return Array(all.drop { $0 == 0 }.isEmpty ? all.suffix(1) : all.drop { $0 == 0 })
    }
}
