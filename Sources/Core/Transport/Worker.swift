import CLinux
import Glibc

// Invariants: a Worker lives at one address from `Workers.init` to the end of its group, and everything in it but the
// mailbox is touched by its own thread only. Nothing here calls out while it holds `inout` access to a field: callbacks get
// the worker's address and may change anything.

/// What the Server room gives the workers: plain functions, since a lower room knows no type of a higher one.
struct WorkerHooks {
    /// - Parameters: the worker (`UnsafeMutablePointer<Worker>`), and the message (`UnsafeMutablePointer<Received>`), which is
    ///   valid until the function returns, or, when it sets `isKept`, until it is released.
    typealias Deliver =
        @convention(c) (_ worker: UnsafeMutableRawPointer, _ received: UnsafeMutableRawPointer) -> Void
    /// Finds the Call-ID's value in a message, without blanks around it; nil when there is none. Cheap and without state: it
    /// runs on whichever worker read the datagram.
    typealias ScanCallID =
        @convention(c) (_ start: UnsafePointer<UInt8>, _ count: Int, _ found: UnsafeMutablePointer<Int>)
        -> UnsafePointer<UInt8>?

    /// A message has arrived at its home worker.
    var deliver: Deliver
    /// Names the home worker of a message; not called with one worker.
    var callID: ScanCallID
    /// On the worker's thread before its loop: sets `context`. Anything but 0 stops the start.
    var start: @convention(c) (_ worker: UnsafeMutableRawPointer) -> Int32 = { _ in 0 }
    /// On the worker's thread after its loop.
    var stop: @convention(c) (_ worker: UnsafeMutableRawPointer) -> Void = { _ in }
    /// A message that a transport had taken could not be sent after all: the worker that sent it, the flow (`UnsafePointer<Flow>`), the bytes,
    /// which are valid until the function returns, and the errno.
    var undelivered:
        @convention(c) (
            _ worker: UnsafeMutableRawPointer, _ flow: UnsafeRawPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int,
            _ code: Int32
        ) -> Void = { _, _, _, _, _ in }
    /// A connection that stood has ended: its worker, the flow (`UnsafePointer<Flow>`), and an errno.
    var closed: @convention(c) (_ worker: UnsafeMutableRawPointer, _ flow: UnsafeRawPointer, _ code: Int32) -> Void = {
        _, _, _ in
    }
    /// A module takes care of a request (`message->adopt`): the worker, and the message's record.
    var adopt: @convention(c) (_ worker: UnsafeMutableRawPointer, _ record: UnsafeMutableRawPointer) -> Void = { _, _ in
    }
    /// A request was written as it is forwarded, once for each branch; called while the worker's `looksAtWritten` says so.
    var wrote: @convention(c) (_ worker: UnsafeMutableRawPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Void =
        {
            _, _, _ in
        }
    /// A message was sent, or is taken and about to be: the worker, and its bytes, which are valid until the function returns.
    var sent: @convention(c) (_ worker: UnsafeMutableRawPointer, _ bytes: UnsafePointer<UInt8>, _ count: Int) -> Void =
        { _, _, _ in }
    /// For `start`: whatever the workers have in common.
    var shared: UnsafeMutableRawPointer?
}

/// One of the threads that do all SIP work, with everything that belongs to it. Reached through its address, which C
/// callbacks and modules get as an opaque pointer.
struct Worker {
    /// 0 ..< count.
    let index: Int
    /// Workers of the group.
    let count: Int
    let hooks: WorkerHooks
    /// The Server room's state of this worker.
    var context: UnsafeMutableRawPointer?
    /// Sends in the place of the transports, which it calls: the worker, the flow (`UnsafeMutablePointer<Flow>`), and the bytes. An errno, or 0.
    var sender: Sender?
    /// The Resolver room's state of this worker.
    var resolver: UnsafeMutableRawPointer?

