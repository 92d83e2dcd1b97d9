import CLinux
import Glibc

// Invariants: nothing else in Core makes a system call that can fail with errno. The functions here are never inlined, so
// that nothing comes between a call and the reading of its errno, and they repeat what a signal interrupted.

/// A failed system call: its errno.
struct SystemError: Error, Equatable {
    let code: Int32

    /// The text that strerror has for it.
    var text: String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            guard strerror_r(code, buffer.baseAddress!, buffer.count) == 0 else { return "error \(code)" }
            return String(cString: buffer.baseAddress!)
        }
    }
}

/// System calls. Those of the hot path answer a count, or the negative errno; those of start-up throw `SystemError`.
/// None of them blocks, files apart.
enum Syscalls {
    // MARK: - The hot path

    /// recvmmsg: datagrams received, or -errno.
    @inline(never) @_semantics("no_performance_analysis")
    static func receive(_ fd: Int32, _ messages: UnsafeMutablePointer<linux_mmsghdr>, _ count: Int) -> Int {
        retry { Int(linux_recvmmsg(fd, messages, UInt32(truncatingIfNeeded: count))) }
    }

    /// sendmmsg: datagrams sent, or -errno that the first one met.
    @inline(never) @_semantics("no_performance_analysis")
    static func send(_ fd: Int32, _ messages: UnsafeMutablePointer<linux_mmsghdr>, _ count: Int) -> Int {
        retry { Int(linux_sendmmsg(fd, messages, UInt32(truncatingIfNeeded: count))) }
    }

    /// sendto without blocking: bytes sent, or -errno.
    @inline(never) @_semantics("no_performance_analysis")
    static func send(
        _ fd: Int32, _ bytes: UnsafeRawPointer, _ count: Int, to address: UnsafePointer<SocketAddress>
    ) -> Int {
        retry {
            sendto(
                fd, bytes, count, Int32(MSG_DONTWAIT),
                UnsafeRawPointer(address).assumingMemoryBound(to: sockaddr.self), address.pointee.length)
        }
    }

