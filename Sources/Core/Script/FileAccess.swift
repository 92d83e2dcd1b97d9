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
    static func readFile(_ path: String) -> Result<[UInt8], FileFailure> {
        let descriptor = path == "-" ? dup(0) : open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(FileFailure(errno)) }
        defer { close(descriptor) }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return .failure(FileFailure(EISDIR)) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count == 0 { return .success(bytes) }
            if count < 0 {
                if errno == EINTR { continue }
                return .failure(FileFailure(errno))
            }
            bytes.append(contentsOf: chunk[..<count])
            if bytes.count > Source.maximumSize { return .failure(FileFailure(EFBIG)) }
        }
    }
}

/// Why a file cannot be read.
struct FileFailure: Error {
    /// An `errno` value.
    let code: Int32

    init(_ code: Int32) { self.code = code }

    var isMissing: Bool { code == ENOENT || code == ENOTDIR }
    var text: String { String(cString: strerror(code)) }
}
