import Testing

@testable import TextDoor

/// Values in the text of Kamailio's ctl.
@Suite struct LineWriterTests {
    private func text(_ build: (inout LineWriter) -> Void) -> String {
        var writer = LineWriter()
        build(&writer)
        return String(decoding: writer.take(), as: UTF8.self)
    }

    @Test func valuesAtTheTopAreLines() {
        #expect(
            text {
                $0.value("a:b,c".utf8, key: "".utf8)
                $0.value("two\nlines\\".utf8, key: "".utf8)
            } == "a\\ob\\cc\ntwo\\nlines\\\\\n")
    }

    @Test func mapsAreLinesAndWhatTheyHoldIsInThem() {
        #expect(
            text {
                $0.openArray(key: "".utf8)
                for number in 1...2 {
                    $0.openMap(key: "".utf8)
                    $0.value("\(number)".utf8, key: "id".utf8)
                    $0.openArray(key: "names".utf8)
                    $0.value("x".utf8, key: "".utf8)
                    $0.value("y".utf8, key: "".utf8)
                    $0.close()
                    $0.openMap(key: "inner".utf8)
                    $0.value("127.0.0.1:5060".utf8, key: "at".utf8)
                    $0.close()
                    $0.close()
                }
                $0.close()
            } == "id:1,names:x,names:y,at:127.0.0.1\\o5060\nid:2,names:x,names:y,at:127.0.0.1\\o5060\n")
    }

    @Test func emptyOnes() {
        #expect(
            text {
                $0.openArray(key: "".utf8)
                $0.close()
            } == "")
        #expect(
            text {
                $0.openMap(key: "".utf8)
                $0.close()
            } == "\n")
    }

    @Test(arguments: ["", "plain", "a\\ob", "\n\r\t\0\\:,", "end\\"]) func whatIsWrittenIsReadAgain(text: String) {
        var written: [UInt8] = []
        LineText.write(text.utf8, to: &written)
        #expect(!written.contains(0x0A) && !written.contains(0x3A) && !written.contains(0x2C))
        #expect(LineText.read(written) == Array(text.utf8))
    }

    @Test func unknownEscapesStay() { #expect(LineText.read(Array("\\x\\".utf8)) == Array("\\x\\".utf8)) }
}
