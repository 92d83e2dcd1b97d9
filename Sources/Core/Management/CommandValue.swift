/// An argument as a door got it.
indirect enum CommandValue: Equatable, Sendable {
    /// A text that may stand for a number, as of a FIFO's line.
    case text([UInt8])
    /// A text that is none.
    case string([UInt8])
    case int(Int64)
    case double(Double)
    case array([CommandValue])
    /// In the order given.
    case map([Member])

    struct Member: Equatable, Sendable {
        let key: [UInt8]
        let value: CommandValue
    }

    /// Maps and arrays inside each other.
    static let maxDepth = 32

    /// It holds others.
    var isTree: Bool {
        switch self {
        case .array, .map: true
        default: false
        }
    }

    /// What stands for it where a text is wanted: numbers in decimal; nothing for what holds others.
    var bytes: [UInt8] {
        switch self {
        case .text(let text), .string(let text): text
        case .int(let number): Array(String(number).utf8)
        case .double(let number): Array("\(number)".utf8)
        case .array, .map: []
        }
    }

    /// What it is as a number: of texts those that may stand for one, decimal, with a sign or without.
    var number: Int64? {
        switch self {
        case .text(let text): Int64(String(decoding: text, as: UTF8.self))
        case .int(let number): number
        default: nil
        }
    }
}

/// A command to be executed, as whoever asks has it.
struct CommandRequest: Sendable {
    /// Or an alias.
    var name: String
    var values: [CommandValue] = []
    /// The text protocol that is spoken; empty for none.
    var language: TextLanguages = []
    /// Somebody gets the answer.
    var isHeard = true
    /// Commands that change something are refused.
    var onlyReads = false
    /// The completion is called with each part of a long answer; else once, with everything.
    var takesParts = false
    /// Bytes of an answer, or of a part.
    var maxAnswer = Answer.maxSize
    /// Who asks: "ctl", "tcp:127.0.0.1:4711".
    var door = ""
    var peer = ""
}
