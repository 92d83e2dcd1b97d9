import Glibc
import Testing

/// The scripts of the folder Comparison, each run with the same requests on Apus and, where it is installed, on Kamailio: what they log, answer
/// and send. What Apus does stands in the folder `expected`
/// (written anew with APUS_RECORD set); what
/// Kamailio does otherwise stands in `differences.tsv` with the reason.
@Suite(.serialized) struct ComparisonTests {
    private static let folder = "\(Products.parent(#filePath))/Comparison"
    private static let scripts: [String] = Products.names(in: folder + "/scripts").filter { $0.hasSuffix(".cfg") }
        .map { String($0.dropLast(4)) }.sorted()
    private static let requests: [String] = Products.names(in: folder + "/requests").sorted()
    private static let kamailio = "/usr/sbin/kamailio"
    /// The release that the differences were written down for.
    private static let isThere: Bool =
        (try? run(kamailio, ["-v"])).map { $0.output.contains("kamailio 5.6") } ?? false

    @Test(arguments: scripts) func whatApusDoes(script: String) throws {
        let transcript = try Transcript(script) { config, port, next in
            try Child(
                Products.path("apus"),
                ["-f", config, "-DD", "-E", "-n", "1", "-l", "udp:127.0.0.1:\(port)"]
                    + ComparisonTests.defines(port, next))
        }
        let path = "\(ComparisonTests.folder)/expected/\(script).txt"
        if getenv("APUS_RECORD") != nil { try writeText(transcript.text, to: path) }
        let expected = readText(path) ?? ""
        #expect(transcript.text == expected, "\(Transcript.difference(transcript.text, expected))")
    }

