import Testing

@testable import Core

@Suite struct AnswerTests {
    private func json(_ build: (Answer) -> Void) -> String {
        let answer = Answer()
        build(answer)
        #expect(answer.misuse == nil && answer.fault == nil && answer.open.isEmpty)
        return String(decoding: answer.json, as: UTF8.self)
    }

    @Test func oneValueIsItselfSeveralAreAnArray() {
        #expect(json { _ in } == "null")
        #expect(json { $0.add(Int64.min) } == "-9223372036854775808")
        #expect(
            json {
                $0.add(1.5)
                $0.add("x")
            } == #"[1.5,"x"]"#)
        #expect(
            json {
                $0.openArray()
                $0.close()
                $0.openMap()
                $0.close()
            } == "[[],{}]")
    }

    @Test func nestedMapsAndArrays() {
        let text = json {
            $0.openMap()
            $0.openArray(key: Bytes("a"))
            $0.add(1 as Int64)
            $0.openMap()
            $0.add("v", key: "k")
            $0.add(2, key: "n")
            $0.close()
            $0.add("")
            $0.close()
            $0.openMap(key: Bytes("b"))
            $0.close()
            $0.close()
        }
        #expect(text == #"{"a":[1,{"k":"v","n":2},""],"b":{}}"#)
    }

    @Test func textsAreEscaped() {
        #expect(json { $0.add("\"\\\n\r\t\u{1}\u{1f}é") } == "\"\\\"\\\\\\n\\r\\t\\u0001\\u001fé\"")
        #expect(json { $0.add(Bytes("a\0b")) } == #""a\u0000b""#)
        let latin: [UInt8] = [0x61, 0xE9, 0x62]
        let text = latin.withUnsafeBufferPointer { buffer in
            json { $0.add(Bytes(buffer.baseAddress!, buffer.count)) }
        }
        #expect(text == "\"a\u{FFFD}b\"")
    }

    @Test func numbersThatJSONHasNotAreNull() {
        #expect(
            json { for number in [Double.nan, .infinity, -.infinity, 1e300, 0] { $0.add(number) } }
                == "[null,null,null,1e+300,0.0]")
    }

    @Test func theFirstMistakeStays() {
        let answer = Answer()
        answer.add(1, key: "key")
        #expect(answer.misuse == "it gives the key `key` outside a map")
        answer.close()
        answer.add("ignored")
        #expect(answer.misuse == "it gives the key `key` outside a map" && answer.bytes.isEmpty)
    }

    @Test func depthAndSizeHaveLimits() {
        let deep = Answer()
        for _ in 0..<Answer.maxDepth { deep.openArray() }
        #expect(deep.misuse == nil && deep.open.count == Answer.maxDepth)
        deep.openArray()
        #expect(deep.misuse == "its answer is nested deeper than 32")

        let large = Answer()
        large.openArray()
        let text = String(repeating: "x", count: 1 << 20)
        for _ in 0..<63 { large.add(text) }
        #expect(large.misuse == nil)
        for _ in 0..<2 { large.add(text) }
        #expect(
            large.fault == CommandFault(code: 413, "the answer is larger than 67108864 bytes") && large.misuse == nil)
        #expect(large.bytes.count <= Answer.maxSize)
    }

    @Test func aFaultTakesThePlaceOfAnAnswer() {
        let answer = Answer()
        answer.openMap()
        answer.fail(404, "not here")
        answer.fail(500, "later")
        answer.add(1, key: "ignored")
        #expect(answer.fault == CommandFault(code: 404, "not here") && answer.misuse == nil)
    }

    @Test(arguments: [0, 200, 299, 1000, -32000]) func codesThatAreNoFaultsAreMisuse(_ code: Int) {
        let answer = Answer()
        answer.fail(code, "x")
        #expect(answer.fault == nil && answer.misuse == "\(code) is no code of a fault: 300 to 999")
    }
}
