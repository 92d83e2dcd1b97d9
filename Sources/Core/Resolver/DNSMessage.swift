import Glibc

// Invariants: every read is checked against `count` first. A compression pointer must point before the name that it is part of, and before the
// pointer that led there, so that a name ends.

/// The answers of a DNS message (RFC 1035 §4.1). c-ares has matched it to the question; all else in it is not to be believed.
struct DNSMessage {
    private let start: UnsafePointer<UInt8>
    private let count: Int
    private var at = 0

    init(_ bytes: Bytes) {
        start = bytes.start
        count = bytes.count
    }

    struct Answer {
        var status: ResolverStatus
        var count = 0
        /// Seconds; the least of the records.
        var ttl: UInt32 = 0
        /// Bytes written.
        var bytes = 0
    }

    /// Reads the records of one type: `DNSRecord`s from the start of `out`, their names behind them.
    /// - Parameter out: `DNSRecord.room` bytes, aligned for records.
    mutating func read(_ type: DNSType, into out: UnsafeMutableRawPointer) -> Answer {
        guard count >= 12 else { return Answer(status: .serverFailed) }
        let questions = number16(at: 4)
        let answers = number16(at: 6)
        at = 12
        for _ in 0..<questions {
            guard skipName(), skip(4) else { return Answer(status: .serverFailed) }
        }
        var answer = Answer(status: .noData)
        // The names are written behind the room of all records, and moved up when it is known how many there are.
        let names = out + DNSRecord.limit * MemoryLayout<DNSRecord>.stride
        var nameBytes = 0
        for _ in 0..<answers {
            guard skipName(), at + 10 <= count else { return Answer(status: .serverFailed) }
            let found = number16(at: at)
            let isInternet = number16(at: at + 2) == 1
            let ttl = UInt32(number16(at: at + 4)) << 16 | UInt32(number16(at: at + 6))
            let end = at + 10 + number16(at: at + 8)
            guard end <= count else { return Answer(status: .serverFailed) }
            at += 10
            if isInternet, found == Int(type.rawValue), answer.count < DNSRecord.limit {
                let name = (names + nameBytes).assumingMemoryBound(to: UInt8.self)
                if var record = type == .srv ? readSRV(end, name) : readNAPTR(end, name) {
                    record.nameOffset = UInt32(nameBytes)
                    nameBytes += Int(record.nameCount)
                    (out + answer.count * MemoryLayout<DNSRecord>.stride)
                        .initializeMemory(as: DNSRecord.self, to: record)
                    // RFC 2181 §8: a TTL with the highest bit set is none.
                    let seconds = ttl > UInt32(Int32.max) ? 0 : ttl
                    answer.ttl = answer.count == 0 ? seconds : min(answer.ttl, seconds)
                    answer.count += 1
                }
            }
            at = end
        }
        guard answer.count > 0 else { return answer }
        let size = answer.count * MemoryLayout<DNSRecord>.stride
        memmove(out + size, names, nameBytes)
        let records = out.assumingMemoryBound(to: DNSRecord.self)
        for i in 0..<answer.count { records[i].nameOffset += UInt32(size) }
        answer.status = .found
        answer.bytes = size + nameBytes
        return answer
    }

    /// RFC 2782: priority, weight, port, target.
    private mutating func readSRV(_ end: Int, _ name: UnsafeMutablePointer<UInt8>) -> DNSRecord? {
        guard at + 7 <= end else { return nil }
        let (priority, weight, port) = (number16(at: at), number16(at: at + 2), number16(at: at + 4))
        at += 6
        guard let length = readName(end, name), length == 0 || port > 0 else { return nil }
        return DNSRecord(
            order: UInt16(priority), preference: UInt16(weight), port: UInt16(port), transport: 0,
            nameCount: UInt8(length), nameOffset: 0)
    }

    /// RFC 3403 §4: order, preference, flags, services, regular expression, replacement. Only those that RFC 3263 §4.1 speaks of: flag `s`,
    /// a SIP service, a replacement.
    private mutating func readNAPTR(_ end: Int, _ name: UnsafeMutablePointer<UInt8>) -> DNSRecord? {
        guard at + 7 <= end else { return nil }
        let (order, preference) = (number16(at: at), number16(at: at + 2))
        at += 4
        guard let flags = text(end), let service = text(end), let pattern = text(end), pattern.isEmpty,
            flags.equalsIgnoringCase("s"), let transport = SIPService.transport(naptr: service),
            let length = readName(end, name), length > 0
        else { return nil }
        return DNSRecord(
            order: UInt16(order), preference: UInt16(preference), port: 0, transport: transport,
            nameCount: UInt8(length), nameOffset: 0)
    }

    // MARK: - Parts

    @inline(__always)
    private func number16(at place: Int) -> Int { Int(start[place]) << 8 | Int(start[place + 1]) }

    private mutating func skip(_ bytes: Int) -> Bool {
        at += bytes
        return at <= count
    }

    /// A character string of RFC 1035 §3.3.
    private mutating func text(_ end: Int) -> Bytes? {
        guard at < end, at + 1 + Int(start[at]) <= end else { return nil }
        let bytes = Bytes(start + at + 1, Int(start[at]))
        at += 1 + bytes.count
        return bytes
    }

    private mutating func skipName() -> Bool {
        while at < count {
            let length = Int(start[at])
            if length == 0 { return skip(1) }
            if length >= 0xC0 { return skip(2) }
            guard length < 64, skip(1 + length) else { return false }
        }
        return false
    }

    /// A name in small letters with dots; 0 bytes for the root. It begins before `end`.
    private mutating func readName(_ end: Int, _ out: UnsafeMutablePointer<UInt8>) -> Int? {
        var written = 0
        var place = at
        var bound = end
        while true {
            guard place < bound else { return nil }
            let length = Int(start[place])
            if length == 0 { return written }
            if length >= 0xC0 {
                guard place + 1 < bound else { return nil }
                let target = (length & 0x3F) << 8 | Int(start[place + 1])
                guard target < min(place, at) else { return nil }
                // Whatever follows must lie before this pointer.
                (bound, place) = (place, target)
                continue
            }
            guard length < 64, place + 1 + length <= bound else { return nil }
            guard written + length + (written > 0 ? 1 : 0) < DNSName.limit else { return nil }
            if written > 0 {
                out[written] = UInt8(ascii: ".")
                written += 1
            }
            for i in 1...length {
                guard let c = DNSName.fold(start[place + i]), c != UInt8(ascii: ".") else { return nil }
                out[written] = c
                written += 1
            }
            place += 1 + length
        }
    }
}
