import PluginAPI

// Invariants: host, user and callbacks of a declaration are the module's and live for ever (modules are never unloaded).
// Declarations are made on the main thread before the workers start and are constant from then on.

/// Who declared something: a module, or Core itself, which declares its own functions and variables in the same way.
final class Declarer: @unchecked Sendable {
    let name: String
    /// The `apus_host` that the module's callbacks are given.
    let host: UnsafePointer<apus_host>
    /// What it declares works before it is started: it has nothing to start.
    let worksUnstarted: Bool

    /// What to do with a line that the module wrote to the log.
    typealias Tell = (_ level: LogLevel, _ text: String) -> Void

    /// What a module's look at a constant came to.
    enum Verdict {
        case accepted(UnsafeMutableRawPointer?)
        /// Why not, possibly empty, and the byte of the constant that it is about.
        case refused(String, offset: Int)
    }

    /// Lets a module look at a constant, which leaves something or complains.
    func look(
        _ tell: @escaping Tell,
        _ body: (UnsafeMutablePointer<UnsafeMutableRawPointer?>, UnsafeMutablePointer<apus_complaint>) -> CInt
    ) -> Verdict {
        var prepared: UnsafeMutableRawPointer?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            var complaint = apus_complaint(
                size: UInt32(MemoryLayout<apus_complaint>.size), offset: 0, text: buffer.baseAddress!,
                capacity: buffer.count, len: 0)
            guard let reasons = setUp(tell, { body(&prepared, &complaint) > 0 ? 1 : -1 }) else {
                return .accepted(prepared)
            }
            let bytes = buffer.prefix(min(complaint.len, buffer.count)).map { UInt8(bitPattern: $0) }
            let text = String(decoding: bytes, as: UTF8.self)
            return .refused(text.isEmpty ? reasons.first ?? "" : text, offset: Int(complaint.offset))
        }
    }

    /// Runs a step of the module's set-up that is called for by the script, such as a function's look at a constant. The step is refused
    /// when it answers a negative number.
    /// - Returns: the reasons why it was refused, possibly none; nil when it was not.
    var setUp: (_ tell: @escaping Tell, _ step: () -> CInt) -> [String]? = { _, step in step() < 0 ? [] : nil }

    init(name: String, host: UnsafePointer<apus_host>, worksUnstarted: Bool = true) {
        self.name = name
        self.host = host
        self.worksUnstarted = worksUnstarted
    }
}

/// A function that scripts call: one of possibly several of its name, told apart by the number of arguments.
final class FunctionDeclaration: @unchecked Sendable {
    typealias Call = @convention(c) (UnsafePointer<apus_call>) -> CInt
    typealias Prepare =
        @convention(c) (
            UnsafePointer<apus_host>, UInt32, apus_str, UnsafeMutablePointer<UnsafeMutableRawPointer?>,
            UnsafeMutablePointer<apus_complaint>
        ) -> CInt

    let owner: Declarer
    let name: String
    let signature: Signature
    /// Bits of the route kinds in which it may be called.
    let routes: UInt32
    let maySuspend: Bool
    let deprecated: Bool
    /// What it says of the request, for remarks on scripts: it sends it, does nothing but edit what is sent, answers it, or may send it elsewhere.
    let sendsRequest: Bool
    let editsRequest: Bool
    let endsServer: Bool
    let sendsReply: Bool
    let setsDestination: Bool
    let preparesAbsent: Bool
    let doc: String
    let call: Call
    let prepare: Prepare?
    let user: UnsafeMutableRawPointer?

    init(
        owner: Declarer, name: String, signature: Signature, routes: UInt32, flags: UInt32, doc: String,
        call: @escaping Call, prepare: Prepare?, user: UnsafeMutableRawPointer?
    ) {
        self.owner = owner
        self.name = name
        self.signature = signature
        self.routes = routes
        maySuspend = flags & UInt32(APUS_MAY_SUSPEND) != 0
        deprecated = flags & UInt32(APUS_DEPRECATED) != 0
        sendsRequest = flags & UInt32(APUS_SENDS_REQUEST) != 0
        editsRequest = flags & UInt32(APUS_EDITS_REQUEST) != 0
        endsServer = flags & UInt32(APUS_ENDS_SERVER) != 0
        sendsReply = flags & UInt32(APUS_SENDS_REPLY) != 0
        setsDestination = flags & UInt32(APUS_SETS_DESTINATION) != 0
        preparesAbsent = flags & UInt32(APUS_PREPARES_ABSENT) != 0
        self.doc = doc
        self.call = call
        self.prepare = prepare
        self.user = user
    }

    /// `sl_send_reply(code:int, reason:format)`
    var usage: String { "\(name)(\(signature.text))" }
}

