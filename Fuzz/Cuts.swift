// Every prefix of every file that is named, each at the end of a page with an unreadable one behind it: `cuts FILE …`.
import Glibc

@main
enum Cuts {
    static let capacity = 2 << 20
    static let page = 4096

    static func main() {
        let region = mmap(nil, capacity + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)!
        guard region != MAP_FAILED, mprotect(region + capacity, page, PROT_NONE) == 0 else { fatalError("no memory") }
        let arena = UnsafeMutablePointer<Arena>.allocate(capacity: 1)
        arena.initialize(to: Arena(chunk: 16_384, limit: 8 << 20))
        let record = UnsafeMutablePointer<MessageRecord>.allocate(capacity: 1)
        var (files, prefixes, accepted) = (0, 0, 0)
        for path in CommandLine.arguments.dropFirst() {
            let bytes = read(path)
            guard bytes.count <= capacity else { fatalError("\(path) is too long") }
            files += 1
            for count in 0...bytes.count {
                let start = region + capacity - count
                bytes.withUnsafeBytes { if count > 0 { start.copyMemory(from: $0.baseAddress!, byteCount: count) } }
                let text = Bytes(UnsafePointer(start.assumingMemoryBound(to: UInt8.self)), count)
                if path.hasSuffix(".sdp") { _ = readEverything(SDP(text)) }
                arena.pointee.reset()
                if path.hasSuffix(".stream") {
                    if case .message(let start, let end) = Message.frame(text) {
                        _ = Message.parse(text[start..<end], record: record, arena: arena)
                        accepted += 1
                    }
                } else {
                    if Message.parse(text, record: record, arena: arena).isAccepted { accepted += 1 }
                    _ = Message(record).check()
                }
                prefixes += 1
            }
        }
        print("cuts: \(prefixes) prefixes of \(files) files, \(accepted) of them accepted")
    }

    static func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { fatalError("cannot read \(path)") }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&piece, 1, piece.count, file), count > 0 { bytes += piece[0..<count] }
        return bytes
    }
}
