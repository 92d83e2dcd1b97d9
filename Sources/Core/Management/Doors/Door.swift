import CLinux
import Glibc

// Invariants: made and opened on the main thread, then the management thread's, which keeps it until it has ended. The loop and the timer
// point to it without a reference.

/// An open door: listens, and keeps whoever comes.
final class Door {
    let place: DoorPlace
    let limits: DoorLimits
    let handler: any DoorHandler
    private(set) var descriptor: Int32
    private var identity: DoorPlace.Identity?
    private var watch: WatchID?
    private var peers: [ObjectIdentifier: DoorPeer] = [:]
    private var replies = 0
    private unowned(unsafe) var thread: ManagementThread?
    private let checkTimer: UnsafeMutablePointer<TimerNode>
    private var hasComplained = false

    /// Between two looks at whether the file is still there.
    static let checkInterval: UInt64 = 4000
    /// Datagrams and connections that one event takes.
    private static let batch = 32
    /// The largest datagram there is.
    private static let datagramSize = 65536

    /// Opens it.
    init(_ place: DoorPlace, _ limits: DoorLimits, _ handler: any DoorHandler) throws(DoorPlace.Refusal) {
        self.place = place
        self.limits = limits
        self.handler = handler
        let opened = try place.open()
        descriptor = opened.descriptor
        identity = opened.identity
        checkTimer = .allocate(capacity: 1)
        checkTimer.initialize(
            to: TimerNode(context: Unmanaged.passUnretained(self).toOpaque()) { Door.of($1).check() })
    }

    deinit { checkTimer.deallocate() }

    private static func of(_ context: UnsafeMutableRawPointer?) -> Door {
        Unmanaged<Door>.fromOpaque(context!).takeUnretainedValue()
    }

    /// Not read off `thread`, which may be gone when this is asked for the last time.
    private(set) var hasBegun = false

    /// Those who are there, oldest first.
    var present: [DoorPeer] { peers.values.sorted { $0.since < $1.since } }

    // MARK: - Begin and end, on the management thread

    func begin(on thread: ManagementThread) {
        self.thread = thread
        hasBegun = true
        listen()
        if place.isFile { thread.schedule(checkTimer, after: Door.checkInterval) }
    }

    private func listen() {
        guard let thread else { return }
        if place.kind == .fifo {
            let peer = DoorPeer(self, .fifo, descriptor: descriptor, name: place.text, on: thread)
            _ = add(peer)
            return
        }
        do throws(SystemError) {
            watch = try thread.watch(
                descriptor, EPOLLIN.rawValue, context: Unmanaged.passUnretained(self).toOpaque()
            ) { _, context, _ in Door.of(context).ready() }
        } catch { Log.error("\(place.text) cannot be watched: \(error.text)") }
    }

    private func stopListening() {
        if let watch { thread?.unwatch(watch) }
        watch = nil
        for peer in present { if case .fifo = peer.kind { peer.end() } }
        close(descriptor)
    }

    /// Whoever is there is gone, what was written and not taken is lost.
    func end() {
        for peer in present { peer.end() }
        stopListening()
        thread?.remove(checkTimer)
        thread = nil
        place.remove(identity)
    }

    /// It never began: the server does not start.
    func abandon() {
        close(descriptor)
        place.remove(identity)
    }

    /// A file that somebody took away is made anew.
    private func check() {
        guard let thread else { return }
        thread.schedule(checkTimer, after: Door.checkInterval)
        let there = place.presentIdentity
        if there == identity { return }
        guard there == nil else {
            if !hasComplained { Log.error("\(place.text) was replaced by another file: nobody can come in by it") }
            hasComplained = true
            return
        }
        do throws(DoorPlace.Refusal) {
            let opened = try place.open()
            stopListening()
            descriptor = opened.descriptor
            identity = opened.identity
            hasComplained = false
            listen()
            Log.notice("\(place.text) was removed and has been made anew")
        } catch {
            if !hasComplained { Log.error("\(place.text) was removed, and cannot be made anew: \(error.text)") }
            hasComplained = true
        }
    }

    // MARK: - Peers

