/// What a function takes, parsed from the text that its module declared: `"code:int, reason:format?, …"` (apus/script.h).
struct Signature: Equatable {
    enum Kind: Equatable {
        case int
        case string
        case format
        case template
        case value
        case uri
        case variable
        case writable
        case regex
        case flag
        /// A flag of AVPs, whose names are declared apart.
        case avpFlag
        /// Names a route block of one of these kinds (`APUS_…_ROUTE` bits).
        case route(UInt32)
        /// The same, of which there may be none.
        case routeIfAny(UInt32)
        case word([String])
    }

    struct Argument: Equatable {
        let name: String
        let kind: Kind
        let optional: Bool
    }

    let arguments: [Argument]
    /// Any number of further values of the last argument's kind.
    let repeats: Bool

    /// How many arguments a call may have.
    var counts: ClosedRange<Int> {
        let required = arguments.prefix { !$0.optional }.count
        return required...(repeats ? Int.max : arguments.count)
    }

    /// The kind of the argument at that place; precondition: `counts` allows one there.
    func kind(at index: Int) -> Kind { arguments[min(index, arguments.count - 1)].kind }

    /// What is wrong with a declared text, in words for the module's author.
    struct Mistake: Error, Equatable {
        let text: String
    }

    init(_ text: String) throws(Mistake) {
        var arguments: [Argument] = []
        var repeats = false
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let item = Signature.trim(part)
            if item.isEmpty && text.utf8.allSatisfy({ $0 == 0x20 }) { break }
            if repeats { throw Mistake(text: "`...` must be the last argument") }
            if item == "..." {
                guard !arguments.isEmpty else { throw Mistake(text: "`...` needs an argument before it") }
                repeats = true
                continue
            }
            let argument = try Signature.argument(item)
            if let last = arguments.last, last.optional, !argument.optional {
                throw Mistake(text: "`\(argument.name)` is required but follows the optional `\(last.name)`")
            }
            if arguments.contains(where: { $0.name == argument.name }) {
                throw Mistake(text: "`\(argument.name)` is listed twice")
            }
            arguments.append(argument)
        }
        self.arguments = arguments
        self.repeats = repeats
    }

    /// As a usage line shows it: `code:int, reason:format?`.
    var text: String {
        var parts = arguments.map { "\($0.name):\($0.kind.text)\($0.optional ? "?" : "")" }
        if repeats { parts.append("...") }
        return parts.joined(separator: ", ")
    }

    private static func argument(_ item: String) throws(Mistake) -> Argument {
        let (name, kindText, optional) = try parts(of: item)
        guard let kind = Kind(kindText) else { throw Mistake(text: "unknown kind `\(kindText)` in `\(item)`") }
        return Argument(name: name, kind: kind, optional: optional)
    }

    /// Of `name:kind?`.
    static func parts(of item: String) throws(Mistake) -> (name: String, kind: String, optional: Bool) {
        guard let colon = item.firstIndex(of: ":") else {
            throw Mistake(text: "`\(item)` has no kind: write name:kind")
        }
        let name = String(item[..<colon])
        var kindText = String(item[item.index(after: colon)...])
        let optional = kindText.hasSuffix("?")
        if optional { kindText.removeLast() }
        guard !name.isEmpty else { throw Mistake(text: "`\(item)` has no name: write name:kind") }
        return (name, kindText, optional)
    }

    static func trim(_ text: Substring) -> String {
        var rest = text
        while rest.first == " " { rest.removeFirst() }
        while rest.last == " " { rest.removeLast() }
        return String(rest)
    }
}

extension Signature.Kind {
    init?(_ text: String) {
        switch text {
        case "int": self = .int
        case "string": self = .string
        case "format": self = .format
        case "template": self = .template
        case "value": self = .value
        case "uri": self = .uri
        case "variable": self = .variable
        case "writable": self = .writable
        case "regex": self = .regex
        case "flag": self = .flag
        case "avpflag": self = .avpFlag
        default:
            guard let open = text.firstIndex(of: "("), text.hasSuffix(")") else { return nil }
            let words = text[text.index(after: open)...].dropLast().split(separator: "|").map(String.init)
            switch text[..<open] {
            case "word" where !words.isEmpty: self = .word(words)
            case "route", "route?":
                let kinds = words.compactMap { RouteKind(named: $0)?.mask }
                guard kinds.count == words.count, !kinds.isEmpty else { return nil }
                let mask = kinds.reduce(0, |)
                self = text[..<open] == "route" ? .route(mask) : .routeIfAny(mask)
            default: return nil
            }
        }
    }

    var text: String {
        switch self {
        case .int: "int"
        case .string: "string"
        case .format: "format"
        case .template: "template"
        case .value: "value"
        case .uri: "uri"
        case .variable: "variable"
        case .writable: "writable"
        case .regex: "regex"
        case .flag: "flag"
        case .avpFlag: "avpflag"
        case .route(let mask): "route(" + RouteKind.names(in: mask).joined(separator: "|") + ")"
        case .routeIfAny(let mask): "route?(" + RouteKind.names(in: mask).joined(separator: "|") + ")"
        case .word(let words): "word(" + words.joined(separator: "|") + ")"
        }
    }
}