    /// sendmsg without blocking: bytes sent, or -errno.
    @inline(never) @_semantics("no_performance_analysis")
    static func send(_ fd: Int32, _ message: UnsafePointer<msghdr>) -> Int {
        retry { sendmsg(fd, message, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)) }
    }

    /// send without blocking on a connected socket: bytes sent, or -errno.
    @inline(never) @_semantics("no_performance_analysis")
    static func send(_ fd: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
        retry { Glibc.send(fd, bytes, count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)) }
    }

    /// epoll_wait: events, or -errno. -1 waits for ever.
    @inline(never) @_semantics("no_performance_analysis")
    static func wait(
        _ epoll: Int32, _ events: UnsafeMutablePointer<epoll_event>, _ count: Int, milliseconds: Int32
    ) -> Int {
        // An interrupted wait is a turn without events, so that the caller reads its clock anew.
        let result = epoll_wait(epoll, events, Int32(truncatingIfNeeded: count), milliseconds)
        if result >= 0 { return Int(result) }
        let code = errno
        return code == EINTR ? 0 : -Int(code)
    }

    /// read: bytes, 0 at the end, or -errno.
    @inline(never) @_semantics("no_performance_analysis")
    static func read(_ fd: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
        retry { Glibc.read(fd, buffer, count) }
    }

    /// write: bytes, or -errno.
    @inline(never) @_semantics("no_performance_analysis")
    static func write(_ fd: Int32, _ buffer: UnsafeRawPointer, _ count: Int) -> Int {
        retry { Glibc.write(fd, buffer, count) }
    }

    /// Nanoseconds of CLOCK_MONOTONIC.
    @inline(__always) @_semantics("no_performance_analysis")
    static func monotonicNanoseconds() -> UInt64 { nanoseconds(CLOCK_MONOTONIC) }

    /// Nanoseconds since 1970.
    @inline(__always) @_semantics("no_performance_analysis")
    static func wallNanoseconds() -> UInt64 { nanoseconds(CLOCK_REALTIME) }

    @inline(__always)
    private static func nanoseconds(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(bitPattern: Int64(time.tv_sec)) &* 1_000_000_000 &+ UInt64(bitPattern: Int64(time.tv_nsec))
    }

    /// accept4, non-blocking: the descriptor, or -errno.
    @inline(never) @_semantics("no_performance_analysis")
    static func accept(_ fd: Int32, _ remote: UnsafeMutablePointer<SocketAddress>) -> Int32 {
        var length = UInt32(MemoryLayout<SocketAddress>.size)
        let raw = UnsafeMutableRawPointer(remote).assumingMemoryBound(to: sockaddr.self)
        return Int32(truncatingIfNeeded: retry { Int(linux_accept(fd, raw, &length)) })
    }

    /// connect on a non-blocking socket: 0, or -errno; -EINPROGRESS when it goes on.
    static func beginConnecting(_ fd: Int32, _ address: SocketAddress) -> Int32 {
        Int32(truncatingIfNeeded: withSockaddr(address) { pointer, length in Int(Glibc.connect(fd, pointer, length)) })
    }

    /// The peer is told that nothing more comes.
    static func shutdownWriting(_ fd: Int32) { _ = Glibc.shutdown(fd, Int32(SHUT_WR)) }

    /// Closing the socket will reset its connection.
    static func resetOnClose(_ fd: Int32) {
        var value = linger(l_onoff: 1, l_linger: 0)
        _ = setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, UInt32(MemoryLayout<linger>.size))
    }

    // MARK: - Start-up and control

    enum SocketKind {
        case datagram
        case stream
    }

    /// A non-blocking socket that exec closes.
    static func socket(_ family: Int32, _ kind: SocketKind) throws(SystemError) -> Int32 {
        let fd = retry { Int(kind == .datagram ? linux_socket_dgram(family) : linux_socket_stream(family)) }
        return Int32(try check(fd))
    }

    static func bind(_ fd: Int32, _ address: SocketAddress) throws(SystemError) {
        _ = try check(withSockaddr(address) { pointer, length in Int(Glibc.bind(fd, pointer, length)) })
    }

    static func listen(_ fd: Int32, backlog: Int32) throws(SystemError) {
        _ = try check(retry { Int(Glibc.listen(fd, backlog)) })
    }

    static func connect(_ fd: Int32, _ address: SocketAddress) throws(SystemError) {
        _ = try check(withSockaddr(address) { pointer, length in Int(Glibc.connect(fd, pointer, length)) })
    }

    /// Connects to the unix socket at this path.
    static func connect(_ fd: Int32, path: String) throws(SystemError) {
        try withUnixAddress(path) { pointer, length in Int(Glibc.connect(fd, pointer, length)) }
    }

    /// Makes a unix socket at this path, which must not exist.
    static func bind(_ fd: Int32, path: String) throws(SystemError) {
        try withUnixAddress(path) { pointer, length in Int(Glibc.bind(fd, pointer, length)) }
    }

    private static func withUnixAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, UInt32) -> Int
    ) throws(SystemError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw SystemError(code: ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                retry { body(raw, UInt32(MemoryLayout<sockaddr_un>.size)) }
            }
        }
        _ = try check(result)
    }

    /// The address that a socket is bound to: tells the port after a bind to port 0.
    static func boundAddress(_ fd: Int32) throws(SystemError) -> SocketAddress {
        var address = SocketAddress()
        var length = UInt32(MemoryLayout<SocketAddress>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            retry {
                Int(getsockname(fd, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &length))
            }
        }
        _ = try check(result)
        return address
    }

    static func setOption(_ fd: Int32, _ level: Int, _ option: Int32, _ value: Int32) throws(SystemError) {
        var copy = value
        _ = try check(retry { Int(setsockopt(fd, Int32(level), option, &copy, 4)) })
    }

    static func option(_ fd: Int32, _ level: Int, _ option: Int32) throws(SystemError) -> Int32 {
        var value: Int32 = 0
        var length: UInt32 = 4
        _ = try check(retry { Int(getsockopt(fd, Int32(level), option, &value, &length)) })
        return value
    }

    /// Makes IP_PKTINFO or IPV6_PKTINFO arrive with each datagram.
    static func wantDestination(_ fd: Int32, _ family: UInt16) throws(SystemError) {
        _ = try check(retry { Int(linux_want_destination(fd, Int32(family))) })
    }

    static func joinGroup(_ fd: Int32, _ group: SocketAddress, interface: UInt32) throws(SystemError) {
        _ = try check(withSockaddr(group) { pointer, _ in Int(linux_join_group(fd, pointer, interface)) })
    }

    static func makeEpoll() throws(SystemError) -> Int32 {
        Int32(try check(retry { Int(epoll_create1(Int32(EPOLL_CLOEXEC))) }))
    }

    static func makeEvent() throws(SystemError) -> Int32 {
        let flags = Int32(EFD_NONBLOCK | EFD_CLOEXEC)
        return Int32(try check(retry { Int(eventfd(0, flags)) }))
    }

    /// epoll_ctl with EPOLL_CTL_ADD, EPOLL_CTL_MOD or EPOLL_CTL_DEL.
    static func control(
        _ epoll: Int32, _ operation: Int32, _ fd: Int32, events: UInt32, data: UInt64
    ) throws(SystemError) {
        var event = epoll_event(events: events, data: epoll_data_t(u64: data))
        _ = try check(retry { Int(epoll_ctl(epoll, operation, fd, &event)) })
    }

    /// Closing is never repeated: Linux has freed the number whatever close answers.
    static func close(_ fd: Int32) { _ = Glibc.close(fd) }

    static func open(_ path: String, flags: Int32, mode: mode_t = 0o600) throws(SystemError) -> Int32 {
        Int32(try check(retry { Int(Glibc.open(path, flags | O_CLOEXEC, mode)) }))
    }

    /// Random bytes from the kernel; never blocks once the machine is up.
    static func random() -> UInt64 {
        var value: UInt64 = 0
        let got = retry { getrandom(&value, 8, 0) }
        guard got == 8 else { fatalError("getrandom: \(SystemError(code: Int32(-got)).text)") }
        return value
    }

    /// The whole of a file, for configs and the like.
    /// - Parameter limit: EFBIG beyond it, so that a device or a runaway file does not fill the memory.
    static func readFile(_ path: String, limit: Int = 64 << 20) throws(SystemError) -> [UInt8] {
        let fd = try open(path, flags: O_RDONLY)
        defer { close(fd) }
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
        defer { chunk.deallocate() }
        var content: [UInt8] = []
        var failure: Int32 = 0
        while failure == 0 {
            let got = read(fd, chunk.baseAddress!, chunk.count)
            content.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<max(got, 0)]))
            if got == 0 { return content }
            if got < 0 { failure = Int32(-got) }
            if content.count > limit { failure = EFBIG }
        }
        throw SystemError(code: failure)
    }

    // MARK: - EINTR and errno

    /// Repeats a call that a signal interrupted; a failure becomes -errno.
    @inline(__always)
    private static func retry(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { return -Int(code) }
        }
    }

    @inline(__always)
    private static func check(_ result: Int) throws(SystemError) -> Int {
        if result < 0 { throw SystemError(code: Int32(-result)) }
        return result
    }

    private static func withSockaddr(
        _ address: SocketAddress, _ body: (UnsafePointer<sockaddr>, UInt32) -> Int
    ) -> Int {
        withUnsafePointer(to: address) { pointer in
            let raw = UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self)
            return retry { body(raw, address.length) }
        }
    }
}
