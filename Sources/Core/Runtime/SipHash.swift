// Invariants: reads `count` bytes of its Bytes and nothing else. `rounds` and `finish` are constants where it is inlined.

/// A secret of this process: hashes under it cannot be aimed at from outside.
struct SipKey: BitwiseCopyable {
    var k0: UInt64
    var k1: UInt64

    /// A key from the kernel's random numbers.
    static func random() -> SipKey { SipKey(k0: Syscalls.random(), k1: Syscalls.random()) }

    /// SipHash-1-3: for tables and for choosing a worker, where an attacker sees no outputs.
    @inline(__always) @_noLocks
    func hash(_ bytes: Bytes) -> UInt64 { SipKey.hash(bytes, self, rounds: 1, finish: 3) }

    /// SipHash-2-4: a short keyed tag that is sent out and checked when it comes back.
    @inline(__always) @_noLocks
    func tag(_ bytes: Bytes) -> UInt64 { SipKey.hash(bytes, self, rounds: 2, finish: 4) }

    /// Aumasson, Bernstein: SipHash, a fast short-input PRF (2012).
    @inline(__always)
    private static func hash(_ bytes: Bytes, _ key: SipKey, rounds: Int, finish: Int) -> UInt64 {
        var state = SipState(key)
        let raw = UnsafeRawPointer(bytes.start)
        let whole = bytes.count & ~7
        var i = 0
        while i < whole {
            let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: i, as: UInt64.self))
            state.v3 ^= word
            for _ in 0..<rounds { state.round() }
            state.v0 ^= word
            i &+= 8
        }
        var last = UInt64(truncatingIfNeeded: bytes.count) &<< 56
        var shift: UInt64 = 0
        while i < bytes.count {
            last |= UInt64(bytes[i]) &<< shift
            shift &+= 8
            i &+= 1
        }
        state.v3 ^= last
        for _ in 0..<rounds { state.round() }
        state.v0 ^= last
        state.v2 ^= 0xFF
        for _ in 0..<finish { state.round() }
        return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
    }
}

private struct SipState {
    var v0, v1, v2, v3: UInt64

    @inline(__always)
    init(_ key: SipKey) {
        v0 = key.k0 ^ 0x736f_6d65_7073_6575
        v1 = key.k1 ^ 0x646f_7261_6e64_6f6d
        v2 = key.k0 ^ 0x6c79_6765_6e65_7261
        v3 = key.k1 ^ 0x7465_6462_7974_6573
    }

    @inline(__always)
    mutating func round() {
        v0 = v0 &+ v1
        v2 = v2 &+ v3
        v1 = (v1 &<< 13 | v1 &>> 51) ^ v0
        v3 = (v3 &<< 16 | v3 &>> 48) ^ v2
        v0 = v0 &<< 32 | v0 &>> 32
        v2 = v2 &+ v1
        v0 = v0 &+ v3
        v1 = (v1 &<< 17 | v1 &>> 47) ^ v2
        v3 = (v3 &<< 21 | v3 &>> 43) ^ v0
        v2 = v2 &<< 32 | v2 &>> 32
    }
}

/// Numbers that need not be secret: branches, jitter, load spreading. xoshiro256++, one per worker, seeded by the kernel.
struct Random {
    private var s0, s1, s2, s3: UInt64

    init() {
        (s0, s1, s2, s3) = (Syscalls.random(), Syscalls.random(), Syscalls.random(), Syscalls.random() | 1)
    }

    /// 64 random bits.
    @inline(__always)
    mutating func next() -> UInt64 {
        let sum = s0 &+ s3
        let result = (sum &<< 23 | sum &>> 41) &+ s0
        let t = s1 &<< 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= t
        s3 = s3 &<< 45 | s3 &>> 19
        return result
    }

    /// A number below `bound`, which is not 0.
    @inline(__always)
    mutating func next(below bound: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: ((next() >> 32) &* UInt64(bound)) >> 32)
    }
}
