import PluginKit
import RoutingKit

// Invariants: the State is written on the main thread before workers start and constant from then on. A Home belongs to its worker's
// thread, lies at a stable address from the worker's start to the end of the process, and leads to everything that tm keeps there.

/// What the module keeps for the life of the server: the `user` of every function, hook and variable that it declares.
struct State {
    var settings = Settings()
    var host: Host?
    var counters = Counters()
    /// Message slot: a message's `Context`.
    var contextSlot: CInt = -1
    /// What each worker has; as many as there are workers.
    var homes: UnsafeMutablePointer<UnsafeMutablePointer<Home>>?
    var homeCount: UInt32 = 0
    var globalCallbacks = CallbackList()
    /// Event routes by id of `events->add`.
    var localRequestEvent: CInt = -1
    var localResponseEvent: CInt = -1
    var localAckSentEvent: CInt = -1
}

/// What tm keeps on one worker.
struct Home {
    let host: Host
    let state: UnsafeMutablePointer<State>
    /// The worker's own copy: parameters may change between two of its messages.
    var settings: Settings
    /// The worker's number.
    let index: UInt32
    var table: Table
    let accepted = AcceptedIndex()
    let keyedHash = KeyedHash()
    var random: RandomPool
    /// Transactions that exist, and those of them that wait for their end.
    var count: UInt32 = 0
    var waitingCount: UInt32 = 0
    /// Datagrams to applications leave by it; -1 until the first one does.
    var applicationDescriptor: Int32 = -1
    var blockList = BlockList()
}

extension UnsafeMutablePointer<State> {
    /// The calling worker's; nil on another thread.
    @inline(__always)
    var home: UnsafeMutablePointer<Home>? {
        guard let host = pointee.host, let homes = pointee.homes else { return nil }
        let index = host.pointee.worker.pointee.index(host)
        return index >= 0 && UInt32(index) < pointee.homeCount ? homes[Int(index)] : nil
    }
}

extension UnsafeMutablePointer<Home> {
    @inline(__always)
    var host: Host { pointee.host }
    @inline(__always)
    var settings: UnsafeMutablePointer<Settings> { pointer(to: \.settings).unsafelyUnwrapped }
    @inline(__always)
    var messages: UnsafePointer<apus_message_api> { pointee.host.pointee.message }
    /// Milliseconds of the worker's clock.
    @inline(__always)
    var now: UInt64 { pointee.host.pointee.timer.pointee.now(pointee.host) }

    /// A piece of the worker's memory for one value, uninitialised; nil when memory is out.
    @inline(__always)
    func allocate<Value>(_: Value.Type) -> UnsafeMutablePointer<Value>? {
        pointee.host.pointee.memory.pointee.allocate(pointee.host, MemoryLayout<Value>.size)?
            .bindMemory(to: Value.self, capacity: 1)
    }

    @inline(__always)
    func release(_ piece: UnsafeMutableRawPointer?) {
        pointee.host.pointee.memory.pointee.release(pointee.host, piece)
    }

    /// A copy of the text in the worker's memory; empty for an empty one and when memory is out.
    @inline(__always)
    func keep(_ text: apus_str) -> Stored {
        guard text.len > 0, let source = text.s,
            let place = pointee.host.pointee.memory.pointee.allocate(pointee.host, text.len)
        else { return Stored() }
        place.copyMemory(from: source, byteCount: text.len)
        return Stored(start: place, count: UInt32(truncatingIfNeeded: text.len))
    }

    @inline(__always)
    func release(_ stored: inout Stored) {
        if let start = stored.start { release(start) }
        stored = Stored()
    }
}

/// Bytes in the worker's memory: owned by whoever holds the value, freed by `Home.release`.
struct Stored {
    var start: UnsafeMutableRawPointer?
    var count: UInt32 = 0

    @inline(__always)
    var isEmpty: Bool { count == 0 }
    @inline(__always)
    var text: apus_str {
        apus_str(s: start.map { UnsafePointer($0.assumingMemoryBound(to: CChar.self)) }, len: Int(count))
    }
}
