import DoorKit
import JSON
import PluginKit

// Invariants: on the management thread. The work of a peer is its `user`, and that of the reply FIFO that a long answer goes to; each of
// them keeps a reference until `release` or `end`.

/// Work for a peer of a door.
final class PeerWork: Work {
    typealias Peer = UnsafeMutablePointer<apus_peer>

    private let peer: Peer
    /// Where a long answer goes that was asked for by a FIFO.
    private var reply: Peer?

    private init(_ peer: Peer) {
        self.peer = peer
        super.init(peer.pointee.host)
    }

    /// Begins the work of a text that a peer has sent.
    static func begin(_ text: UnsafeBufferPointer<UInt8>, _ peer: Peer) {
        let work = PeerWork(peer)
        work.keep(peer)
        work.begin(text, Options(door: "jsonrpcs", peer: peer.pointee.name))
    }

    /// What a peer waits for.
    static func of(_ peer: Peer) -> PeerWork? {
        peer.pointee.user.map { Unmanaged<PeerWork>.fromOpaque($0).takeUnretainedValue() }
    }

    /// A peer is gone: the one who asked, or the reader of the reply.
    static func end(_ peer: Peer) {
        guard let work = of(peer) else { return }
        work.release(peer)
        work.cancel()
        if let reply = work.reply, reply != peer {
            work.release(reply)
            reply.close()
        } else if work.peer != peer {
            work.release(work.peer)
            work.peer.hold(false)
        }
        work.reply = nil
    }

    private func keep(_ peer: Peer) { peer.pointee.user = Unmanaged.passRetained(self).toOpaque() }

    private func release(_ peer: Peer) {
        guard let user = peer.pointee.user else { return }
        peer.pointee.user = nil
        Unmanaged<PeerWork>.fromOpaque(user).release()
    }

    override func finish(_ response: [UInt8]?, code: Int64, _ text: String) {
        let peer = peer
        switch Int(peer.pointee.kind) {
        case APUS_DOOR_FIFO:
            if let response, let to = openReply() {
                _ = response.withStr { to.write($0) }
                to.close()
            }
            peer.hold(false)
        case APUS_DOOR_UDP, APUS_DOOR_UNIX_DATAGRAM:
            if let response, !response.withStr({ peer.write($0) }), response.count > 1024 {
                let text = "the answer has \(response.count) bytes, too many for a datagram"
                _ = Response.fault(RPCFault.server, Array(text.utf8), id: .null).withStr { peer.write($0) }
            }
            peer.close()
        default:
            if let response { _ = (response + [0x0A]).withStr { peer.write($0) } }
            peer.hold(false)
        }
        release(peer)
    }

    /// The FIFO that the request names.
    private func openReply() -> Peer? {
        guard let replyName else { return nil }
        let to = replyName.withStr {
            peer.pointee.host.pointee.door.pointee.reply_to(peer, state.pointee.replyFolder, $0)
        }
        if to == nil {
            host.log(.warning, "a reply is dropped: `\(replyName.prefix(80))` cannot be the name of a reply FIFO")
        }
        return to
    }

    // MARK: - Long answers

    override var takesParts: Bool {
        switch Int(peer.pointee.kind) {
        case APUS_DOOR_TCP, APUS_DOOR_UNIX_STREAM: true
        case APUS_DOOR_FIFO: replyName != nil
        default: false
        }
    }

    override func send(part: [UInt8], isLast: Bool) {
        let isFIFO = Int(peer.pointee.kind) == APUS_DOOR_FIFO
        if isFIFO, reply == nil {
            reply = openReply()
            if let reply { keep(reply) }
        }
        guard let to = isFIFO ? reply : peer else { return abandon() }
        let text = isLast && !isFIFO ? part + [0x0A] : part
        guard text.withStr({ to.write($0) }) else { return abandon() }
        if !isLast {
            if to.pending == 0 { more() }
            return
        }
        if isFIFO {
            reply = nil
            release(to)
            to.close()
        }
        peer.hold(false)
        release(peer)
    }

    override func abandon() {
        cancel()
        if let reply {
            self.reply = nil
            release(reply)
            reply.close()
        }
        if Int(peer.pointee.kind) == APUS_DOOR_FIFO { peer.hold(false) } else { peer.close() }
        release(peer)
    }
}
