import Testing

@testable import Core

private func take(_ slab: inout Slab, _ size: Int) throws -> UnsafeMutableRawPointer {
    let piece = slab.allocate(size)
    return try #require(piece)
}

@Suite struct SlabTests {
    @Test func everySizeFitsItsClass() {
        var index = -1
        for size in 0...Slab.largest {
            let found = Slab.sizeClass(size)
            #expect(found == index || found == index + 1)
            index = found
            if Slab.size(ofClass: found) < size + 16 || (found > 0 && Slab.size(ofClass: found - 1) >= size + 16) {
                Issue.record("class \(found) for \(size)")
                return
            }
        }
        #expect(index == Slab.classes - 1)
    }

    @Test func piecesAreApartAlignedAndReused() throws {
        var slab = Slab(owner: 3)
        defer { slab.end() }
        var random = Random()
        var pieces: [(start: UnsafeMutableRawPointer, size: Int, mark: UInt8)] = []
        for round in 0..<20_000 {
            if pieces.count < 200 || random.next(below: 2) == 0 {
                let size = Int(random.next(below: round % 50 == 0 ? 70_000 : 900))
                let start = try take(&slab, size)
                #expect(UInt(bitPattern: start) % 16 == 0)
                let mark = UInt8(truncatingIfNeeded: round)
                start.initializeMemory(as: UInt8.self, repeating: mark, count: size)
                pieces.append((start, size, mark))
            } else {
                let piece = pieces.remove(at: Int(random.next(below: UInt32(pieces.count))))
                let bytes = UnsafeRawBufferPointer(start: piece.start, count: piece.size)
                #expect(bytes.allSatisfy { $0 == piece.mark })
                #expect(Slab.owner(of: piece.start) == 3)
                slab.free(piece.start)
            }
        }
        #expect(slab.inUse == pieces.count)
        for piece in pieces { slab.free(piece.start) }
        #expect(slab.inUse == 0)
        let reserved = slab.reserved
        for _ in 0..<1000 { slab.free(try take(&slab, 500)) }
        #expect(slab.reserved == reserved)
    }

    @Test func failsAtTheLimitTheLargestAndOnDemand() throws {
        var slab = Slab(limit: 65_536 * 2)
        defer { slab.end() }
        do {
            let piece = slab.allocate(Slab.largest + 1)
            #expect(piece == nil)
        }
        do {
            let piece = slab.allocate(-1)
            #expect(piece == nil)
        }
        do {
            let piece = slab.allocate(Slab.largest)
            #expect(piece != nil)
        }
        do {
            let piece = slab.allocate(10)
            #expect(piece == nil)
        }
        var other = Slab()
        defer { other.end() }
        other.failing = other.count + 2
        do {
            let piece = other.allocate(10)
            #expect(piece != nil)
        }
        do {
            let piece = other.allocate(10)
            #expect(piece == nil)
        }
        do {
            let piece = other.allocate(10)
            #expect(piece != nil)
        }
    }

    @Test func countsByClass() throws {
        var slab = Slab()
        defer { slab.end() }
        let a = try take(&slab, 100)
        _ = try take(&slab, 100)
        slab.free(a)
        let usage = slab.usage(ofClass: Slab.sizeClass(100))
        #expect(usage.size == 128 && usage.inUse == 1 && usage.peak == 2 && usage.taken == 2)
    }
}

@Suite struct SipHashTests {
    private let key = SipKey(k0: 0x0706_0504_0302_0100, k1: 0x0F0E_0D0C_0B0A_0908)

    private func input(_ count: Int) -> [UInt8] { (0..<count).map { UInt8($0) } }

    /// The vector of the paper's appendix, and the first ones of the reference implementation.
    @Test(
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5),
        ] as [(Int, UInt64)])
    func isSipHash24(count: Int, expected: UInt64) {
        let bytes = input(count)
        bytes.withUnsafeBufferPointer { buffer in
            let start = buffer.baseAddress ?? Bytes.empty.start
            #expect(key.tag(Bytes(start, count)) == expected)
        }
    }

    @Test func isSipHash13() {
        #expect(key.hash(.empty) == 0xabac_0158_050f_c4dc)
    }

    @Test func spreads() {
        let key = SipKey.random()
        var counts = [Int](repeating: 0, count: 8)
        for i in 0..<8000 {
            var text = "call-\(i)@192.0.2.1"
            text.withUTF8 { counts[Int(key.hash(Bytes($0.baseAddress!, $0.count)) % 8)] += 1 }
        }
        #expect(counts.allSatisfy { $0 > 800 && $0 < 1200 })
    }
}

@Suite struct RandomTests {
    @Test func coversItsRange() {
        var random = Random()
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 { counts[Int(random.next(below: 10))] += 1 }
        #expect(counts.allSatisfy { $0 > 800 && $0 < 1200 })
    }
}
