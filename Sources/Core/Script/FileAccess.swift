import Glibc

/// How the preprocessor reaches the world: files and the environment. Tests put their own in its place.
struct FileAccess {
    /// The bytes of a file, or why there are none.
    var read: (_ path: String) -> Result<[UInt8], FileFailure>
    /// The value of an environment variable.
    var environment: (_ name: String) -> String?

    init(
        read: @escaping (String) -> Result<[UInt8], FileFailure> = FileAccess.readFile,
        environment: @escaping (String) -> String? = { getenv($0).map { String(cString: $0) } }
    ) {
        self.read = read
        self.environment = environment
    }

    /// Reads a whole file; `-` is standard input.
    static func readFile(_ path: String) -> Result<[UInt8], FileFailure> { readFile(path, patience: nil) }

    /// - Parameter patience: milliseconds for all of it: a FIFO may have no writer, or one that never ends. Nil: without end.
    static func readFile(_ path: String, patience: Int?) -> Result<[UInt8], FileFailure> {
        let flags = patience == nil ? O_RDONLY | O_CLOEXEC : O_RDONLY | O_CLOEXEC | O_NONBLOCK
        let descriptor = path == "-" ? dup(0) : open(path, flags)
        guard descriptor >= 0 else { return .failure(FileFailure(errno)) }
        defer { close(descriptor) }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return .failure(FileFailure(EISDIR)) }
        let end = patience.map { Syscalls.monotonicNanoseconds() / 1_000_000 + UInt64($0) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            if let end, !waitForBytes(descriptor, until: end) { return .failure(FileFailure(ETIMEDOUT)) }
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return .success(bytes) }
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                return .failure(FileFailure(errno))
            }
            bytes.append(contentsOf: chunk[..<count])
            if bytes.count > Source.maximumSize { return .failure(FileFailure(EFBIG)) }
        }
    }

    /// Until there is something to read, or the end of it. False when the time is over.
    private static func waitForBytes(_ descriptor: Int32, until end: UInt64) -> Bool {
        while true {
            let now = Syscalls.monotonicNanoseconds() / 1_000_000
            guard now < end else { return false }
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if poll(&wait, 1, Int32(clamping: end - now)) > 0 { return true }
        }
    }
}

/// Why a file cannot be read.
struct FileFailure: Error {
    /// An `errno` value.
    let code: Int32

    init(_ code: Int32) { self.code = code }

    var isMissing: Bool { code == ENOENT || code == ENOTDIR }
    var text: String {
        code == ETIMEDOUT ? "whoever writes it did not come to the end in time" : String(cString: strerror(code))
    }
}
