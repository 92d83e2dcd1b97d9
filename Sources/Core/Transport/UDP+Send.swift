import CLinux
import Glibc

// Invariants: an entry of the queue is one piece of the worker's slab: an Unsent followed by its bytes.

/// A datagram that waits for room in its socket's buffer.
private struct Unsent {
    var node: MailNode
    var flow: Flow
    var count: Int
}

/// Datagrams that the kernel did not take at once, oldest first. Bounded: SIP repeats what is lost, a server that hoards it
/// only sends it too late.
struct SendQueue {
    static let longest = 512

    fileprivate var list = MailList()

    var isEmpty: Bool { list.isEmpty }
    var count: Int { list.count }
}

// One sendto per datagram, at once: measured against sendmmsg over a turn's datagrams, the batch saves nothing (3 µs each
// either way, nearly all of it the kernel's own work), and the sender would learn of a failure too late to act on it.

extension UDP {
    static let sendOver:
        @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, UnsafePointer<UInt8>, Int) -> Int32 = {
            raw, flow, bytes, count in
            let worker = raw.assumingMemoryBound(to: Worker.self)
            let path = flow.assumingMemoryBound(to: Flow.self)
            var code: Int32 = EAGAIN
            // What waits for this socket goes first.
            if worker.pointee.unsent.isEmpty { code = put(path, bytes, count) }
            switch code {
            case 0:
                worker.pointee.shard.bump(worker.pointee.counters.sent)
            case EAGAIN, ENOBUFS:
                return keep(worker, path, bytes, count)
            default:
                worker.pointee.shard.bump(worker.pointee.counters.sendFailed)
            }
            return code
        }

    /// Gives one datagram to the kernel: 0 or an errno, which is this datagram's own: an error that an earlier one left at the
    /// socket is taken away by asking again.
    @inline(__always)
    private static func put(_ flow: UnsafePointer<Flow>, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int32 {
        var result = putOnce(flow, bytes, count)
        if result == -Int(ECONNREFUSED) || result == -Int(EHOSTUNREACH) { result = putOnce(flow, bytes, count) }
        return result >= 0 ? 0 : Int32(truncatingIfNeeded: -result)
    }

    @inline(__always)
    private static func putOnce(_ flow: UnsafePointer<Flow>, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        let listener = flow.pointee.listener
        if listener.isWildcard, !flow.pointee.local.isNone { return putFrom(flow, bytes, count) }
        var remote = flow.pointee.remote
        return Syscalls.send(listener.fd, bytes, count, to: &remote)
    }

    /// From a wildcard socket: with the address that the peer knows us by, or its NAT would not let the answer in.
    @inline(never) @_semantics("no_performance_analysis")
    private static func putFrom(_ flow: UnsafePointer<Flow>, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        var remote = flow.pointee.remote
        let local = flow.pointee.local
        var vector = iovec(iov_base: UnsafeMutableRawPointer(mutating: bytes), iov_len: count)
        var control: [8 of UInt64] = InlineArray(repeating: 0)
        return withUnsafeMutablePointer(to: &control) { control in
            var address: [4 of UInt32] =
                local.isV4 ? [local.word0, 0, 0, 0] : [local.word1, local.word2, local.word3, local.word4]
            let length = linux_set_source(control, Int32(local.family), &address)
            return withUnsafeMutablePointer(to: &remote) { remote in
                withUnsafeMutablePointer(to: &vector) { vector in
                    var message = msghdr()
                    message.msg_name = UnsafeMutableRawPointer(remote)
                    message.msg_namelen = remote.pointee.length
                    message.msg_iov = vector
                    message.msg_iovlen = 1
                    message.msg_control = UnsafeMutableRawPointer(control)
                    message.msg_controllen = length
                    return Syscalls.send(flow.pointee.listener.fd, &message)
                }
            }
        }
    }

    @inline(never)
    private static func keep(
        _ worker: UnsafeMutablePointer<Worker>, _ flow: UnsafePointer<Flow>, _ bytes: UnsafePointer<UInt8>, _ count: Int
    ) -> Int32 {
        let head = MemoryLayout<Unsent>.stride
        guard worker.pointee.unsent.count < SendQueue.longest, count <= UDP.longest,
            let piece = worker.pointee.slab.allocate(head + count)
        else {
            worker.pointee.shard.bump(worker.pointee.counters.sendDropped)
            return count > UDP.longest ? EMSGSIZE : ENOBUFS
        }
        let entry = piece.bindMemory(to: Unsent.self, capacity: 1)
        entry.initialize(to: Unsent(node: MailNode { _, _ in }, flow: flow.pointee, count: count))
        (piece + head).copyMemory(from: bytes, byteCount: count)
        worker.pointee.unsent.list.append(piece.assumingMemoryBound(to: MailNode.self))
        worker.pointee.shard.bump(worker.pointee.counters.sendQueued)
        return 0
    }
}

extension UnsafeMutablePointer<Worker> {
    /// Tries what waits; what belongs to a socket that is still full waits on, in order.
    func sendUnsent() {
        var rest = pointee.unsent.list
        pointee.unsent.list = MailList()
        var full: UInt64 = 0
        while let node = rest.removeFirst() {
            let entry = UnsafeMutableRawPointer(node).assumingMemoryBound(to: Unsent.self)
            let bit: UInt64 = 1 << UInt64(entry.pointee.flow.listener.index & 63)
            var code: Int32 = EAGAIN
            if full & bit == 0 {
                let bytes = UnsafeRawPointer(node) + MemoryLayout<Unsent>.stride
                code = UDP.putWaiting(&entry.pointee.flow, bytes, entry.pointee.count)
            }
            if code == EAGAIN || code == ENOBUFS {
                full |= bit
                pointee.unsent.list.append(node)
                continue
            }
            pointee.shard.bump(code == 0 ? pointee.counters.sent : pointee.counters.sendFailed)
            pointee.slab.free(node)
        }
    }
}

extension UDP {
    fileprivate static func putWaiting(
        _ flow: UnsafePointer<Flow>, _ bytes: UnsafeRawPointer, _ count: Int
    ) -> Int32 {
        put(flow, bytes.assumingMemoryBound(to: UInt8.self), count)
    }
}
