import Glibc
import PluginKit
import Synchronization

// Invariants: there is one, for ever. The file and what is known of it are used under the mutex, on threads of host->offload, and on the main thread while no
// other runs; `isFilled` tells workers without it. The file: 8 letters, the place of the first row that is not written yet in 8 bytes, then rows, each with its
// length and a checksum of 4 bytes in front. Behind a row that was cut off or is wrong nothing is read.

/// Rows that the database could not take, in a file until it can: in the order in which they came, also behind a restart.
final class Spool: @unchecked Sendable {
    private static let letters = Array("APUSROW1".utf8)
    private static let head = 16
    private static let mostRows = 100
    /// Bytes of the file at most: what comes then is lost.
    private static let mostBytes = 1 << 30
    /// Seconds between two attempts at most.
    private static let longestPause: UInt64 = 30

    private let host: Host
    private let db: OpaquePointer
    private let path: String
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var file: Int32 = -1
    /// Of the first row that is not written yet, and of the end.
    private var next = Spool.head
    private var end = Spool.head
    /// There are rows, or it is not known yet.
    private let isFilled = Atomic<Bool>(true)
    private let isReplaying = Atomic<Bool>(false)
    private let waiting = Atomic<Int>(0)
    private let attempt = Atomic<UInt64>(0)
    private let pause = Atomic<UInt64>(1)

    init(_ host: Host, _ db: OpaquePointer, _ path: String) {
        self.host = host
        self.db = db
        self.path = path
        pthread_mutex_init(mutex, nil)
    }

    /// [any] Rows in it.
    var count: Int { waiting.load(ordering: .relaxed) }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    // MARK: - The file, under the mutex

    /// Opens it, and makes it if it is wanted; false with the reason in the log.
    private func open(creating: Bool) -> Bool {
        if file >= 0 { return true }
        let opened = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | (creating ? O_CREAT : 0), 0o600)
        guard opened >= 0 else {
            if creating || errno != ENOENT { complain("cannot be opened: \(String(cString: strerror(errno)))") }
            return false
        }
        var facts = stat()
        guard fstat(opened, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, flock(opened, LOCK_EX | LOCK_NB) == 0
        else {
            complain("is another server's, or no file")
            close(opened)
            return false
        }
        file = opened
        if facts.st_size < Spool.head { return clear() }
        var bytes = [UInt8](repeating: 0, count: Spool.head)
        guard pread(file, &bytes, Spool.head, 0) == Spool.head, Array(bytes[0..<8]) == Spool.letters else {
            complain("has no rows of acc")
            close(file)
            file = -1
            return false
        }
        let place = bytes[8...].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        end = Int(facts.st_size)
        next = min(max(Spool.head, Int(clamping: place)), end)
        return countRows()
    }

    /// What is behind the last whole row goes: nobody could read what comes behind that.
    private func countRows() -> Bool {
        var place = next
        var count = 0
        while case let chunk = rows(from: place, most: Spool.mostRows), let last = chunk.last {
            count += chunk.count
            place = last.end
        }
        if place < end { host.log(.warning, "the spool \(path) ends with \(end - place) bytes that are no row") }
        end = place
        waiting.store(count, ordering: .relaxed)
        return ftruncate(file, end) == 0
    }

    private func complain(_ what: String) {
        host.log(.error, "the spool \(path) \(what): rows that the database cannot take are lost")
    }

    /// No row is left.
    private func clear() -> Bool {
        (next, end) = (Spool.head, Spool.head)
        waiting.store(0, ordering: .relaxed)
        guard ftruncate(file, 0) == 0 else { return false }
        return writeHead()
    }

    private func writeHead() -> Bool {
        let place = (0..<8).map { UInt8(truncatingIfNeeded: next >> (8 * $0)) }
        return pwrite(file, Spool.letters + place, Spool.head, 0) == Spool.head
    }

    private static func checksum(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        bytes.reduce(0x811c_9dc5) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }

