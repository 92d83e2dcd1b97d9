import CLinux
import Glibc
import Synchronization

// Invariants: `shared` is set up before worker threads start and changed only by `start`; the buffer of a thread is used by
// one line at a time (`busy`), a line that is composed inside another takes memory of its own.

/// Severity, with the numbers that `debug` and `log` have always had.
enum LogLevel: Int32, Comparable, CaseIterable {
    case alert = -5
    case bug = -4
    case critical2 = -3
    case critical = -2
    case error = -1
    case warning = 0
    case notice = 1
    case info = 2
    case debug = 3

    static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }

    /// The nearest level to a number out of a config.
    init(clamping number: Int) { self = LogLevel(rawValue: Int32(max(-5, min(3, number))))! }

    var name: StaticString {
        switch self {
        case .alert: "ALERT"
        case .bug: "BUG"
        case .critical2, .critical: "CRITICAL"
        case .error: "ERROR"
        case .warning: "WARNING"
        case .notice: "NOTICE"
        case .info: "INFO"
        case .debug: "DEBUG"
        }
    }

    /// What a terminal needs to show lines of the level in Kamailio's colours.
    fileprivate var colour: StaticString {
        switch self {
        case .alert: "\u{1B}[0;1;31m"
        case .bug: "\u{1B}[0;1;35m"
        case .critical2, .critical: "\u{1B}[0;33m"
        case .error: "\u{1B}[0;31m"
        case .warning: "\u{1B}[0;35m"
        case .notice: "\u{1B}[0;32m"
        case .info: "\u{1B}[0;36m"
        case .debug: "\u{1B}[0m"
        }
    }

    /// syslog's severity.
    var severity: Int {
        switch self {
        case .alert: 1
        case .bug, .critical2, .critical: 2
        case .error: 3
        case .warning: 4
        case .notice: 5
        case .info: 6
        case .debug: 7
        }
    }
}

/// The server's log: ` 0(<pid>) LEVEL: <log_prefix><text>` on stderr, or syslog. From any thread; never blocks.
///
/// The check of the level is one load; what follows it runs only when the line is printed:
///
///     Log.line(.debug) { $0.add("to "); $0.add(address) }
///     Log.limited(.warning, "malformed message", source: slot.source) { $0.add(reason) }
///     Log.error("cannot bind \(address.text)")
enum Log {
    /// Longest line; what is longer ends in "...".
    static let longestLine = 8192

    private final class Shared: @unchecked Sendable {
        /// None where stderr is closed and nothing else was set up: then lines go nowhere.
        var sink = try? LogSink.descriptor(2)
        let facility = Atomic<Int>(3)  // LOG_DAEMON
        var name = "apus"
        var pid = Int(getpid())
        /// Colours are shown wherever lines go.
        var forcesColours = false
        /// Lines on standard error have the colour of their level (log_color).
        var coloursLevels = false
        var form: Form?
        var refreshPrefix: RefreshPrefix?
        let limiter = LogLimiter()
    }

    private static let shared = Shared()

    /// Memory of a thread for its lines.
    private struct ThreadBuffer {
        var busy: Bool
        var start: UnsafeMutablePointer<UInt8>
    }

    // MARK: - Set-up

    /// Where lines go from now on; before the first call they go to stderr. To be called before threads are started, and
    /// again after daemonising, as the process has a new pid.
    /// - Parameters:
    ///   - facility: syslog's facility number: LOG_DAEMON is 3.
    ///   - name: the program's name in syslog.
    static func start(_ sink: LogSink, facility: Int = 3, name: String = "apus") {
        shared.sink = sink
        shared.facility.store(facility, ordering: .relaxed)
        shared.name = name
        shared.pid = Int(getpid())
    }

    /// syslog's facility number of lines that name none. From any thread.
    static func setFacility(_ facility: Int) { shared.facility.store(facility, ordering: .relaxed) }

    /// Colours that lines ask for are shown wherever they go from now on. To be called before threads are started.
    static func showColours() { shared.forcesColours = true }

    /// Lines on standard error have the colour of their level. To be called before threads are started.
    static func colourLevels() { shared.coloursLevels = true }

    /// What a line becomes in the place of the usual form: its bytes, without a line feed. Called on the thread that logs, whose memory it takes.
    typealias Form = @Sendable (LogLevel, _ prefix: Bytes, _ text: Bytes) -> [UInt8]

    /// Lines have that form from now on. To be called before threads are started.
    static func use(_ form: @escaping Form) { shared.form = form }

    /// Makes the calling thread's prefix anew, with `setPrefix`.
    typealias RefreshPrefix = @convention(c) () -> Void

