/// A line of the monitor's screen: words and figures. It writes the line, with rates beside what is counted, and reads figures out of the line
/// that a server's FIFO sends.
struct Template: Sendable {
    enum Piece: Equatable, Sendable {
        case text(String)
        /// A figure that only grows: it has a rate.
        case count(String)
        /// A figure that goes up and down.
        case level(String)
    }

    let pieces: [Piece]

    /// - Parameter text: figures in braces, levels with a `~` before the name: `Current: {~current} ({~waiting} waiting)`.
    init(_ text: String) {
        var pieces: [Piece] = []
        var rest = text[...]
        while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
            if open != rest.startIndex { pieces.append(.text(String(rest[..<open]))) }
            let name = rest[rest.index(after: open)..<close]
            pieces.append(name.hasPrefix("~") ? .level(String(name.dropFirst())) : .count(String(name)))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { pieces.append(.text(String(rest))) }
        self.pieces = pieces
    }

    /// The line; nil when a figure is missing.
    func line(_ figures: [String: Int64], rate: (String) -> String?) -> String? {
        var line = ""
        for piece in pieces {
            switch piece {
            case .text(let text): line += text
            case .level(let name):
                guard let value = figures[name] else { return nil }
                line += "\(value)"
            case .count(let name):
                guard let value = figures[name] else { return nil }
                line += "\(value)"
                if let rate = rate(name) { line += " [\(rate)]" }
            }
        }
        return line
    }

    /// The figures of a line that this template has written, without rates; nil when it is another one. Blanks at its end do not count.
    func figures(_ line: String) -> [String: Int64]? {
        var rest = line[...]
        while rest.last == " " { rest.removeLast() }
        var figures: [String: Int64] = [:]
        for piece in pieces {
            switch piece {
            case .text(let text):
                guard rest.hasPrefix(text) else { return nil }
                rest = rest.dropFirst(text.count)
            case .count(let name), .level(let name):
                let digits = rest.prefix { $0.isASCII && $0.isNumber }
                guard let value = Int64(digits) else { return nil }
                figures[name] = value
                rest = rest.dropFirst(digits.count)
            }
        }
        return rest.isEmpty ? figures : nil
    }
}
