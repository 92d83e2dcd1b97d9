import Glibc
import Synchronization

@testable import Core

/// A message with memory of its own, for tests: the bytes in a block of exactly their size, record and arena beside it. All of them live until
/// the tests end, since handles and texts do not keep them alive.
final class TestMessage: @unchecked Sendable {
    private static let all = Mutex<[TestMessage]>([])

    let result: ParseResult
    let message: Message
    private let block: UnsafeMutablePointer<UInt8>
    private let arena: UnsafeMutablePointer<Arena>
    private let record: UnsafeMutablePointer<MessageRecord>
    private let size: Int

    init(_ bytes: [UInt8], arenaLimit: Int = 1 << 20) {
        size = bytes.count
        block = UnsafeMutablePointer.allocate(capacity: max(1, size))
        for (index, byte) in bytes.enumerated() { block[index] = byte }
        arena = UnsafeMutablePointer.allocate(capacity: 1)
        arena.initialize(to: Arena(chunk: 8192, limit: arenaLimit))
        record = UnsafeMutablePointer.allocate(capacity: 1)
        result = Message.parse(Bytes(UnsafePointer(block), size), record: record, arena: arena)
        message = Message(record)
        Self.all.withLock { $0.append(self) }
    }

    convenience init(_ text: String) { self.init(Array(text.utf8)) }

    /// What a writer writes, as text; nil when it does not fit.
    func written(room: Int = 65_536, _ write: (UnsafeMutableRawBufferPointer) -> Int?) -> String? {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: room, alignment: 8)
        defer { buffer.deallocate() }
        guard let count = write(buffer) else { return nil }
        return String(decoding: buffer[0..<count], as: UTF8.self)
    }
}

extension Bytes {
    /// Text that is never freed: for tests.
    init(leaking text: String) {
        let bytes = Array(text.utf8)
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
        for (index, byte) in bytes.enumerated() { copy[index] = byte }
        self.init(UnsafePointer(copy), bytes.count)
    }
}

enum Sample {
    /// Lines joined by CRLF.
    static func lines(_ lines: String...) -> String { lines.joined(separator: "\r\n") }

    static let invite = lines(
        "INVITE sip:bob@example.net SIP/2.0",
        "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bKabc;rport",
        "Max-Forwards: 70",
        "Route: <sip:p1.example.com;lr>, <sip:p2.example.com;lr>",
        "From: \"Alice, A.\" <sip:alice@example.com>;tag=1928301774",
        "To: <sip:bob@example.net>",
        "Call-ID: a84b4c76e66710@198.51.100.7",
        "CSeq: 314159 INVITE",
        "Contact: <sip:alice@198.51.100.7:5060;transport=udp>;expires=60",
        "Content-Type: application/sdp",
        "Content-Length: 4",
        "",
        "v=0\n")
}
