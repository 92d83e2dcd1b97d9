import COpenSSL
import PluginKit

// Invariants: a nonce is written and read in memory of the caller, at most `Nonce.longest` bytes.

/// A nonce of ours. It carries what there is to know about it, so that the server remembers nothing of it: base64 of
///
///     version 1 | checks 1 | algorithms 1 | 0 | issued 4 | expires 4 | number 8 | code 16 [ | binding 12 ]
///
/// in network byte order. The code authenticates what stands in front of it; the binding, which is there when `checks` are, the texts of the
/// message that the nonce was made for.
public struct Nonce {
    /// Bits of what binds it to a message: 1 Request-URI, 2 Call-ID, 4 From tag, 8 source address.
    public var checks: UInt8 = 0
    /// The algorithms that it was offered with, so that nobody answers with a weaker one: bits of `DigestAlgorithm`.
    public var algorithms: UInt8 = 0
    /// Seconds since 1970.
    public var issued: UInt32 = 0
    public var expires: UInt32 = 0
    /// Unlike those of all other nonces.
    public var number: UInt64 = 0

    /// Characters of the longest one.
    public static var longest: Int { 64 }
    private static var version: UInt8 { 1 }
    private static var factSize: Int { 20 }
    private static var codeSize: Int { 16 }
    private static var bindingSize: Int { 12 }
    private static var plainSize: Int { factSize + codeSize }
    private static var largestSize: Int { plainSize + bindingSize }

    public init() {}

    /// Whether it can be used at that time, in seconds since 1970; `drift` is how far it may come from the future.
    public func isInTime(_ now: Int64, drift: Int64) -> Bool { now < Int64(expires) && Int64(issued) <= now + drift }

    /// The texts of a message that a nonce may be bound to.
    public struct Surroundings {
        public var uri = apus_str()
        public var callID = apus_str()
        public var fromTag = apus_str()
        public var source = apus_str()

        public init() {}
    }

    /// Writes it, and answers how many characters it has; `out` has room for `longest` and a NUL.
    public func write(
        _ key: NonceKey, _ hasher: DigestHasher, for surroundings: Surroundings, to out: UnsafeMutablePointer<UInt8>
    ) -> Int {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Nonce.largestSize + NonceKey.size) { memory in
            let bytes = memory.baseAddress.unsafelyUnwrapped
            let code = bytes + Nonce.largestSize
            bytes[0] = Nonce.version
            bytes[1] = checks
            bytes[2] = algorithms
            bytes[3] = 0
            Nonce.put(UInt64(issued), 4, bytes + 4)
            Nonce.put(UInt64(expires), 4, bytes + 8)
            Nonce.put(number, 8, bytes + 12)
            key.code(hasher, into: code) { $0.add(bytes, Nonce.factSize) }
            (bytes + Nonce.factSize).update(from: code, count: Nonce.codeSize)
            var size = Nonce.plainSize
            if checks != 0 {
                bind(key, hasher, surroundings, bytes, code)
                (bytes + size).update(from: code, count: Nonce.bindingSize)
                size += Nonce.bindingSize
            }
            return Int(EVP_EncodeBlock(out, bytes, Int32(size)))
        }
    }

    /// What became of reading one.
    public enum Reading {
        /// It is not ours, or somebody has changed it.
        case foreign
        /// It is ours and was made for another message.
        case elsewhere(Nonce)
        case ours(Nonce)
    }

    public static func read(
        _ text: apus_str, _ key: NonceKey, _ hasher: DigestHasher, for surroundings: Surroundings
    ) -> Reading {
        guard text.len == 48 || text.len == 64 else { return .foreign }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: largestSize + NonceKey.size) { memory in
            let bytes = memory.baseAddress.unsafelyUnwrapped
            let code = bytes + largestSize
            let size = text.len / 4 * 3
            guard EVP_DecodeBlock(bytes, text.bytes.baseAddress, Int32(text.len)) == size, bytes[0] == version else {
                return .foreign
            }
            key.code(hasher, into: code) { $0.add(bytes, factSize) }
            guard
                apus_str(start: code, count: codeSize)
                    .equalsInConstantTime(apus_str(start: bytes + factSize, count: codeSize))
            else { return .foreign }
            var nonce = Nonce()
            nonce.checks = bytes[1]
            nonce.algorithms = bytes[2]
            nonce.issued = UInt32(truncatingIfNeeded: get(4, bytes + 4))
            nonce.expires = UInt32(truncatingIfNeeded: get(4, bytes + 8))
            nonce.number = get(8, bytes + 12)
            guard (nonce.checks == 0) == (size == plainSize) else { return .foreign }
            guard nonce.checks != 0 else { return .ours(nonce) }
            nonce.bind(key, hasher, surroundings, bytes, code)
            let isSame = apus_str(start: code, count: bindingSize)
                .equalsInConstantTime(apus_str(start: bytes + plainSize, count: bindingSize))
            return isSame ? .ours(nonce) : .elsewhere(nonce)
        }
    }

    /// The code of the texts that `checks` names, and of the nonce itself.
    private func bind(
        _ key: NonceKey, _ hasher: DigestHasher, _ texts: Surroundings, _ facts: UnsafePointer<UInt8>,
        _ code: UnsafeMutablePointer<UInt8>
    ) {
        key.code(hasher, into: code) { input in
            input.add("binding\0")
            input.add(facts, Nonce.factSize)
            // None of the texts has a NUL: they are parts of SIP messages that were parsed.
            if checks & 1 != 0 { input.add(texts.uri) }
            input.add("\0")
            if checks & 2 != 0 { input.add(texts.callID) }
            input.add("\0")
            if checks & 4 != 0 { input.add(texts.fromTag) }
            input.add("\0")
            if checks & 8 != 0 { input.add(texts.source) }
        }
    }

    private static func put(_ value: UInt64, _ count: Int, _ out: UnsafeMutablePointer<UInt8>) {
        for index in 0..<count { out[index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - index))) }
    }

    private static func get(_ count: Int, _ bytes: UnsafePointer<UInt8>) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<count { value = value << 8 | UInt64(bytes[index]) }
        return value
    }
}
