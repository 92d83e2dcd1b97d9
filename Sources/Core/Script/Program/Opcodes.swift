/// The instructions of a compiled script: the specification of the virtual machine.
///
/// The machine has a stack of values (`apus_value`), a stack of frames, and two registers: `code`, what the last action gave
/// (what a block without `return` ends with), and `rc`, what the last module function or route gave (`$rc`). Behind each
/// instruction: `( values popped -- values pushed )`, topmost last; a, b, c are the instruction's operands.
///
/// A value whose expression failed (a division by zero, a variable that cannot be read) is null with the mark `failed`: it is
/// false as a condition, and assigning it is refused with a log line.
enum Opcode: UInt8 {
    // Values
    /// ( -- n ) n = c
    case pushInt
    /// ( -- v ) v = constants[c]
    case pushConstant
    /// ( -- v ) the value of variables[c]; null when it has none
    case pushVariable
    /// ( -- v ) the same for a variable of the run (`$var`) that stands for itself
    case pushRunVariable
    /// ( -- s ) formats[c] expanded
    case pushFormat
    /// ( -- null )
    case pushNull
    /// ( v -- )
    case pop
    /// ( v -- v v )
    case duplicate
    /// ( -- n ) n = code
    case pushCode
    /// ( -- n ) n = 1 when code > 0, else 0. With a = 1 the code itself (return_mode=1).
    case pushTruth
    /// ( v -- ) assigns to variables[c]; code = 1, or -1 when refused. `Storing` has a's bits.
    case store

    // One operand
    /// ( v -- n ) n = 1 when v is not true, else 0
    case not
    /// ( v -- n ) n = 1 when v is true (an integer above 0, or a text that reads as one), else 0
    case truth
    /// ( v -- n )
    case negate
    /// ( v -- n )
    case complement
    /// ( v -- n ) n = 1 unless v is null; with a = 1 the negation
    case defined
    /// ( v -- n )
    case toInt
    /// ( v -- s )
    case toText
    /// ( v -- n )
    case textLength
    /// ( v -- n ) 1 when the text is empty
    case textEmpty

    // Two operands; the left one was pushed first
    /// ( l r -- v ) integers are added; a left text or null joins texts
    case add
    /// ( l r -- s )
    case join
    /// ( l r -- n ) and so on down to shiftRight; wrapping 64-bit arithmetic
    case subtract
    case multiply
    /// Fails for 0.
    case divide
    /// Fails for 0.
    case modulo
    case bitAnd
    case bitOr
    case bitXor
    /// 0 when the count is below 0 or above 63.
    case shiftLeft
    case shiftRight
    /// ( l r -- n ) the type of l decides; a null l takes r's type with 0 or ""
    case equal
    case notEqual
    case equalInt
    case notEqualInt
    case equalText
    case notEqualText
    /// ( v -- n ) v equals constants[c], compared as the mode in a says: by v's type, as integers or as texts; `Comparison` has a's bits
    case equalConstant
    case less
    case greater
    case lessOrEqual
    case greaterOrEqual
    /// ( s -- n ) s matches regexes[c]; with a = 1 the negation
    case matchConstant
    /// ( s p -- n ) s matches the pattern p, compiled now; false when p is wrong. With a = 1 the negation
    case match
    /// ( v* -- n ) conditions[c]: a condition word such as src_ip; pops its right side when the condition says so
    case condition

    // Control
    /// pc = c
    case jump
    /// ( v -- ) pc = c when v is not true
    case jumpIfFalse
    /// ( v -- ) pc = c when v is true
    case jumpIfTrue
    /// ( v -- ) equalConstant with constants[b], then a jump to c when the comparison gives what a says
    case equalJump
    /// ( v -- ) matchConstant with regexes[b], likewise
    case matchJump
    /// ( v -- ) defined, likewise
    case definedJump
    /// ( v -- v ) equalJump that leaves v: a label of a switch
    case caseJump
    /// ( n -- n+1 ) counts a turn of a loop; when max_while_loops is passed: logs, code = -1, pc = c
    case countTurn

    // Calls
    /// ( args -- ) calls callSites[c]; code = its result, and rc unless the site says otherwise; 0 ends the run
    case call
    /// ( -- ) calls routes[c]; code = rc = its result
    case callRoute
    /// ( name -- ) calls the route of kind a that the text names; unknown: logs, code = rc = -1
    case callRouteNamed

    // Leaving
    /// The block is over: back to the caller with `code`
    case end
    /// ( -- ) `return c`; 0 is exit. With a = 1: ( v -- ), the code is v
    case `return`
    /// As return, for `exit`
    case exit
    /// As return, for `drop`
    case drop
    /// `break` outside of loop and switch: back to the caller with code 0, which ends nothing
    case breakRoute
}

/// The bits of operand a of comparisons with constants, and of those that jump.
enum Comparison {
    static let negated: UInt8 = 1
    /// Jumps when the comparison holds; without it when it does not.
    static let jumpsIfTrue: UInt8 = 2
    /// Without one of these two the left type decides, and of a null the right one.
    static let asInts: UInt8 = 4
    static let asTexts: UInt8 = 8
}

/// The bits of operand a of `store`.
enum Storing {
    /// ( v -- n ) leaves the truth of v.
    static let leavesTruth: UInt8 = 1
    /// It is a variable of the run.
    static let isRunVariable: UInt8 = 2
}

/// Eight bytes.
struct Instruction {
    var opcode: Opcode
    var a: UInt8
    var b: UInt16
    var c: Int32

    init(_ opcode: Opcode, a: UInt8 = 0, b: UInt16 = 0, c: Int32 = 0) {
        self.opcode = opcode
        self.a = a
        self.b = b
        self.c = c
    }
}
