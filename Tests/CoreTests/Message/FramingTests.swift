import Testing

@testable import Core

@Suite struct FramingTests {
    private final class Stream {
        let arena = UnsafeMutablePointer<Arena>.allocate(capacity: 1)
        let record = UnsafeMutablePointer<MessageRecord>.allocate(capacity: 1)

        init() { arena.initialize(to: Arena(chunk: 8192, limit: 1 << 20)) }

        deinit {
            arena.pointee.free()
            arena.deallocate()
            record.deallocate()
        }

        /// What the framer says, and the parser of what it cut out, in a word.
        func feed(_ text: String, seen: Int = 0, limit: Int = Limits.messageSize, needsLength: Bool = true) -> String {
            arena.pointee.reset()
            let bytes = Bytes(leaking: text)
            switch Message.frame(bytes, seen: seen, limit: limit, needsLength: needsLength) {
            case .message(let start, let end):
                let result = Message.parse(bytes[start..<end], record: record, arena: arena)
                if record.pointee.count != end - start { return "the parser ends at \(record.pointee.count)" }
                return "complete \(end) \(result.fault)"
            case .needsMore(let atLeast, _): return "more \(atLeast)"
            case .broken(let fault, let start, let end):
                guard end > start else { return "broken \(fault)" }
                let result = Message.parse(bytes[start..<end], record: record, arena: arena)
                return "broken \(fault)\(result.isReplyAllowed ? ", answered" : "")"
            }
        }
    }

    private let head =
        "OPTIONS sip:b@c SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n"

    @Test func everyPieceWaitsForWhatIsMissing() {
        let stream = Stream()
        let text = head + "l: 5\r\n\r\n12345"
        let size = text.utf8.count
        for count in 0..<size - 5 {
            #expect(
                stream.feed(String(decoding: text.utf8.prefix(count), as: UTF8.self)) == "more \(count + 1)", "\(count)"
            )
            for seen in max(0, count - 5)...count {
                #expect(stream.feed(text, seen: seen) == "complete \(size) none", "after \(seen)")
            }
        }
        // The head tells how long the message is.
        for count in size - 5..<size {
            #expect(stream.feed(String(decoding: text.utf8.prefix(count), as: UTF8.self)) == "more \(size)")
        }
        #expect(stream.feed(text + "INVITE") == "complete \(size) none")
        #expect(stream.feed("\r\n\r\n" + text) == "complete \(size + 4) none")
        #expect(stream.feed("\r\n\r\n") == "more 5")
    }

    @Test func limits() {
        let stream = Stream()
        #expect(stream.feed(head + "l: 4294967295\r\n\r\n") == "broken tooLarge, answered")
        #expect(stream.feed(head + "l: 4294967296\r\n\r\n") == "broken contentLength, answered")
        #expect(stream.feed(head + "l: 500\r\n\r\n", limit: 400) == "broken tooLarge, answered")
        #expect(stream.feed(head + "X: " + String(repeating: "x", count: 400), limit: 400) == "broken tooLarge")
    }

    @Test func whatCannotBeFollowedIsBroken() {
        let stream = Stream()
        #expect(stream.feed(head + "\r\n") == "broken contentLengthMissing, answered")
        #expect(stream.feed(head + "l: 1\r\nContent-Length: 2\r\n\r\n1") == "broken twoContentLength, answered")
        #expect(stream.feed("\u{16}\u{3}\u{1}") == "broken notSIP" && stream.feed("{\"json\"") == "broken notSIP")
        #expect(stream.feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n") == "broken notSIP")
        #expect(stream.feed("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n" + head + "l: 0\r\n\r\n") == "broken notSIP")
        #expect(stream.feed(head + "l: -1\r\n\r\n") == "broken contentLength, answered")
        #expect(stream.feed(head + "l:\r\n\r\n") == "broken contentLength, answered")
        #expect(stream.feed(head + "X: a\nl: 5\r\n\r\n12345") == "broken lineEnd, answered")
        #expect(stream.feed(String(repeating: "x", count: 200)) == "broken notSIP")
    }

    @Test func aRefusedMessageDoesNotBreakTheStream() {
        let text = head + "No colon\r\nl: 0\r\n\r\n"
        #expect(Stream().feed(text + head) == "complete \(text.utf8.count) headerLine")
    }

    @Test func theLengthIsReadAsTheParserReadsIt() {
        let stream = Stream()
        for line in [
            "Content-Length: 5", "CONTENT-LENGTH:5", "l \t: \t5 ", "l\r\n : 5", "L:\r\n 5", "l: 5\r\n ", "l: 5\r\nl: 5",
        ] {
            let text = head + line + "\r\n\r\n12345"
            #expect(stream.feed(text) == "complete \(text.utf8.count) none", "\(line)")
        }
        for line in ["Content-Lengths: 5", "X: a\r\n Content-Length: 5", "lx: 5", "X-l: 5"] {
            #expect(stream.feed(head + line + "\r\n\r\n12345") == "broken contentLengthMissing, answered", "\(line)")
            #expect(stream.feed(head + line + "\r\n\r\n", needsLength: false).hasPrefix("complete"), "\(line)")
        }
    }
}
