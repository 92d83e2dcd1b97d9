import COpenSSL
import PluginAPI

// Invariants: a digest is written to memory of its largest size, 64 bytes, on the stack.

/// `{s.md5}` and the other digests, as hexadecimal text; `{s.crc32}`, `{s.corehash}`.
extension Transformations {
    static func declareDigests(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.md5") { $0.onText($1, $2) { $0.digest($1, EVP_md5()) } }
        try declare.operation("s.sha1") { $0.onText($1, $2) { $0.digest($1, EVP_sha1()) } }
        try declare.operation("s.sha256") { $0.onText($1, $2) { $0.digest($1, EVP_sha256()) } }
        try declare.operation("s.sha384") { $0.onText($1, $2) { $0.digest($1, EVP_sha384()) } }
        try declare.operation("s.sha512") { $0.onText($1, $2) { $0.digest($1, EVP_sha512()) } }
        try declare.operation("s.sha3", [.int], required: 0, "[,bits]") {
            $0.onText($1, $2) { call, text in
                switch call.has(0) ? call.int(0) : 256 {
                case 224: return call.digest(text, EVP_sha3_224())
                case 256: return call.digest(text, EVP_sha3_256())
                case 384: return call.digest(text, EVP_sha3_384())
                case 512: return call.digest(text, EVP_sha3_512())
                default: return -1
                }
            }
        }
    }

    static func declareHashes(_ declare: Declaring) throws(Registry.Refusal) {
        try declare.operation("s.crc32") { $0.onText($1, $2) { $0.give($1.crc32) } }
        try declare.operation("s.corehash", [.int], required: 0, "[,size]") {
            $0.onText($1, $2) { call, text in
                var hash = text.coreHash
                if call.has(0) {
                    guard let size = call.int(0), size > 0 else { return -1 }
                    hash &= UInt32(truncatingIfNeeded: size - 1)
                }
                guard let printed = call.run.print(Int64(hash)) else { return -1 }
                return call.value.give(printed.bytes, hash)
            }
        }
    }
}

extension TransformationCall {
    fileprivate func digest(_ text: Bytes, _ kind: OpaquePointer?) -> CInt {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Int(EVP_MAX_MD_SIZE)) { memory in
            guard let digest = memory.baseAddress else { return -1 }
            var size: UInt32 = 0
            guard EVP_Digest(text.start, text.count, digest, &size, kind, nil) == 1 else { return -1 }
            return compose(2 * Int(size)) { $0.write(hex: Bytes(UnsafePointer<UInt8>(digest), Int(size))) }
        }
    }
}

extension ByteWriter {
    /// Two digits for each byte, small letters.
    mutating func write(hex bytes: Bytes) {
        let digits: StaticString = "0123456789abcdef"
        for index in 0..<bytes.count {
            write(byte: digits.utf8Start[Int(bytes[index] >> 4)])
            write(byte: digits.utf8Start[Int(bytes[index] & 15)])
        }
    }
}

extension Bytes {
    /// CRC-32 of IEEE 802.3, as zlib has it.
    var crc32: UInt32 {
        var crc: UInt32 = 0xffff_ffff
        for index in 0..<count {
            crc ^= UInt32(self[index])
            for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 0 ? 0 : 0xedb8_8320) }
        }
        return ~crc
    }

    /// The hash that scripts split traffic with: big-endian words of four bytes, each added with itself shifted, then mixed. Its values are
    /// part of configs, so it must not change.
    var coreHash: UInt32 { coreHash(with: .empty) }

    /// The same of two texts, which is not that of both put together.
    func coreHash(with second: Bytes) -> UInt32 {
        let hash = second.isEmpty ? sum : sum &+ second.sum
        return (hash &+ hash >> 11) &+ (hash >> 13 &+ hash >> 23)
    }

    private var sum: UInt32 {
        var hash: UInt32 = 0
        var index = 0
        while index + 4 <= count {
            var word: UInt32 = 0
            for offset in 0..<4 { word = word << 8 | UInt32(self[index + offset]) }
            hash = hash &+ (word ^ word >> 3)
            index += 4
        }
        var rest: UInt32 = 0
        while index < count {
            rest = rest << 8 &+ UInt32(self[index])
            index += 1
        }
        return hash &+ (rest ^ rest >> 3)
    }
}
