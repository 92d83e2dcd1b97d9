import CLinux
import Glibc

// Invariants: lives on the management thread, kept by its door from its beginning until `end`, in which its watch and timers end too: what
// they point to without a reference is there. Nothing is ended while a function of it is on the stack, except by `soon`.

/// Somebody with whom a door speaks: a connection, the sender of a datagram, the writers of a FIFO, the reader of a reply FIFO.
final class DoorPeer {
    enum Kind {
        case stream
        /// With the sender's address, empty when it has none.
        case datagram(sender: [UInt8])
        /// The FIFO of the door itself.
        case fifo
        /// The path of a FIFO to which a reply goes.
        case reply(path: String)
    }

    let door: Door
    let kind: Kind
    /// Who it is, for people.
    let name: String
    /// Monotonic milliseconds.
    let since: UInt64
    /// The handler's own.
    var context: AnyObject?

    private unowned(unsafe) let thread: ManagementThread
    /// -1 while a reply FIFO is not open, and for datagrams.
    private var descriptor: Int32
    private var watch: WatchID?
    private var watched: UInt32 = 0
    private var input: [UInt8] = []
    /// Of `input`, used already.
    private var used = 0
    private var output: [UInt8] = []
    private var sent = 0
    /// Whole datagrams that found no room.
    private var datagrams: [[UInt8]] = []
    /// `input` has grown since the handler saw it.
    private var isFresh = false
    private var isHeld = false
    private var inputEnded = false
    private(set) var isClosing = false
    private var isEnded = false
    private var wasPending = false
    private var triesLeft = 4

    /// For a request to become whole.
    private let requestTimer: UnsafeMutablePointer<TimerNode>
    /// For output to be taken, or for the next try to send or to open.
    private let outputTimer: UnsafeMutablePointer<TimerNode>
    /// What is to be done when nothing of this is on the stack.
    private let soon: UnsafeMutablePointer<TimerNode>

    init(_ door: Door, _ kind: Kind, descriptor: Int32, name: String, on thread: ManagementThread) {
        self.door = door
        self.kind = kind
        self.descriptor = descriptor
        self.name = name
        self.thread = thread
        since = ManagementThread.now
        requestTimer = .allocate(capacity: 1)
        outputTimer = .allocate(capacity: 1)
        soon = .allocate(capacity: 1)
        let me = Unmanaged.passUnretained(self).toOpaque()
        requestTimer.initialize(to: TimerNode(context: me) { DoorPeer.of($1).refuse(.tooSlow) })
        outputTimer.initialize(to: TimerNode(context: me) { DoorPeer.of($1).outputIsLate() })
        soon.initialize(to: TimerNode(context: me) { DoorPeer.of($1).goOn() })
    }

    deinit {
        requestTimer.deallocate()
        outputTimer.deallocate()
        soon.deallocate()
    }

    private static func of(_ context: UnsafeMutableRawPointer?) -> DoorPeer {
        Unmanaged<DoorPeer>.fromOpaque(context!).takeUnretainedValue()
    }

    private var reads: Bool {
        switch kind {
        case .stream, .fifo: true
        case .datagram, .reply: false
        }
    }

    /// Begins: watches its descriptor, or tries to open it. False: it cannot.
    func begin() -> Bool {
        if case .reply = kind {
            openReply()
            return true
        }
        guard descriptor >= 0 else { return true }
        return startWatch(EPOLLIN.rawValue)
    }

    private func startWatch(_ events: UInt32) -> Bool {
        let me = Unmanaged.passUnretained(self).toOpaque()
        do throws(SystemError) {
            watch = try thread.watch(descriptor, events, context: me) { _, context, events in
                DoorPeer.of(context).ready(events)
            }
            watched = events
            return true
        } catch {
            Log.error("\(name) cannot be watched: \(error.text)")
            return false
        }
    }

    /// Watches for what can be used now.
    private func updateWatch() {
        guard let watch, !isEnded else { return }
        var wanted: UInt32 = 0
        if reads, !isHeld, !inputEnded, !isClosing { wanted |= EPOLLIN.rawValue }
        if sent < output.count { wanted |= EPOLLOUT.rawValue }
        guard wanted != watched else { return }
        watched = wanted
        try? thread.change(watch, wanted)
    }

    private func ready(_ events: UInt32) {
        let keep = self
        defer { withExtendedLifetime(keep) {} }
        if events & EPOLLOUT.rawValue != 0 { flush() }
        if events & EPOLLIN.rawValue != 0, !isEnded, !isHeld, !isClosing { read() }
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0, events & EPOLLIN.rawValue == 0, !isEnded {
            // Nobody is there who could get anything.
            end()
        }
        updateWatch()
    }

