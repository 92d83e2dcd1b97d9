import Testing

@testable import Core

@Suite struct BytesScanningTests {
    /// Each place in texts of all lengths around the width of the loads, with the byte and its neighbours as false friends.
    @Test func everyPlaceIsFound() {
        for length in 0..<40 {
            for place in 0...length {
                var text = [UInt8](repeating: 11, count: length)
                if place < length { text[place] = 10 }
                text.withUnsafeBufferPointer { buffer in
                    let none = Bytes.empty
                    let bytes = buffer.baseAddress.map { Bytes($0, length) } ?? none
                    #expect(bytes.firstIndex(of: 10) == (place < length ? place : nil))
                    #expect(bytes.lineBreak(from: 0) == place)
                    #expect(bytes.firstIndex(of: 13) == nil)
                    #expect(bytes.lastIndex(of: 10) == (place < length ? place : nil))
                    for from in 0...length where from > place { #expect(bytes.lineBreak(from: from) == length) }
                }
            }
        }
    }

    /// Every byte at every place of texts that end at an unreadable page.
    @Test func everyByteIsToldFromTheOthers() {
        let space = GuardedInput(capacity: 4096)
        for length in 1..<40 {
            let other = Bytes(permanent: String(repeating: "m", count: length))
            var text = Array(other.string.utf8)
            for place in 0..<length {
                for byte in UInt8.min ... .max {
                    text[place] = byte
                    let bytes = space.place(text, count: length)
                    let isPrinting = 0x21...0x7e ~= byte
                    let isSame = byte == 0x6d
                    let isSameLetter = byte == 0x6d || byte == 0x4d
                    guard bytes.isPrinting == isPrinting, (bytes == other) == isSame,
                        bytes.equalsIgnoringCase(other) == isSameLetter
                    else {
                        Issue.record("\(byte) at \(place) of \(length)")
                        return
                    }
                }
                text[place] = UInt8(ascii: "m")
            }
        }
    }

    @Test func numbersAreNeverWrapped() {
        #expect(Bytes("0").uint32 == 0 && Bytes("4294967295").uint32 == .max && Bytes("00012").uint32 == 12)
        for text: StaticString in [
            "", "4294967296", "99999999999999999999999999", "-1", "+1", "1 ", " 1", "1.5", "0x10", "１",
        ] {
            #expect(Bytes(text).uint32 == nil, "\(text)")
        }
        #expect(Bytes("65535").uint16 == 65535 && Bytes("65536").uint16 == nil)
        #expect(Bytes("255").decimal(limit: 255) == 255 && Bytes("256").decimal(limit: 255) == nil)
    }

    @Test func comparing() {
        #expect(Bytes("abcdefghij") == Bytes("abcdefghij") && Bytes("abcdefghij") != Bytes("abcdefghiJ"))
        #expect(Bytes("Content-Length").equalsIgnoringCase("cONTENT-lENGTH"))
        #expect(!Bytes("@[`{").equalsIgnoringCase("`{@["), "only letters have a case")
        #expect(Bytes("AZaz-AZaz-AZaz-AZaz").equalsIgnoringCase("azAZ-azAZ-azAZ-azAZ"))
        for byte in UInt8.min ... .max where !byte.isASCIILetter {
            let (one, other) = ([byte], [byte ^ 0x20])
            #expect(
                !one.withUnsafeBufferPointer { one in
                    other.withUnsafeBufferPointer {
                        Bytes(one.baseAddress!, 1).equalsIgnoringCase(Bytes($0.baseAddress!, 1))
                    }
                })
        }
        #expect(Bytes("abc").hasPrefix("ab") && !Bytes("a").hasPrefix("ab"))
        #expect(Bytes(" \t\r\n a b \r\n").trimmed == "a b" && Bytes("  ").trimmed.isEmpty)
    }

    @Test func quotedStrings() {
        #expect(Bytes(#""a\"b"c"#).endOfQuotedString(from: 0) == 6)
        #expect(Bytes(#""never"#).endOfQuotedString(from: 0) == nil)
        #expect(Bytes(#""a\"#).endOfQuotedString(from: 0) == nil)
        #expect(Bytes(#""a display name as long as two\"blocks\\" <"#).endOfQuotedString(from: 0) == 41)
        #expect(Bytes(#"x"a\""#).hasClosedQuotes == false && Bytes(#"x"a" "b""#).hasClosedQuotes)
    }

    @Test func needles() {
        #expect(Bytes("--a--boundary").firstIndex(of: Bytes("--b")) == 3)
        #expect(Bytes("aab").firstIndex(of: Bytes("ab")) == 1 && Bytes("aa").firstIndex(of: Bytes("aab")) == nil)
    }

    @Test func writing() {
        withUnsafeTemporaryAllocation(byteCount: 8, alignment: 1) { memory in
            var out = ByteWriter(memory)
            out.write("ab")
            out.write(decimal: 0)
            out.write(decimal: 1234)
            #expect(out.bytes == "ab01234" && !out.isOverflown && out.room == 1)
            out.write(decimal: 10)
            #expect(out.isOverflown && out.bytes == "ab01234")
        }
    }
}
