import PluginAPI

/// A transformation of pseudo-variables: `{s.substr,1,2}`.
final class TransformationDeclaration: @unchecked Sendable {
    /// What an argument must be. A pseudo-variable may stand in the place of each, except of a pattern.
    enum Argument: Sendable, Equatable {
        /// `num` of its value is set.
        case int
        case text
        /// One character; `\s`, `\n`, `\r`, `\t`, `\\` and a comma (which then stands between two commas) are known.
        case character
        /// All that is left up to the `}`, commas included: a substitution such as `/a/b/g`.
        case rest
    }

    /// Looks at the arguments when the script is compiled. What it makes lies in the memory; lines of the log are told.
    /// - Returns: `prepared` for `CompiledTransformation`, or what is wrong with an argument in words for the script's author.
    typealias Prepare =
        @Sendable ([CompiledTransformation.Argument], ProgramMemory, @escaping Declarer.Tell) -> Result<
            UnsafeMutableRawPointer?, Complaint
        >

    struct Complaint: Error {
        /// Place of the argument.
        let argument: Int
        /// Possibly empty.
        let text: String
        /// Byte of the argument.
        var offset = 0
    }

    /// `class.operation`, in lower case: `s.substr`, `s.encode.hexa`.
    let name: String
    let arguments: [Argument]
    /// The first so many must be given.
    let required: Int
    /// Null may be transformed, too (`val.…`); for all others null stays null without a call.
    let takesNull: Bool
    /// As it is written: `{s.substr,offset,length}`.
    let usage: String
    let apply: CompiledTransformation.Apply
    let prepare: Prepare?
    /// A module looks at its constants, which it can only while a script is compiled.
    let looksAtConstants: Bool

    init(
        _ name: String, _ arguments: [Argument] = [], required: Int? = nil, takesNull: Bool = false, usage: String,
        looksAtConstants: Bool = false, prepare: Prepare? = nil, apply: @escaping CompiledTransformation.Apply
    ) {
        self.name = name
        self.arguments = arguments
        self.required = required ?? arguments.count
        self.takesNull = takesNull
        self.usage = usage
        self.apply = apply
        self.prepare = prepare
        self.looksAtConstants = looksAtConstants
    }
}