    // MARK: - Input

    private func read() {
        let room = 65536
        let count = input.count
        input.append(contentsOf: repeatElement(0, count: room))
        let start = count
        let got = input.withUnsafeMutableBytes { Syscalls.read(descriptor, $0.baseAddress! + start, room) }
        input.removeLast(room - max(got, 0))
        if got > 0 {
            isFresh = true
            deliver()
        } else if got == 0, case .stream = kind {
            inputEnded = true
            afterInput()
        } else if got < 0, got != -Int(EAGAIN), got != -Int(EINTR), case .stream = kind {
            end()
        }
    }

    /// Shows the handler what there is.
    private func deliver() {
        while !isHeld, !isClosing, !isEnded, used < input.count, isFresh {
            isFresh = false
            // The handler may write and hold, never change what it looks at.
            let bytes = input
            let answer = bytes.withUnsafeBytes {
                door.handler.received(self, UnsafeRawBufferPointer(rebasing: $0[used...]))
            }
            if answer < 0 { return giveUp() }
            guard answer > 0 else { break }
            used = min(used + answer, input.count)
            thread.remove(requestTimer)
            isFresh = true
        }
        if used == input.count {
            input.removeAll(keepingCapacity: input.capacity <= 65536)
            used = 0
        } else if used > 65536 {
            input.removeFirst(used)
            used = 0
        }
        afterInput()
    }

    /// What is left is the beginning of a request, if anything.
    private func afterInput() {
        guard !isEnded, !isClosing, !isHeld else {
            thread.remove(requestTimer)
            return
        }
        let left = input.count - used
        if left == 0 {
            thread.remove(requestTimer)
            if inputEnded { close() }
        } else if left > door.limits.request {
            refuse(.tooLarge)
        } else if inputEnded {
            refuse(.cut)
        } else if !requestTimer.pointee.isArmed {
            thread.schedule(requestTimer, after: door.limits.milliseconds)
        }
    }

    private func refuse(_ reason: DoorRefusal) {
        guard !isEnded, !isClosing else { return }
        let bytes = input
        bytes.withUnsafeBytes { door.handler.refused(self, reason, UnsafeRawBufferPointer(rebasing: $0[used...])) }
        giveUp()
    }

    /// What has come cannot be used: a connection ends, a FIFO forgets it.
    private func giveUp() {
        input = []
        used = 0
        thread.remove(requestTimer)
        if case .fifo = kind { return }
        close()
    }

    /// Whether the handler is busy with this peer.
    func hold(_ on: Bool) {
        guard !isEnded, isHeld != on else { return }
        isHeld = on
        if on {
            thread.remove(requestTimer)
        } else {
            isFresh = true
            thread.schedule(soon, after: 0)
        }
        updateWatch()
    }

    private func goOn() {
        if isEnded { return }
        if isClosing { return endWhenSent() }
        if wasPending, pending == 0 {
            wasPending = false
            door.handler.drained(self)
        }
        if !isEnded, reads { deliver() }
        updateWatch()
    }

    // MARK: - Output

    /// Bytes that were written and have not gone out.
    var pending: Int { output.count - sent + datagrams.reduce(0) { $0 + $1.count } }

