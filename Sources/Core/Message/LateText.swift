import PluginAPI

// Invariants: a LateText lies in the arena of the message that it was added to; `user` lives as long as the message. The producer writes at
// most the room it is told.

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
        guard let place = message.arena.pointee.allocate(MemoryLayout<LateText>.stride) else { return false }
        place.bindMemory(to: LateText.self, capacity: 1).initialize(to: text)
        return message.editLate(offset: offset, producer: place, user: nil)
    }

    /// For the writers' `late`: writes the edit's text for a message that leaves by `listener`.
    static func write(_ edit: Edit, of message: Message, leavingBy listener: UnsafeMutableRawPointer, to out: inout ByteWriter) {
        guard let text = edit.producer?.assumingMemoryBound(to: LateText.self) else { return }
        out.write { place, room in
            let start = UnsafeMutableRawPointer(place).assumingMemoryBound(to: CChar.self)
            return text.pointee.produce(
                text.pointee.host, OpaquePointer(message.record), OpaquePointer(listener), start, room, text.pointee.user)
        }
    }
}
