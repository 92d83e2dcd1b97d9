import PluginKit

// Invariants: made in `start` and never changed; names point into the parameter's text, which lives for ever, and so do the entries.

/// Names and pseudo-variables of `log_extra` or `db_extra`, or names and AVPs of `multi_leg_info`.
struct Extras {
    struct Entry {
        let name: apus_str
        /// One variable; of a leg one for each leg that is looked at.
        let variables: UnsafeMutablePointer<OpaquePointer>
    }

    private(set) var entries: UnsafeMutablePointer<Entry>?
    private(set) var count = 0

    /// More values of one AVP than this are left out.
    static let mostLegs = 64

    init() {}

    /// Reads `name=$variable;name=$variable…`; nil with a logged reason when it is wrong.
    /// - Parameter isLegs: the variables are AVPs, and all their values count.
    init?(_ host: Host, _ parameter: String, _ text: apus_str, isLegs: Bool = false) {
        var made: [Entry] = []
        for piece in Extras.pieces(text.string) {
            guard let equals = piece.firstIndex(of: "="), let name = Extras.name(piece[..<equals]) else {
                host.log(.error, "\(parameter): “\(piece)” is not name=$variable")
                return nil
            }
            let variable = Extras.trimmed(piece[piece.index(after: equals)...])
            guard let texts = isLegs ? Extras.legs(variable) : [variable] else {
                host.log(.error, "\(parameter): \(variable) is no AVP such as $avp(src)")
                return nil
            }
            let variables = UnsafeMutablePointer<OpaquePointer>.allocate(capacity: texts.count)
            for (index, text) in texts.enumerated() {
                // The reason is logged there.
                guard let compiled = host.pointee.vars.pointee.compile(host, permanentText(text)) else { return nil }
                variables[index] = compiled
            }
            made.append(Entry(name: permanentText(name), variables: variables))
        }
        let entries = UnsafeMutablePointer<Entry>.allocate(capacity: max(1, made.count))
        entries.initialize(from: made, count: made.count)
        self.entries = entries
        count = made.count
    }

    subscript(_ index: Int) -> Entry { entries.unsafelyUnwrapped[index] }

    /// Whether one of the AVPs has a value of that leg.
    func hasLeg(_ place: Int, _ call: Call) -> Bool {
        for index in 0..<count where call.text(of: self[index].variables[place]) != nil { return true }
        return false
    }

    /// Splits at semicolons that stand outside of parentheses.
    private static func pieces(_ text: String) -> [Substring] {
        var depth = 0
        var pieces: [Substring] = []
        var start = text.startIndex
        for index in text.indices {
            switch text[index] {
            case "(", "{", "[": depth += 1
            case ")", "}", "]": depth -= 1
            case ";" where depth <= 0:
                pieces.append(text[start..<index])
                start = text.index(after: index)
            default: break
            }
        }
        pieces.append(text[start...])
        return pieces.filter { $0.contains { $0 != " " && $0 != "\t" } }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }

    private static func name(_ text: Substring) -> String? {
        let name = trimmed(text)
        return name.isEmpty ? nil : name
    }

    /// `$avp(src)` → `$(avp(src)[0])`, `$(avp(src)[1])` …: the newest value first.
    private static func legs(_ text: String) -> [String]? {
        var inner = Substring(text)
        guard inner.hasPrefix("$"), inner.hasSuffix(")") else { return nil }
        inner.removeFirst()
        if inner.hasPrefix("("), inner.hasSuffix("))") { inner = inner.dropFirst().dropLast() }
        guard inner.hasPrefix("avp("), !inner.contains("[") else { return nil }
        return (0..<mostLegs).map { "$(\(inner)[\($0)])" }
    }
}

/// A copy of the text that lives for ever. Load time only.
func permanentText(_ text: String) -> apus_str {
    let bytes = Array(text.utf8)
    let place = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    place.initialize(from: bytes, count: bytes.count)
    return apus_str(start: place, count: bytes.count)
}
