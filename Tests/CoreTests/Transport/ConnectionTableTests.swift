import Testing

@testable import Core

/// Which of several connections to one peer a worker sends over.
@Suite struct ConnectionTableTests {
    private let peer = SocketAddress(v4: 0x7f00_0001, port: 5070)
    private let first = listener(5060)
    private let second = listener(5062)

    private static func listener(_ port: UInt16) -> Listener {
        let address = SocketAddress(v4: 0x7f00_0001, port: port)
        return Listener(.init(proto: .tcp, address: address, fd: -1), index: 0, table: TCP.table)
    }

    /// Links connections one after the other, and looks which of them the workers take.
    private func choices(
        _ connections: [(worker: Int, listener: Listener, isOutgoing: Bool)], only: Bool = false, of workers: [Int]
    ) -> [Int?] {
        let table = ConnectionTable(connections: 64)
        let entries = connections.enumerated().map { place, connection in
            let entry = UnsafeMutablePointer<ConnectionEntry>.allocate(capacity: 1)
            entry.initialize(
                to: ConnectionEntry(
                    id: ConnectionID(worker: connection.worker, place: place, use: 1), listener: connection.listener,
                    address: peer, remote: peer, local: first.address, isOutgoing: connection.isOutgoing,
                    isAlias: false, phase: .open, now: 0))
            table.link(entry)
            return entry
        }
        defer {
            for entry in entries {
                table.unlink(entry)
                entry.deinitialize(count: 1)
                entry.deallocate()
            }
        }
        return workers.map { table.find(peer, first, only: only, worker: $0)?.place }
    }

    @Test func aWorkerStaysWithItsOwn() {
        #expect(choices([(0, first, true), (1, first, true), (2, first, true)], of: [0, 1, 2]) == [0, 1, 2])
        #expect(choices([(0, first, true), (0, first, true)], of: [0]) == [1])
    }

    /// Of those that were opened at once: one that is linked a moment later changes nothing for who uses the first.
    @Test func whoHasNoneStaysWithTheFirst() {
        #expect(choices([(0, first, true)], of: [3]) == [0])
        #expect(choices([(0, first, true), (1, first, true)], of: [3]) == [0])
    }

    @Test func whatThePeerHasOpenedLastIsTheLikeliestToLive() {
        #expect(choices([(0, first, true), (1, first, false), (2, first, false)], of: [3]) == [2])
    }

    @Test func theListenerComesFirst() {
        #expect(choices([(0, first, true), (1, second, true)], of: [1]) == [0])
        #expect(choices([(1, second, true)], of: [1]) == [0])
        #expect(choices([(1, second, true)], only: true, of: [1]) == [nil])
        #expect(choices([], of: [0]) == [nil])
    }
}
