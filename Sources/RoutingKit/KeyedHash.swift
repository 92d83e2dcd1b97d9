import PluginKit

// Invariants: reads the bytes of its text and nothing else.

/// SipHash-1-3 (Aumasson, Bernstein: a fast short-input PRF, 2012) under a secret of its own: peers choose branch parameters, Call-IDs
/// and addresses of record, and must not be able to choose buckets.
@frozen public struct KeyedHash: Sendable {
    @usableFromInline let k0: UInt64
    @usableFromInline let k1: UInt64

    public init() {
        var random = SystemRandomNumberGenerator()
        (k0, k1) = (random.next(), random.next())
    }

    /// Of the text and a number beside it. Never 0.
    @inlinable @inline(__always)
    public func callAsFunction(_ text: apus_str, _ number: UInt64 = 0) -> UInt64 {
        var state = Rounds(k0 ^ number, k1)
        let bytes = text.bytes
        let whole = bytes.count & ~7
        var index = 0
        if let raw = UnsafeRawPointer(text.s) {
            while index < whole {
                state.absorb(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self)))
                index &+= 8
            }
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) &<< 56
        var shift: UInt64 = 0
        while index < bytes.count {
            last |= UInt64(bytes[index]) &<< shift
            shift &+= 8
            index &+= 1
        }
        state.absorb(last)
        return max(1, state.finish())
    }

    @usableFromInline @frozen
    struct Rounds {
        @usableFromInline var v0, v1, v2, v3: UInt64

        @inlinable @inline(__always)
        init(_ k0: UInt64, _ k1: UInt64) {
            v0 = k0 ^ 0x736f_6d65_7073_6575
            v1 = k1 ^ 0x646f_7261_6e64_6f6d
            v2 = k0 ^ 0x6c79_6765_6e65_7261
            v3 = k1 ^ 0x7465_6462_7974_6573
        }

        @inlinable @inline(__always)
        mutating func absorb(_ word: UInt64) {
            v3 ^= word
            round()
            v0 ^= word
        }

        @inlinable @inline(__always)
        mutating func finish() -> UInt64 {
            v2 ^= 0xff
            round()
            round()
            round()
            return v0 ^ v1 ^ v2 ^ v3
        }

        @inlinable @inline(__always)
        mutating func round() {
            v0 &+= v1
            v1 = v1 &<< 13 | v1 &>> 51
            v1 ^= v0
            v0 = v0 &<< 32 | v0 &>> 32
            v2 &+= v3
            v3 = v3 &<< 16 | v3 &>> 48
            v3 ^= v2
            v0 &+= v3
            v3 = v3 &<< 21 | v3 &>> 43
            v3 ^= v0
            v2 &+= v1
            v1 = v1 &<< 17 | v1 &>> 47
            v1 ^= v2
            v2 = v2 &<< 32 | v2 &>> 32
        }
    }
}
