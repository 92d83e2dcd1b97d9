/// The command line, taken apart: options that every verb knows, the verb, and what is the verb's.
///
/// Options stand before or behind the verb. Words of the verb that look like one of these options come after `--`.
struct Invocation: Equatable {
    /// The name that the program was called by, without folders.
    var program = "apusctl"
    var json = false
    var help = false
    var version = false
    /// `--socket`: nil takes the settings'.
    var socket: String?
    /// `--fifo`
    var fifo: String?
    /// `--config`
    var config: String?
    /// `--timeout`, in milliseconds.
    var timeout: Int?
    var verb: String?
    var arguments: [String] = []

    /// - Parameter words: the program's name first.
    init(_ words: [String]) throws(Failure) {
        var rest = words[...]
        if let name = rest.popFirst() { program = String(name.split(separator: "/").last ?? "apusctl") }
        var literal = false
        while let word = rest.popFirst() {
            if literal || word == "-" || !word.hasPrefix("-") {
                take(word)
            } else if word == "--" {
                literal = true
            } else if try !takeOption(word, &rest) {
                // Behind the verb it is the verb's to judge.
                guard verb != nil else { throw .usage("there is no option \(word)") }
                take(word)
            }
        }
    }

    private mutating func take(_ word: String) {
        if verb == nil { verb = word } else { arguments.append(word) }
    }

    private mutating func takeOption(_ word: String, _ rest: inout ArraySlice<String>) throws(Failure) -> Bool {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map { String($0) }
        let attached = parts.count == 2 && word.hasPrefix("--") ? parts[1] : nil
        let name = attached == nil ? word : parts[0]
        func value(_ rest: inout ArraySlice<String>) throws(Failure) -> String {
            guard let value = attached ?? rest.popFirst(), !value.isEmpty else {
                throw .usage("\(name) wants a value")
            }
            return value
        }
        switch name {
        case "--socket", "-s": socket = try value(&rest)
        case "--fifo": fifo = try value(&rest)
        case "--config": config = try value(&rest)
        case "--timeout": timeout = try Invocation.milliseconds(try value(&rest), of: name)
        case "--json" where attached == nil: json = true
        case "--help" where attached == nil, "-h": help = true
        case "--version" where attached == nil, "-V": version = true
        default: return false
        }
        return true
    }

    /// Seconds, which may have a fraction: more than 0, a day at most.
    static func milliseconds(_ text: String, of name: String) throws(Failure) -> Int {
        guard let seconds = Double(text), seconds > 0, seconds <= 86400 else {
            throw .usage("\(name): `\(text)` is no number of seconds")
        }
        return max(1, Int(seconds * 1000))
    }
}
