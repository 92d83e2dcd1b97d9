import Glibc
import Testing

@testable import Core

/// The message corpus: the shared one beside the repository when it is there (or where APUS_CORPUS points), else the part of it that is kept
/// in Tests/CoreTests/Corpus.
struct Corpus {
    struct Row {
        var file: String
        var isValid: Bool
        var kind: String
        var expected: String
        var words: String
        var facts: [String: String]
    }

    let root: String
    let rows: [Row]
    /// Rows whose file is not there.
    let absent: Int

    static let shared = Corpus()

    private init() {
        let repository = String(#filePath.dropLast("Tests/CoreTests/Message/Corpus.swift".count))
        let own = repository + "Tests/CoreTests/Corpus"
        let outside = getenv("APUS_CORPUS").map { String(cString: $0) } ?? repository + "../shared/corpus"
        let index = Corpus.read(outside + "/index.tsv")
        root = index == nil ? own : outside
        let text = index ?? Corpus.read(own + "/index.tsv") ?? []
        var rows: [Row] = []
        var absent = 0
        for line in String(decoding: text, as: UTF8.self).split(separator: "\n").dropFirst() {
            let c = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            guard c.count >= 7 else { continue }
            var facts: [String: String] = [:]
            for fact in c[6].split(separator: ";") {
                let pair = fact.split(separator: "=", maxSplits: 1).map(String.init)
                if pair.count == 2 { facts[pair[0]] = pair[1] }
            }
            if access(root + "/" + c[0], R_OK) != 0 {
                absent += 1
                continue
            }
            rows.append(
                Row(file: c[0], isValid: c[2] == "valid", kind: c[3], expected: c[4], words: c[5], facts: facts))
        }
        self.rows = rows
        self.absent = absent
        if index == nil { print("notice: \(outside) is not there: the fetched messages are skipped, \(own) is used") }
        if absent > 0 { print("notice: \(absent) files of the corpus are not there and were skipped") }
    }

    func bytes(_ row: Row) -> [UInt8] { Corpus.read(root + "/" + row.file) ?? [] }

    private static func read(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "rb") else { return nil }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let size = ftell(file)
        rewind(file)
        var bytes = [UInt8](repeating: 0, count: max(0, size))
        return fread(&bytes, 1, bytes.count, file) == bytes.count ? bytes : nil
    }
}

/// Memory whose end is the end of a page with an unreadable one behind it, with an arena and a record: a read too far is a crash.
final class GuardedInput {
    private let region: UnsafeMutableRawPointer
    private let pages: Int
    private let pageSize = 4096
    let arena: UnsafeMutablePointer<Arena>
    let record: UnsafeMutablePointer<MessageRecord>
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 200_000, alignment: 16)

    init(capacity: Int) {
        pages = (capacity + pageSize - 1) / pageSize
        region = mmap(nil, (pages + 1) * pageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
        precondition(region != MAP_FAILED)
        precondition(mprotect(region + pages * pageSize, pageSize, PROT_NONE) == 0)
        arena = UnsafeMutablePointer.allocate(capacity: 1)
        arena.initialize(to: Arena(chunk: 16_384, limit: 4 << 20))
        record = UnsafeMutablePointer.allocate(capacity: 1)
    }

    deinit {
        munmap(region, (pages + 1) * pageSize)
        arena.pointee.free()
        arena.deallocate()
        record.deallocate()
        buffer.deallocate()
    }

    /// The first `count` of `bytes`, ending at the unreadable page; and an empty arena.
    func place(_ bytes: [UInt8], count: Int) -> Bytes {
        arena.pointee.reset()
        let start = region + pages * pageSize - count
        bytes.withUnsafeBytes { start.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(region), byteCount: count) }
        return Bytes(UnsafePointer(start.assumingMemoryBound(to: UInt8.self)), count)
    }
}