    typealias Sender =
        @convention(c) (
            _ worker: UnsafeMutableRawPointer, _ flow: UnsafeMutableRawPointer, _ bytes: UnsafePointer<UInt8>,
            _ count: Int
        ) -> Int32

    var clock = Clock()
    let wheel: TimerWheel
    var slab: Slab
    var random = Random()
    /// The same in all workers of a group, new at each start: names the home of a Call-ID.
    let callKey: SipKey
    let shard: StatisticShard
    let counters: TransportCounters
    /// Mailboxes of all workers, by index.
    let mailboxes: UnsafeMutablePointer<Mailbox>
    /// What the log and the crash report say about this thread; the one who runs a module's function keeps it up to date.
    var thread: UnsafeMutablePointer<linux_thread>
    var loop: EventLoop
    /// Turns of the loop so far.
    var turn: UInt64 = 0

    /// Messages that this worker is about to run, oldest first.
    var queue = MailList()
    /// What has come to be done soon and was too much for one turn, oldest first.
    var urgent = MailList()
    var slots: SlotPool
    var batch: UDPBatch
    var unsent = SendQueue()
    let streams: UnsafeMutablePointer<StreamWorker>
    /// Where messages are composed: 64 KiB, for one at a time.
    let compose = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    fileprivate(set) var isStopping = false
    /// Made when it is first needed (mhomed).
    var sources: SourceCache?
    var turnEnds = TurnEnds()
    /// The hook `wrote` is called.
    var looksAtWritten = false
    var largeRequests = LargeRequests()

    /// This worker's mailbox.
    @inline(__always)
    var mailbox: Mailbox { mailboxes[index] }

    /// The worker that the calling thread is; nil on other threads.
    @_semantics("no_performance_analysis")
    static var current: UnsafeMutablePointer<Worker>? {
        linux_this_thread()!.pointee.worker?.assumingMemoryBound(to: Worker.self)
    }

    /// The worker that a Call-ID belongs to.
    @inline(__always)
    static func home(hash: UInt64, count: Int) -> Int {
        Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(truncatingIfNeeded: count)) >> 32)
    }
}

extension UnsafeMutablePointer<Worker> {
    /// The address that the kernel would send from, to that one; none when there is no way.
    func source(toward remote: SocketAddress) -> SocketAddress {
        let cache = pointee.sources ?? SourceCache()
        pointee.sources = cache
        return cache.source(toward: remote, now: pointee.clock.now)
    }

    func freeSources() { pointee.sources?.free() }
}

/// Statistics of the transports, group "udp" and "worker".
struct TransportCounters {
    let received, sent, sendFailed, sendQueued, sendDropped: StatisticID
    let keepalives, readErrors: StatisticID
    let handedOver, handOverRefused, handOverNoSlot: StatisticID

    /// nil when the statistics are full.
    init?(_ statistics: Statistics) {
        func declare(_ group: String, _ name: String, _ doc: String) -> StatisticID? {
            statistics.declare(group, name, doc)
        }
        guard let received = declare("udp", "received", "Datagrams received, keep-alives among them."),
            let sent = declare("udp", "sent", "Datagrams given to the kernel."),
            let sendFailed = declare("udp", "send_failed", "Datagrams that the kernel refused."),
            let sendQueued = declare("udp", "send_queued", "Datagrams that waited for room in the socket's buffer."),
            let sendDropped = declare("udp", "send_dropped", "Datagrams dropped as too many waited already."),
            let keepalives = declare("udp", "keepalives", "Datagrams with nothing but CR, LF or NUL in them."),
            let readErrors = declare("udp", "read_errors", "Failed reads."),
            let handedOver = declare("worker", "handed_over", "Messages given to their home worker by another one."),
            let handOverRefused = declare(
                "worker", "handover_refused", "Messages dropped as too many waited at their home worker."),
            let handOverNoSlot = declare(
                "worker", "handover_no_slot", "Messages dropped as too many slots of the reader were under way.")
        else { return nil }
        self.received = received
        self.sent = sent
        self.sendFailed = sendFailed
        self.sendQueued = sendQueued
        self.sendDropped = sendDropped
        self.keepalives = keepalives
        self.readErrors = readErrors
        self.handedOver = handedOver
        self.handOverRefused = handOverRefused
        self.handOverNoSlot = handOverNoSlot
    }
}

