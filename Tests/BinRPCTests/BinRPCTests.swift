import Testing

@testable import BinRPC

@Suite struct BinRPCTests {
    private func written(_ value: RPCValue) -> [UInt8] {
        var writer = RecordWriter()
        writer.value(value)
        return writer.bytes
    }

    private func read(_ bytes: [UInt8]) throws(ReadFault) -> [RPCValue] {
        var reader = RecordReader(bytes)
        return try reader.all()
    }

    /// Bytes that kamcmd 5.6 sends for `core.echo 5 "abcdefgh"` with cookie 0x4142.
    @Test func aRequestIsWhatKamcmdSends() throws {
        let packet = Packet.request(Array("core.echo".utf8), [.int(5), .text("abcdefgh")], cookie: 0x4142)
        let body: [UInt8] =
            [0x91, 10] + Array("core.echo".utf8) + [0, 0x10, 5, 0x91, 9] + Array("abcdefgh".utf8) + [0]
        #expect(packet == [0xA1, 0x01, UInt8(body.count), 0x41, 0x42] + body)
        let (header, size) = try #require(try PacketHeader.read(packet))
        #expect(header == PacketHeader(kind: .request, cookie: 0x4142, bodySize: body.count))
        let request = try Packet.readRequest(packet[size...])
        #expect(request.command == Array("core.echo".utf8))
        #expect(request.arguments == [.int(5), .text("abcdefgh")])
    }

    @Test func aFaultIsACodeAndAText() throws {
        let packet = Packet.fault(404, Array("no".utf8), cookie: 1)
        #expect(packet == [0xA1, 0x30, 7, 1, 0x20, 0x01, 0x94, 0x31, 0x6E, 0x6F, 0])
        let fault = try Packet.readFault(packet[4...])
        #expect(fault.code == 404)
        #expect(fault.text == Array("no".utf8))
        #expect(throws: ReadFault.noSubject) { try Packet.readFault([0x10, 5]) }
        #expect(throws: ReadFault.noSubject) { try Packet.readRequest([0x10, 5]) }
        #expect(throws: ReadFault.noSubject) { try Packet.readRequest([]) }
    }

    @Test(
        arguments: [
            (0, [0x00]), (1, [0x10, 1]), (255, [0x10, 255]), (256, [0x20, 1, 0]),
            (0x7FFF_FFFF, [0x40, 0x7F, 255, 255, 255]),
            (-1, [0x40, 255, 255, 255, 255]), (0x8000_0000, [0x50, 0, 0x80, 0, 0, 0]),
            (1 << 40, [0x60, 1, 0, 0, 0, 0, 0]), (-0x8000_0001, [0x90, 8, 255, 255, 255, 255, 0x7F, 255, 255, 255]),
        ] as [(Int64, [UInt8])])
    func numbersTakeTheBytesTheyNeed(value: Int64, bytes: [UInt8]) throws {
        #expect(written(.int(value)) == bytes)
        #expect(try read(bytes) == [.int(value)])
    }

    @Test(arguments: [Int64.min, .max, 0x00FF_FFFF_FFFF_FFFF, 0x0100_0000_0000_0000, Int64(Int32.min)])
    func largeNumbersComeBack(value: Int64) throws {
        #expect(try read(written(.int(value))) == [.int(value)])
    }

    @Test func doublesAreThousandths() throws {
        #expect(written(.double(1.5)) == [0x22, 0x05, 0xDC])
        for value in [0, -0.001, 3.142, 1e9, -1e9] { #expect(try read(written(.double(value))) == [.double(value)]) }
        #expect(written(.double(.nan)) == [0x02])
        #expect(try read(written(.double(.infinity))) == [.double(Double(Int64.max) / 1000)])
    }

    @Test(arguments: [0, 1, 6, 7, 254, 255, 256, 65535, 70000])
    func textsOfEveryLengthComeBack(count: Int) throws {
        let text = [UInt8](repeating: 0x61, count: count)
        #expect(try read(written(.text(text))) == [.text(text)])
        #expect(try read(written(.bytes(text))) == [.bytes(text)])
    }

    @Test func mapsAndArraysNest() throws {
        let value = RPCValue.map([
            .init(name: Array("a".utf8), value: .array([.int(1), .map([]), .text("x")])),
            .init(name: Array("a".utf8), value: .double(2)),
        ])
        #expect(
            written(value) == [
                0x03, 0x25, 0x61, 0, 0x04, 0x10, 1, 0x03, 0x83, 0x21, 0x78, 0, 0x84, 0x25, 0x61, 0, 0x22, 0x07, 0xD0,
                0x83,
            ])
        #expect(try read(written(value) + written(.int(3))) == [value, .int(3)])
    }

