import PluginKit
import Testing

@Suite struct TextTests {
    @Test func comparing() {
        let text: apus_str = "Max-Forwards"
        #expect(text.equals("Max-Forwards"))
        #expect(!text.equals("max-forwards"))
        #expect(!text.equals("Max-Forward"))
        #expect(text.equalsIgnoringCase("mAX-fORWARDS"))
        #expect(!apus_str("@").equalsIgnoringCase("`"))
        #expect(!apus_str("[").equalsIgnoringCase("{"))
        #expect(text.hasPrefix("Max") && text.hasPrefix("") && !text.hasPrefix("Max-Forwards-"))
        #expect(text.hasSuffix("wards") && text.hasSuffix("") && !text.hasSuffix("Max"))
        #expect(apus_str().equals("") && apus_str().isNull && !apus_str("").isNull)
    }

    @Test(
        arguments: [
            ("0", 0), ("70", 70), ("-1", -1), ("+5", 5), ("007", 7), ("999999999999999999", 999_999_999_999_999_999),
            ("", nil), ("-", nil), ("+", nil), ("1a", nil), (" 1", nil), ("1000000000000000000", nil), ("--1", nil),
        ] as [(String, Int64?)])
    func numbers(text: String, value: Int64?) {
        var text = text
        text.withUTF8 { #expect(apus_str(start: $0.baseAddress, count: $0.count).number == value) }
    }

    @Test func trimming() {
        #expect(apus_str("  a b\t\r\n").trimmed.equals("a b"))
        #expect(apus_str(" \t ").trimmed.isEmpty)
        #expect(apus_str().trimmed.isNull)
        #expect(apus_str("abc").dropFirst(1).equals("bc"))
        #expect(apus_str("abc").dropFirst(5).isEmpty)
    }

    @Test func listsAreTakenApart() {
        var rest: apus_str = "a||bc|"
        #expect(rest.next(0x7c)?.equals("a") == true)
        #expect(rest.next(0x7c)?.equals("") == true)
        #expect(rest.next(0x7c)?.equals("bc") == true)
        #expect(rest.next(0x7c) == nil)
        #expect(apus_str("a;b").index(of: 0x3b) == 1)
        #expect(apus_str("a;b").index(of: 0x3b, from: 2) == nil)
    }
}

@Suite struct WriterTests {
    private func written(_ capacity: Int, _ body: (inout Writer) -> Void) -> (String, overflowed: Bool) {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: max(capacity, 1), alignment: 1)
        defer { memory.deallocate() }
        var writer = Writer(memory, capacity: capacity)
        body(&writer)
        return (writer.text.string, writer.overflowed)
    }

    @Test(
        arguments: [
            (0, 1, "0"), (7, 2, "07"), (10, 1, "10"), (99, 1, "99"), (100, 3, "100"), (5, 3, "005"), (-42, 1, "-42"),
            (Int64.max, 1, "9223372036854775807"), (Int64.min, 1, "-9223372036854775808"),
        ] as [(Int64, Int, String)])
    func numbers(number: Int64, width: Int, text: String) {
        #expect(written(32) { $0.add(number: number, width: width) } == (text, false))
    }

    @Test func whatDoesNotFitEndsTheText() {
        let result = written(5) {
            $0.add("abc")
            $0.add("def")
            $0.add("g")
            $0.add(byte: 0x68)
        }
        #expect(result == ("abc", true))
        #expect(written(3) { $0.add("abc") } == ("abc", false))
        #expect(written(0) { $0.add("") } == ("", false))
    }
}
