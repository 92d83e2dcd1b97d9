import Glibc

/// The message corpus as the index describes it: the part that is kept in Tests/CoreTests/Corpus, and the fetched messages beside the
/// repository (or where APUS_CORPUS points) when they are there.
struct MessageCorpus {
    struct Row: Sendable {
        /// `own/….sip`, `fetched/….sip`.
        let file: String
        let isValid: Bool
        /// `request`, `response`, `stream`, `sdp`, `uri`, `junk`.
        let kind: String
        /// What a server does with it, alternatives joined with `or` and `/`; `-` when that depends on the script.
        let expected: String
        let words: String
        /// Octets of the body, for valid messages.
        let body: Int?
        /// The file's.
        let bytes: [UInt8]

        /// As much as a UDP datagram over IPv4 holds.
        var datagram: [UInt8] { Array(bytes.prefix(65507)) }
    }

    let rows: [Row]

    init() throws {
        let own = Products.sources + "/Tests/CoreTests/Corpus"
        let outside = getenv("APUS_CORPUS").map { String(cString: $0) } ?? Products.sources + "/../shared/corpus"
        guard let index = readText(own + "/index.tsv") else { throw HarnessError("there is no \(own)/index.tsv") }
        var rows = try MessageCorpus.read(index, below: own) { $0.hasPrefix("own/") }
        if let index = readText(outside + "/index.tsv") {
            rows += try MessageCorpus.read(index, below: outside) { $0.hasPrefix("fetched/") }
        } else {
            print("notice: \(outside) is not there, so the fetched messages are skipped")
        }
        self.rows = rows
    }

    private static func read(_ index: String, below root: String, _ isWanted: (Substring) -> Bool) throws -> [Row] {
        try index.split(separator: "\n").dropFirst().compactMap { line in
            let cells = line.split(separator: "\t", omittingEmptySubsequences: false)
            guard cells.count >= 7, isWanted(cells[0]) else { return nil }
            guard let bytes = readBytes(root + "/" + cells[0]) else { throw HarnessError("cannot read \(cells[0])") }
            let body = cells[6].split(separator: ";").first { $0.hasPrefix("body=") }
            return Row(
                file: String(cells[0]), isValid: cells[2] == "valid", kind: String(cells[3]),
                expected: String(cells[4]), words: String(cells[5]), body: body.flatMap { Int($0.dropFirst(5)) },
                bytes: bytes)
        }
    }
}
