import Bencode
import PluginKit
import Testing

@testable import MediaKit

/// What flags make of a command.
@Suite struct FlagTests {
    /// What a command gets by flags, as it is sent; what is wrong with them in brackets, with its place.
    private func written(_ flags: StaticString, _ dialect: Dialect) -> String {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 4096, alignment: 1)
        defer { memory.deallocate() }
        do throws(FlagFault) {
            let wishes = try Wishes(apus_str(stringLiteral: flags), dialect)
            var writer = BencodeWriter(memory)
            wishes.write(&writer)
            return String(decoding: writer.bytes, as: UTF8.self)
        } catch {
            return "[\(error.offset)] \(error.text)"
        }
    }

    @Test(
        arguments: [
            ("", ""), ("r", "5:flagsl13:trust-addresse"), ("a", "5:flagsl10:asymmetric13:trust-addresse"),
            ("aR", "5:flagsl10:asymmetric13:trust-addresse"), ("x", "5:flagsl11:auto-bridgee"),
            ("f", "5:flagsl5:forcee"),
            ("w", "5:flagsl9:symmetrice"), ("o", "7:replacel6:origine"), ("c", "7:replacel18:session-connectione"),
            ("OC", "7:replacel6:origin18:session-connectione"), ("ie", "9:directionl8:internal8:externale"),
            ("EI", "9:directionl8:external8:internale"), ("ii", "9:directionl8:internal8:internale"),
            ("ee", "9:directionl8:external8:externale"), ("z20", "11:repacketizei20e"), ("+", "3:ICE5:force"),
            ("-", "3:ICE6:remove"), ("t", ""), ("l", ""), ("1", ""), ("s", "18:transport-protocol7:RTP/AVP"),
            ("S", "18:transport-protocol8:RTP/SAVP"), ("p", "18:transport-protocol7:RTP/AVP"),
            ("P", "18:transport-protocol8:RTP/AVPF"), ("SP", "18:transport-protocol9:RTP/SAVPF"),
            ("Sp", "18:transport-protocol8:RTP/SAVP"), ("sP", "18:transport-protocol8:RTP/AVPF"),
            (
                "froc+z100",
                "3:ICE5:force11:repacketizei100e5:flagsl5:force13:trust-addresse7:replacel6:origin18:session-connectione"
            ),
        ] as [(StaticString, String)])
    func letters(flags: StaticString, command: String) {
        #expect(written(flags, .letters) == command)
    }

    @Test(
        arguments: [
            ("q", "[0] there is no such flag"), ("rq", "[1] there is no such flag"),
            ("r w", "[1] there is no such flag"), ("b1", "[1] b does not go together with 1, 2 and 3"),
            ("2b", "[1] b does not go together with 1, 2 and 3"), ("+-", "[1] + and - do not go together"),
            ("i", "[0] i and e stand in pairs: where media come from, and where they go"),
            ("iei", "[0] i and e stand in pairs: where media come from, and where they go"),
            ("z", "[0] z is followed by the milliseconds of a packet"),
            ("z0", "[0] z is followed by the milliseconds of a packet"),
        ] as [(StaticString, String)])
    func wrongLetters(flags: StaticString, complaint: String) {
        #expect(written(flags, .letters) == complaint)
    }

    @Test(
        arguments: [
            ("", ""), ("  trust-address   symmetric ", "5:flagsl13:trust-address9:symmetrice"),
            ("replace-origin replace-session-connection", "7:replacel6:origin18:session-connectione"),
            ("replace=origin", "7:replacel6:origine"),
            ("ICE=force RTP/SAVPF", "3:ICE5:force18:transport-protocol9:RTP/SAVPF"),
            ("rtcp-mux-demux rtcp-mux-offer", "8:rtcp-muxl5:demux5:offere"), ("SDES-off", "4:SDESl3:offe"),
            ("T.38-decode T38-force", "4:T.38l6:decode5:forcee"), ("OSRTP-offer", "5:OSRTPl5:offere"),
            ("internal external", "9:directionl8:internal8:externale"),
            ("direction=a direction=b", "9:directionl1:a1:be"),
            (
                "codec-strip-PCMU transcode-opus codec-mask=G722",
                "5:codecd5:stripl4:PCMUe4:maskl4:G722e9:transcodel4:opusee"
            ),
            ("SRTP AVPF", "18:transport-protocol9:RTP/SAVPF"),
            ("DTLS AVPF", "18:transport-protocol17:UDP/TLS/RTP/SAVPF"),
            ("UDP/TLS/RTP/SAVP", "18:transport-protocol16:UDP/TLS/RTP/SAVP"),
            ("RTP/AVP", "18:transport-protocol7:RTP/AVP"),
            ("TOS=184 delete-delay=0 repacketize=40", "3:TOSi184e12:delete-delayi0e11:repacketizei40e"),
            ("address-family=IP6 label=x", "14:address-family3:IP65:label1:x"), ("to-tag", ""), ("force-answer", ""),
            ("via-branch=auto-extra", ""), ("via-branch=next", ""),
            ("call-id=a from-tag=b to-tag=c received-from=d", ""),
            ("replace codec-x replaced", "5:flagsl7:replace7:codec-x8:replacede"),
        ] as [(StaticString, String)])
    func words(flags: StaticString, command: String) {
        #expect(written(flags, .words) == command)
    }

    @Test(
        arguments: [
            ("=x", "[0] a word stands in front of ="), ("a TOS=x", "[6] a number is wanted behind ="),
            ("via-branch", "[0] via-branch says which: 1, 2, auto, extra, auto-extra, next or auto-next"),
            ("x via-branch=3", "[2] via-branch is 1, 2, auto, extra, auto-extra, next or auto-next"),
        ] as [(StaticString, String)])
    func wrongWords(flags: StaticString, complaint: String) {
        #expect(written(flags, .words) == complaint)
    }

    /// ICE candidates that follow an offer are told as such, whatever else the flags say.
    @Test(
        arguments: [("", "5:flagsl8:fragmente"), ("force", "5:flagsl8:fragment5:forcee")] as [(StaticString, String)])
    func fragments(flags: StaticString, command: String) throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 256, alignment: 1)
        defer { memory.deallocate() }
        var writer = BencodeWriter(memory)
        try Wishes(apus_str(stringLiteral: flags), .words).write(&writer, fragment: true)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == command)
    }

    @Test func whatIsNotWritten() throws {
        let words = try Wishes("via-branch=2 call-id=a from-tag=b to-tag=c received-from=d force-answer", .words)
        #expect(words.viaBranch == .second && words.forcesAnswer && words.includesToTag)
        #expect(words.callID.string == "a" && words.fromTag.string == "b" && words.toTag.string == "c")
        #expect(words.receivedFrom.string == "d")
        let branches: [(StaticString, ViaBranch)] = [
            ("1", .first), ("2", .second), ("3", .auto), ("b", .extra),
        ]
        for (letter, branch) in branches {
            #expect(try Wishes(apus_str(stringLiteral: letter), .letters).viaBranch == branch)
        }
        let byWords: [(StaticString, ViaBranch)] = [
            ("1", .first), ("auto", .auto), ("extra", .extra), ("auto-extra", .autoExtra), ("next", .next),
            ("auto-next", .next),
        ]
        for (word, branch) in byWords {
            let flags = "via-branch=\(word)"
            let found = try flags.utf8.withContiguousStorageIfAvailable { bytes in
                try Wishes(apus_str(start: bytes.baseAddress, count: bytes.count), .words).viaBranch
            }
            #expect(found == branch)
        }
        #expect(try Wishes("l", .letters).forcesAnswer)
        #expect(try !Wishes("t", .letters).includesToTag)
    }
}
