/// One remark about the config: what is wrong, where, and what to write instead.
///
/// Names stand in backquotes: "unknown function `t_realy`".
struct Diagnostic: Sendable {
    enum Severity: String, Sendable {
        /// The server does not start.
        case error
        /// It starts, but most likely does something else than was meant.
        case warning
        /// Works, with a better way to write it.
        case notice
        /// Said once, nothing to do.
        case info
    }

    /// A second place that belongs to the remark.
    struct Note: Sendable {
        let text: String
        let range: SourceRange?

        init(_ text: String, at range: SourceRange? = nil) {
            self.text = text
            self.range = range
        }
    }

    let severity: Severity
    let message: String
    /// The offending text. nil when the remark is about no place in particular.
    let range: SourceRange?
    let hint: String?
    let notes: [Note]

    init(
        _ severity: Severity, _ message: String, at range: SourceRange?, hint: String? = nil, notes: [Note] = []
    ) {
        self.severity = severity
        self.message = message
        self.range = range
        self.hint = hint
        self.notes = notes
    }
}

/// Collects what is to be said about a config during one check or start. Cold code, one thread.
final class Diagnostics {
    /// Remarks that are shown; the others are only counted.
    static let limit = 50
    /// Remarks that are kept; a text that is no config at all could have one a byte.
    private static let kept = 2000

    private(set) var all: [Diagnostic] = []
    private var seen: Set<String> = []
    private(set) var errors = 0
    private(set) var warnings = 0
    /// Remarks of all kinds.
    private(set) var total = 0
    /// `-W error`: a warning keeps the server from starting, too.
    var warningsAreErrors = false
    /// `-W style`: remarks on what is right and can be read wrongly are wanted, too.
    var wantsStyle = false

    init() {}

    /// True when the server must not start.
    var failed: Bool { errors > 0 || (warningsAreErrors && warnings > 0) }

    /// Adds a remark. The same words about the same place are kept once.
    func add(_ diagnostic: Diagnostic) {
        // Errors are kept although there are many other remarks.
        guard all.count < Diagnostics.kept || (diagnostic.severity == .error && errors < Diagnostics.limit) else {
            return count(diagnostic)
        }
        let place = diagnostic.range?.written
        guard seen.insert("\(place?.source.name ?? "")\n\(place?.start ?? -1)\n\(diagnostic.message)").inserted else {
            return
        }
        count(diagnostic)
        all.append(diagnostic)
    }

    private func count(_ diagnostic: Diagnostic) {
        total += 1
        switch diagnostic.severity {
        case .error: errors += 1
        case .warning: warnings += 1
        case .notice, .info: break
        }
    }

    func error(_ message: String, at range: SourceRange?, hint: String? = nil, notes: [Diagnostic.Note] = []) {
        add(Diagnostic(.error, message, at: range, hint: hint, notes: notes))
    }

    func warning(_ message: String, at range: SourceRange?, hint: String? = nil, notes: [Diagnostic.Note] = []) {
        add(Diagnostic(.warning, message, at: range, hint: hint, notes: notes))
    }

    func notice(_ message: String, at range: SourceRange?, hint: String? = nil, notes: [Diagnostic.Note] = []) {
        add(Diagnostic(.notice, message, at: range, hint: hint, notes: notes))
    }

    /// A notice that only those get who ask for it.
    func style(_ message: String, at range: SourceRange?, hint: String? = nil, notes: [Diagnostic.Note] = []) {
        if wantsStyle { notice(message, at: range, hint: hint, notes: notes) }
    }

    func info(_ message: String, at range: SourceRange? = nil) {
        add(Diagnostic(.info, message, at: range))
    }

    /// What a module has to say about a part of the config that it accepts. Lines for its developers go to the log.
    func remark(_ level: LogLevel, _ message: String, at range: SourceRange?) {
        switch level {
        case .debug: Log.line(level) { $0.add(message) }
        case .info: add(Diagnostic(.info, message, at: range))
        case .notice: notice(message, at: range)
        default: warning(message, at: range)
        }
    }

    /// Everything in the order of the text; errors come first where there is more than can be shown.
    var ordered: [Diagnostic] {
        let keyed = all.enumerated().map { (key: Diagnostics.key($1.range), index: $0, diagnostic: $1) }
        let sorted = keyed.sorted {
            $0.key == $1.key ? $0.index < $1.index : $0.key.lexicographicallyPrecedes($1.key)
        }
        guard sorted.count > Diagnostics.limit else { return sorted.map(\.diagnostic) }
        var room = max(0, Diagnostics.limit - errors)
        var errorRoom = Diagnostics.limit
        return sorted.compactMap { _, _, diagnostic in
            if diagnostic.severity == .error {
                errorRoom -= 1
                return errorRoom >= 0 ? diagnostic : nil
            }
            room -= 1
            return room >= 0 ? diagnostic : nil
        }
    }

    /// Offsets from the main file inwards: what was included sorts at the place of its include line.
    private static func key(_ range: SourceRange?) -> [Int] {
        guard var place = range?.written else { return [] }
        var path = [place.start]
        while case .included(let use) = place.source.origin {
            place = use.written
            path.append(place.start)
        }
        if case .commandLine = place.source.origin { path.append(0) } else { path.append(1) }
        return path.reversed()
    }
}
