import PluginAPI

/// The transformations that every script has without a module: `{s.len}`, `{uri.user}` … Each is declared in the registry, as a C
/// function over the access, the compiled step and the value. One file a class or subject.
enum Transformations {
    /// Declares them all.
    static func declare(in registry: Registry) throws(Registry.Refusal) {
        let declare = Declaring(registry: registry)
        try declareNumbers(declare)
        try declareShortening(declare)
        try declareFields(declare)
        try declareSearching(declare)
        try declareSpace(declare)
        try declareDigests(declare)
        try declareHashes(declare)
        try declareCodecs(declare)
        try declareEscapes(declare)
        try declareLayout(declare)
        try declareURIs(declare)
        try declareBuiltURIs(declare)
        try declareParameters(declare)
        try declareAddresses(declare)
        try declareLines(declare)
        try declareValues(declare)
    }

    /// Where the classes put their operations.
    struct Declaring {
        let registry: Registry

        /// - Parameters:
        ///   - signature: the arguments as the usage shows them, `offset,length`; optional ones in brackets.
        func operation(
            _ name: String, _ arguments: [TransformationDeclaration.Argument] = [], required: Int? = nil,
            takesNull: Bool = false, _ signature: String = "", apply: @escaping CompiledTransformation.Apply
        ) throws(Registry.Refusal) {
            let separator = signature.isEmpty || signature.hasPrefix("[") ? "" : ","
            try registry.add(
                TransformationDeclaration(
                    name, arguments, required: required, takesNull: takesNull,
                    usage: "{\(name)\(separator)\(signature)}", apply: apply))
        }
    }
}

// Invariants: lives for the call of an operation; texts that it gives live for the run.

/// One operation at work on a value.
struct TransformationCall {
    let run: UnsafeMutablePointer<Run>
    let value: UnsafeMutablePointer<apus_value>
    private let step: UnsafePointer<CompiledTransformation>

    @inline(__always)
    init(
        _ access: UnsafePointer<apus_access>, _ step: UnsafeRawPointer, _ value: UnsafeMutablePointer<apus_value>
    ) {
        run = access.run
        self.step = step.assumingMemoryBound(to: CompiledTransformation.self)
        self.value = value
    }

    /// Whether the optional argument was written.
    @inline(__always)
    func has(_ index: Int) -> Bool { index < step.pointee.argumentCount }

    /// An argument's value now; $null when it was not written or its variable is.
    func argument(_ index: Int) -> apus_value {
        guard has(index), let arguments = step.pointee.arguments else { return .null }
        guard let variable = arguments[index].variable else { return arguments[index].value }
        var value = apus_value.null
        return run.read(variable, into: &value) ? value : .null
    }

    /// An argument as text; nil when its variable is $null.
    @inline(__always)
    func text(_ index: Int) -> Bytes? {
        let value = argument(index)
        return value.isNull ? nil : run.text(of: value)?.bytes
    }

    /// An argument as a number; nil when its variable is $null.
    @inline(__always)
    func int(_ index: Int) -> Int64? {
        let value = argument(index)
        return value.isNull ? nil : value.int
    }

    /// An argument of one character: `\s`, `\n`, `\r`, `\t`, `\w` and `\\` mean what they name; nothing between two commas is a comma.
    /// Nil when its variable is $null.
    func separator(_ index: Int) -> Separator? {
        guard let text = text(index) else { return nil }
        if text.isEmpty { return Separator(byte: UInt8(ascii: ","), isAnyBlank: false) }
        guard text.count > 1, text[0] == UInt8(ascii: "\\") else { return Separator(byte: text[0], isAnyBlank: false) }
        switch text[1] {
        case UInt8(ascii: "n"): return Separator(byte: 10, isAnyBlank: false)
        case UInt8(ascii: "r"): return Separator(byte: 13, isAnyBlank: false)
        case UInt8(ascii: "t"): return Separator(byte: 9, isAnyBlank: false)
        case UInt8(ascii: "w"): return Separator(byte: 32, isAnyBlank: false)
        case UInt8(ascii: "s"): return Separator(byte: 32, isAnyBlank: true)
        default: return Separator(byte: text[1], isAnyBlank: false)
        }
    }

    /// What parts fields.
    struct Separator {
        let byte: UInt8
        /// Space, tab, CR and LF alike.
        let isAnyBlank: Bool

        @inline(__always)
        func matches(_ other: UInt8) -> Bool {
            isAnyBlank ? ByteSet.space.contains(other) : other == byte
        }
    }

    @inline(__always)
    func give(_ text: Bytes) -> CInt { value.give(text) }
    @inline(__always)
    func give(_ text: Bytes?) -> CInt { value.give(text) }
    @inline(__always)
    func give<Number: FixedWidthInteger>(_ number: Number) -> CInt { value.give(number) }

    /// A text that is written once; the operation fails when it grows longer than texts may.
    @inline(__always)
    func compose(_ capacity: Int, _ write: (inout ByteWriter) -> Void) -> CInt {
        guard capacity <= run.pointee.image.pointee.limits.maxText else { return -1 }
        return value.give(run.compose(capacity, write))
    }
}

extension UnsafePointer<apus_access> {
    /// Carries out an operation on text: numbers are printed first, $null fails.
    @inline(__always)
    func onText(
        _ step: UnsafeRawPointer, _ value: UnsafeMutablePointer<apus_value>,
        _ body: (TransformationCall, Bytes) -> CInt
    ) -> CInt {
        guard let text = text(of: value) else { return -1 }
        return body(TransformationCall(self, step, value), text)
    }
}
