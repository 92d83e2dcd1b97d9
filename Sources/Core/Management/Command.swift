/// A command for operators, declared once and served by every door.
final class Command: Sendable {
    /// How a call of a command ended.
    enum Outcome: Sendable {
        /// The answer is complete.
        case done
        /// It has set a fault.
        case failed
        /// The answer comes later: `Execution.deferAnswer` was called.
        case deferred
        /// It is to be called again for the rest.
        case more
        /// The command is to be called once more after so many milliseconds.
        case again(UInt32)
        /// None of these; the number is what the module's function returned.
        case unknown(Int)
    }

    /// `tm.stats`.
    let name: String
    /// Older names, those of FIFO and MI.
    let aliases: [String]
    /// The module that declares it, or `core`.
    let owner: String
    let parameters: [CommandParameter]
    /// Any number of further values of the last parameter's kind.
    let repeats: Bool
    /// One sentence.
    let doc: String
    /// `call` runs on every worker, one after the other, with the same answer.
    let onEachWorker: Bool
    /// It changes nothing.
    let reads: Bool
    /// Arguments of kind `value` may hold others.
    let takesTrees: Bool
    /// It is heavy work: refused when its last call was a moment ago (rpc_exec_delta).
    let isSpaced: Bool
    /// It is no command, but the form of one in these text protocols.
    let form: TextForm?
    /// What it answers when it does not fault; nil: not declared.
    let reply: ReplySchema?
    /// On the management thread, or on a worker: must not block.
    let call: Call
    /// Of a command that runs on each worker: called last, on the management thread, to answer what the workers' calls have found.
    let afterwards: Call?

    typealias Call = @Sendable (Execution) -> Outcome

    init(
        _ name: String, aliases: [String] = [], owner: String, _ parameters: [CommandParameter] = [],
        repeats: Bool = false, onEachWorker: Bool = false, reads: Bool = false, takesTrees: Bool = false,
        isSpaced: Bool = false,
        form: TextForm? = nil, reply: ReplySchema? = nil, doc: String, afterwards: Call? = nil, call: @escaping Call
    ) {
        self.name = name
        self.aliases = aliases
        self.owner = owner
        self.parameters = parameters
        self.repeats = repeats
        self.doc = doc
        self.onEachWorker = onEachWorker
        self.reads = reads
        self.takesTrees = takesTrees
        self.isSpaced = isSpaced
        self.form = form
        self.reply = reply
        self.call = call
        self.afterwards = afterwards
    }

    /// The command with its arguments and its answer: `tm.cancel callid:string cseq:int -> none`.
    var usage: String { name + (signature.isEmpty ? "" : " ") + signature }

    /// Arguments and answer: what stands behind the name.
    var signature: String { (takes + (reply.map { ["-> \($0.text)"] } ?? [])).joined(separator: " ") }

    /// How it is called: `tm.cancel callid:string cseq:int`.
    var synopsis: String { ([name] + takes).joined(separator: " ") }

    private var takes: [String] { parameters.map(\.usage) + (repeats ? ["..."] : []) }
}

/// One argument that a command takes.
struct CommandParameter: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        case int
        case string
        /// A number or a text.
        case value
        case word([String])
    }

    let name: String
    let kind: Kind
    let optional: Bool

    init(_ name: String, _ kind: Kind, optional: Bool = false) {
        self.name = name
        self.kind = kind
        self.optional = optional
    }

    fileprivate var usage: String {
        let text =
            switch kind {
            case .int: "int"
            case .string: "string"
            case .value: "value"
            case .word(let words): "word(" + words.joined(separator: "|") + ")"
            }
        return "\(name):\(text)\(optional ? "?" : "")"
    }
}
