import Bencode
import Testing

@testable import MediaKit

/// What is read out of proxies' answers.
@Suite struct AnswerTests {
    private func read<Result>(_ answer: String, _ body: (BencodedValue) throws -> Result) throws -> Result {
        try Array(answer.utf8).withUnsafeBytes { bytes in try body(try #require(Bencode.read(bytes))) }
    }

    // MARK: JSON

    private func json(_ answer: String, isPretty: Bool = false) throws -> String {
        try read(answer) { value in
            var measure = JSONText(nil, isPretty: isPretty)
            measure.write(value)
            var bytes = [UInt8](repeating: 0, count: measure.count)
            return bytes.withUnsafeMutableBufferPointer { memory in
                var text = JSONText(memory.baseAddress, isPretty: isPretty)
                text.write(value)
                #expect(text.count == measure.count)
                return String(decoding: memory, as: UTF8.self)
            }
        }
    }

    @Test func answersAsJSON() throws {
        #expect(try json("d1:ai-7e1:bl1:xi0eded1:c0:eee") == #"{"a":-7,"b":["x",0,{},{"c":""}]}"#)
        #expect(try json("le") == "[]" && json("3:a\"\\") == #""a\"\\""#)
        #expect(try json("4:\r\n\u{1}\u{1f}") == #""\u000d\u000a\u0001\u001f""#)
        #expect(try json("2:ä") == "\"ä\"")
        #expect(try json("d1:al1:xe1:bdee", isPretty: true) == "{\n  \"a\": [\n    \"x\"\n  ],\n  \"b\": {}\n}")
    }

    // MARK: Marks

    private static func marks(_ mark: Int, _ at: Int?, loss: Int = 1, samples: Int? = nil) -> String {
        "d3:MOSi\(mark)e15:round-trip timei\(mark * 100)e19:round-trip time legi\(mark * 10)e6:jitteri\(mark + 1)e11:packet lossi\(loss)e"
            + (at.map { "11:reported ati\($0)e" } ?? "") + (samples.map { "7:samplesi\($0)e" } ?? "") + "e"
    }

    private static let sources =
        "d4:1111d11:average MOS\(marks(40, nil, samples: 3))10:lowest MOS\(marks(30, 107))11:highest MOS\(marks(43, 110))e"
        + "4:2222d11:average MOS\(marks(20, nil, samples: 5))10:lowest MOS\(marks(10, 165))11:highest MOS\(marks(22, 170))ee"

    @Test func ofSeveralStreams() throws {
        try read(AnswerTests.sources) { sources in
            let all = Marks(sources, nil)
            let lowest = try #require(all.lowest)
            let highest = try #require(all.highest)
            let average = try #require(all.average)
            #expect(lowest.mark == 10 && lowest.at == 165 && lowest.roundtrip == 1000 && lowest.leg == 100)
            #expect(lowest.jitter == 11 && lowest.loss == 1)
            #expect(highest.mark == 43 && highest.at == 110)
            #expect(average.mark == 30 && average.at == nil && average.jitter == 31 && all.samples == 8)
        }
    }

    @Test func ofOneSide() throws {
        let tags = "d1:ad5:label3:one6:mediasld7:streamsld4:SSRCi1111eedeeeee1:bd5:label3:two6:mediaslee1:cdee"
        try read(AnswerTests.sources) { sources in
            try read(tags) { tags in
                #expect(Marks(sources, (tags, "one")).lowest?.mark == 30)
                #expect(Marks(sources, (tags, "two")).lowest == nil && Marks(sources, (tags, "")).average == nil)
            }
        }
    }

    /// What is missing or makes no sense is left out.
    @Test(arguments: [
        "de", "le", "d1:xi1ee", "d1:xdee", "d1:xd10:lowest MOSi1eee", "d1:xd10:lowest MOSd3:MOS1:4eee",
        "d1:xd10:lowest MOSd3:MOSi-1eeee", "d1:xd10:lowest MOSd3:MOSi1001eeee",
    ])
    func noMarks(sources: String) throws {
        try read(sources) { #expect(Marks($0, nil).lowest == nil && Marks($0, nil).average == nil) }
    }
}
