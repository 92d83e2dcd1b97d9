import Testing

@testable import TextDoor

/// Requests of the text protocols, whole, in pieces and wrong ones.
@Suite struct RequestReaderTests {
    private static let shapes: [String: String] = [
        "ps": "", "t_uac_dlg": "line line line lines body", "t_uac_from": "line blank line lines body",
        "t_reply": "line line line line lines body?", "print": "line",
    ]

    private func reader(_ dialect: Dialect) -> RequestReader {
        RequestReader(dialect) { name in
            Self.shapes[String(decoding: name, as: UTF8.self).lowercased()].flatMap { ArgumentPart.parse($0) }
        }
    }

    /// What a FIFO's reader makes of a text that comes in pieces of a size.
    private func read(_ text: String, _ dialect: Dialect = .ser, pieces: Int = 10_000, end: RequestReader.End? = nil)
        -> [String]
    {
        var reader = reader(dialect)
        var found: [String] = []
        var waiting: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            waiting += rest.prefix(pieces)
            rest = rest.dropFirst(pieces)
            let used = waiting.withUnsafeBytes { reader.read($0) { found.append(shown($0)) } }
            waiting.removeFirst(used)
        }
        if let end { waiting.withUnsafeBytes { reader.end(end, $0) { found.append(shown($0)) } } }
        return found
    }

    private func shown(_ outcome: RequestReader.Outcome) -> String {
        switch outcome {
        case .refused(let code, let text, let file): return "refused \(file ?? "-"): \(code) \(text)"
        case .request(let request):
            let arguments = request.arguments.map { "[" + String(decoding: $0, as: UTF8.self) + "]" }
            return ([String(decoding: request.name, as: UTF8.self), request.replyFile ?? "-"] + arguments)
                .joined(separator: " ")
        }
    }

    @Test(arguments: [1, 2, 7, 10_000]) func requestsOfSERsText(pieces: Int) {
        let text =
            "\n\n:ps:a\n\n:PS:\n:ul_rm:b  \r\nlocation \r\njiri\r\n\r\n"
            + ":t_uac_dlg:c\nINVITE\nsip:a@b\n.\nFrom: x\nTo: y\n.\nv=0\n\no= \n.\n\n"
            + ":t_uac_from:\nMESSAGE\n\nsip:a@b\nA: b\n\nHi\n.\n\n"
            + ":t_reply:d\n200\nOK\n1:2\ntag\n.\n\n:t_reply:d\n200\nOK\n1:2\ntag\nA: b\n\nx\n.\n\n:print:e\nhello\n\n"
        #expect(
            read(text, pieces: pieces) == [
                "ps a", "PS -", "ul_rm b [location] [jiri]",
                "t_uac_dlg c [INVITE] [sip:a@b] [.] [From: x\r\nTo: y\r\n] [v=0\r\n\r\no= \r\n]",
                "t_uac_from - [MESSAGE] [] [sip:a@b] [A: b\r\n] [Hi\r\n]", "t_reply d [200] [OK] [1:2] [tag] []",
                "t_reply d [200] [OK] [1:2] [tag] [A: b\r\n] [x\r\n]", "print e [hello]",
            ])
    }

    @Test(arguments: [1, 3, 10_000]) func requestsOfTheManagementInterface(pieces: Int) {
        let text =
            ":ds_list:a\n\n:t_uac_dlg:b\nINVITE\nsip:a@b\n.\n.\n\"From: x\nTo: \\\"y\\\"\n\nX:\\r\\n\"\n\n"
            + ":set:c\nname:: value \nfe80:1\n::1\nother::\"a b\"\ntext::\n\n"
        #expect(
            read(text, .mi, pieces: pieces) == [
                "ds_list a", "t_uac_dlg b [INVITE] [sip:a@b] [.] [.] [From: x\r\nTo: \"y\"\r\n\r\nX:\r\n]",
                "set c [value] [fe80:1] [::1] [a b] []",
            ])
    }

    @Test(arguments: [1, 5, 10_000]) func wrongFirstLinesAreRefusedAndTheNextRequestWorks(pieces: Int) {
        let begin = "refused -: 400 a request cannot begin with "
        let long = String(repeating: "x", count: 600)
        let cases = [
            "ps\nx": "`ps`: it is too short", "uptime": "`uptime`: it has no colon at its beginning",
            ":uptime": "`:uptime`: it has no second colon", "::a": "`::a`: it names no command",
            "::": "`::`: it is too short",
            ":ps:../x": "`:ps:../x`: a reply file is a plain name without dots and slashes",
            ":ps:a\\b": "`:ps:a\\b`: a reply file is a plain name without dots and slashes",
            ":\u{1}s:\u{7}": "`:?s:?`: a reply file is a plain name without dots and slashes",
            ":ps:\(long)": "`:ps:\(long.prefix(36))...`: it is longer than 512 bytes",
        ]
        for (text, reason) in cases {
            #expect(read(text + "\nmore\n\n:ps:a\n\n", pieces: pieces) == [begin + reason, "ps a"])
        }
    }

    @Test func longLinesAreRefusedWhereTheyAreArguments() {
        let long = String(repeating: "x", count: 513)
        #expect(
            read(":ul_rm:f\n\(long)\nb\n\n:ps:a\n\n") == [
                "refused f: 400 a line of the request is longer than 512 bytes", "ps a",
            ])
        #expect(read(":t_uac_from:\nA\nb\nc\nH: \(long)\n\n\(long)\n.\n\n").first?.hasPrefix("t_uac_from -") == true)
    }

    @Test func halfRequests() {
        #expect(read(":t_uac_from:f\n\n:ps:a\n\n") == ["t_uac_from f", "ps a"])
        #expect(read(":t_uac_from:f\nMESSAGE\n\n", end: .tooSlow) == ["t_uac_from f [MESSAGE] []"])
        #expect(
            read(":t_uac_from:f\nA\nb\nc\nX: y\n\nbody\n", end: .tooSlow) == ["t_uac_from f [A] [b] [c] [X: y\r\n]"])
        #expect(
            read(":t_uac_from:f\nA\nb\nc\nX: y\n\nbody", end: .datagram)
                == ["t_uac_from f [A] [b] [c] [X: y\r\n] [body\r\n]"])
        let incomplete = ["refused f: 408 the rest of the request has not come"]
        #expect(read(":ul_rm:f\nlocation\n", end: .tooSlow) == incomplete)
        #expect(read(":t_reply:f\n200\nOK\n1:2\ntag\n.\nx\n", end: .tooSlow) == incomplete)
        #expect(read(":ds_list:f\n1\n", .mi, end: .tooSlow) == incomplete)
        #expect(read(":ul_rm:f\nlocation\n", end: .datagram) == ["ul_rm f [location]"])
        #expect(read(":ds_list:f\n\"a\n", .mi, end: .datagram) == ["refused f: 400 a value's quotes are not closed"])
        #expect(read(":ds_list:f\n\"a\" b\n\n", .mi) == ["refused f: 400 something follows a value's quotes"])
        #expect(read(":ps:f", end: .datagram) == ["ps f"])
        #expect(read("\n\n", end: .datagram) == [])
    }

    @Test func aBodyThatIsTooLargeIsNoSourceOfRequests() {
        var reader = reader(.ser)
        var found: [String] = []
        let head = Array(":t_uac_from:f\nA\nb\nc\nX: y\n\nbody\n".utf8)
        head.withUnsafeBytes { bytes in
            #expect(reader.read(bytes) { found.append(shown($0)) } == 0)
            reader.end(.tooLarge, bytes) { found.append(shown($0)) }
        }
        let rest = Array("\n:kill:\n\n.\n\n:ps:a\n\n".utf8)
        let used = rest.withUnsafeBytes { reader.read($0) { found.append(shown($0)) } }
        #expect(used == rest.count)
        #expect(found == ["refused f: 413 the request is too large", "ps a"])
    }

    @Test func requestsOfCtlsText() {
        let text = ":core.echo:f\na\\ob\n  two words \n\n:core.version:\n\nnonsense\n\n:x:f\n1\n"
        #expect(
            read(text, .ctl, pieces: 3, end: .tooSlow) == [
                "core.echo f [a:b] [  two words]", "core.version -",
                "refused -: 400 a request cannot begin with `nonsense`: it has no colon at its beginning",
                "refused f: 408 the rest of the request has not come",
            ])
    }
}
