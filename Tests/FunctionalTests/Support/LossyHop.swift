import Glibc
import Synchronization

/// Moves datagrams between a peer and whoever sends to it, and loses the first copy of each: what is not repeated never arrives.
///
/// Invariants: the sockets are open until the thread, which keeps the object alive, has ended.
final class LossyHop: Sendable {
    private let front: DatagramSocket
    private let back: DatagramSocket
    private let peer: Address
    private let isOver = Atomic(false)
    private let lost = Atomic(0)

    /// Where to send what is meant for the peer.
    var address: Address { front.address }
    /// How many were lost so far.
    var lostCount: Int { lost.load(ordering: .relaxed) }

    init(to peer: Address) throws {
        front = try DatagramSocket()
        back = try DatagramSocket()
        self.peer = peer
        startThread { self.work() }
    }

    /// Nothing is moved any more.
    func stop() { isOver.store(true, ordering: .relaxed) }

    private func work() {
        var seen: Set<[UInt8]> = []
        var sender: Address?
        while !isOver.load(ordering: .relaxed) {
            var polls = [front, back].map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
            guard poll(&polls, 2, 50) > 0 else { continue }
            while let (bytes, from) = front.receiveFrom() {
                sender = from
                if isSecond(bytes, &seen) { back.send(bytes, to: peer) }
            }
            while let (bytes, _) = back.receiveFrom() {
                if let sender, isSecond(bytes, &seen) { front.send(bytes, to: sender) }
            }
        }
    }

    private func isSecond(_ bytes: [UInt8], _ seen: inout Set<[UInt8]>) -> Bool {
        if !seen.insert(bytes).inserted { return true }
        lost.add(1, ordering: .relaxed)
        return false
    }
}
