import Bencode
import Glibc
import PluginKit

// Invariants: as Exchange and WorkerState. Bytes of an answer are read before the next ones are: nothing keeps them.

extension UnsafeMutablePointer<WorkerState> {
    /// Datagrams, or news of the network, from a proxy.
    @_noLocks func readable(_ number: Int) {
        // Other sockets want their turn, too.
        for _ in 0..<64 {
            let buffer = pointee.input
            let (count, fault) = unchecked {
                let count = recv(pointee.sockets[number].descriptor, buffer.baseAddress, buffer.count, 0)
                return (count, count < 0 ? errno : 0)
            }
            if count >= 0 {
                take(UnsafeRawBufferPointer(rebasing: buffer[..<count]), from: number)
                continue
            }
            switch fault {
            case EINTR: continue
            case EAGAIN: return
            default: return unchecked { fail(state.pointee.shared.pointee.peers[number], .unreachable) }
            }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer, from number: Int) {
        guard let blank = bytes.firstIndex(of: UInt8(ascii: " ")),
            let sequence = sequence(UnsafeRawBufferPointer(rebasing: bytes[..<blank])),
            let exchange = pointee.find(sequence), Int(exchange.pointee.peer) == number
        else { return host.count(state.pointee.counters.strange) }
        settle(exchange, UnsafeRawBufferPointer(rebasing: bytes[(blank + 1)...]))
    }

    /// The number in a cookie of ours; nil when it is not ours.
    private func sequence(_ cookie: UnsafeRawBufferPointer) -> UInt64? {
        var text = apus_str(start: cookie.baseAddress?.assumingMemoryBound(to: UInt8.self), count: cookie.count)
        return unchecked {
            guard let process = text.next(UInt8(ascii: "_"))?.number, process == Int64(state.pointee.process),
                let worker = text.next(UInt8(ascii: "_"))?.number, worker == Int64(pointee.index),
                let sequence = text.number, sequence > 0
            else { return nil }
            return UInt64(sequence)
        }
    }

    /// An answer to an exchange came.
    @_noLocks func settle(_ exchange: ExchangeRef, _ answer: UnsafeRawBufferPointer) {
        let peer = state.pointee.shared.pointee.peers[Int(exchange.pointee.peer)]
        guard let value = Bencode.read(answer), let result = value["result"]?.text else {
            return finish(exchange, .broken, answer)
        }
        pointee.sockets[peer.pointee.number].heard &+= 1
        if isNoRoom(value, result) {
            if exchange.pointee.purpose == .script { return moveOn(exchange) }
            return finish(exchange, .refused, answer)
        }
        let isPong = result.equals("pong")
        let isOK = result.equals("ok")
        switch exchange.pointee.purpose {
        case .ping, .report:
            if isPong { heard(peer) }
            finish(exchange, isPong ? .answered : .broken, answer)
        case .script, .deletion:
            if isOK || result.equals("error") { heard(peer) }
            finish(exchange, isOK ? .answered : result.equals("error") ? .refused : .broken, answer)
        }
    }

    /// The proxy has all the calls that it can have: another one may have room.
    private func isNoRoom(_ value: BencodedValue, _ result: UnsafeRawBufferPointer) -> Bool {
        if result.equals("load limit") { return true }
        guard result.equals("error"), let reason = value["error-reason"]?.text else { return false }
        return reason.equals("Parallel session limit reached") || reason.equals("Ran out of ports")
    }
}

extension UnsafeRawBufferPointer {
    func equals(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: count))
    }

    var text: apus_str { apus_str(start: baseAddress?.assumingMemoryBound(to: UInt8.self), count: count) }
}
