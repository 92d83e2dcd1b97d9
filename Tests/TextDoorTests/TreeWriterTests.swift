import Testing

@testable import TextDoor

/// Structured values as lines.
@Suite struct TreeWriterTests {
    private func add(_ writer: inout TreeWriter, _ text: String, _ key: String = "") {
        writer.value(text.utf8, key: key.utf8)
    }

    private func text(_ writer: inout TreeWriter) -> String { String(decoding: writer.take(), as: UTF8.self) }

    @Test func valuesAtTheTop() {
        var writer = TreeWriter()
        add(&writer, "one")
        add(&writer, "two\r\n200 forged")
        #expect(text(&writer) == "one\ntwo\\r\\n200 forged\n")
    }

    @Test func aMap() {
        var writer = TreeWriter()
        writer.openMap(key: "".utf8)
        add(&writer, "7", "number")
        writer.openMap(key: "inner".utf8)
        add(&writer, "", "empty")
        writer.openArray(key: "list".utf8)
        add(&writer, "a")
        add(&writer, "b")
        writer.openMap(key: "".utf8)
        add(&writer, "1", "x")
        writer.close()
        writer.close()
        writer.close()
        add(&writer, "8", "last")
        writer.close()
        #expect(
            text(&writer)
                == "number:: 7\ninner:: \n\tempty:: \n\tlist:: a\n\tlist:: b\n\tlist:: \n\t\tx:: 1\nlast:: 8\n")
    }

    @Test func anArrayOfMaps() {
        var writer = TreeWriter(indent: [0x20, 0x20])
        writer.openArray(key: "".utf8)
        for number in ["1", "2"] {
            writer.openMap(key: "".utf8)
            add(&writer, number, "n")
            writer.close()
        }
        writer.openArray(key: "".utf8)
        add(&writer, "x")
        writer.close()
        writer.close()
        #expect(text(&writer) == "item:: \n  n:: 1\nitem:: \n  n:: 2\nitem:: \n  x\n")
    }
}
