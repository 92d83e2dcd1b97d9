import Testing

@testable import Core

@Suite struct BytesTests {
    @Test func slices() {
        let text = Bytes("INVITE sip:a")
        #expect(text[0..<6].string == "INVITE")
        #expect(text[7..<12].string == "sip:a")
        #expect(Bytes.empty.isEmpty)
    }
}
