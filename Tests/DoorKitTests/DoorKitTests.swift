import DoorKit
import PluginKit
import Testing

@Suite struct DoorAddressTests {
    private func read(_ text: String) -> DoorAddress? {
        DoorAddress(text, path: APUS_DOOR_UNIX_STREAM, port: 2049)
    }

    @Test func addressesOfAllKinds() {
        #expect(read("/run/x") == DoorAddress(kind: APUS_DOOR_UNIX_STREAM, place: "/run/x"))
        #expect(read("unix:/run/x") == DoorAddress(kind: APUS_DOOR_UNIX_STREAM, place: "/run/x"))
        #expect(read("UNIXD:/a:b") == DoorAddress(kind: APUS_DOOR_UNIX_DATAGRAM, place: "/a:b"))
        #expect(read("tcp:localhost:2046") == DoorAddress(kind: APUS_DOOR_TCP, place: "localhost", port: 2046))
        #expect(read("tcp:[::1]:2046") == DoorAddress(kind: APUS_DOOR_TCP, place: "[::1]", port: 2046))
        #expect(read("udp:[::1]") == DoorAddress(kind: APUS_DOOR_UDP, place: "[::1]", port: 2049))
        #expect(read("127.0.0.1") == DoorAddress(kind: APUS_DOOR_UDP, place: "127.0.0.1", port: 2049))
        #expect(read("*") == DoorAddress(kind: APUS_DOOR_UDP, place: "*", port: 2049))
        #expect(read("fifo:/tmp/f") == DoorAddress(kind: APUS_DOOR_FIFO, place: "/tmp/f"))
    }

    @Test func whatIsNoAddress() {
        for text in ["", "tcp:", "unixs:", "tcp:x:0", "tcp:x:65536", "tcp:x:", "tcp:[::1", "tcp:[::1]x", "udp::5"] {
            #expect(read(text) == nil, "\(text)")
        }
    }
}

@Suite struct ItemRowTests {
    @Test func itemsPointToTheirKeysAndTexts() {
        var row = ItemRow()
        row.text("one".utf8)
        row.openMap()
        row.int(5, key: Array("number".utf8))
        row.text("".utf8, key: Array("empty".utf8), convertible: true)
        row.openArray(key: [])
        row.double(1.5)
        row.close()
        row.close()
        row.text("last".utf8)
        row.withItems { items in
            let kinds = items.map { Int($0.kind) }
            #expect(
                kinds == [
                    APUS_ITEM_STRING, APUS_ITEM_MAP, APUS_ITEM_INT, APUS_ITEM_TEXT, APUS_ITEM_ARRAY, APUS_ITEM_DOUBLE,
                    APUS_ITEM_END, APUS_ITEM_END, APUS_ITEM_STRING,
                ])
            #expect(items.map(\.keyed) == [0, 0, 1, 1, 1, 0, 0, 0, 0])
            #expect(items[0].str.string == "one" && items[2].key.string == "number" && items[2].num == 5)
            #expect(items[3].key.string == "empty" && items[3].str.isEmpty && items[3].str.s != nil)
            #expect(items[5].real == 1.5 && items[8].str.string == "last")
        }
    }
}
