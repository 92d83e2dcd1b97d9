import JSON
import Testing

@Suite struct JSONReaderTests {
    private func read(_ text: String) throws(JSONFault) -> JSONValue { try JSONReader.read(Array(text.utf8)) }

    @Test func valuesOfAllKinds() throws {
        #expect(try read(" null ") == .null)
        #expect(try read("[true,false]") == .array([.bool(true), .bool(false)]))
        #expect(try read("-0") == .int(0))
        #expect(try read("9223372036854775807") == .int(.max))
        #expect(try read("9223372036854775808") == .double(9_223_372_036_854_775_808))
        #expect(try read("1.5e2") == .double(150))
        #expect(try read(#""a\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00""#) == .string("a\"\\/\u{8}\u{c}\n\r\tä😀"))
        let object = try read(#"{"b":1,"a":{"b":[]},"b":2}"#)
        #expect(object["b"] == .int(1) && object["a"]?["b"] == .array([]) && object["c"] == nil)
        guard case .object(let members) = object else {
            Issue.record("no object")
            return
        }
        #expect(members.map { String(decoding: $0.name, as: UTF8.self) } == ["b", "a", "b"])
    }

    @Test(arguments: [
        "", " ", "{", "[1", "[1,]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "01", "1.", "+1", "1e", "-", "nul",
        "\"", "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\n\"", "1 2", "[] []",
        "1e999", "\u{feff}1",
    ])
    func whatIsNoJSON(_ text: String) { #expect(throws: JSONFault.self) { try read(text) } }

    @Test func bytesThatAreNoUTF8() {
        #expect(throws: JSONFault.self) { try JSONReader.read([0x22, 0xFF, 0x22]) }
    }

    @Test func nestingEnds() {
        let most = JSONReader<[UInt8]>.maxDepth
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(throws: Never.self) { try read(nested(most)) }
        #expect(throws: JSONFault.self) { try read(nested(most + 1)) }
        #expect(throws: JSONFault.self) { try read(String(repeating: "[", count: 1_000_000)) }
    }

    @Test func aFaultTellsWhere() throws {
        let fault = #expect(throws: JSONFault.self) { try read("[1, x]") }
        #expect(fault?.offset == 4)
    }
}

@Suite struct JSONFramingTests {
    private func find(_ text: String) -> JSONFraming.Found { JSONFraming.find(Array(text.utf8)) }

    @Test func whereATextEnds() {
        #expect(find(" {\"a\":\"}\\\"]\"} {") == .end(13))
        #expect(find("[[],{}]") == .end(7))
        #expect(find("{\"a\":[1,2") == .incomplete)
        #expect(find("{\"\\") == .incomplete)
        #expect(find(" \r\n\t") == .space(4))
        #expect(find("") == .space(0))
        #expect(find("x{") == .none)
        #expect(find("]") == .none)
        #expect(find("\"{\"") == .none)
    }
}

@Suite struct JSONWriterTests {
    private func write(_ pretty: Bool, _ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter(pretty: pretty)
        body(&writer)
        return String(decoding: writer.out, as: UTF8.self)
    }

    private func sample(_ writer: inout JSONWriter) {
        writer.openObject(key: JSONWriter.none)
        writer.int(-1, key: "a".utf8)
        writer.openArray(key: "b".utf8)
        writer.text("x\"\u{1}\n".utf8, key: JSONWriter.none)
        writer.double(1.5, key: JSONWriter.none)
        writer.double(.nan, key: JSONWriter.none)
        writer.closeArray()
        writer.openObject(key: "c".utf8)
        writer.closeObject()
        writer.closeObject()
    }

    @Test func compact() {
        #expect(write(false, sample) == #"{"a":-1,"b":["x\"\u0001\n",1.5,null],"c":{}}"#)
    }

    @Test func pretty() {
        let lines = [
            "{", "\t\"a\":\t-1,", "\t\"b\":\t[", "\t\t\"x\\\"\\u0001\\n\",", "\t\t1.5,", "\t\tnull", "\t],",
            "\t\"c\":\t{}", "}",
        ]
        #expect(write(true, sample) == lines.joined(separator: "\n"))
    }

    @Test func whatIsWrittenIsReadAgain() throws {
        let value = try JSONReader.read(Array(#"{"a":[1,2.5,"ä",null,true,{"x":{}}],"b":"\u0000"}"#.utf8))
        for pretty in [false, true] {
            var writer = JSONWriter(pretty: pretty)
            writer.value(value, key: JSONWriter.none)
            #expect(try JSONReader.read(writer.out) == value)
        }
    }

    @Test func bytesThatAreNoUTF8BecomeReplacementCharacters() {
        #expect(write(false) { $0.text([0x61, 0xFF], key: JSONWriter.none) } == "\"a\u{FFFD}\"")
    }
}
