import Glibc
import Synchronization
import Testing

@testable import Core

@Suite struct OffloadPoolTests {
    /// Counts what was done; each piece frees itself.
    private struct Piece {
        var node: OffloadNode
        let done: UnsafeMutablePointer<Atomic<Int>>
        /// What it waits for; nil: nothing.
        let gate: UnsafeMutablePointer<sem_t>?
    }

    private static func post(
        _ pool: OffloadPool, _ done: UnsafeMutablePointer<Atomic<Int>>, gate: UnsafeMutablePointer<sem_t>? = nil
    ) -> OffloadPool.Answer {
        let piece = UnsafeMutablePointer<Piece>.allocate(capacity: 1)
        piece.initialize(
            to: Piece(
                node: OffloadNode { raw in
                    let piece = raw.assumingMemoryBound(to: Piece.self)
                    if let gate = piece.pointee.gate { sem_wait(gate) }
                    piece.pointee.done.pointee.add(1, ordering: .relaxed)
                    piece.deallocate()
                }, done: done, gate: gate))
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
        let gate = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        sem_init(gate, 0, 0)
        defer {
            sem_destroy(gate)
            gate.deallocate()
        }
        var taken = 0
        var answers: Set<OffloadPool.Answer> = []
        for _ in 0..<200 {
            let answer = OffloadPoolTests.post(pool, done, gate: gate)
            answers.insert(answer)
            if answer == .taken { taken += 1 }
        }
        // One is under way, two wait; the thread may not have begun yet.
        #expect(answers == [.taken, .busy] && 2...3 ~= taken)
        for _ in 0..<taken { sem_post(gate) }
        pool.close()
        #expect(done.pointee.load(ordering: .relaxed) == taken)
        done.deallocate()
    }
}
