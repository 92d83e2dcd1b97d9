import Bencode
import Glibc
import PluginKit

// Invariants: as Exchange and WorkerState. A stream belongs to its exchange, which closes it when it leaves the worker's table.

extension UnsafeMutablePointer<WorkerState> {
    /// A connection for this command alone: without a cookie nothing else tells what an answer belongs to.
    func openStream(_ exchange: ExchangeRef, to peer: PeerRef) {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = Glibc.socket(Int32(AF_UNIX), type, 0)
        guard descriptor >= 0 else { return fail(peer, .unreachable) }
        guard peer.connect(descriptor) == 0 else {
            let isFull = errno == EAGAIN
            close(descriptor)
            // There will be room in its queue when the timer fires.
            return isFull ? () : fail(peer, .unreachable)
        }
        exchange.pointee.stream.descriptor = descriptor
        let watch = host.pointee.loop.pointee.watch(
            host, descriptor, UInt32(APUS_READABLE | APUS_WRITABLE),
            { host, _, events, user in
                guard let user else { return }
                host.media?.streamReady(user.assumingMemoryBound(to: Exchange.self), events)
            }, exchange)
        guard watch != 0 else { return finish(exchange, .silent) }
        exchange.pointee.stream.watch = watch
    }

    @_noLocks private func streamReady(_ exchange: ExchangeRef, _ events: UInt32) {
        if events & UInt32(APUS_WRITABLE) != 0, !writeStream(exchange) { return }
        if events & UInt32(APUS_READABLE | APUS_HUNG_UP) != 0 { readStream(exchange) }
    }

    /// - Returns: false when the exchange is over.
    private func writeStream(_ exchange: ExchangeRef) -> Bool {
        let message = exchange.pointee.message
        while exchange.pointee.stream.written < message.len {
            let written = exchange.pointee.stream.written
            let (count, fault) = unchecked {
                let count = Glibc.send(
                    exchange.pointee.stream.descriptor, message.s.map { $0 + written }, message.len - written,
                    Int32(MSG_NOSIGNAL))
                return (count, count < 0 ? errno : 0)
            }
            if count > 0 {
                exchange.pointee.stream.written += count
            } else if fault == EAGAIN || fault == EINTR {
                return true
            } else {
                finish(exchange, .broken)
                return false
            }
        }
        unchecked { _ = host.pointee.loop.pointee.change(host, exchange.pointee.stream.watch, UInt32(APUS_READABLE)) }
        return true
    }

    private func readStream(_ exchange: ExchangeRef) {
        while true {
            guard exchange.reserveInput(host) else { return finish(exchange, .broken) }
            let stream = exchange.pointee.stream
            let (count, fault) = unchecked {
                let count = recv(
                    stream.descriptor, stream.input.unsafelyUnwrapped + stream.count, stream.capacity - stream.count, 0)
                return (count, count < 0 ? errno : 0)
            }
            if fault == EINTR { continue }
            if fault == EAGAIN { return }
            // It ends in the middle.
            guard count > 0 else { return finish(exchange, .broken) }
            exchange.pointee.stream.count += count
            let bytes = UnsafeRawBufferPointer(start: stream.input, count: stream.count + count)
            switch Bencode.scan(bytes) {
            case .unfinished: continue
            case .broken: return finish(exchange, .broken)
            case .whole(let length):
                // The exchange's memory ends with it: the answer is read from the worker's.
                pointee.input.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<length]))
                return settle(exchange, UnsafeRawBufferPointer(rebasing: pointee.input[..<length]))
            }
        }
    }
}

extension UnsafeMutablePointer<Exchange> {
    /// Room for more of an answer; false when it has grown too long.
    fileprivate func reserveInput(_ host: Host) -> Bool {
        let stream = pointee.stream
        guard stream.count == stream.capacity else { return true }
        guard stream.capacity < WorkerState.longest else { return false }
        let capacity = stream.capacity == 0 ? 4096 : min(stream.capacity * 4, WorkerState.longest)
        guard let raw = host.allocate(capacity) else { return false }
        if let old = stream.input {
            raw.copyMemory(from: old, byteCount: stream.count)
            host.release(old)
        }
        pointee.stream.input = raw.assumingMemoryBound(to: UInt8.self)
        pointee.stream.capacity = capacity
        return true
    }

    func closeStream(_ host: Host) {
        let stream = pointee.stream
        pointee.stream = Exchange.Stream()
        if stream.watch != 0 { unchecked { _ = host.pointee.loop.pointee.unwatch(host, stream.watch) } }
        if stream.descriptor >= 0 { unchecked { _ = close(stream.descriptor) } }
        if let input = stream.input { host.release(input) }
    }
}
