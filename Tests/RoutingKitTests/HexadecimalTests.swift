import PluginKit
import RoutingKit
import Testing

@Suite struct HexadecimalTests {
    @Test func numbersAreWrittenAndRead() {
        var numbers: [UInt64] = [0, .max, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 0x9999_9999_aaaa_aaaa]
        for bit in 0..<UInt64.bitWidth { numbers += [1 << UInt64(bit), (1 << UInt64(bit)) - 1] }
        for number in numbers {
            for width in [1, 4, 15, 16] {
                var room = [UInt8](repeating: 0, count: 16)
                room.withUnsafeMutableBytes {
                    var writer = Writer($0.baseAddress!, capacity: 16)
                    writer.add(hex: number, width: width)
                    let plain = String(number, radix: 16)
                    let expected = String(repeating: "0", count: max(0, width - plain.count)) + plain
                    #expect(writer.text.string == expected)
                    #expect(writer.text.hex == number)
                }
            }
        }
    }

    @Test func whatIsNoNumber() {
        for text: apus_str in ["", "g", "0x1", "A", "12345678901234567", "1 ", "/", ":", "`"] {
            #expect(text.hex == nil)
        }
        #expect(("00000000000000ff" as apus_str).hex == 255)
    }
}
