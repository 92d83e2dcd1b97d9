import COpenSSL
import PluginKit

// Invariants: a Hasher belongs to one thread; its contexts live as long as that. An update or final step of a context that was made can only fail for
// want of an initialisation, which `hash` does first.

/// The hash functions, ready to be used: a context of OpenSSL's for each. OpenSSL 3.0 takes some 100 bytes from malloc for each hash all the same.
public struct DigestHasher {
    private let md5: OpaquePointer
    private let sha256: OpaquePointer
    private let sha512t256: OpaquePointer
    private let sha512: OpaquePointer

    /// Takes memory, for good; nil when OpenSSL does not offer one of the functions.
    public init?() {
        guard let md5 = DigestHasher.context(.md5), let sha256 = DigestHasher.context(.sha256),
            let sha512t256 = DigestHasher.context(.sha512t256), let sha512 = DigestHasher.context(.sha512)
        else { return nil }
        (self.md5, self.sha256, self.sha512t256, self.sha512) = (md5, sha256, sha512t256, sha512)
    }

    private static func context(_ algorithm: DigestAlgorithm) -> OpaquePointer? {
        // Fetched once: EVP_md5() and its kin would be looked up at each use.
        let type = algorithm.fetchName.withUTF8Buffer { name in
            EVP_MD_fetch(
                nil, UnsafeRawPointer(name.baseAddress.unsafelyUnwrapped).assumingMemoryBound(to: CChar.self), nil)
        }
        guard let type, let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, type, nil) == 1 else { return nil }
        return context
    }

    /// The hash of what `feed` adds; `out` has room for `algorithm.size` bytes.
    @inline(__always)
    public func hash(
        _ algorithm: DigestAlgorithm, into out: UnsafeMutablePointer<UInt8>, _ feed: (borrowing DigestInput) -> Void
    ) {
        let context = self[algorithm]
        // The type that the context has: nothing is looked up.
        EVP_DigestInit_ex(context, nil, nil)
        feed(DigestInput(context: context))
        EVP_DigestFinal_ex(context, out, nil)
    }

    /// The same in lower-case hexadecimal digits: `algorithm.digits` of them.
    @inline(__always)
    public func hexHash(
        _ algorithm: DigestAlgorithm, into out: UnsafeMutablePointer<UInt8>, _ feed: (borrowing DigestInput) -> Void
    ) {
        hash(algorithm, into: out, feed)
        // In place, from the end.
        var index = algorithm.size
        while index > 0 {
            index &-= 1
            let byte = out[index]
            out[2 &* index] = DigestHasher.digit(byte >> 4)
            out[2 &* index &+ 1] = DigestHasher.digit(byte & 15)
        }
    }

    private subscript(_ algorithm: DigestAlgorithm) -> OpaquePointer {
        switch algorithm {
        case .md5: md5
        case .sha256: sha256
        case .sha512t256: sha512t256
        case .sha512: sha512
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x57 &+ value }
}

/// Takes what is hashed, piece by piece.
public struct DigestInput: ~Copyable {
    let context: OpaquePointer

    @inline(__always)
    public func add(_ text: apus_str) { if text.len > 0 { EVP_DigestUpdate(context, text.s, text.len) } }

    @inline(__always)
    public func add(_ bytes: UnsafePointer<UInt8>, _ count: Int) { EVP_DigestUpdate(context, bytes, count) }
}

extension apus_str {
    /// Byte for byte, in a time that depends on the lengths only.
    public func equalsInConstantTime(_ other: apus_str) -> Bool {
        guard len == other.len else { return false }
        return len == 0 || CRYPTO_memcmp(s, other.s, len) == 0
    }
}
