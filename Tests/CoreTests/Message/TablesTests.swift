import Testing

@testable import Core

/// The tables that hot code reads are written out as constants: each is computed again here.
@Suite struct TablesTests {
    @Test func headerNamesFindTheirIds() {
        for raw in 1..<UInt8(HeaderID.count) {
            guard let id = HeaderID(rawValue: raw) else {
                Issue.record("raw values are not dense at \(raw)")
                continue
            }
            #expect(HeaderName.id(of: Bytes(id.name)) == id, "\(id)")
            #expect(HeaderName.id(of: Bytes(leaking: "\(id.name)".lowercased())) == id, "\(id)")
            #expect(HeaderName.id(of: Bytes(leaking: "\(id.name)".uppercased())) == id, "\(id)")
        }
        #expect(HeaderID(rawValue: UInt8(HeaderID.count)) == nil)
        #expect(HeaderID.count <= 96, "MessageRecord.firstOf has 96 places")
        let longest = (0..<UInt8(HeaderID.count)).compactMap { HeaderID(rawValue: $0)?.name.utf8CodeUnitCount }.max()
        #expect(longest ?? 0 <= HeaderName.longest)
    }

    @Test(arguments: [
        ("a", HeaderID.acceptContact), ("b", .referredBy), ("c", .contentType), ("d", .requestDisposition),
        ("e", .contentEncoding), ("f", .from), ("i", .callID), ("j", .rejectContact), ("k", .supported),
        ("l", .contentLength), ("m", .contact), ("n", .identityInfo), ("o", .event), ("r", .referTo), ("s", .subject),
        ("t", .to), ("u", .allowEvents), ("v", .via), ("x", .sessionExpires), ("y", .identity), ("g", .other),
        ("z", .other), ("@", .other), ("", .other), ("1", .other), ("Vi", .other), ("Viaa", .other), ("X-Any", .other),
        ("C%6Fntact", .other), ("Fron", .other),
    ]) func compactAndUnknownNames(name: String, id: HeaderID) {
        #expect(HeaderName.id(of: Bytes(leaking: name)) == id)
        #expect(HeaderName.id(of: Bytes(leaking: name.uppercased())) == id)
    }

    private static let alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    /// Printing characters without the delimiters of texts in which URIs stand.
    @Test func urisAreOfTheseCharacters() {
        for byte in UInt8.min ... .max {
            let text = Array("urn:isbn:0-671-".utf8) + [byte] + Array("7429-8".utf8)
            let isURI = text.withUnsafeBufferPointer { URI.parse(Bytes($0.baseAddress!, $0.count)) != nil }
            #expect(isURI == (0x21...0x7e ~= byte && !"<>\"".utf8.contains(byte)), "\(byte)")
        }
    }

    @Test func byteSetsAreWhatTheGrammarSays() {
        let a = Self.alphanumeric
        let sets: [(ByteSet, String)] = [
            (.token, a + "-.!%*_+`'~"), (.space, " \t\r\n"), (.unreserved, a + "-_.!~*'()"),
            (.user, a + "-_.!~*'()&=+$,;?/%"), (.password, a + "-_.!~*'()&=+$,%"), (.host, a + "-._"),
            (.ipv6, "0123456789abcdefABCDEF:."), (.scheme, a + "+-."), (.reserved, ";/?:@&=+$,"),
            (.telephone, "0123456789abcdefABCDEF+*#-.()"), (.separator, "-.()"),
            (.hexOrSign, "0123456789abcdefABCDEF*#"), (.digit, "0123456789"),
        ]
        for (set, characters) in sets {
            let listed = Set(characters.utf8)
            for byte in UInt8.min...UInt8.max {
                #expect(set.contains(byte) == listed.contains(byte), "\(characters) \(byte)")
            }
        }
    }

    @Test(arguments: [
        Method.invite, .cancel, .ack, .bye, .info, .register, .subscribe, .notify, .message, .options, .prack, .update,
        .refer, .publish, .kdmq,
    ]) func methodsFindTheirNames(method: Method) {
        #expect(Method(Bytes(method.name)) == method)
        #expect(Method(Bytes(leaking: "\(method.name)".lowercased())) == .other, "methods differ by case")
        #expect(method.rawValue.nonzeroBitCount == 1)
    }
}