    /// Sends bytes, now or as the other side takes them. False: it takes nothing any more.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard !isEnded, !isClosing else { return false }
        switch kind {
        case .fifo: return false
        case .datagram(let sender): return write(datagram: bytes, to: sender)
        case .stream, .reply: break
        }
        guard pending + bytes.count <= door.limits.reply else {
            complain("does not take its reply")
            cutOff()
            return false
        }
        output.append(contentsOf: bytes)
        flush()
        updateWatch()
        return !isEnded
    }

    private func flush() {
        guard !isEnded else { return }
        guard descriptor >= 0 else {
            // A reply FIFO that is not open yet.
            wasPending = true
            return
        }
        var failure: Int32 = 0
        let before = sent
        while sent < output.count, failure == 0 {
            let start = sent
            let result = output.withUnsafeBytes { all -> Int in
                if case .reply = kind { return Syscalls.write(descriptor, all.baseAddress! + start, all.count - start) }
                return Syscalls.send(descriptor, all.baseAddress! + start, all.count - start)
            }
            if result >= 0 { sent += result } else { failure = Int32(-result) }
        }
        if failure != 0, failure != EAGAIN, failure != EINTR { return cutOff() }
        if sent == output.count {
            output.removeAll(keepingCapacity: output.capacity <= 65536)
            sent = 0
            thread.remove(outputTimer)
            if isClosing || wasPending { thread.schedule(soon, after: 0) }
        } else {
            wasPending = true
            if sent > before || !outputTimer.pointee.isArmed {
                thread.schedule(outputTimer, after: door.limits.milliseconds)
            }
            if sent > 1 << 20 {
                output.removeFirst(sent)
                sent = 0
            }
        }
    }

    private func outputIsLate() {
        switch kind {
        case .datagram: sendDatagrams()
        case .reply where descriptor < 0: openReply()
        default:
            complain("does not take its reply")
            cutOff()
        }
    }

    /// Ends without waiting for what was written.
    private func cutOff() {
        output = []
        sent = 0
        datagrams = []
        isClosing = true
        thread.schedule(soon, after: 0)
    }

    private func complain(_ what: String) {
        let name = name
        Log.limited(.warning, "a door's peer was cut off") { $0.add(": \(name) \(what)") }
    }

    // MARK: - Datagrams

    private func write(datagram bytes: UnsafeRawBufferPointer, to sender: [UInt8]) -> Bool {
        guard !sender.isEmpty else { return false }
        if datagrams.isEmpty {
            let code = DoorPeer.send(bytes, from: door.descriptor, to: sender)
            if code == 0 { return true }
            guard code == EAGAIN || code == ENOBUFS else { return false }
        }
        guard pending + bytes.count <= door.limits.reply else { return false }
        datagrams.append(Array(bytes))
        wasPending = true
        triesLeft = Int(door.limits.milliseconds / 20)
        thread.schedule(outputTimer, after: 20)
        return true
    }

    private func sendDatagrams() {
        guard case .datagram(let sender) = kind else { return }
        while let first = datagrams.first {
            let code = first.withUnsafeBytes { DoorPeer.send($0, from: door.descriptor, to: sender) }
            if code == EAGAIN || code == ENOBUFS {
                triesLeft -= 1
                if triesLeft > 0 { return thread.schedule(outputTimer, after: 20) }
                complain("does not take its reply")
                return cutOff()
            }
            datagrams.removeFirst()
        }
        thread.schedule(soon, after: 0)
    }

    /// 0, or errno.
    private static func send(_ bytes: UnsafeRawBufferPointer, from descriptor: Int32, to address: [UInt8]) -> Int32 {
        address.withUnsafeBytes { raw in
            let to = raw.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            let flags = Int32(MSG_NOSIGNAL | MSG_DONTWAIT)
            let count = sendto(descriptor, bytes.baseAddress, bytes.count, flags, to, UInt32(raw.count))
            return count < 0 ? errno : 0
        }
    }

    // MARK: - Reply FIFOs

    /// Opens the FIFO of whoever waits: its reader may be a moment late.
    private func openReply() {
        guard case .reply(let path) = kind else { return }
        if isClosing, pending == 0 { return endWhenSent() }
        triesLeft -= 1
        let opened = Glibc.open(path, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)
        if opened < 0 {
            let code = errno
            if code == ENXIO || code == ENOENT, triesLeft > 0 { return thread.schedule(outputTimer, after: 80) }
            complain("cannot be opened: \(code == ENXIO ? "nobody reads it" : SystemError(code: code).text)")
            return cutOff()
        }
        var facts = stat()
        guard fstat(opened, &facts) == 0, facts.st_mode & S_IFMT == S_IFIFO, facts.st_nlink == 1,
            let named = DoorPlace.facts(path), DoorPlace.Identity(named) == DoorPlace.Identity(facts)
        else {
            Glibc.close(opened)
            complain("is no FIFO with one name: nothing is written there")
            return cutOff()
        }
        descriptor = opened
        guard startWatch(0) else { return cutOff() }
        flush()
        updateWatch()
        if isClosing || (wasPending && pending == 0) { thread.schedule(soon, after: 0) }
    }

    // MARK: - The end

    /// What was written goes out, nothing is read any more, then it ends.
    func close() {
        if case .fifo = kind { return }
        guard !isClosing, !isEnded else { return }
        isClosing = true
        thread.remove(requestTimer)
        thread.schedule(soon, after: 0)
        updateWatch()
    }

    private func endWhenSent() {
        if pending == 0 { return end() }
        // `flush`, `sendDatagrams` or a timer comes here again.
        updateWatch()
    }

    /// It is gone. The last thing that its handler hears of it.
    func end() {
        guard !isEnded else { return }
        isEnded = true
        isClosing = true
        if let watch { thread.unwatch(watch) }
        for timer in [requestTimer, outputTimer, soon] { thread.remove(timer) }
        if descriptor >= 0 {
            if case .fifo = kind {} else { Glibc.close(descriptor) }
            descriptor = -1
        }
        door.handler.closed(self)
        door.forget(self)
    }
}
