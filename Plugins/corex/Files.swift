import Glibc
import PluginKit

// Invariants: a FileWork is one piece of the C library's memory: the script's worker makes it, a thread for what may block works on it, and it
// comes back as the payload of the suspension, whose host frees it; at each time one of them has it. Behind it lie the path, with its NUL, and
// what is to be written.

/// `file_read` and `file_write`, off the workers.
func declareFiles(_ host: Host) {
    host.function(
        "file_read", "path:format, variable:writable", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "Assigns the text of a regular file, of at most 1 MiB, to a variable.",
        call: { FileWork.begin($0, writing: nil) })
    host.function(
        "file_write", "path:format, text:format", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "Makes a text, of at most 1 MiB, all that is in a regular file, which need not be there yet.",
        call: { FileWork.begin($0, writing: $0.text(1)) })
}

/// One file that is read or written.
private struct FileWork {
    private var job: apus_job
    private let token: apus_token
    private let writes: Bool
    /// Bytes to be written.
    private let count: Int
    /// What was read; the C library's.
    private var content: UnsafeMutableRawPointer?
    private var contentCount = 0
    /// Why it failed: an errno, 0 when it did not.
    private var error: Int32 = 0

    /// Bytes that are read or written at most.
    static let limit = 1 << 20
    /// Milliseconds that a script waits for a disk.
    private static let patience: UInt32 = 10_000

    static func begin(_ call: Call, writing text: apus_str?) -> CInt {
        let path = call.text(0)
        guard path.len > 0, path.len < Int(PATH_MAX), path.index(of: 0) == nil, let source = path.s else {
            return call.fail("that is no path")
        }
        guard (text?.len ?? 0) <= limit else { return call.fail("the text is longer than 1 MiB") }
        let head = MemoryLayout<FileWork>.stride
        guard let piece = malloc(head + path.len + 1 + (text?.len ?? 0)) else { return call.fail("no memory") }
        let token = call.host.pointee.suspend.pointee.begin(call, patience, done, nil)
        guard token.value != 0 else {
            free(piece)
            return call.fail("too many scripts wait, or this one cannot")
        }
        let work = piece.bindMemory(to: FileWork.self, capacity: 1)
        work.initialize(
            to: FileWork(
                job: apus_job(size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil), run: arrived),
                token: token, writes: text != nil, count: text?.len ?? 0))
        (piece + head).copyMemory(from: source, byteCount: path.len)
        (piece + head).storeBytes(of: 0, toByteOffset: path.len, as: UInt8.self)
        if let text, let bytes = text.s { (piece + head + path.len + 1).copyMemory(from: bytes, byteCount: text.len) }
        let job = piece.assumingMemoryBound(to: apus_job.self)
        guard call.host.pointee.offload.pointee.post(call.host, job) > 0 else {
            free(piece)
            return call.fail("too many files are under way")
        }
        return .suspended
    }

    /// On a thread for what may block.
    private static let arrived: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { host, job in
        let piece = UnsafeMutableRawPointer(job)
        let work = piece.assumingMemoryBound(to: FileWork.self)
        let path = (piece + MemoryLayout<FileWork>.stride).assumingMemoryBound(to: CChar.self)
        if work.pointee.writes {
            let text = UnsafeRawPointer(path + strlen(path) + 1)
            work.pointee.error = write(path, UnsafeRawBufferPointer(start: text, count: work.pointee.count))
        } else {
            work.pointee.read(path)
        }
        host.pointee.suspend.pointee.complete(host, work.pointee.token, CInt(APUS_OK), piece) { piece in
            guard let piece else { return }
            Glibc.free(piece.assumingMemoryBound(to: FileWork.self).pointee.content)
            Glibc.free(piece)
        }
    }

    /// The script goes on.
    private static let done: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { call, status, payload in
        guard status == CInt(APUS_OK), let work = payload?.assumingMemoryBound(to: FileWork.self) else {
            return call.fail("the file took too long")
        }
        guard work.pointee.error == 0 else { return call.fail(work.pointee.complaint) }
        guard !work.pointee.writes else { return .true }
        let bytes = work.pointee.content?.assumingMemoryBound(to: UInt8.self)
        let text: apus_str = bytes.map { apus_str(start: UnsafePointer($0), count: work.pointee.contentCount) } ?? ""
        return call.set(1, apus_value(text))
    }

    private var complaint: apus_str {
        switch error {
        case ENOENT: "there is no such file"
        case EACCES, EPERM, EROFS: "the file is not to be had: permission denied"
        case EINVAL: "that is no regular file"
        case EFBIG: "the file is longer than 1 MiB"
        default: "the file cannot be read or written"
        }
    }

    /// Opens a regular file only: what waits for somebody, a FIFO or a terminal, is none.
    private static func open(_ path: UnsafePointer<CChar>, _ flags: Int32) -> (descriptor: Int32, size: Int)? {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0o640)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            errno = EINVAL
            return nil
        }
        return (descriptor, status.st_size)
    }

    private mutating func read(_ path: UnsafePointer<CChar>) {
        guard let (descriptor, size) = FileWork.open(path, O_RDONLY) else {
            error = errno
            return
        }
        defer { close(descriptor) }
        guard size <= FileWork.limit else {
            error = EFBIG
            return
        }
        guard let place = malloc(FileWork.limit + 1) else {
            error = ENOMEM
            return
        }
        content = place
        while contentCount <= FileWork.limit {
            let count = Glibc.read(descriptor, place + contentCount, FileWork.limit + 1 - contentCount)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                error = errno
                return
            }
            if count == 0 { return }
            contentCount += count
        }
        error = EFBIG
    }

    private static func write(_ path: UnsafePointer<CChar>, _ text: UnsafeRawBufferPointer) -> Int32 {
        guard let (descriptor, _) = open(path, O_WRONLY | O_CREAT) else { return errno }
        defer { close(descriptor) }
        guard ftruncate(descriptor, 0) == 0 else { return errno }
        var done = 0
        while done < text.count, let start = text.baseAddress {
            let count = Glibc.write(descriptor, start + done, text.count - done)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            done += count
        }
        return 0
    }
}
