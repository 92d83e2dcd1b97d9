import CLinux
import Glibc
import Synchronization

// Invariants: `fd` is open for as long as the sink lives, and writing to it never blocks: it is a regular file, a non-blocking
// description of our own, or a socket written with MSG_DONTWAIT.

/// Where log lines go. A line that the other side does not take at once is dropped and counted; the next one that is taken
/// is followed by the count.
final class LogSink: @unchecked Sendable {
    enum Kind {
        case file
        case socket
        case syslog
    }

    let kind: Kind
    private let fd: Int32
    private let dropped = Atomic<UInt64>(0)
    private let lastConnect = Atomic<UInt64>(0)

    private init(_ kind: Kind, _ fd: Int32) {
        self.kind = kind
        self.fd = fd
    }

    deinit { Syscalls.close(fd) }

    /// A descriptor that somebody else owns, such as stderr. What can block (a pipe, a terminal) is opened anew, so that its
    /// other users do not find it non-blocking.
    static func descriptor(_ fd: Int32) throws(SystemError) -> LogSink {
        var status = stat()
        guard fstat(fd, &status) == 0 else { throw SystemError(code: errno) }
        let type = status.st_mode & S_IFMT
        if type == S_IFSOCK { return LogSink(.socket, try duplicate(fd)) }
        if type == S_IFIFO || type == S_IFCHR,
            let own = try? Syscalls.open("/proc/self/fd/\(fd)", flags: O_WRONLY | O_NONBLOCK | O_NOCTTY)
        {
            return LogSink(.file, own)
        }
        return LogSink(.file, try duplicate(fd))
    }

    private static func duplicate(_ fd: Int32) throws(SystemError) -> Int32 {
        let copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)
        guard copy >= 0 else { throw SystemError(code: errno) }
        return copy
    }

    /// The system's log. That nobody listens there yet is no error: each second one line tries again.
    static func syslog(path: String = "/dev/log") throws(SystemError) -> LogSink {
        let sink = LogSink(.syslog, try Syscalls.socket(AF_UNIX, .datagram))
        sink.path = path
        try? Syscalls.connect(sink.fd, path: path)
        return sink
    }

    private var path = ""

    /// Writes one finished line, or counts it as dropped.
    func write(_ line: Bytes) {
        if put(line) { return reportDropped() }
        if kind == .syslog, reconnect(), put(line) { return reportDropped() }
        dropped.add(1, ordering: .relaxed)
    }

    /// Lines dropped that no line has told of yet.
    var pendingDrops: UInt64 { dropped.load(ordering: .relaxed) }

    private func put(_ line: Bytes) -> Bool {
        switch kind {
        case .file:
            let written = Syscalls.write(fd, line.start, line.count)
            if written > 0, written < line.count {
                // A pipe took the first part: the rest follows if it can, or the line ends short.
                let rest = Syscalls.write(fd, line.start + written, line.count - written)
                if rest < line.count - written { dropped.add(1, ordering: .relaxed) }
            }
            return written > 0
        case .socket, .syslog:
            return Syscalls.send(fd, line.start, line.count) > 0
        }
    }

    private func reconnect() -> Bool {
        let now = Syscalls.monotonicNanoseconds() / 1_000_000_000
        let last = lastConnect.exchange(now, ordering: .relaxed)
        guard last != now else { return false }
        return (try? Syscalls.connect(fd, path: path)) != nil
    }

    private func reportDropped() {
        guard dropped.load(ordering: .relaxed) > 0 else { return }
        let count = dropped.exchange(0, ordering: .relaxed)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 96) { buffer in
            var line = LogLine(buffer.baseAddress!, capacity: buffer.count)
            if kind == .syslog { line.add("<28>apus: ") }
            line.add("(")
            line.add(unsigned: count)
            line.add(" log lines dropped: the reader was too slow)")
            line.finish()
            if !put(line.bytes) { dropped.add(count, ordering: .relaxed) }
        }
    }
}
