import Glibc

/// A folder of one test's own below /tmp, removed with all it holds when it goes out of scope.
struct TemporaryFolder: ~Copyable {
    let path: String

    init() throws {
        var template = Array(("/tmp/apus-test-" + String(repeating: "X", count: 6)).utf8CString)
        guard mkdtemp(&template) != nil else { throw HarnessError("mkdtemp: \(String(cString: strerror(errno)))") }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit { TemporaryFolder.removeAll(path) }

    /// Removes a file, or a folder with what it holds; symbolic links are not followed.
    private static func removeAll(_ path: String) {
        if unlink(path) == 0 || errno != EISDIR { return }
        for name in Products.names(in: path, hidden: true) { removeAll(path + "/" + name) }
        rmdir(path)
    }

    /// Writes a file and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = path + "/" + name
        try writeText(text, to: file)
        return file
    }

    @discardableResult
    func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = path + "/" + name
        try writeBytes(bytes, to: file)
        return file
    }

    /// A file's text; nil when it cannot be read.
    func read(_ name: String) -> String? { readText(path + "/" + name) }
}

/// Writes a whole file.
func writeText(_ text: String, to file: String) throws { try writeBytes(Array(text.utf8), to: file) }

func writeBytes(_ bytes: [UInt8], to file: String) throws {
    guard let stream = fopen(file, "we") else { throw HarnessError("\(file): \(String(cString: strerror(errno)))") }
    let written = fwrite(bytes, 1, bytes.count, stream)
    guard fclose(stream) == 0, written == bytes.count else { throw HarnessError("\(file): cannot write") }
}

/// A whole file as text; nil when it cannot be read.
func readText(_ path: String) -> String? { readBytes(path).map { String(decoding: $0, as: UTF8.self) } }

/// A whole file; nil when it cannot be read.
func readBytes(_ path: String) -> [UInt8]? {
    guard let stream = fopen(path, "re") else { return nil }
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
        let count = fread(&chunk, 1, chunk.count, stream)
        if count == 0 { break }
        bytes += chunk[..<count]
    }
    return bytes
}