    /// Places and bytes of the next rows.
    private func rows(from place: Int, most: Int) -> [(end: Int, bytes: [UInt8])] {
        var found: [(end: Int, bytes: [UInt8])] = []
        var place = place
        while found.count < most, place + 8 <= end {
            var head = [UInt8](repeating: 0, count: 8)
            guard pread(file, &head, 8, place) == 8 else { break }
            let length = head[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
            let sum = head[4..<8].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard 1...1 << 20 ~= length, place + 8 + length <= end else { break }
            var bytes = [UInt8](repeating: 0, count: length)
            guard pread(file, &bytes, length, place + 8) == length,
                bytes.withUnsafeBufferPointer(Spool.checksum) == sum
            else { break }
            place += 8 + length
            found.append((place, bytes))
        }
        return found
    }

    // MARK: - Rows come

    /// [offload] [stop] False: it is lost.
    func append(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        locked {
            guard open(creating: true), end + bytes.count + 8 <= Spool.mostBytes else { return false }
            let numbers = [UInt32(bytes.count), Spool.checksum(bytes)]
            let head = numbers.flatMap { number in (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }
            let whole = head + bytes
            guard pwrite(file, whole, whole.count, end) == whole.count else {
                // The disk is full: what was written of it goes.
                _ = ftruncate(file, end)
                return false
            }
            end += whole.count
            waiting.add(1, ordering: .relaxed)
            isFilled.store(true, ordering: .releasing)
            return true
        }
    }

    // MARK: - Rows go

    /// [worker] Once a second: has them written if there are any, and if the last attempt is long enough ago.
    func look(now: UInt64) {
        guard isFilled.load(ordering: .acquiring), now >= attempt.load(ordering: .relaxed),
            !isReplaying.exchange(true, ordering: .relaxed)
        else { return }
        let job = SpoolJob.make(self, UnsafeBufferPointer(start: nil, count: 0))
        if host.pointee.offload.pointee.post(host, job) <= 0 {
            SpoolJob.free(job)
            isReplaying.store(false, ordering: .relaxed)
        }
    }

    /// [offload] Writes what there is, as far as the database takes it.
    func replay() {
        defer { isReplaying.store(false, ordering: .relaxed) }
        var written = 0
        while true {
            let chunk = locked { () -> [(end: Int, bytes: [UInt8])] in
                guard open(creating: false) else {
                    isFilled.store(false, ordering: .relaxed)
                    return []
                }
                let chunk = rows(from: next, most: Spool.mostRows)
                if chunk.isEmpty {
                    _ = clear()
                    isFilled.store(false, ordering: .relaxed)
                }
                return chunk
            }
            guard let last = chunk.last else { break }
            var done = write(chunk.map(\.bytes))
            if done == .refused {
                // One of them at least: one after the other, and what is refused is left out.
                for row in chunk {
                    done = write([row.bytes])
                    if done == .later { break }
                    if done == .refused {
                        host.log(.error, "a row of the spool \(path) is lost: the table does not take it")
                    }
                    advance(to: row.end, 1)
                    written += done == .done ? 1 : 0
                }
                if done == .later { break }
                continue
            }
            guard done == .done else { break }
            written += chunk.count
            advance(to: last.end, chunk.count)
        }
        let isLeft = isFilled.load(ordering: .relaxed)
        let pause = isLeft ? min(pause.load(ordering: .relaxed) * 2, Spool.longestPause) : 1
        self.pause.store(pause, ordering: .relaxed)
        attempt.store(host.pointee.timer.pointee.now(host) + pause * 1000, ordering: .relaxed)
        if written > 0 { host.log(.notice, "\(written) rows of the spool \(path) are written") }
    }

    private func advance(to place: Int, _ count: Int) {
        locked {
            next = place
            waiting.subtract(count, ordering: .relaxed)
            _ = writeHead()
        }
    }

    private enum Outcome {
        case done, later, refused
    }

    /// All of them, or none.
    private func write(_ rows: [[UInt8]]) -> Outcome {
        var requests: [apus_db_request] = []
        var lists: [UnsafeMutableBufferPointer<apus_db_term>] = []
        var texts: [UnsafeMutableBufferPointer<UInt8>] = []
        defer {
            for list in lists { list.deallocate() }
            for text in texts { text.deallocate() }
        }
        for row in rows {
            let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: row.count)
            _ = copy.initialize(from: row)
            texts.append(copy)
            guard let (table, terms) = SpooledRow.read(UnsafeBufferPointer(copy)) else { return .refused }
            let list = UnsafeMutableBufferPointer<apus_db_term>.allocate(capacity: max(1, terms.count))
            _ = list.initialize(from: terms)
            lists.append(list)
            requests.append(RowWriter.request(table, UnsafeBufferPointer(rebasing: list[0..<terms.count])))
        }
        var result: UnsafePointer<apus_db_result>?
        let status = requests.withUnsafeBufferPointer { requests in
            guard let start = requests.baseAddress else { return CInt(APUS_OK) }
            var work = apus_db_work(
                size: UInt32(MemoryLayout<apus_db_work>.size), count: UInt32(requests.count), requests: start, key: 0,
                milliseconds: 0, reserved: 0)
            return host.pointee.db.pointee.wait(db, &work, &result)
        }
        host.pointee.db.pointee.free(result)
        return status == CInt(APUS_OK) ? .done : RowWriter.isTransient(status) ? .later : .refused
    }
}

/// What a thread of host->offload does with a spool: puts a row into it, or has the rows written.
struct SpoolJob {
    private var job: apus_job
    fileprivate let spool: UnsafeRawPointer
    /// A row; empty: the rows are to be written.
    fileprivate let bytes: UnsafeMutableBufferPointer<UInt8>

    /// - Parameter bytes: copied; empty: the rows are to be written.
    static func make(_ spool: Spool, _ bytes: UnsafeBufferPointer<UInt8>) -> UnsafeMutablePointer<apus_job> {
        let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
        _ = copy.initialize(from: bytes)
        let made = UnsafeMutablePointer<SpoolJob>.allocate(capacity: 1)
        let reference = UnsafeRawPointer(Unmanaged.passUnretained(spool).toOpaque())
        let job = apus_job(
            size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil), run: runSpoolJob)
        made.initialize(to: SpoolJob(job: job, spool: reference, bytes: copy))
        return UnsafeMutableRawPointer(made).assumingMemoryBound(to: apus_job.self)
    }

    static func free(_ job: UnsafeMutablePointer<apus_job>) {
        let own = UnsafeMutableRawPointer(job).assumingMemoryBound(to: SpoolJob.self)
        own.pointee.bytes.deallocate()
        own.deallocate()
    }
}

private let runSpoolJob: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { host, job in
    let own = UnsafeMutableRawPointer(job).assumingMemoryBound(to: SpoolJob.self)
    // It lives for ever.
    let spool = Unmanaged<Spool>.fromOpaque(own.pointee.spool).takeUnretainedValue()
    if own.pointee.bytes.isEmpty {
        spool.replay()
    } else if !spool.append(UnsafeBufferPointer(own.pointee.bytes)) {
        host.log(.error, "a row is lost: the spool does not take it")
    }
    SpoolJob.free(job)
}
