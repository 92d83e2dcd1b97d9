// Invariants: the bytes of `shape` are made with the form and live for ever.

/// The text protocols of FIFO and datagram doors.
struct TextLanguages: OptionSet, Sendable {
    let rawValue: UInt8

    /// SER's FIFO.
    static let ser = TextLanguages(rawValue: 1)
    /// The management interface of OpenSER.
    static let mi = TextLanguages(rawValue: 2)
    static let all: [TextLanguages] = [.ser, .mi]
}

/// What makes a command the form of another in text protocols: texts as arguments, a status line and lines as answer (apus/rpc.h).
struct TextForm: @unchecked Sendable {
    let languages: TextLanguages
    /// Where arguments end in SER's text. Its bytes live for ever.
    let shape: Bytes

    static let words: Set<String> = ["line", "blank", "lines", "body", "body?", "rest"]

    /// Nil when a word is none of `words`.
    init?(_ languages: TextLanguages, _ shape: String = "") {
        guard shape.split(separator: " ").allSatisfy({ Self.words.contains(String($0)) }) else { return nil }
        self.languages = languages
        let place = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, shape.utf8.count))
        place.initialize(from: Array(shape.utf8), count: shape.utf8.count)
        self.shape = Bytes(UnsafePointer(place), shape.utf8.count)
    }
}

extension Command {
    /// A form; see apus/rpc.h.
    static func form(
        _ name: String, _ form: TextForm, owner: String, call: @escaping @Sendable (Execution) -> Outcome
    ) -> Command {
        Command(
            name, owner: owner, [CommandParameter("text", .value, optional: true)], repeats: true, form: form, doc: "",
            call: call)
    }
}