    /// The prefix is made anew for each line (log_prefix_mode). To be called before threads are started.
    static func refreshPrefix(with refresh: @escaping RefreshPrefix) { shared.refreshPrefix = refresh }

    /// Whether colours are shown: on standard error, or because they are asked for everywhere.
    static var showsColours: Bool { shared.forcesColours || shared.sink?.kind != .syslog }

    /// What is printed: this level and what is worse. May change at any time, from any thread.
    static var threshold: LogLevel {
        get { LogLevel(clamping: Int(linux_log_threshold())) }
        set { linux_set_log_threshold(newValue.rawValue) }
    }

    /// Would a line of this level be printed?
    @inline(__always) @_semantics("no_performance_analysis")
    static func isOn(_ level: LogLevel) -> Bool { level.rawValue <= linux_log_threshold() }

    /// The text that stands before every line of this thread until it is changed, `log_prefix`. Borrowed: empty ends it.
    @_semantics("no_performance_analysis")
    static func setPrefix(_ prefix: Bytes) {
        let thread = linux_this_thread()!
        thread.pointee.prefix = prefix.isEmpty ? nil : prefix.start
        thread.pointee.prefix_length = UInt32(truncatingIfNeeded: prefix.count)
    }

    /// What is printed of this thread's lines from now on, whatever `threshold` says; nil: what that says.
    @_semantics("no_performance_analysis")
    static func setThreadThreshold(_ level: Int32?) {
        linux_set_thread_log_threshold(level ?? linux_log_level_of_all())
    }

    // MARK: - Lines

    /// A line that is always printed when its level is on: what scripts and accounting write, and what cannot repeat.
    /// - Parameter facility: syslog's facility number; below 0 the configured one.
    @inline(__always) @_semantics("no_performance_analysis")
    static func line(_ level: LogLevel, facility: Int = -1, _ compose: (inout LogLine) -> Void) {
        if isOn(level) { emit(level, facility, compose) }
    }

    /// A line of the server's own that traffic can cause: at most ten a second for one text and source, then a count.
    /// - Parameters:
    ///   - text: what happened; stands first and tells repetitions.
    ///   - source: who caused it; printed after the text.
    ///   - compose: adds to the text.
    @inline(__always) @_semantics("no_performance_analysis")
    static func limited(
        _ level: LogLevel, _ text: StaticString, source: SocketAddress = SocketAddress(),
        _ compose: (inout LogLine) -> Void = { _ in }
    ) {
        if isOn(level) { emitLimited(level, text, source, compose) }
    }

    /// The same for lines whose text is made as they come: at most ten a second for one `key`.
    /// - Parameter kind: stands for such lines when it is told how many were held back.
    @inline(__always) @_semantics("no_performance_analysis")
    static func limited(
        _ level: LogLevel, _ kind: StaticString, key: UInt64, _ compose: (inout LogLine) -> Void
    ) {
        if isOn(level) { emitLimited(level, kind, key: key, compose) }
    }

    static func alert(_ text: @autoclosure () -> String) { line(.alert) { $0.add(text()) } }
    static func critical(_ text: @autoclosure () -> String) { line(.critical) { $0.add(text()) } }
    static func error(_ text: @autoclosure () -> String) { line(.error) { $0.add(text()) } }
    static func warning(_ text: @autoclosure () -> String) { line(.warning) { $0.add(text()) } }
    static func notice(_ text: @autoclosure () -> String) { line(.notice) { $0.add(text()) } }
    static func info(_ text: @autoclosure () -> String) { line(.info) { $0.add(text()) } }
    static func debug(_ text: @autoclosure () -> String) { line(.debug) { $0.add(text()) } }