    private func ready() {
        for _ in 0..<Door.batch {
            let goesOn = place.kind == .tcp || place.kind == .unixStream ? accept() : receive()
            if !goesOn { return }
        }
    }

    private func add(_ peer: DoorPeer) -> Bool {
        peers[ObjectIdentifier(peer)] = peer
        if peer.begin() { return true }
        peer.end()
        return false
    }

    func forget(_ peer: DoorPeer) {
        if case .reply = peer.kind, peers[ObjectIdentifier(peer)] != nil { replies -= 1 }
        peers[ObjectIdentifier(peer)] = nil
    }

    private var hasRoom: Bool {
        if peers.count - replies < limits.peers { return true }
        let text = place.text
        Log.limited(.warning, "a door is full") { $0.add(": \(text): too many at a time: one more is turned away") }
        return false
    }

    /// False: nobody waits.
    private func accept() -> Bool {
        guard let thread else { return false }
        var address = [UInt8](repeating: 0, count: 128)
        var length = socklen_t(address.count)
        let connection = address.withUnsafeMutableBytes {
            linux_accept(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard connection >= 0 else { return errno == EINTR || errno == ECONNABORTED }
        guard hasRoom else {
            close(connection)
            return true
        }
        let name = place.isFile ? localName(connection) : "tcp:\(Door.text(address))"
        _ = add(DoorPeer(self, .stream, descriptor: connection, name: name, on: thread))
        return true
    }

    private func localName(_ connection: Int32) -> String {
        // struct ucred: pid, uid, gid.
        var facts: (Int32, UInt32, UInt32) = (0, 0, 0)
        var length = socklen_t(MemoryLayout.size(ofValue: facts))
        guard getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &facts, &length) == 0 else { return place.text }
        return "\(place.text) (uid \(facts.1), pid \(facts.0))"
    }

    private static func text(_ address: [UInt8]) -> String {
        address.withUnsafeBytes {
            SocketAddress($0.baseAddress!.assumingMemoryBound(to: sockaddr.self))?.text ?? "?"
        }
    }

    /// False: there is no datagram.
    private func receive() -> Bool {
        guard let thread else { return false }
        var sender = [UInt8](repeating: 0, count: 128)
        var length = socklen_t(sender.count)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Door.datagramSize, alignment: 16)
        defer { buffer.deallocate() }
        let flags = Int32(MSG_DONTWAIT | MSG_TRUNC)
        let count = sender.withUnsafeMutableBytes {
            recvfrom(
                descriptor, buffer.baseAddress, buffer.count, flags,
                $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard count >= 0 else { return errno == EINTR || errno == ECONNREFUSED }
        guard hasRoom else { return true }
        let isNamed = place.kind == .udp || Int(length) > MemoryLayout<sa_family_t>.size
        let name = place.kind == .udp ? "udp:\(Door.text(sender))" : "unixd:" + (isNamed ? Door.path(sender) : "?")
        let address = isNamed ? Array(sender[..<Int(length)]) : []
        let peer = DoorPeer(self, .datagram(sender: address), descriptor: -1, name: name, on: thread)
        guard add(peer) else { return true }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<min(count, buffer.count)])
        if count > limits.request || count > buffer.count {
            handler.refused(peer, .tooLarge, bytes)
            peer.close()
        } else if handler.received(peer, bytes) < 0 {
            peer.close()
        }
        return true
    }

    private static func path(_ sender: [UInt8]) -> String {
        String(decoding: sender.dropFirst(MemoryLayout<sa_family_t>.size).prefix { $0 != 0 }, as: UTF8.self)
    }

    /// A peer that writes to a reply FIFO; nil when the name is none or too many are open.
    func reply(folder: String, name: String) -> DoorPeer? {
        guard let thread, !name.isEmpty, name != ".", name != "..",
            !name.utf8.contains(where: { $0 == 0x2F || $0 == 0 })
        else { return nil }
        guard replies < limits.peers else { return nil }
        let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
        replies += 1
        let peer = DoorPeer(self, .reply(path: path), descriptor: -1, name: "reply FIFO \(path)", on: thread)
        return add(peer) ? peer : nil
    }
}
