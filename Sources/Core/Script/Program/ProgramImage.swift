import PluginAPI

// Invariants: an image and everything that it points to is written by the compiler, constant afterwards (but for the counts of `uses`), and
// freed as a whole by its Program, which outlives every run that uses it. Texts in it are therefore *for ever* as far as a run is concerned.
// `apus_variable`, `apus_format`, `apus_regex` and `apus_route` of the contract are pointers to the structs here and to Regex.

/// A compiled script as the virtual machine sees it: plain tables.
struct ProgramImage {
    var code: UnsafePointer<Instruction>
    var codeCount: Int
    /// Where each instruction was written.
    var positions: UnsafePointer<Position>
    var files: UnsafePointer<apus_str>
    var constants: UnsafePointer<apus_value>
    var variables: UnsafePointer<CompiledVariable>
    var formats: UnsafePointer<CompiledFormat>
    var regexes: UnsafePointer<OpaquePointer>
    var callSites: UnsafePointer<CallSite>
    var conditions: UnsafePointer<CompiledCondition>
    var routes: UnsafePointer<CompiledRoute>
    var routeCount: Int
    /// How many `$var` names the script has; each run has so many values.
    var runVariableCount: Int
    /// What `$var(…)` is at the start of a run: int 0, or what varset says.
    var runVariableDefaults: UnsafePointer<apus_value>
    /// The `$var(…)` that the script names.
    var namedVariables: UnsafePointer<NamedVariable>
    var namedVariableCount: Int
    /// By event id: the block for what modules raise; nil where the script has none.
    var events: UnsafePointer<UnsafePointer<CompiledRoute>?>
    var eventCount: Int
    /// The blocks that messages enter by.
    var main = MainRoutes()
    /// Who keeps the program.
    var uses: ProgramUses
    var limits: Limits
    /// `myself`
    var isMyself: ScriptEnvironment.IsMyself = { _, _ in false }
    /// What it belongs to; set when it is complete.
    var program: Unmanaged<Program>?

    struct Limits {
        var maxRecursiveLevel: Int32 = 256
        var maxWhileLoops: Int64 = 100
        /// Instructions without suspension after which a run is ended with an error.
        var maxInstructions: Int64 = 1_000_000
        /// Bytes of one evaluated text (pv_buffer_size).
        var maxText: Int = 32768
    }

    /// A pseudo-variable that can be asked for by its inner name.
    struct NamedVariable {
        var name: apus_str
        var variable: UnsafePointer<CompiledVariable>
    }

    struct Position {
        var file: UInt32
        var line: UInt32
    }

    /// Looked up once.
    struct MainRoutes {
        var preRouting: UnsafePointer<CompiledRoute>?
        var request: UnsafePointer<CompiledRoute>?
        var reply: UnsafePointer<CompiledRoute>?
        var onsend: UnsafePointer<CompiledRoute>?
        /// Sees bytes before they are parsed.
        var received: UnsafePointer<CompiledRoute>?
        var receiveParseError: UnsafePointer<CompiledRoute>?
    }
}

extension UnsafePointer<ProgramImage> {
    /// The script's block for an event that a module raises.
    func eventRoute(_ id: Int) -> UnsafePointer<CompiledRoute>? {
        id >= 0 && id < pointee.eventCount ? pointee.events[id] : nil
    }

    /// The same block of this program; nil when it has none. A route of another program has its place in other code.
    @inline(__always)
    func own(_ route: UnsafePointer<CompiledRoute>) -> UnsafePointer<CompiledRoute>? {
        if route.pointee.image == self { return route }
        return self.route(named: route.pointee.name, kinds: route.pointee.kind)
    }
}

/// A pseudo-variable as written somewhere: `apus_variable`.
struct CompiledVariable {
    var get: VariableDeclaration.Get
    var set: VariableDeclaration.Set?
    /// Called before each reading; see VariableDeclaration.
    var ask: FunctionDeclaration.Call?
    /// What getter and setter are given; each reading and writing fills in its run, message and kind of route.
    var access: apus_access
    /// A dynamic inner name.
    var innerFormat: UnsafePointer<CompiledFormat>?
    /// A dynamic index.
    var indexVariable: UnsafePointer<CompiledVariable>?
    var transformations: UnsafePointer<CompiledTransformation>?
    var transformationCount: Int
    /// As it was written, for logs.
    var text: apus_str

