import Glibc
import Synchronization
import Testing

@testable import Core

@Suite struct OffloadPoolTests {
    /// Counts what was done; each piece frees itself.
    private struct Piece {
        var node: OffloadNode
        let done: UnsafeMutablePointer<Atomic<Int>>
    }

    private static func post(_ pool: OffloadPool, _ done: UnsafeMutablePointer<Atomic<Int>>) -> OffloadPool.Answer {
        let piece = UnsafeMutablePointer<Piece>.allocate(capacity: 1)
        piece.initialize(
            to: Piece(
                node: OffloadNode { raw in
                    let piece = raw.assumingMemoryBound(to: Piece.self)
                    usleep(100)
                    piece.pointee.done.pointee.add(1, ordering: .relaxed)
                    piece.deallocate()
                }, done: done))
        let answer = pool.post(
            UnsafeMutableRawPointer(piece).assumingMemoryBound(to: OffloadNode.self))
        if answer != .taken { piece.deallocate() }
        return answer
    }

    private static func counter() -> UnsafeMutablePointer<Atomic<Int>> {
        let place = UnsafeMutablePointer<Atomic<Int>>.allocate(capacity: 1)
        place.initialize(to: Atomic(0))
        return place
    }

    @Test func allThatWasTakenIsDoneBeforeTheEnd() {
        let pool = OffloadPool(limit: 3)
        let done = OffloadPoolTests.counter()
        for _ in 0..<500 { #expect(OffloadPoolTests.post(pool, done) == .taken) }
        pool.close()
        #expect(done.pointee.load(ordering: .relaxed) == 500)
        #expect(OffloadPoolTests.post(pool, done) == .closed)
        done.deallocate()
    }

    @Test func theQueueIsBounded() {
        let pool = OffloadPool(limit: 1, bound: 2)
        let done = OffloadPoolTests.counter()
        var taken = 0
        var answers: Set<OffloadPool.Answer> = []
        for _ in 0..<200 {
            let answer = OffloadPoolTests.post(pool, done)
            answers.insert(answer)
            if answer == .taken { taken += 1 }
        }
        pool.close()
        #expect(answers == [.taken, .busy])
        #expect(done.pointee.load(ordering: .relaxed) == taken)
        done.deallocate()
    }
}
