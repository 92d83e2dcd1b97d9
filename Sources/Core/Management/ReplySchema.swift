/// What a command answers when all is well, as its declaration says it. The text form, which `system.methodHelp` prints:
///
///     int double string        a value of that kind
///     value                    any of the three
///     any                      anything, maps and arrays too
///     {now:string, since?:int} a map with these members, those with a question mark not always; `*:int` stands for all others
///     [string]                 an array, of any length
///     string...                any number of values, none too
///     none                     nothing
indirect enum ReplySchema: Equatable, Sendable {
    case int, double, string, value, any, none
    case map([Member])
    case array(ReplySchema)
    /// At the top only.
    case values(ReplySchema)

    struct Member: Equatable, Sendable {
        /// `*`: every name that no other member has.
        let name: String
        let optional: Bool
        let schema: ReplySchema
    }

    /// What is wrong with a schema's text.
    struct Mistake: Error, Equatable {
        let text: String
    }

    init(parsing text: String) throws(Mistake) {
        var reader = Reader(rest: Array(text.utf8)[...])
        let schema = try reader.schema()
        if reader.take("...") { self = .values(schema) } else { self = schema }
        guard reader.isAtEnd else { throw Mistake(text: "`\(text)` goes on behind its end") }
    }

    /// As it was written.
    var text: String {
        switch self {
        case .int: "int"
        case .double: "double"
        case .string: "string"
        case .value: "value"
        case .any: "any"
        case .none: "none"
        case .array(let item): "[\(item.text)]"
        case .values(let item): "\(item.text)..."
        case .map(let members):
            "{" + members.map { "\($0.name)\($0.optional ? "?" : ""):\($0.schema.text)" }.joined(separator: ", ") + "}"
        }
    }

    private struct Reader {
        var rest: ArraySlice<UInt8>

        var isAtEnd: Bool {
            rest.allSatisfy { $0 == UInt8(ascii: " ") }
        }

        mutating func take(_ text: StaticString) -> Bool {
            while rest.first == UInt8(ascii: " ") { rest.removeFirst() }
            let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
            guard rest.starts(with: wanted) else { return false }
            rest = rest.dropFirst(wanted.count)
            return true
        }

        /// What stands before the next of these bytes, or the end.
        private mutating func word(until stops: StaticString) -> String {
            _ = take("")
            let stops = UnsafeBufferPointer(start: stops.utf8Start, count: stops.utf8CodeUnitCount)
            let word = rest.prefix { !stops.contains($0) }
            rest = rest[word.endIndex...]
            return String(decoding: word, as: UTF8.self)
        }

        mutating func schema() throws(Mistake) -> ReplySchema {
            if take("[") {
                let item = try schema()
                guard take("]") else { throw Mistake(text: "an array of a reply is not closed by `]`") }
                return .array(item)
            }
            if take("{") { return .map(try members()) }
            let kind = word(until: " ,.}]")
            switch kind {
            case "int": return .int
            case "double": return .double
            case "string": return .string
            case "value": return .value
            case "any": return .any
            case "none": return .none
            default: throw Mistake(text: "a reply has the unknown kind `\(kind)`")
            }
        }

        private mutating func members() throws(Mistake) -> [Member] {
            var members: [Member] = []
            while !take("}") {
                if !members.isEmpty, !take(",") { throw Mistake(text: "a map of a reply is not closed by `}`") }
                let name = word(until: " ,:?{}[]")
                let optional = take("?")
                guard !name.isEmpty, take(":") else { throw Mistake(text: "`\(name)` in a reply has no kind") }
                members.append(Member(name: name, optional: optional || name == "*", schema: try schema()))
            }
            return members
        }
    }
}

extension ReplySchema: ExpressibleByStringLiteral {
    /// Precondition: the text is a schema.
    init(stringLiteral text: String) {
        do throws(Mistake) { try self.init(parsing: text) } catch { preconditionFailure("\(text): \(error.text)") }
    }
}
