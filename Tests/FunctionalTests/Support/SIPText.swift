/// A SIP message as a test looks at it: deliberately naive, and independent of the server's own parser.
struct SIPText: CustomStringConvertible, Sendable {
    let text: String
    private let lines: [Substring]

    init(_ text: String) {
        self.text = text
        let bytes = Array(text.utf8)
        var end = bytes.count
        for index in bytes.indices.dropLast(3) where bytes[index...].starts(with: Array("\r\n\r\n".utf8)) {
            end = index
            break
        }
        lines = String(decoding: bytes[..<end], as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: false)
    }

    var description: String { text }
    var startLine: String { lines.first.map { String($0) } ?? "" }
    var statusCode: Int? { startLine.hasPrefix("SIP/2.0 ") ? Int(startLine.dropFirst(8).prefix(3)) : nil }
    var reason: String { String(startLine.dropFirst(12)) }
    var method: String { String(startLine.prefix { $0 != " " }) }

    /// The values of all header fields of this name (full form only), in order, as they stand.
    func headers(_ name: String) -> [String] {
        lines.dropFirst().compactMap { line in
            guard let colon = line.firstIndex(of: ":"), line[..<colon].lowercased() == name.lowercased() else {
                return nil
            }
            return String(line[line.index(after: colon)...].drop { $0 == " " })
        }
    }

    func header(_ name: String) -> String? { headers(name).first }

    /// A request as a plain user agent writes it.
    /// - Parameters:
    ///   - id: makes branch, From tag and Call-ID; two requests of one test need two.
    ///   - headers: further lines, without CRLF.
    static func request(
        _ method: String, _ uri: String, from sender: Address, id: String, cseq: Int = 1, maxForwards: Int = 70,
        headers: [String] = [],
        body: String = "", transport: String = "UDP"
    ) -> String {
        let fields =
            [
                "\(method) \(uri) SIP/2.0",
                "Via: SIP/2.0/\(transport) \(sender);branch=z9hG4bK-\(id)-\(cseq)",
                "Max-Forwards: \(maxForwards)",
                "From: <sip:tester@\(sender)>;tag=from-\(id)",
                "To: <\(uri)>",
                "Call-ID: \(id)@tests",
                "CSeq: \(cseq) \(method)",
                "Contact: <sip:tester@\(sender)>",
            ] + headers + ["Content-Length: \(body.utf8.count)"]
        return fields.joined(separator: "\r\n") + "\r\n\r\n" + body
    }

    /// The response of a plain user agent: Via, From, To, Call-ID and CSeq as they came, a To tag if there was none.
    func response(_ code: Int, _ reason: String, headers: [String] = [], body: String = "") -> String {
        var fields = ["SIP/2.0 \(code) \(reason)"]
        for line in lines.dropFirst() {
            let name = line.prefix { $0 != ":" }.lowercased()
            if ["via", "from", "call-id", "cseq", "record-route"].contains(name) { fields.append(String(line)) }
            if name == "to" { fields.append(line.contains(";tag=") ? String(line) : line + ";tag=answered") }
        }
        let length = "Content-Length: \(body.utf8.count)"
        return (fields + headers + [length]).joined(separator: "\r\n") + "\r\n\r\n" + body
    }
}
