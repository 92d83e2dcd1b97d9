import PluginKit

// Invariants: see TextDoor, which keeps it. `peer` is there from the moment when the reply has somewhere to go until `peerIsGone`.

/// A request and its reply.
final class Exchange {
    /// Where the reply goes.
    enum Destination {
        case nobody
        /// A FIFO of this name.
        case file(String)
        /// The sender of a datagram.
        case sender(UnsafeMutablePointer<apus_peer>)
    }

    private unowned let door: TextDoor
    private let destination: Destination
    private var peer: UnsafeMutablePointer<apus_peer>?
    private var execution: UInt64 = 0
    private var reply: ReplyText
    private var isAnswered = false
    /// The command waits until what it has answered is taken.
    private var owesMore = false

    private var host: Host { door.host }

    init(_ door: TextDoor, _ destination: Destination, isForm: Bool) {
        self.door = door
        self.destination = destination
        reply = ReplyText(door.dialect, isForm: isForm, indent: door.settings.indent)
        if case .sender(let sender) = destination { join(sender) }
    }

    private func join(_ peer: UnsafeMutablePointer<apus_peer>) {
        self.peer = peer
        peer.pointee.user = Unmanaged.passUnretained(self).toOpaque()
    }

    static func of(_ peer: UnsafeMutablePointer<apus_peer>) -> Exchange? {
        peer.pointee.user.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
    }

    // MARK: - The command

    func execute(_ request: TextRequest, for asker: apus_str) {
        var flags = door.dialect.flag
        var takesParts = true
        switch destination {
        case .nobody:
            flags |= UInt32(APUS_RPC_UNHEARD)
            takesParts = false
        case .file: break
        case .sender: takesParts = false
        }
        execution = host.start(request, flags: flags, parts: takesParts, door: door.settings.name, peer: asker, self) {
            Unmanaged<Exchange>.fromOpaque($1.pointee.user.unsafelyUnwrapped).takeUnretainedValue().take($1)
        }
    }

    /// The command's answer has come, or a part of it.
    private func take(_ result: UnsafePointer<apus_result>) {
        // The reply's end may let go of it.
        withExtendedLifetime(self) {
            let bytes = reply.add(result, host)
            isAnswered = result.pointee.more == 0
            owesMore = !isAnswered
            if case .nobody = destination, result.pointee.code != 200 {
                host.log(.notice, "\(door.settings.name.string): \(String(decoding: bytes, as: UTF8.self).dropLast())")
            }
            send(bytes)
        }
    }

    /// Answers without a command.
    func refuse(_ code: Int, _ text: String) {
        isAnswered = true
        withExtendedLifetime(self) { send(Array("\(code) \(text)\n".utf8)) }
    }

    // MARK: - The reply

    private func send(_ bytes: [UInt8]) {
        guard findReader() else { return end() }
        guard let peer else { return end() }
        let doors = host.pointee.door.pointee
        if !write(bytes, to: peer), case .sender = destination {
            _ = write(Array("500 the reply is too large for a datagram\n".utf8), to: peer)
        }
        if isAnswered { doors.close(peer) } else if doors.pending(peer) == 0 { drained() }
    }

    private func write(_ bytes: [UInt8], to peer: UnsafeMutablePointer<apus_peer>) -> Bool {
        bytes.withUnsafeBufferPointer {
            host.pointee.door.pointee.write(peer, apus_str(start: $0.baseAddress, count: $0.count)) > 0
        }
    }

    /// Whether there is somebody to write to. The reply file is opened when there is a reply, not before.
    private func findReader() -> Bool {
        guard peer == nil, case .file(let file) = destination else { return peer != nil }
        guard let writers = door.writers else { return false }
        var name = file
        let opened = name.withUTF8 { name in
            host.pointee.door.pointee.reply_to(
                writers, door.settings.replyFolder, apus_str(start: name.baseAddress, count: name.count))
        }
        guard let opened else {
            host.log(.warning, "\(door.settings.name.string): no reply can be written to `\(file)`")
            return false
        }
        join(opened)
        return true
    }

    /// What was written is taken.
    func drained() {
        guard owesMore else { return }
        owesMore = false
        host.pointee.rpc.pointee.more(host, execution)
    }

    /// Whoever reads the reply has it, or is gone.
    func peerIsGone() {
        peer = nil
        end()
    }

    private func end() {
        if !isAnswered { host.pointee.rpc.pointee.cancel(host, execution) }
        door.forget(self)
    }
}
