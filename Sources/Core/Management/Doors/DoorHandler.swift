/// Who speaks the language of a door. All on the management thread.
protocol DoorHandler: AnyObject {
    /// Bytes have come, which live for the call: all that are there and not used, or a whole datagram.
    /// - Returns: how many were used; negative: this cannot be understood.
    func received(_ peer: DoorPeer, _ bytes: UnsafeRawBufferPointer) -> Int
    /// An unfinished request is given up; a reply may be written.
    func refused(_ peer: DoorPeer, _ reason: DoorRefusal, _ bytes: UnsafeRawBufferPointer)
    /// All that was written has gone out.
    func drained(_ peer: DoorPeer)
    /// The peer is gone.
    func closed(_ peer: DoorPeer)
}

/// Why a request is refused before it is whole.
enum DoorRefusal: UInt32 {
    case tooLarge = 1
    case tooSlow = 2
    /// The sender has closed in the middle of it.
    case cut = 3
}

/// What peers may use up.
struct DoorLimits: Sendable {
    /// Bytes of a request that is not whole.
    var request = 65536
    /// Bytes that wait for a reader.
    var reply = 64 << 20
    /// Connections, datagrams under way, reply FIFOs: each counted for itself.
    var peers = 256
    /// For a request to become whole, and for a reader to take something.
    var milliseconds: UInt64 = 2000
}
