import Testing

@testable import Bencode

/// The codec of the control protocol of media proxies.
@Suite struct BencodeTests {
    private func scan(_ text: String) -> Bencode.Scan {
        Array(text.utf8).withUnsafeBytes { Bencode.scan($0) }
    }

    /// Whole values, and what may stand behind them.
    @Test(arguments: [
        "i0e", "i-1e", "i9223372036854775807e", "i-9223372036854775808e", "0:", "3:abc", "le", "de", "l0:i1elee",
        "d1:ai1e1:bl1:ce1:cd0:0:ee", "d6:result4:ponge", "d1:b0:1:a0:e", "d1:a0:1:a1:xe",
    ])
    func wholeValues(text: String) {
        #expect(scan(text) == .whole(text.utf8.count))
        #expect(scan(text + "e") == .whole(text.utf8.count))
        for cut in text.indices { #expect(scan(String(text[..<cut])) == .unfinished, "\(text[..<cut])") }
    }

    @Test(arguments: [
        "e", "x", "-1:", "i01e", "i-0e", "i--1e", "ie", "i-e", "i1.5e", "i9223372036854775808e",
        "i-9223372036854775809e", "i00000000000000000000000000", "01:a", "1000000000:", ":", "1x", "di1e0:e", "dlee",
        "d1:ae", "d0:de", "lx", " i1e", "i1 e", "d1:ai1ei2e0:e",
    ])
    func brokenValues(text: String) {
        let found = scan(text)
        #expect(found == .broken || (text == "d0:de" && found == .unfinished), "\(text): \(found)")
        #expect(Array(text.utf8).withUnsafeBytes { Bencode.read($0) == nil })
    }

    @Test func nestingEnds() {
        let deepest = Bencode.maximumDepth
        #expect(
            scan(String(repeating: "l", count: deepest) + String(repeating: "e", count: deepest))
                == .whole(deepest * 2))
        #expect(scan(String(repeating: "l", count: deepest + 1)) == .broken)
        #expect(scan(String(repeating: "d0:", count: deepest + 1)) == .broken)
    }

    @Test func nothingIsLeftOver() {
        let bytes = Array("i1ei2e".utf8)
        bytes.withUnsafeBytes {
            #expect(Bencode.read($0) == nil)
            #expect(Bencode.read(UnsafeRawBufferPointer(rebasing: $0[..<3]))?.number == 1)
        }
    }

    @Test func valuesAreFound() throws {
        let text = "d6:result2:ok3:sdp4:v=0\r6:totalsd3:RTPd7:packetsi12eee4:tagsl1:a2:bbe3:sdp5:othere"
        try Array(text.utf8).withUnsafeBytes { bytes in
            let reply = try #require(Bencode.read(bytes))
            #expect(reply["result"]?.text.map { String(decoding: $0, as: UTF8.self) } == "ok")
            #expect(reply["sdp"]?.text?.count == 4)
            #expect(reply["totals"]?["RTP"]?["packets"]?.number == 12)
            #expect(reply["totals"]?.text == nil && reply["sdp"]?.number == nil && reply["sdp"]?["x"] == nil)
            #expect(reply["nothing"] == nil)
            #expect(reply["tags"]?.items.map { $0.text?.count ?? -1 } == [1, 2])
            #expect(reply["tags"]?.kind == .list && reply["totals"]?.kind == .dictionary)
            #expect(Array(reply["sdp"]!.items).isEmpty)
        }
    }

    @Test func whatIsWrittenIsRead() throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 1)
        defer { memory.deallocate() }
        var writer = BencodeWriter(memory)
        writer.beginDictionary()
        writer.text("command")
        writer.text("offer")
        writer.text("n")
        writer.number(-120)
        writer.text("most")
        writer.number(.min)
        writer.text("flags")
        writer.beginList()
        writer.text("")
        writer.number(0)
        writer.end()
        writer.end()
        #expect(!writer.overflowed)
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == "d7:command5:offer1:ni-120e4:mosti-9223372036854775808e5:flagsl0:i0eee")
        let value = try #require(Bencode.read(writer.bytes))
        #expect(value["n"]?.number == -120 && value["most"]?.number == .min)
    }

    @Test func whatDoesNotFitIsNotWritten() {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 8, alignment: 1)
        defer { memory.deallocate() }
        var writer = BencodeWriter(memory)
        writer.text("abc")
        writer.text("defg")
        writer.number(1)
        #expect(writer.overflowed)
        #expect(writer.count <= 8)
    }
}
