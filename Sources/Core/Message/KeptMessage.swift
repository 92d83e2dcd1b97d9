// Invariants: a kept message is one piece of its worker's slab, aligned to 16 bytes: the KeptMessage, the record at `head`, all that the record
// refers to, and the room with which its arena begins. The record's `owner` is `keeper` from the copying to `end`, after which the piece is
// given back. One thread: the worker's.

/// A message that outlives the one that it was made of: what a transaction keeps.
struct KeptMessage {
    /// For what is parsed of the message and edited later; takes nothing before it is needed.
    private var arena: Arena

    /// Where the record lies.
    private static let head = (MemoryLayout<KeptMessage>.stride + 15) & ~15

    // MARK: - A copy

    /// Bytes of a piece for a copy of the message.
    static func size(for message: Message) -> Int { head + message.cloneSize }

    /// Copies the message with its edits and its routing.
    ///
    /// - Parameter piece: of the slab, for `size(for:)` bytes.
    static func copy(
        _ message: Message, into piece: UnsafeMutableRawPointer, of slab: UnsafeMutablePointer<Slab>
    ) -> Message {
        let arena = begin(piece, used: size(for: message), slab)
        let copy = message.clone(into: piece + head, arena: arena)
        // The texts' makers may look at whom the message belongs to.
        copy.record.pointee.owner = .keeper
        LateText.adoptAll(by: copy)
        return copy
    }

    // MARK: - Bytes

    private static let record = (MemoryLayout<MessageRecord>.stride + 15) & ~15

    /// Bytes of a piece for a message of `count` bytes; what is parsed of a usual one has room in it.
    static func size(forBytes count: Int) -> Int {
        head + record + (count + 7) & ~7 + Limits.headersAtFirst * MemoryLayout<Header>.stride
    }

    /// Copies the bytes and parses them. Nil when they are no message that may be accepted; then the piece is unused again.
    ///
    /// - Parameter piece: of the slab, for `size(forBytes:)` bytes.
    static func parse(
        _ bytes: Bytes, into piece: UnsafeMutableRawPointer, of slab: UnsafeMutablePointer<Slab>
    ) -> Message? {
        let text = piece + head + record
        text.copyMemory(from: bytes.start, byteCount: bytes.count)
        let copied = Bytes(UnsafePointer(text.assumingMemoryBound(to: UInt8.self)), bytes.count)
        let arena = begin(piece, used: head + record + (bytes.count + 7) & ~7, slab)
        let place = (piece + head).bindMemory(to: MessageRecord.self, capacity: 1)
        guard Message.parse(copied, record: place, arena: arena).isAccepted else {
            arena.pointee.free()
            return nil
        }
        place.pointee.owner = .keeper
        return Message(place)
    }

    // MARK: - Its end

    /// Ends a message that `copy` or `parse` made.
    /// - Returns: its piece, which the caller gives back.
    static func end(_ message: Message) -> UnsafeMutableRawPointer {
        let piece = UnsafeMutableRawPointer(message.record) - head
        message.record.pointee.owner = .caller
        message.arena.pointee.free()
        return piece
    }

    /// The arena of a new piece over what is not used of it.
    private static func begin(
        _ piece: UnsafeMutableRawPointer, used: Int, _ slab: UnsafeMutablePointer<Slab>
    ) -> UnsafeMutablePointer<Arena> {
        let room = (Slab.room(for: Slab.size(of: piece)) & ~7) - used
        let kept = piece.bindMemory(to: KeptMessage.self, capacity: 1)
        kept.initialize(
            to: KeptMessage(
                arena: Arena(
                    slab: slab, room: UnsafeMutableRawBufferPointer(start: piece + used, count: room),
                    limit: Limits.keptArena)))
        return kept.pointer(to: \.arena).unsafelyUnwrapped
    }
}
