import Glibc
import Testing

@testable import Core

/// Every message of the corpus gets what its index asks for. Each test prints how many cases it saw.
@Suite struct CorpusTests {
    /// What the parser made of a file.
    enum Verdict: String {
        case accepted
        case refusedAtOnce = "refused by the first pass"
        case refusedByCheck = "refused by check()"
    }

    /// Where we judge otherwise than the index, what we do instead, and why.
    static let deviations: [String: (verdict: Verdict, why: String)] = [
        "fetched/jsip_229.sip": (
            .refusedByCheck, "a fold within <URI>: no LWS there; passed on, refused only where it is acted upon"
        ),
        "fetched/jsip_014.sip": (
            .refusedByCheck, "white space within <URI>, which RFC 4475 §3.1.2.14 has as an invalid case"
        ),
        "fetched/sofia_10052.sip": (.refusedByCheck, "a fold within a host name, likewise"),
        "fetched/sorcery_26.sip": (.refusedByCheck, "comma and space within <URI>, likewise"),
        "fetched/resipraw_2_32.sip": (.refusedByCheck, "words behind the > of a Contact, likewise"),
        "fetched/rfc5118_ipv6-bug-abnf-3-colons.archive": (
            .refusedAtOnce, "archive form without the empty line; the .sip is right"
        ),
        "fetched/rfc5118_ipv6-correct-abnf-2-colons.archive": (.refusedAtOnce, "likewise"),
        "fetched/rfc5118_ipv6-in-sdp.archive": (
            .refusedAtOnce, "archive form, shorter than its Content-Length; the .sip is right"
        ),
        "fetched/rfc5118_mult-ip-in-sdp.archive": (.refusedAtOnce, "likewise"),
        "fetched/sorcery_01.sip": (.accepted, "lines end in LF throughout, which we take, as for the archive forms"),
        "fetched/sorcery_03.sip": (.accepted, "likewise"),
        "fetched/sorcery_04.sip": (.accepted, "likewise"),
    ]

    private struct Table {
        var counts: [String: Int] = [:]
        var total = 0

        mutating func count(_ row: Corpus.Row, _ outcome: String) {
            counts["\(row.isValid ? "valid" : "invalid") \(row.kind): \(outcome)", default: 0] += 1
            total += 1
        }

        func report(_ title: String) {
            var text = "\(title): \(total) of \(Corpus.shared.rows.count + Corpus.shared.absent) files"
            for (outcome, count) in counts.sorted(by: { $0.key < $1.key }) { text += "\n    \(count)  \(outcome)" }
            print(text)
        }
    }

    @Test func everyFileGetsWhatTheIndexAsksFor() {
        var table = Table()
        let input = GuardedInput(capacity: 2 << 20)
        for row in Corpus.shared.rows {
            let bytes = Corpus.shared.bytes(row)
            let text = input.place(bytes, count: bytes.count)
            switch row.kind {
            case "sdp": table.count(row, sdp(row, SDP(text)))
            case "uri": table.count(row, uri(text))
            case "stream": table.count(row, stream(row, bytes, input))
            default: table.count(row, message(row, text, input))
            }
        }
        table.report("corpus, whole files")
        #expect(table.total == Corpus.shared.rows.count)
        #expect(table.total > 400)
    }

    // MARK: - One kind each

    private func message(_ row: Corpus.Row, _ text: Bytes, _ input: GuardedInput) -> String {
        let result = Message.parse(text, record: input.record, arena: input.arena)
        let m = Message(input.record)
        let fault = m.check()
        _ = readEverything(m)
        _ = writeEverything(m, input.buffer, arena: input.arena)
        let verdict: Verdict =
            !result.isAccepted ? .refusedAtOnce : fault != .none ? .refusedByCheck : .accepted
        if let deviation = Self.deviations[row.file] {
            #expect(verdict == deviation.verdict, "\(row.file): \(deviation.why)")
            return "\(verdict.rawValue), other than the index: \(row.file): \(deviation.why)"
        }
        if row.isValid {
            let mayRefuse = row.expected.contains("400") || row.expected.contains("4xx")
            #expect(verdict == .accepted || mayRefuse, "\(row.file): \(fault) — \(row.words)")
            if result.isAccepted { checkFacts(row, m) }
        } else {
            #expect(
                verdict != .accepted || Self.mayBeAccepted(row), "\(row.file): accepted — \(row.expected): \(row.words)"
            )
        }
        if !result.isAccepted, row.kind != "request" { #expect(!result.isReplyAllowed, "\(row.file)") }
        return verdict.rawValue
    }

