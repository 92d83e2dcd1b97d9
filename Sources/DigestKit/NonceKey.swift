import PluginKit

// Invariants: the two blocks are 64 bytes each, made once and never freed; they are only read afterwards.

/// The key of the nonces' authentication code, HMAC with SHA-256 (RFC 2104), in the form in which it goes into the hash.
public struct NonceKey: @unchecked Sendable {
    private static var blockSize: Int { 64 }
    /// Bytes of a code.
    public static var size: Int { 32 }

    private let inner: UnsafeMutablePointer<UInt8>
    private let outer: UnsafeMutablePointer<UInt8>

    /// Takes memory for good.
    public init(_ secret: apus_str, _ hasher: DigestHasher) {
        inner = .allocate(capacity: NonceKey.blockSize)
        outer = .allocate(capacity: NonceKey.blockSize)
        inner.initialize(repeating: 0, count: NonceKey.blockSize)
        if secret.len > NonceKey.blockSize {
            hasher.hash(.sha256, into: inner) { $0.add(secret) }
        } else {
            for (index, byte) in secret.bytes.enumerated() { inner[index] = byte }
        }
        for index in 0..<NonceKey.blockSize {
            outer.advanced(by: index).initialize(to: inner[index] ^ 0x5c)
            inner[index] ^= 0x36
        }
    }

    /// The code of what `feed` adds: 32 bytes.
    @inline(__always)
    public func code(
        _ hasher: DigestHasher, into out: UnsafeMutablePointer<UInt8>, _ feed: (borrowing DigestInput) -> Void
    ) {
        hasher.hash(.sha256, into: out) { input in
            input.add(inner, NonceKey.blockSize)
            feed(input)
        }
        hasher.hash(.sha256, into: out) { input in
            input.add(outer, NonceKey.blockSize)
            input.add(out, NonceKey.size)
        }
    }
}
