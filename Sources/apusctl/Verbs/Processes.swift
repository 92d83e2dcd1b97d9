import BinRPC
import JSON

extension Verb {
    static let ps = Verb(
        names: ["ps"], group: .monitoring, summary: "the server's threads",
        details: """
            A line for each: its place, the kernel's id of it, and what it is for.
            `receiver child=0 sock=0` is the first worker, reading the first socket; a
            worker that reads several has sock=*.
            """
    ) { session throws(Failure) in
        if let fifo = session.fifo {
            return session.show(lines: try session.lines(fifo, "ps"))
        }
        let rows = ProcessRow.rows(try session.call("core.psx"))
        if session.json {
            return Output.json(
                .array(
                    rows.map {
                        .fields([("index", .int($0.index)), ("id", .int($0.id)), ("description", .string($0.text))])
                    }))
        }
        for row in rows { Output.line("\(row.index)\t\(row.id)\t\(row.text.printable)") }
    }

    static let psa = Verb(
        names: ["psa"], group: .monitoring, summary: "the server's threads, with all that is known of them"
    ) { session throws(Failure) in
        try session.refuseFIFO()
        let values = try session.call("core.psa")
        if session.json { return Output.json(values.json) }
        let names = ["index", "pid", "status", "rank", "description"]
        let rows = values.maps(having: "description").map { row in names.map { row[$0]?.plain.printable ?? "" } }
        for line in Columns.lines([names] + rows) { Output.line(line) }
    }
}

/// A row of `ps`.
struct ProcessRow: Equatable {
    let index: Int64
    let id: Int64
    let text: String

    /// The rows of `core.psx`, in SER's words.
    static func rows(_ values: [RPCValue]) -> [ProcessRow] {
        // Numbers of the sockets, in the order in which they come.
        var sockets: [String] = []
        return values.maps(having: "DSC").map { row in
            ProcessRow(
                index: row["IDX"]?.number ?? 0, id: row["PID"]?.number ?? 0,
                text: seedText(row["DSC"]?.plain ?? "", &sockets))
        }
    }

    /// `udp receiver child=0 sock=127.0.0.1:5060` as SER said it: `receiver child=0 sock=0 @ 127.0.0.1::5060`.
    private static func seedText(_ text: String, _ sockets: inout [String]) -> String {
        if text == "main process - attendant" { return "attendant" }
        guard text.hasPrefix("udp receiver child="), let place = text.firstRange(of: " sock=") else { return text }
        let head = text[text.index(text.startIndex, offsetBy: "udp ".count)..<place.lowerBound]
        let addresses = text[place.upperBound...].split(separator: ",").map { String($0) }
        var number = "*"
        if addresses.count == 1 {
            if !sockets.contains(addresses[0]) { sockets.append(addresses[0]) }
            number = "\(sockets.firstIndex(of: addresses[0]) ?? 0)"
        }
        return "\(head) sock=\(number) @ " + addresses.map(doubleColon).joined(separator: ",")
    }

    private static func doubleColon(_ address: String) -> String {
        // What is advertised stands behind it in parentheses.
        let bound = address.prefix { $0 != " " }
        guard let colon = bound.lastIndex(of: ":") else { return address }
        return bound[..<colon] + "::" + bound[bound.index(after: colon)...] + address[bound.endIndex...]
    }
}

/// Text in columns.
enum Columns {
    /// Each row as a line, its cells as wide as the widest of their column; the last cell has no blanks behind it.
    static func lines(_ rows: [[String]]) -> [String] {
        var widths: [Int] = []
        for row in rows {
            for (index, cell) in row.enumerated() {
                if index == widths.count { widths.append(0) }
                widths[index] = max(widths[index], cell.count)
            }
        }
        return rows.map { row in
            row.enumerated().map { index, cell in
                index == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[index] - cell.count + 2)
            }.joined()
        }
    }
}

extension [RPCValue] {
    /// The maps that have a member of this name, whether they come one by one or in an array.
    func maps(having name: String) -> [RPCValue] {
        flatMap { value -> [RPCValue] in
            if case .array(let values) = value { return values.maps(having: name) }
            return value[name] == nil ? [] : [value]
        }
    }
}

extension Session {
    /// Prints the lines of a reply.
    func show(lines: [String]) {
        if json { return Output.json(.fields([("lines", .array(lines.map { .string($0) }))])) }
        for line in lines { Output.line(line.printable) }
    }
}
