/// As much of SIP as the demonstration's phones need: a start line, headers in their order, a body.
struct DemoMessage {
    let start: String
    let headers: [(name: String, value: String)]
    let text: String

    /// A message that came; nil when it is none.
    init?(_ text: String) {
        self.text = text
        let lines = text.lines
        guard let first = lines.first, first.contains("SIP/2.0") else { return nil }
        start = first
        var headers: [(name: String, value: String)] = []
        for line in lines.dropFirst() {
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            headers.append((name: line[..<colon].lowercased(), value: String(value)))
        }
        self.headers = headers
    }

    /// The values of the headers of a name.
    func all(_ name: String) -> [String] { headers.filter { $0.name == name }.map(\.value) }
    subscript(_ name: String) -> String { headers.first { $0.name == name }?.value ?? "" }

    /// 0 of a request.
    var status: Int {
        let words = start.split(separator: " ")
        return words.count > 1 && words[0] == "SIP/2.0" ? Int(words[1]) ?? 0 : 0
    }

    /// Of a request, or of the one that a reply answers.
    var method: String { self["cseq"].split(separator: " ").last.map { String($0) } ?? "" }

    /// `200 OK`
    var reason: String { start.split(separator: " ", maxSplits: 1).last.map { String($0) } ?? start }

    /// A reply to this request, with the headers that it has to repeat (RFC 3261 section 8.2.6).
    func reply(_ status: String, tag: String, _ more: [String] = [], body: String = "") -> String {
        var lines = ["SIP/2.0 \(status)"]
        lines += all("via").map { "Via: \($0)" } + all("record-route").map { "Record-Route: \($0)" }
        let to = self["to"]
        lines += [
            "From: \(self["from"])", "To: \(to)\(to.contains(";tag=") ? "" : ";tag=\(tag)")",
            "Call-ID: \(self["call-id"])",
            "CSeq: \(self["cseq"])",
        ]
        return DemoMessage.text(lines + more, body)
    }

    /// Lines and a body as they are sent.
    static func text(_ lines: [String], _ body: String) -> String {
        let type = body.isEmpty ? [] : ["Content-Type: application/sdp"]
        return (lines + type + ["Content-Length: \(body.utf8.count)", "", ""]).joined(separator: "\r\n") + body
    }
}
