import Glibc

// Invariants: a Space lies in memory of its worker from its first use to the end of the process. Record and arena are valid from
// `takeSpace` to `giveBack`; the received bytes lie in `slot`, which is the transport's: it outlives the call that brought it
// only when `isKept`.

/// What one message occupies while it is dealt with: its record, its arena, and the way back to the slot with its bytes.
struct Space {
    enum Phase: UInt8 {
        /// event_route[core:pre-routing] runs.
        case preRouting
        /// The main block, or reply_route.
        case main
        /// The reply waits for the address of the next hop.
        case forwarding
    }

    var record: MessageRecord
    var arena: Arena
    var worker: UnsafeMutablePointer<ServerWorker>
    var slot: UnsafeMutablePointer<Received>?
    var run: UnsafeMutablePointer<Run>?
    var phase: Phase
    var isKept: Bool
    /// A module takes care of the request: it is not entered in the table of those in flight.
    var isAdopted: Bool

    var isInFlight: Bool
    var flightHash: UInt64
    var nextInFlight: UnsafeMutablePointer<Space>?
    /// Sends a 100 to an INVITE that waits.
    var tryingTimer: TimerNode
    /// CANCELs that came while the INVITE waited, newest first.
    var cancels: UnsafeMutablePointer<Space>?
    /// Messages of its Call-ID wait for it, oldest first (route_locks_size).
    var isHolder: Bool
    var nextHolder: UnsafeMutablePointer<Space>?
    var firstWaiter: UnsafeMutablePointer<Space>?
    var lastWaiter: UnsafeMutablePointer<Space>?
    /// Links free spaces, CANCELs that wait, and messages that wait for one of their Call-ID.
    var next: UnsafeMutablePointer<Space>?
}

extension UnsafeMutablePointer<Space> {
    /// The handle of the message in it.
    @inline(__always)
    var message: Message { Message(pointer(to: \.record).unsafelyUnwrapped) }
}