    /// Tells what was held back in the seconds before. One thread calls it about once a second.
    static func flushLimits() {
        shared.limiter.flush(second: second()) { text, count in
            line(.warning) { line in
                line.addVerbatim(Bytes(text, strlen(UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self))))
                line.add(": ")
                line.add(unsigned: count)
                line.add(" more of these were not printed")
            }
        }
    }

    // MARK: - The slow half

    @inline(never) @_semantics("no_performance_analysis")
    private static func emitLimited(
        _ level: LogLevel, _ text: StaticString, _ source: SocketAddress, _ compose: (inout LogLine) -> Void
    ) {
        let address = source.isNone ? 0 : source.hash(key: 0)
        guard case .print(let heldBack) = shared.limiter.judge(text, source: address, second: second()) else { return }
        emit(level) { line in
            line.add(text)
            if !source.isNone {
                line.add(" from ")
                line.add(source)
            }
            compose(&line)
            if heldBack > 0 {
                line.add(" (and ")
                line.add(unsigned: heldBack)
                line.add(" more before)")
            }
        }
    }

    @inline(never) @_semantics("no_performance_analysis")
    private static func emitLimited(
        _ level: LogLevel, _ kind: StaticString, key: UInt64, _ compose: (inout LogLine) -> Void
    ) {
        guard case .print(let heldBack) = shared.limiter.judge(kind, source: key, second: second()) else { return }
        emit(level) { line in
            compose(&line)
            if heldBack > 0 {
                line.add(" (and ")
                line.add(unsigned: heldBack)
                line.add(" more before)")
            }
        }
    }

    @inline(never) @_semantics("no_performance_analysis")
    private static func emit(_ level: LogLevel, _ facility: Int = -1, _ compose: (inout LogLine) -> Void) {
        let thread = linux_this_thread()!
        let own = buffer(of: thread)
        let nested = own.pointee.busy
        let memory = nested ? .allocate(capacity: longestLine) : own.pointee.start
        own.pointee.busy = true
        if !nested { shared.refreshPrefix?() }
        var line = LogLine(memory, capacity: longestLine)
        if let form = shared.form {
            compose(&line)
            put(&line, by: form, level, thread, facility: facility)
        } else {
            let isColoured = shared.coloursLevels && shared.sink?.kind != .syslog
            if isColoured { line.add(level.colour) }
            writeHead(&line, level, thread, facility: facility)
            compose(&line)
            line.finish(isColoured ? "\u{1B}[0m" : "")
            shared.sink?.write(line.bytes)
        }
        if nested { memory.deallocate() } else { own.pointee.busy = false }
    }

    /// Writes a composed text in another form.
    @_semantics("no_performance_analysis")
    private static func put(
        _ text: inout LogLine, by form: Form, _ level: LogLevel, _ thread: UnsafePointer<linux_thread>, facility: Int
    ) {
        text.finish()
        let prefix = thread.pointee.prefix.map { Bytes($0, Int(thread.pointee.prefix_length)) } ?? .empty
        var made = form(level, prefix, text.bytes.prefix(text.count - 1))
        made.append(0x0A)
        if shared.sink?.kind == .syslog {
            text.clear()
            writeSyslogHead(&text, level, facility)
            made = Array(text.bytes.string.utf8) + made
        }
        made.withUnsafeBufferPointer { shared.sink?.write(Bytes($0.baseAddress.unsafelyUnwrapped, $0.count)) }
    }

    private static func writeSyslogHead(_ line: inout LogLine, _ level: LogLevel, _ facility: Int) {
        line.add("<")
        line.add((facility < 0 ? shared.facility.load(ordering: .relaxed) : facility) << 3 | level.severity)
        line.add(">")
        line.add(shared.name)
        line.add("[")
        line.add(shared.pid)
        line.add("]: ")
    }

    /// Composes what stands before the text; tests read it.
    static func writeHead(
        _ line: inout LogLine, _ level: LogLevel, _ thread: UnsafePointer<linux_thread>, facility: Int = -1
    ) {
        if shared.sink?.kind == .syslog {
            writeSyslogHead(&line, level, facility)
        } else {
            let number = Int(thread.pointee.number)
            if number < 10 { line.add(" ") }
            line.add(number)
            line.add("(")
            line.add(shared.pid)
            line.add(") ")
        }
        line.add(level.name)
        line.add(": ")
        if let prefix = thread.pointee.prefix { line.add(Bytes(prefix, Int(thread.pointee.prefix_length))) }
    }

    private static func buffer(of thread: UnsafeMutablePointer<linux_thread>) -> UnsafeMutablePointer<ThreadBuffer> {
        if let known = thread.pointee.log_buffer { return known.assumingMemoryBound(to: ThreadBuffer.self) }
        let made = UnsafeMutablePointer<ThreadBuffer>.allocate(capacity: 1)
        made.initialize(to: ThreadBuffer(busy: false, start: .allocate(capacity: longestLine)))
        thread.pointee.log_buffer = UnsafeMutableRawPointer(made)
        return made
    }

    /// Gives the calling thread's buffer back; for threads that end.
    static func endThread() {
        let thread = linux_this_thread()!
        guard let known = thread.pointee.log_buffer?.assumingMemoryBound(to: ThreadBuffer.self) else { return }
        known.pointee.start.deallocate()
        known.deallocate()
        thread.pointee.log_buffer = nil
    }

    private static func second() -> UInt64 { Syscalls.monotonicNanoseconds() / 1_000_000_000 }
}
