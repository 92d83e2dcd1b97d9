import Glibc
import Testing

@testable import Core

/// Files of a config, FIFOs among them.
@Suite struct FileAccessTests {
    /// A FIFO, and its path.
    private func withFIFO(_ body: (String) throws -> Void) throws {
        var path = Array(("/tmp/apus-fifo-" + String(repeating: "X", count: 6)).utf8CString)
        let folder = try #require(
            path.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) }.map { String(cString: $0) })
        defer { rmdir(folder) }
        let fifo = folder + "/fifo"
        try #require(mkfifo(fifo, 0o600) == 0)
        defer { unlink(fifo) }
        try body(fifo)
    }

    private func failure(_ result: Result<[UInt8], FileFailure>) -> Int32? {
        if case .failure(let failure) = result { failure.code } else { nil }
    }

    @Test func aFIFOThatNobodyWritesToIsGivenUp() throws {
        try withFIFO { fifo in
            let result = FileAccess.readFile(fifo, patience: 30)
            #expect(failure(result) == ETIMEDOUT)
        }
    }

    @Test func oneWhoseWriterNeverEndsIsGivenUp() throws {
        try withFIFO { fifo in
            // Reading and writing: it has a writer at once.
            let writer = open(fifo, O_RDWR)
            defer { close(writer) }
            #expect(write(writer, "abc", 3) == 3)
            #expect(failure(FileAccess.readFile(fifo, patience: 30)) == ETIMEDOUT)
        }
    }

    @Test func whatIsWrittenIsRead() throws {
        try withFIFO { fifo in
            let path = strdup(fifo)!
            defer { free(path) }
            nonisolated(unsafe) let shared = path
            let writer = try Threads.start("apus/test") {
                let file = open(shared, O_WRONLY)
                _ = write(file, "abc", 3)
                close(file)
            }
            let result = FileAccess.readFile(fifo, patience: 60_000)
            pthread_join(writer, nil)
            #expect(try result.get() == Array("abc".utf8))
        }
    }

    @Test func patienceIsNothingToOtherFiles() throws {
        #expect(try FileAccess.readFile("/dev/null", patience: 30).get() == [])
        #expect(failure(FileAccess.readFile("/tmp", patience: 30)) == EISDIR)
        #expect(failure(FileAccess.readFile("/no/such", patience: 30)) == ENOENT)
    }
}
