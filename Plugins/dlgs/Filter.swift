import Glibc
import PluginKit

// Invariants: its texts live as long as whatever it was made of; the pattern of `fnmatch` ends with a NUL.

/// Which calls are meant: by a field, a comparison and a text.
struct Filter {
    private enum Field { case source, destination, data, any }
    private enum Comparison {
        case equal, different
        case expression(OpaquePointer)
        case prefix, pattern
    }

    private let field: Field
    private let comparison: Comparison
    private let text: apus_str
    private let host: Host

    /// What is wrong with one.
    struct Mistake: Error {
        private let reason: StaticString

        init(_ reason: StaticString) { self.reason = reason }

        var text: apus_str { apus_str(stringLiteral: reason) }
    }

    /// - Parameters:
    ///   - text: with a NUL behind it, see `terminated`.
    ///   - compile: an expression; nil when it is wrong.
    init(
        _ host: Host, _ field: apus_str, _ comparison: apus_str, _ text: apus_str, compile: (apus_str) -> OpaquePointer?
    ) throws(Mistake) {
        switch field {
        case _ where field.equals("src"): self.field = .source
        case _ where field.equals("dst"): self.field = .destination
        case _ where field.equals("data"): self.field = .data
        case _ where field.equals("any"): self.field = .any
        default: throw Mistake("the field is src, dst, data or any")
        }
        switch comparison {
        case _ where comparison.equals("eq"): self.comparison = .equal
        case _ where comparison.equals("ne"): self.comparison = .different
        case _ where comparison.equals("sw"): self.comparison = .prefix
        case _ where comparison.equals("fm"): self.comparison = .pattern
        case _ where comparison.equals("re"):
            guard let regex = compile(text) else { throw Mistake("the regular expression is wrong") }
            self.comparison = .expression(regex)
        default: throw Mistake("the comparison is eq, ne, re, sw or fm")
        }
        self.text = text
        self.host = host
    }

    /// Every call is meant.
    var isAny: Bool { if case .any = field { true } else { false } }

    func fits(_ dialog: DialogRef) -> Bool {
        let value: apus_str
        switch field {
        case .any: return true
        case .source: value = dialog.pointee.source
        case .destination: value = dialog.pointee.destination
        case .data: value = dialog.pointee.data
        }
        switch comparison {
        case .equal: return value.equals(text)
        case .different: return !value.equals(text)
        case .prefix: return value.hasPrefix(text)
        case .expression(let regex): return host.pointee.regex.pointee.match(regex, value, 0, nil, 0) > 0
        case .pattern:
            guard let pattern = text.s, let start = value.s else { return false }
            return fnmatch(pattern, start, 0) == 0
        }
    }

    /// Frees its expression, where no run does.
    func end() {
        if case .expression(let regex) = comparison { host.pointee.regex.pointee.free(regex) }
    }
}
