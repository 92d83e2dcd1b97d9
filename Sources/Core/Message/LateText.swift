import PluginAPI

// Invariants: a LateText is the payload of every late edit and is copied with the message. What `user` points to lives as long as the message;
// when that is copied, `copy` answers the copy's, or there is no `copy` and it lives for ever. The producer writes at most the room it is told.

/// The text of an edit that is produced each time the message is written, because it names the listener by which the message leaves:
/// what `message->insert_late` of the contract adds.
struct LateText {
    typealias Produce =
        @convention(c) (
            UnsafePointer<apus_host>, OpaquePointer, OpaquePointer, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutableRawPointer?
        ) -> Int

    typealias Copy =
        @convention(c) (UnsafePointer<apus_host>, OpaquePointer, UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer?

    var host: UnsafePointer<apus_host>
    var produce: Produce
    var copy: Copy?
    var user: UnsafeMutableRawPointer?

    /// Adds the text at that place of the received bytes. False as `Message.editLate` says.
    static func insert(
        _ text: LateText, into message: Message, offset: Int
    ) -> Bool {
        withUnsafeBytes(of: text) { raw in
            guard let start = raw.baseAddress else { return false }
            let payload = Bytes(start.assumingMemoryBound(to: UInt8.self), raw.count)
            return message.editLate(offset: offset, payload: payload)
        }
    }

    /// The message has been cloned: asks for the clone's data of each late text. One whose data cannot be copied inserts nothing.
    static func adoptAll(by clone: Message) {
        var next = clone.record.pointee.edits.newest
        while let edit = next {
            next = edit.pointee.previous
            guard edit.pointee.isLate else { continue }
            // The payload is the clone's own: it is changed in place.
            let place = UnsafeMutableRawPointer(mutating: edit.pointee.text.start)
            var text = UnsafeRawPointer(place).loadUnaligned(as: LateText.self)
            guard let copy = text.copy else { continue }
            if let user = copy(text.host, OpaquePointer(clone.record), text.user) {
                text.user = user
                withUnsafeBytes(of: text) { place.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            } else {
                edit.pointee.isLate = false
                edit.pointee.text = .empty
            }
        }
    }

    /// For the writers' `late`: writes the edit's text for a message that leaves by `listener`.
    static func write(
        _ edit: Edit, of message: Message, leavingBy listener: UnsafeMutableRawPointer, to out: inout ByteWriter
    ) {
        let text = UnsafeRawPointer(edit.text.start).loadUnaligned(as: LateText.self)
        out.write { place, room in
            let start = UnsafeMutableRawPointer(place).assumingMemoryBound(to: CChar.self)
            return text.produce(
                text.host, OpaquePointer(message.record), OpaquePointer(listener), start, room, text.user)
        }
    }
}
