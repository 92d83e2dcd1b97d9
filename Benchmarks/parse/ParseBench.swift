// Compiled together with Core's Runtime and Message rooms by scripts/bench-parse.
import CAllocations
import Glibc

/// An INVITE of 700 bytes as phones send it.
private func makeInvite() -> [UInt8] {
    var text = """
        INVITE sip:bob@biloxi.example.com SIP/2.0\r
        Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK776asdhds;rport\r
        Max-Forwards: 70\r
        Route: <sip:p1.example.com;lr>,<sip:p2.example.com;lr>\r
        From: "Alice" <sip:alice@atlanta.example.com>;tag=1928301774\r
        To: <sip:bob@biloxi.example.com>\r
        Call-ID: a84b4c76e66710@pc33.atlanta.example.com\r
        CSeq: 314159 INVITE\r
        Contact: <sip:alice@198.51.100.7:5060;transport=udp>\r
        User-Agent: Example Phone 1.0\r
        Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY\r
        Supported: replaces, timer\r
        Content-Type: application/sdp\r

        """
    let session =
        "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\nm=audio 49170 RTP/AVP 0\r\n"
    text += "Content-Length: \(session.utf8.count)\r\n\r\n" + session
    // Up to 700 bytes: what is missing goes into one more attribute.
    var bytes = Array(text.utf8)
    precondition(bytes.count <= 700, "the sample is \(bytes.count) bytes long")
    while bytes.count < 700 { bytes.append(UInt8(ascii: "\n")) }
    return bytes
}

@main
enum ParseBench {
    static func main() {
        let bytes = makeInvite()
        let arena = UnsafeMutablePointer<Arena>.allocate(capacity: 1)
        arena.initialize(to: Arena(chunk: 16_384, limit: 1 << 20))
        let record = UnsafeMutablePointer<MessageRecord>.allocate(capacity: 1)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 16)
        bytes.withUnsafeBufferPointer { pointer in
            let text = Bytes(pointer.baseAddress!, pointer.count)
            print("parse: one INVITE of \(text.count) bytes, record of \(MemoryLayout<MessageRecord>.stride) bytes")
            measure("first pass") { firstPass(text, record, arena) }
            measure("first pass, From, To, Contact, Route with their URIs") { withAddresses(text, record, arena) }
            measure("first pass, forward") { forward(text, record, arena, buffer) }
            measure("first pass, reply") { reply(text, record, arena, buffer) }
        }
    }

    /// Runs `body` in rounds and prints the best and the middle one, and its allocations.
    static func measure(_ name: String, _ body: () -> Int) {
        let rounds = 101
        let times = 10_000
        var results = [Double](repeating: 0, count: rounds)
        var check = 0
        for _ in 0..<times / 10 { check &+= body() }
        let before = allocation_count()
        for round in 0..<rounds {
            let start = now()
            for _ in 0..<times { check &+= body() }
            results[round] = Double(now() - start) / Double(times)
        }
        let allocations = allocation_count() - before
        results.sort()
        precondition(check > 0)
        let perMessage = Double(allocations) / Double(rounds * times)
        print("  \(name): best \(Int(results[0])) ns, median \(Int(results[rounds / 2])) ns, \(perMessage) allocations")
        if allocations > 0 { exit(1) }
    }

    /// Processor time: what other processes do does not count.
    static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }

    @inline(never)
    static func firstPass(
        _ text: Bytes, _ record: UnsafeMutablePointer<MessageRecord>, _ arena: UnsafeMutablePointer<Arena>
    ) -> Int {
        arena.pointee.reset()
        let result = Message.parse(text, record: record, arena: arena)
        return result.isAccepted ? Message(record).callID.count : -1_000_000
    }

    @inline(never)
    static func withAddresses(
        _ text: Bytes, _ record: UnsafeMutablePointer<MessageRecord>, _ arena: UnsafeMutablePointer<Arena>
    ) -> Int {
        let sum = firstPass(text, record, arena)
        let m = Message(record)
        guard let from = m.fromURI, let to = m.toURI, let contact = m.contacts.first, let route = m.routes.first,
            let contactURI = URI.parse(contact.uri), let routeURI = URI.parse(route.uri)
        else { return -1_000_000 }
        return sum + from.pointee.user.count + to.pointee.user.count + contactURI.host.count
            + (routeURI.isLooseRouter ? 1 : 0)
    }

    @inline(never)
    static func forward(
        _ text: Bytes, _ record: UnsafeMutablePointer<MessageRecord>, _ arena: UnsafeMutablePointer<Arena>,
        _ buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        _ = firstPass(text, record, arena)
        let m = Message(record)
        m.routing.source = SocketAddress(v4: 0xC633_6407, port: 5060)
        let via = OutgoingVia(
            transport: Bytes("UDP"), host: Bytes("192.0.2.1"), port: 5060, branch: Bytes("z9hG4bKf0a1.1234567.0"))
        return m.writeRequest(into: buffer, via: via) ?? -1_000_000
    }

    @inline(never)
    static func reply(
        _ text: Bytes, _ record: UnsafeMutablePointer<MessageRecord>, _ arena: UnsafeMutablePointer<Arena>,
        _ buffer: UnsafeMutableRawBufferPointer
    ) -> Int {
        _ = firstPass(text, record, arena)
        let m = Message(record)
        m.routing.source = SocketAddress(v4: 0xC633_6407, port: 5060)
        var parts = ReplyParts(code: 200, reason: Bytes("OK"))
        parts.toTag = Bytes("0123456789abcdef")
        return m.writeReply(into: buffer, parts) ?? -1_000_000
    }
}
