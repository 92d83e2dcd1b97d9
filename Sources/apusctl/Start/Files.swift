import Glibc

/// A whole file of text; nil, with `errno`, when it cannot be read.
func readFile(_ path: String) -> String? {
    guard let stream = fopen(path, "re") else { return nil }
    defer { fclose(stream) }
    return readText(stream)
}

/// What is left of a stream; nil, with `errno`, when it cannot be read.
func readText(_ stream: UnsafeMutablePointer<FILE>) -> String? {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
        let count = fread(&chunk, 1, chunk.count, stream)
        if count == 0 { break }
        bytes += chunk[..<count]
    }
    return ferror(stream) == 0 ? String(decoding: bytes, as: UTF8.self) : nil
}

extension String {
    /// Lines that end LF or CRLF, which Swift takes for one character; what follows the last end is one, too.
    var lines: [String] {
        split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }.map { String($0) }
    }
}

/// The folder that a path lies in.
func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Where a symbolic link points; nil when it is none, or not ours to read.
func readLink(_ path: String) -> String? {
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = bytes.withUnsafeMutableBytes { readlink(path, $0.baseAddress!, $0.count) }
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
}

/// The folder of this program's file, links resolved.
var programFolder: String? { readLink("/proc/self/exe").map { parent(of: $0) } }

/// What `errno` says, in words.
func systemError(_ code: Int32 = errno) -> String { String(cString: strerror(code)) }

/// Milliseconds of a clock that never jumps.
func monotonicMilliseconds() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}
