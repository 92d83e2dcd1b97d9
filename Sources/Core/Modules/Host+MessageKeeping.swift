import PluginAPI

// Invariants: a message whose record's owner is `keeper` lies in a piece of the calling worker's slab that the module counts as its own; one
// whose owner is `holder` belongs to the Server room. An apus_mark is bound to a MessageMark, which is no larger.

/// Messages that outlive the hook or the run that brought them, and their states to go back to: `message->keep`, `parse`, `hold`, `release`,
/// `adopt`, `mark` and `rewind` of the contract.
enum MessageKeeping {
    static func keep(_ message: Message, _ host: UnsafePointer<apus_host>) -> OpaquePointer? {
        guard let worker = host.shared.worker,
            let piece = worker.allocate(host, KeptMessage.size(for: message))
        else { return nil }
        return KeptMessage.copy(message, into: piece, of: worker.slab).opaque
    }

    static func parse(_ bytes: Bytes, _ host: UnsafePointer<apus_host>) -> OpaquePointer? {
        guard bytes.count <= Limits.messageSize, let worker = host.shared.worker,
            let piece = worker.allocate(host, KeptMessage.size(forBytes: bytes.count))
        else { return nil }
        guard let message = KeptMessage.parse(bytes, into: piece, of: worker.slab) else {
            worker.release(host, piece)
            return nil
        }
        return message.opaque
    }

    static func hold(_ message: Message, _ host: UnsafePointer<apus_host>) -> CInt {
        guard message.record.pointee.owner == .server, let hold = host.shared.pointee.services.hold else {
            return CInt(APUS_FALSE)
        }
        return HostTables.answer(hold(message.opaque))
    }

    static func release(_ message: Message, _ host: UnsafePointer<apus_host>) {
        switch message.record.pointee.owner {
        case .keeper:
            guard let worker = host.shared.worker else { return }
            host.shared.pointee.slots.end(message)
            worker.release(host, KeptMessage.end(message))
        case .holder: host.shared.pointee.services.endHolding?(message.opaque)
        case .server, .caller: return
        }
    }

    static func adopt(_ message: Message) {
        let owner = message.record.pointee.owner
        guard owner == .server || owner == .holder, message.isRequest, let worker = Worker.current else { return }
        worker.pointee.hooks.adopt(worker, message.record)
    }

    static func mark(_ message: Message, _ out: UnsafeMutablePointer<apus_mark>) -> CInt {
        guard let mark = message.mark() else { return CInt(APUS_FALSE) }
        UnsafeMutableRawPointer(out).storeBytes(of: mark, as: MessageMark.self)
        return CInt(APUS_TRUE)
    }

    static func rewind(_ message: Message, _ mark: UnsafePointer<apus_mark>) {
        message.rewind(to: UnsafeRawPointer(mark).load(as: MessageMark.self))
    }
}