    @Test(.enabled(if: isThere, "there is no Kamailio 5.6"), arguments: scripts)
    func whatKamailioDoes(script: String) throws {
        let folder = try TemporaryFolder()
        let transcript = try Transcript(script, isKamailio: true) { config, port, next in
            try Child(
                ComparisonTests.kamailio,
                [
                    "-f", config, "-DD", "-E", "-m", "64", "-Y", folder.path, "-P", "\(folder.path)/pid",
                    "-l", "udp:127.0.0.1:\(port)",
                ] + ComparisonTests.defines(port, next))
        }
        let ours = try Transcript.lines(of: #require(readText("\(ComparisonTests.folder)/expected/\(script).txt")))
        let theirs = Transcript.lines(of: transcript.text)
        let known = try ComparisonTests.known(script)
        // Lines of scripts that this release does not know are missing.
        let newer = try ComparisonTests.newer(script)
        var unexplained: [String] = []
        for request in Set(ours.keys).union(theirs.keys).sorted() {
            let (mine, other) = (ours[request] ?? [], theirs[request] ?? [])
            for line in other where !mine.contains(line) && !known.contains(Transcript.label(line)) {
                unexplained.append("\(request): Kamailio: \(line)")
            }
            for line in mine
            where !other.contains(line) && !known.contains(Transcript.label(line))
                && !newer.contains(Transcript.label(line))
            {
                unexplained.append("\(request): Apus: \(line)")
            }
        }
        #expect(unexplained.isEmpty, "\(unexplained.joined(separator: "\n"))")
    }

    private static func defines(_ port: UInt16, _ next: UInt16) -> [String] {
        ["-A", "PORT=\(port)", "-A", "UAS=\(next)"]
    }

    /// The labels of a script's lines that differ, each with its reason in the file.
    private static func known(_ script: String) throws -> Set<String> {
        let text = try #require(readText("\(folder)/differences.tsv"))
        let rows = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { $0.split(separator: "\t") }
        #expect(rows.allSatisfy { $0.count == 3 }, "script, label and reason")
        return Set(rows.filter { $0[0] == script }.map { String($0[1]) })
    }

    /// The labels of lines behind which `# newer` stands.
    private static func newer(_ script: String) throws -> Set<String> {
        let text = try #require(readText("\(folder)/scripts/\(script).cfg"))
        return Set(
            text.split(separator: "\n").filter { $0.hasSuffix("# newer") }
                .flatMap { $0.split(separator: "xlog(\"").dropFirst().map { Transcript.label(String($0)) } })
    }

    /// What a server did with the requests.
    private struct Transcript {
        private(set) var text = ""

        init(
            _ script: String, isKamailio: Bool = false, start: (String, UInt16, UInt16) throws -> Child
        ) throws {
            let folder = try TemporaryFolder()
            let caller = try UDPClient()
            let next = try UDPClient()
            let port = try Ports.free()
            let prelude = try #require(readText("\(ComparisonTests.folder)/prelude.cfg"))
            var body = try #require(readText("\(ComparisonTests.folder)/scripts/\(script).cfg"))
            if isKamailio {
                // The line stays, so that places in its log are right.
                body = body.split(separator: "\n", omittingEmptySubsequences: false)
                    .map { $0.hasSuffix("# newer") ? "" : String($0) }.joined(separator: "\n")
            }
            let config = try folder.write("compared.cfg", prelude + body)
            let child = try start(config, port, next.address.port)
            var asked = try Transcript.awaitReady(child.pid, caller, port)
            var outcomes: [String] = []
            for name in ComparisonTests.requests {
                let request = try #require(readText("\(ComparisonTests.folder)/requests/\(name)"))
                    .replacing("\n", with: "\r\n").replacing("CPORT", with: "\(caller.address.port)")
                try caller.send(request, to: port)
                outcomes.append(try Transcript.outcome(caller, next))
            }
            asked += 1
            _ = try caller.exchange(Transcript.question(caller), with: port)
            let mark = "@@== PUBLISH"
            _ = until { child.errors.split(separator: mark).count > asked }
            var parts = child.errors.split(separator: "\n").compactMap { line -> Substring? in
                line.firstRange(of: "@@").map { line[$0.lowerBound...] }
            }.drop { $0 != mark }.filter { $0 != mark }[...]
            for outcome in outcomes {
                let head = parts.popFirst() ?? ""
                let lines = parts.prefix { !$0.hasPrefix("@@== ") }
                parts = parts.dropFirst(lines.count)
                text += ([head] + lines).joined(separator: "\n") + "\n" + outcome
            }
            for (number, name) in [(caller.address.port, "CALLER"), (next.address.port, "NEXT"), (port, "SERVER")] {
                text = text.replacing("\(number)", with: name)
            }
            text = text.replacing(/branch=z9hG4bK(?!nashds8|77|78|reg1|opt1|mes1|not1)[^;\s]*/, with: "branch=OURS")
        }

        private static func question(_ caller: borrowing UDPClient) -> String {
            SIPText.request("PUBLISH", "sip:ready@127.0.0.1", from: caller.address, id: "ready")
        }

        /// How many questions were answered until the server was there.
        private static func awaitReady(_ pid: pid_t, _ caller: borrowing UDPClient, _ port: UInt16) throws -> Int {
            for _ in 0..<100 {
                try caller.send(question(caller), to: port)
                guard caller.datagram(within: .milliseconds(200)) != nil else { continue }
                var answered = 1
                while caller.datagram(within: .milliseconds(300)) != nil { answered += 1 }
                return answered
            }
            throw HarnessError("the server does not answer")
        }

        /// The reply to the caller, or what came to the next hop instead.
        private static func outcome(_ caller: borrowing UDPClient, _ next: borrowing UDPClient) throws -> String {
            for _ in 0..<100 {
                if let reply = caller.datagram(within: .milliseconds(50)) {
                    return "reply: \(SIPText(String(decoding: reply.bytes, as: UTF8.self)).startLine)\n"
                }
                if let sent = next.datagram(within: .milliseconds(0)) {
                    return "sent:\n" + String(decoding: sent.bytes, as: UTF8.self).replacing("\r\n", with: "\n") + "\n"
                }
            }
            throw HarnessError("neither a reply nor a request came")
        }

        /// The lines by the request that they belong to; the order of parameters does not count.
        static func lines(of text: String) -> [String: [String]] {
            var all: [String: [String]] = [:]
            var request = ""
            for line in text.split(separator: "\n") {
                if line.hasPrefix("@@== ") { request = String(line.dropFirst(5)) }
                let isLogged = line.hasPrefix("@@")
                all[request, default: []].append(
                    isLogged ? String(line) : line.split { ";<>".contains($0) }.sorted().joined(separator: ";"))
            }
            return all
        }

        /// What a line is about: the text before its value, the name of a header.
        static func label(_ line: String) -> String {
            let text = line.hasPrefix("@@") ? line.dropFirst(2) : line[...]
            return String(text.prefix { !"=:[ ".contains($0) })
        }

        /// The lines of two texts that are not the same.
        static func difference(_ text: String, _ expected: String) -> String {
            let pair = (text.split(separator: "\n"), expected.split(separator: "\n"))
            return pair.0.difference(from: pair.1).map { change in
                switch change {
                case .insert(_, let line, _): "+ \(line)"
                case .remove(_, let line, _): "- \(line)"
                }
            }.joined(separator: "\n")
        }
    }
}