    /// Whether the index leaves the parser the choice: one of the alternatives is not a refusal.
    private static func mayBeAccepted(_ row: Corpus.Row) -> Bool {
        let refusals: Set<String> = ["400", "drop", "505", "513", "416", "close"]
        var alternatives: [Substring] = []
        for part in row.expected.split(separator: "/") {
            var words = part.split(separator: " ")
            words.removeAll { $0 == "or" }
            alternatives += words
        }
        return row.words.contains("leniently") || alternatives.contains { !refusals.contains(String($0)) }
    }

    private func checkFacts(_ row: Corpus.Row, _ m: Message) {
        let facts = row.facts
        if let method = facts["method"] { #expect(m.isRequest && m.methodText.string == method, "\(row.file)") }
        if let code = facts["code"] { #expect(!m.isRequest && String(m.statusCode) == code, "\(row.file)") }
        if let vias = facts["vias"] { #expect(String(m.vias.count) == vias, "\(row.file)") }
        if let cseq = facts["cseq"] { #expect("\(m.cseqNumber) \(m.cseqMethodText.string)" == cseq, "\(row.file)") }
        if let contacts = facts["contacts"] { #expect(String(m.contacts.count) == contacts, "\(row.file)") }
        if let body = facts["body"] { #expect(String(m.body.count) == body, "\(row.file)") }
    }

    private func sdp(_ row: Corpus.Row, _ sdp: SDP) -> String {
        _ = readEverything(sdp)
        let fault = sdp.check()
        if row.isValid { #expect(fault == .none, "\(row.file): \(row.words)") }
        return fault == .none ? Verdict.accepted.rawValue : Verdict.refusedByCheck.rawValue
    }

    private func uri(_ text: Bytes) -> String {
        guard let uri = URI.parse(text.trimmed) else { return Verdict.refusedAtOnce.rawValue }
        #expect(uri.isEquivalent(to: uri))
        return Verdict.accepted.rawValue
    }

    // MARK: - Streams

    /// What must come out of each stream, whole or in pieces: messages that are good, messages that are refused, and how it ends: all is consumed,
    /// the parser waits for more, or the stream is broken and to be closed.
    static let streams: [String: String] = [
        "big_1mb": "0 good, 0 refused, broken",
        "body_then_next": "2 good, 0 refused, clean",
        "cancel_pipelined": "2 good, 0 refused, clean",
        "cl_huge_31": "0 good, 0 refused, broken",
        "cl_in_body": "2 good, 0 refused, clean",
        "cl_missing": "0 good, 0 refused, broken",
        "cl_too_big": "0 good, 0 refused, waits",
        "crlf_1000": "1 good, 0 refused, clean",
        "fold_cl": "2 good, 0 refused, clean",
        "garbage_then_msg": "0 good, 0 refused, broken",
        "headers_never_end": "0 good, 0 refused, waits",
        "hundred": "100 good, 0 refused, clean",
        "l_and_cl": "0 good, 0 refused, broken",
        "lead_crlf": "1 good, 0 refused, clean",
        "lf_only": "1 good, 0 refused, clean",
        "line_never_ends": "0 good, 0 refused, broken",
        "max_forwards_zero_x3": "3 good, 0 refused, clean",
        "proxy_proto_v1": "0 good, 0 refused, broken",
        "proxy_proto_v2": "0 good, 0 refused, broken",
        "split_marker_crlf": "1 good, 0 refused, clean",
    ]

    private func stream(_ row: Corpus.Row, _ bytes: [UInt8], _ input: GuardedInput) -> String {
        let outcome = feed(bytes, piece: bytes.count, input)
        let name = row.file.dropFirst("own/own_t_".count).dropLast(".stream".count)
        #expect(Self.streams[String(name)] == outcome, "\(row.file): \(row.words)")
        return outcome
    }

    @Test(arguments: [1, 2, 3, 7])
    func streamsInPiecesSayTheSame(piece: Int) {
        var table = Table()
        let input = GuardedInput(capacity: 2 << 20)
        for row in Corpus.shared.rows where row.kind == "stream" {
            let bytes = Corpus.shared.bytes(row)
            let name = row.file.dropFirst("own/own_t_".count).dropLast(".stream".count)
            let outcome = feed(bytes, piece: piece, input)
            #expect(Self.streams[String(name)] == outcome, "\(row.file) in pieces of \(piece): \(row.words)")
            table.count(row, outcome)
        }
        #expect(table.total == Corpus.shared.rows.count { $0.kind == "stream" } && table.total == Self.streams.count)
        table.report("corpus, streams in pieces of \(piece)")
    }

    /// Feeds a stream in pieces and says what came out.
    private func feed(_ bytes: [UInt8], piece: Int, _ input: GuardedInput) -> String {
        var (accepted, refused, consumed, seen, there, wanted) = (0, 0, 0, 0, 0, 0)
        while consumed < bytes.count {
            if there < bytes.count, there < consumed + max(wanted, 1) {
                there = min(there + piece, bytes.count)
                if there < bytes.count, there < consumed + wanted { continue }
            }
            let window = Array(bytes[consumed..<there])
            let text = input.place(window, count: window.count)
            switch Message.frame(text, seen: seen) {
            case .message(let start, let end):
                let result = Message.parse(text[start..<end], record: input.record, arena: input.arena)
                _ = readEverything(Message(input.record))
                if result.isAccepted { accepted += 1 } else { refused += 1 }
                (consumed, seen, wanted) = (consumed + end, 0, 0)
            case .needsMore(let atLeast, let searched):
                if there == bytes.count { return "\(accepted) good, \(refused) refused, waits" }
                (seen, wanted) = (searched, atLeast)
            case .broken: return "\(accepted) good, \(refused) refused, broken"
            }
        }
        return "\(accepted) good, \(refused) refused, clean"
    }

    // MARK: - Prefixes

    /// A prefix is a case of its own. Here, without the optimiser, they are taken in steps, other ones for each file; `scripts/fuzz` takes every
    /// prefix of every file, as does this test with APUS_ALL_CUTS=1.
    @Test func everyFileCutAtManyLengths() {
        let input = GuardedInput(capacity: 2 << 20)
        let takesAll = getenv("APUS_ALL_CUTS") != nil
        var (cuts, all, files, accepted) = (0, 0, 0, 0)
        for row in Corpus.shared.rows {
            let bytes = Corpus.shared.bytes(row)
            let step = takesAll ? 1 : max(17, bytes.count / 40)
            for count in stride(from: files % step, through: bytes.count, by: step) {
                if cut(row, bytes, count, input) { accepted += 1 }
                cuts += 1
            }
            files += 1
            all += bytes.count + 1
        }
        print("corpus, prefixes: \(cuts) of \(all) prefixes of \(files) files, \(accepted) of them accepted")
        #expect(files == Corpus.shared.rows.count && cuts > files)
    }

    /// Reads a prefix; answers whether it is a message that would be routed.
    private func cut(_ row: Corpus.Row, _ bytes: [UInt8], _ count: Int, _ input: GuardedInput) -> Bool {
        let text = input.place(bytes, count: count)
        switch row.kind {
        case "sdp":
            _ = readEverything(SDP(text))
            return false
        case "uri":
            return URI.parse(text) != nil
        case "stream":
            switch Message.frame(text) {
            case .message(let start, let end):
                #expect(start < end && end <= count)
                _ = Message.parse(text[start..<end], record: input.record, arena: input.arena)
                return true
            case .needsMore(let atLeast, let searched):
                #expect(searched <= count)
                #expect(atLeast > count)
                return false
            case .broken: return false
            }
        default:
            let result = Message.parse(text, record: input.record, arena: input.arena)
            _ = Message(input.record).check()
            return result.isAccepted
        }
    }
}