/// What may stand between the parentheses of a pseudo-variable's name.
struct InnerNameRule: Equatable {
    enum Names: Equatable {
        case none
        case any
        case oneOf([String])
        /// A pseudo-variable, which the getter is handed.
        case variable
    }

    let names: Names
    let optional: Bool

    /// From the text of `apus_pv.inner`.
    init(_ text: String?) {
        guard var text, !text.isEmpty else {
            names = .none
            optional = true
            return
        }
        optional = text.hasSuffix("?")
        if optional { text.removeLast() }
        switch text {
        case "*": names = .any
        case "$": names = .variable
        default: names = .oneOf(text.split(separator: "|").map(String.init))
        }
    }
}

/// A pseudo-variable.
final class VariableDeclaration: @unchecked Sendable {
    typealias Get = @convention(c) (UnsafePointer<apus_access>, UnsafeMutablePointer<apus_value>) -> CInt
    typealias Set = @convention(c) (UnsafePointer<apus_access>, UnsafePointer<apus_value>) -> CInt

    let owner: Declarer
    let name: String
    let inner: InnerNameRule
    let indexed: Bool
    /// The inner name may hold a pseudo-variable.
    let dynamic: Bool
    /// Never a text.
    let isNumber: Bool
    /// Says nothing before the message has a transaction.
    let isOfTransaction: Bool
    let doc: String
    let get: Get
    /// Nil: read-only.
    let set: Set?
    let user: UnsafeMutableRawPointer?
    /// Called before each reading by a script; may suspend. Nil: what the getter tells is at hand.
    let ask: FunctionDeclaration.Call?

    init(
        owner: Declarer, name: String, inner: InnerNameRule, flags: UInt32, doc: String, get: @escaping Get, set: Set?,
        user: UnsafeMutableRawPointer?, ask: FunctionDeclaration.Call? = nil
    ) {
        self.owner = owner
        self.name = name
        self.inner = inner
        indexed = flags & UInt32(APUS_PV_INDEXED) != 0
        dynamic = flags & UInt32(APUS_PV_DYNAMIC) != 0
        isNumber = flags & UInt32(APUS_PV_NUMBER) != 0
        isOfTransaction = flags & UInt32(APUS_PV_OF_TRANSACTION) != 0
        self.doc = doc
        self.get = get
        self.set = set
        self.user = user
        self.ask = ask
    }
}

/// The selects of a module that begin with one name.
final class SelectDeclaration: @unchecked Sendable {
    typealias Prepare =
        @convention(c) (
            UnsafePointer<apus_host>, apus_str, UnsafeMutablePointer<UnsafeMutableRawPointer?>,
            UnsafeMutablePointer<apus_complaint>
        ) -> CInt

    let owner: Declarer
    let name: String
    let doc: String
    let prepare: Prepare
    let get: VariableDeclaration.Get

    init(
        owner: Declarer, name: String, doc: String, prepare: @escaping Prepare, get: @escaping VariableDeclaration.Get
    ) {
        self.owner = owner
        self.name = name
        self.doc = doc
        self.prepare = prepare
        self.get = get
    }
}

/// A parameter that `modparam` sets.
final class ParameterDeclaration: @unchecked Sendable {
    typealias Setter =
        @convention(c) (UnsafePointer<apus_host>, UnsafePointer<apus_value>, UnsafeMutableRawPointer?) -> CInt

    enum Kind {
        case int
        case string
        case either

        var text: String {
            switch self {
            case .int: "a number"
            case .string: "a string"
            case .either: "a number or a string"
            }
        }
    }

    let owner: Declarer
    let name: String
    let kind: Kind
    let repeatable: Bool
    let doc: String
    let initial: String?
    /// Nil: any number.
    let range: ClosedRange<Int64>?
    let into: UnsafeMutableRawPointer?
    let setter: Setter?
    let user: UnsafeMutableRawPointer?

    init(
        owner: Declarer, name: String, kind: Kind, repeatable: Bool, doc: String, initial: String?,
        range: ClosedRange<Int64>?, into: UnsafeMutableRawPointer?, setter: Setter?, user: UnsafeMutableRawPointer?
    ) {
        self.owner = owner
        self.name = name
        self.kind = kind
        self.repeatable = repeatable
        self.doc = doc
        self.initial = initial
        self.range = range
        self.into = into
        self.setter = setter
        self.user = user
    }
}

/// An event route that a module raises: `event_route[module:name]`.
struct EventDeclaration {
    let owner: Declarer
    /// "module:name"
    let name: String
    let doc: String
    /// The id that the module raises it by, unique over all modules.
    let id: Int
    /// Its block may wait.
    var mayWait = true
}