/// Functions that run at the end of each turn. Few, set up before the loop runs.
struct TurnEnds {
    typealias Hook = @convention(c) (_ worker: UnsafeMutableRawPointer, _ context: UnsafeMutableRawPointer?) -> Void
    var hooks: [8 of Hook?] = InlineArray(repeating: nil)
    var contexts: [8 of UnsafeMutableRawPointer?] = InlineArray(repeating: nil)
    var count = 0
}

extension UnsafeMutablePointer<Worker> {
    /// Sends a message over a flow, by the transport that the flow's listener has. On the worker's thread.
    @inline(__always) @_semantics("no_performance_analysis")
    func send(_ bytes: Bytes, over flow: Flow) -> SendResult {
        var copy = flow
        let code =
            if let sender = pointee.sender {
                sender(self, &copy, bytes.start, bytes.count)
            } else {
                flow.listener.table.pointee.send(self, &copy, bytes.start, bytes.count)
            }
        guard code == 0 else { return .failed(code) }
        pointee.hooks.sent(self, bytes.start, bytes.count)
        return .sent
    }

    /// Calls `hook` at the end of every turn of the loop, on the worker's thread. At most eight, for ever.
    func atTurnEnd(
        context: UnsafeMutableRawPointer?,
        _ hook: @escaping @convention(c) (UnsafeMutableRawPointer, UnsafeMutableRawPointer?) -> Void
    ) {
        let i = pointee.turnEnds.count
        precondition(i < 8, "more than eight turn-end hooks")
        pointee.turnEnds.hooks[i] = hook
        pointee.turnEnds.contexts[i] = context
        pointee.turnEnds.count = i + 1
    }

    /// Ends the loop after the present turn. On the worker's thread.
    func stopLoop() { pointee.isStopping = true }

    /// Runs turns until somebody stops the worker.
    func runLoop() {
        while !pointee.isStopping { runTurn() }
        // What came with the order to stop.
        readUrgent(atMost: .max)
    }

    /// One turn: waits for something to do, unless something is there; then does all of it.
    /// - Parameter longestWait: milliseconds; -1 as long as it takes.
    func runTurn(longestWait: Int32 = -1) {
        pointee.clock.refresh()
        var timeout = untilNextTimer(longestWait)
        var sleeps = false
        if timeout != 0 {
            sleeps = pointee.mailbox.fallAsleep()
            if !sleeps { timeout = 0 }
        }
        let events = pointee.loop.wait(milliseconds: timeout)
        if sleeps { pointee.mailbox.wakeUp() }
        pointee.clock.refresh()
        pointee.turn &+= 1
        readMail()
        var i = 0
        while i < events {
            if let target = pointee.loop.target(i) { target.callback(self, target.context, target.events) }
            i &+= 1
        }
        _ = pointee.wheel.advance(to: pointee.clock.now)
        if !pointee.unsent.isEmpty { sendUnsent() }
        retryStalled()
        i = 0
        while i < pointee.turnEnds.count {
            if let hook = pointee.turnEnds.hooks[i] { hook(self, pointee.turnEnds.contexts[i]) }
            i &+= 1
        }
        buryConnections()
    }

    private func untilNextTimer(_ longest: Int32) -> Int32 {
        var wait = longest < 0 ? UInt64(Int32.max) : UInt64(longest)
        if !pointee.urgent.isEmpty { return 0 }
        if let next = pointee.wheel.nextEvent() {
            wait = next <= pointee.clock.now ? 0 : Swift.min(wait, next - pointee.clock.now)
        }
        if !pointee.unsent.isEmpty || pointee.streams.pointee.stalled != nil { wait = Swift.min(wait, 1) }
        return longest < 0 && wait == UInt64(Int32.max) ? -1 : Int32(wait)
    }

