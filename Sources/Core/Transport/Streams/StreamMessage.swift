import Glibc

// Invariants: a StreamMessage is the head of a piece of its sender's slab, its bytes follow it. It is at any time in one place: a connection's
// queue, or a mailbox. `node` is the first field. Whoever has it last gives it back to its sender, by whom alone it is freed.

/// A message that waits for its connection, or is on its way to the worker that has it.
struct StreamMessage {
    var node: MailNode
    var flow: Flow
    var count: Int
    /// How many bytes the kernel has.
    var written: Int
    /// Why it was not sent: an errno.
    var code: Int32
    /// Index of the worker that sends it.
    let sender: UInt16

    static let head = (MemoryLayout<StreamMessage>.stride + 15) & ~15
}

extension UnsafeMutablePointer<StreamMessage> {
    @inline(__always)
    init(_ node: UnsafeMutablePointer<MailNode>) {
        self = UnsafeMutableRawPointer(node).assumingMemoryBound(to: StreamMessage.self)
    }

    @inline(__always)
    var node: UnsafeMutablePointer<MailNode> {
        UnsafeMutableRawPointer(self).assumingMemoryBound(to: MailNode.self)
    }

    @inline(__always)
    var bytes: UnsafePointer<UInt8> {
        UnsafePointer((UnsafeMutableRawPointer(self) + StreamMessage.head).assumingMemoryBound(to: UInt8.self))
    }
}

extension UnsafeMutablePointer<Worker> {
    /// A copy of the bytes that can wait; nil when as much waits as may, or memory is out.
    func makeMessage(_ flow: Flow, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> UnsafeMutablePointer<StreamMessage>?
    {
        let shared = pointee.streams.pointee.shared
        guard
            shared.pointee.queued.add(count, ordering: .relaxed).newValue <= pointee.streams.pointee.options.maxQueued,
            let piece = pointee.slab.allocate(StreamMessage.head + count)
        else {
            shared.pointee.queued.subtract(count, ordering: .relaxed)
            pointee.shard.bump(shared.pointee.counters.queueFull)
            return nil
        }
        pointee.shard.bump(shared.pointee.counters.queued, by: count)
        let message = piece.bindMemory(to: StreamMessage.self, capacity: 1)
        message.initialize(
            to: StreamMessage(
                node: MailNode(receive: Worker.messageArrived), flow: flow, count: count, written: 0, code: 0,
                sender: UInt16(truncatingIfNeeded: pointee.index)))
        (piece + StreamMessage.head).copyMemory(from: bytes, byteCount: count)
        return message
    }

    /// The message is written.
    func finish(_ message: UnsafeMutablePointer<StreamMessage>) {
        noteLeft(message)
        let sender = Int(message.pointee.sender)
        guard sender != pointee.index else { return pointee.slab.free(message) }
        message.pointee.node.receive = Worker.messageCameHome
        pointee.mailboxes[sender].giveBack(message.node)
    }

    /// The message cannot be sent: its sender is told, in a later turn, since this one may be in the middle of what it does about it.
    func fail(_ message: UnsafeMutablePointer<StreamMessage>, _ code: Int32) {
        noteLeft(message)
        message.pointee.code = code
        message.pointee.node.receive = Worker.messageFailed
        pointee.mailboxes[Int(message.pointee.sender)].post(message.node)
    }

    private func noteLeft(_ message: UnsafeMutablePointer<StreamMessage>) {
        let shared = pointee.streams.pointee.shared
        shared.pointee.queued.subtract(message.pointee.count, ordering: .relaxed)
        pointee.shard.bump(shared.pointee.counters.queued, by: -message.pointee.count)
    }
}

extension Worker {
    /// Another worker has a message for a connection of ours.
    static let messageArrived: Mailbox.Callback = { raw, node in
        let worker = raw.assumingMemoryBound(to: Worker.self)
        worker.dispatch(UnsafeMutablePointer(node.assumingMemoryBound(to: MailNode.self)))
    }

    /// What we gave to another worker is written.
    static let messageCameHome: Mailbox.Callback = { raw, node in
        raw.assumingMemoryBound(to: Worker.self).pointee.slab.free(node)
    }

    /// What we wanted to send could not be sent.
    static let messageFailed: Mailbox.Callback = { raw, node in
        let worker = raw.assumingMemoryBound(to: Worker.self)
        let message = node.assumingMemoryBound(to: StreamMessage.self)
        withUnsafePointer(to: &message.pointee.flow) { flow in
            worker.pointee.hooks.undelivered(
                worker, flow, message.bytes, message.pointee.count, message.pointee.code)
        }
        worker.pointee.slab.free(node)
    }
}
