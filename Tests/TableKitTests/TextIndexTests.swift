import PluginKit
import Testing

@testable import TableKit

@Suite struct TextIndexTests {
    @Test(arguments: [0, 1, 2, 3, 4, 5, 64, 10_000]) func eachIsFoundInAnyCase(count: Int) {
        let keys = (0..<count).map { "Name\($0).Example" }
        let index = TextIndex(keys)
        defer { index.end() }
        #expect(index.count == count)
        for (place, key) in keys.enumerated() {
            for text in [key, key.lowercased(), key.uppercased()] { #expect(find(text, index) == place) }
            #expect(index.text(place).string == key)
        }
        for text in ["", "name", "name0.exampl", "name\(count).example"] { #expect(find(text, index) == nil) }
    }

    @Test func ofEqualOnesTheFirstCounts() {
        let index = TextIndex(["a.test", "A.TEST", "", "b.test"])
        defer { index.end() }
        #expect(find("a.Test", index) == 0 && find("", index) == 2 && find("B.test", index) == 3)
    }

    private func find(_ text: String, _ index: TextIndex) -> Int? {
        var text = text
        return text.withUTF8 { index.find(apus_str(start: $0.baseAddress, count: $0.count)) }
    }
}
