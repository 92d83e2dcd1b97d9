import PluginAPI

// Invariants: a LateText is the payload of a late edit and is copied with the message; what `user` points to is not: it lives as long as the
// message and its copies. The producer writes at most the room it is told.

/// The text of an edit that is produced each time the message is written, because it names the listener by which the message leaves:
/// what `message->insert_late` of the contract adds.
struct LateText {
    typealias Produce =
        @convention(c) (
            UnsafePointer<apus_host>, OpaquePointer, OpaquePointer, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutableRawPointer?
        ) -> Int

    var host: UnsafePointer<apus_host>
    var produce: Produce
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