    var user: UnsafeMutableRawPointer? {
        get { access.user }
        set { access.user = newValue }
    }
    /// The constant inner name; null s when none was written or it is dynamic.
    @inline(__always)
    var inner: apus_str {
        get { access.inner }
        set { access.inner = newValue }
    }
    /// Place of the inner name in the declaration's list, or the number of a `$var`; -1 else.
    @inline(__always)
    var innerID: Int32 {
        get { access.inner_id }
        set { access.inner_id = newValue }
    }
    var indexKind: UInt32 {
        get { access.index_kind }
        set { access.index_kind = newValue }
    }
    var index: Int64 {
        get { access.index }
        set { access.index = newValue }
    }
    /// The pseudo-variable that the inner name is, for the getter to read.
    var innerVariable: UnsafePointer<CompiledVariable>? {
        get { access.variable.map { UnsafePointer($0) } }
        set { access.variable = newValue.map { OpaquePointer($0) } }
    }
}

/// `{s.len}`: one step of a variable's transformations.
struct CompiledTransformation {
    /// Changes the value; APUS_FALSE makes the variable null. Texts must live for the run. The second argument is this
    /// `CompiledTransformation` (a C function's type cannot name a Swift struct).
    typealias Apply =
        @convention(c) (UnsafePointer<apus_access>, UnsafeRawPointer, UnsafeMutablePointer<apus_value>) -> CInt

    var apply: Apply
    var arguments: UnsafePointer<Argument>?
    var argumentCount: Int
    /// What the operation made of constant arguments at compile time, such as a regex.
    var prepared: UnsafeMutableRawPointer?

    struct Argument {
        /// The constant; when it is a number, num holds it too.
        var value: apus_value
        var variable: UnsafePointer<CompiledVariable>?
    }
}

/// A text with pseudo-variables: `apus_format`.
struct CompiledFormat {
    var pieces: UnsafePointer<Piece>
    var count: Int

    /// A variable, or text when there is none.
    struct Piece {
        var text: apus_str
        var variable: UnsafePointer<CompiledVariable>?
    }
}

/// A route block: `apus_route`.
struct CompiledRoute {
    /// Empty for the main block of its kind.
    var name: apus_str
    /// One bit: APUS_REQUEST_ROUTE …; TM onreply routes have the bit of named ones.
    var kind: UInt32
    /// Index of its first instruction.
    var entry: Int32
    /// Values that its instructions push at most.
    var depth: Int32
    /// The program that it is a part of; set when that is complete.
    var image: UnsafePointer<ProgramImage>?
}

/// A call of a function, as written.
struct CallSite {
    var call: FunctionDeclaration.Call
    var user: UnsafeMutableRawPointer?
    var host: UnsafePointer<apus_host>
    var plans: UnsafePointer<ArgumentPlan>
    /// The arguments when all are constant: handed over as they are.
    var constants: UnsafePointer<apus_arg>?
    var argumentCount: UInt32
    /// Values that the call takes from the stack.
    var stackCount: UInt32
    /// Route kinds in which the function may be called.
    var routes: UInt32
    /// Its result becomes `$rc`: a module's function, not a statement of the core.
    var setsRC: Bool
    /// It asks for a variable's value on the way: its result is nobody's.
    var isQuestion = false
    var file: UInt32
    var line: UInt32
    /// For logs and crash reports.
    var module: apus_str
    var function: apus_str
}

/// How one argument comes about.
struct ArgumentPlan {
    enum Conversion: UInt8 {
        /// `prototype` as it is.
        case constant
        /// One value from the stack, as the kind says:
        case int
        case text
        case value
        case uri
        case regex
        case flag
        case route
    }

    var conversion: Conversion
    /// For `route`: the kinds looked up.
    var routeKinds: UInt32
    /// The argument, or what the conversion starts from.
    var prototype: apus_arg
}

/// A condition word with its operator; what `right` means is the word's business (see Conditions).
struct CompiledCondition {
    /// Arguments: the `Run`, this `CompiledCondition`, the value of the right side.
    typealias Evaluate =
        @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, UnsafePointer<apus_value>) -> Bool

    var evaluate: Evaluate
    /// Its right side is a value on the stack.
    var takesValue: Bool
    /// `Syntax.BinaryOperator` reduced to what the word knows: 0 ==, 1 !=, 2 =~, 3 <, 4 >, 5 <=, 6 >=, 7 !~
    var relation: UInt8
    /// Which address the words that speak of addresses mean.
    var end: Conditions.End
    /// A constant right side.
    var value: apus_value
    /// A constant pattern, set of names or addresses that the word's evaluator knows.
    var data: UnsafeRawPointer?
}