    @Test func nestingHasALimit() throws {
        let deep = { (depth: Int) in [UInt8](repeating: 4, count: depth) + [UInt8](repeating: 0x84, count: depth) }
        #expect(try read(deep(RPCValue.maxDepth)).count == 1)
        #expect(throws: ReadFault.tooDeep) { try read(deep(RPCValue.maxDepth + 1)) }
    }

    @Test(
        arguments: [
            ([0x31, 0x61], .truncated), ([0x31, 0x61, 0x62, 0x63], .unterminatedText), ([0x01], .unterminatedText),
            ([0x91], .truncated), ([0xC1, 255, 255, 255, 255], .truncated), ([0xF1, 1, 1, 1, 1, 1, 1, 1], .truncated),
            ([0x90, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1], .numberTooLong), ([0x83], .unexpectedEnd),
            ([0x04, 0x83], .unexpectedEnd),
            ([0x03, 0x84], .unexpectedEnd), ([0x04], .unclosed), ([0x03, 0x25, 0x61, 0], .unclosed),
            ([0x03, 0x10, 1, 0x83], .misplacedName), ([0x25, 0x61, 0], .misplacedName),
            ([0x03, 0x25, 0x61, 0, 0x83], .unexpectedEnd), ([0x07], .unknownType(7)), ([0x13], .unknownType(3)),
        ] as [([UInt8], ReadFault)])
    func whatIsNoValueIsAnError(bytes: [UInt8], fault: ReadFault) {
        #expect(throws: fault) { try read(bytes) }
    }

    @Test func headersArriveInPieces() throws {
        let header = PacketHeader(kind: .reply, cookie: 0x0102_0304, bodySize: 0x10203)
        #expect(header.bytes == [0xA1, 0x1B, 1, 2, 3, 1, 2, 3, 4])
        for count in 0..<9 { #expect(try PacketHeader.read(header.bytes[..<count]) == nil) }
        let (read, size) = try #require(try PacketHeader.read(header.bytes + [9]))
        #expect(read == header)
        #expect(size == 9)
        #expect(PacketHeader(kind: .fault, cookie: 0, bodySize: 0).bytes == [0xA1, 0x30, 0, 0])
    }

    @Test func foreignHeadersAreRefused() {
        #expect(throws: ReadFault.notBinRPC) { try PacketHeader.read(Array("GET / HTTP".utf8)) }
        #expect(throws: ReadFault.otherVersion(2)) { try PacketHeader.read([0xA2]) }
        #expect(throws: ReadFault.unknownKind(2)) { try PacketHeader.read([0xA1, 0x20]) }
    }
}

extension BinRPCTests {
    /// Bytes at random and cut-off packets: an error or values, never more.
    @Test func anyBytesAreReadOrRefused() throws {
        var random = SystemRandomNumberGenerator()
        let whole = written(
            .map([
                .init(name: Array("list".utf8), value: .array([.text("abcdefghij"), .int(70000), .double(0.25)])),
                .init(name: Array("n".utf8), value: .bytes([1, 2, 3])),
            ]))
        for _ in 0..<2000 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            bytes.removeLast(Int.random(in: 0...bytes.count / 2, using: &random))
            if let values = try? read(bytes) {
                var writer = RecordWriter()
                for value in values { writer.value(value) }
                // Doubles and numbers may have had more bytes than they need: what is written again reads the same.
                #expect(try read(writer.bytes) == values)
            }
        }
        for count in 1..<whole.count { #expect(throws: ReadFault.self) { try read(Array(whole[..<count])) } }
    }
}