    private func readMail() {
        takeHome()
        readUrgent(atMost: Worker.urgentATurn)
        pointee.queue.append(pointee.mailbox.takeHandOvers())
        if !pointee.queue.isEmpty { runQueue() }
    }

    private func readUrgent(atMost limit: Int) {
        pointee.urgent.append(pointee.mailbox.takeUrgent())
        var count = 0
        while count < limit, let node = pointee.urgent.removeFirst() {
            node.pointee.receive(self, node)
            count &+= 1
        }
    }

    /// Takes what came home: slots, memory.
    @inline(__always)
    func takeHome() {
        var returns = pointee.mailbox.takeReturns()
        while let node = returns.removeFirst() { node.pointee.receive(self, node) }
    }

    /// Runs all messages that stand in the queue.
    func runQueue() {
        while let node = pointee.queue.removeFirst() {
            let slot = SlotPool.slot(of: node)
            if slot.pointee.bytes.count <= SlotPool.size || slot.pointee.large != nil || moveToSlab(slot) {
                pointee.hooks.deliver(self, slot)
            }
            if !slot.pointee.isKept { release(slot) }
        }
    }

    /// A long message goes from the reader's shared overflow to memory of its own, before anybody points into it or takes it away.
    /// - Returns: false when memory is out; it has been counted.
    @inline(never)
    func moveToSlab(_ slot: UnsafeMutablePointer<Received>) -> Bool {
        let bytes = slot.pointee.bytes
        guard let large = pointee.slab.allocate(bytes.count) else {
            pointee.shard.bump(pointee.counters.handOverNoSlot)
            return false
        }
        large.copyMemory(from: bytes.start, byteCount: bytes.count)
        slot.pointee.large = large
        slot.pointee.bytes = Bytes(UnsafePointer(large.assumingMemoryBound(to: UInt8.self)), bytes.count)
        return true
    }

    /// A slot goes back to whoever owns it. On the worker that was given the message.
    @inline(__always) @_noLocks
    func release(_ slot: UnsafeMutablePointer<Received>) {
        slot.pointee.isKept = false
        let owner = Int(slot.pointee.owner)
        if owner == pointee.index {
            Worker.slotCameHome(self, slot)
        } else {
            pointee.mailboxes[owner].giveBack(SlotPool.node(of: slot))
        }
    }

    /// Gives a message to its home worker.
    /// - Returns: false when it was dropped and counted, and the slot is still here.
    @inline(__always) @_noLocks
    func handOver(_ slot: UnsafeMutablePointer<Received>, to home: Int) -> Bool {
        guard pointee.mailboxes[home].handOver(SlotPool.node(of: slot)) else {
            pointee.shard.bump(pointee.counters.handOverRefused)
            return false
        }
        pointee.shard.bump(pointee.counters.handedOver)
        return true
    }
}

extension Worker {
    /// How much of what is to be done soon is done in a turn. When hundreds of scripts go on at once, as when a media proxy is given up, messages that
    /// have come meanwhile are read between them, before the kernel has to drop some.
    static let urgentATurn = 16

    /// A slot is back at its owner.
    static let slotCameHome: Mailbox.Callback = { raw, node in
        let worker = raw.assumingMemoryBound(to: Worker.self)
        let slot = node.assumingMemoryBound(to: Received.self)
        if let large = slot.pointee.large {
            slot.pointee.large = nil
            worker.pointee.slab.free(large)
        }
        worker.pointee.slots.putBack(slot)
    }

    /// Stops the worker that reads this.
    static let stopReceived: Mailbox.Callback = { raw, _ in raw.assumingMemoryBound(to: Worker.self).stopLoop() }

    /// Somebody rang: the turn has read the mail. The bell is edge-triggered, so that its count need not be read down.
    static let wakeupRang: EventLoop.Callback = { _, _, _ in }
}
