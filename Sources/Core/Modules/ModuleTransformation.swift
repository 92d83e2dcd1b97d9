import PluginAPI

// Invariants: one lies in the memory of the program for each place where a script writes the transformation, whose `prepared` points to it, and
// ends with it. `prepared` has as many entries as the declaration lists arguments. The argument table lives on this stack for the call.

/// A module's transformation where a script has written it, as the machine reaches it.
struct ModuleTransformation {
    typealias Apply =
        @convention(c) (
            UnsafePointer<apus_access>, UnsafePointer<apus_arg>?, UnsafeMutablePointer<apus_value>
        ) -> CInt

    private let host: UnsafePointer<apus_host>
    private let apply: Apply
    private let user: UnsafeMutableRawPointer?
    private let prepared: UnsafePointer<UnsafeMutableRawPointer?>
    private let count: Int

    /// The declaration for the registry.
    static func read(
        _ transformation: UnsafePointer<apus_transformation>, _ module: LoadedModule
    ) throws(Registry.Refusal) -> TransformationDeclaration {
        let first = MemoryLayout<apus_transformation>.end(of: \.user)
        return try GivenStruct.read(transformation, apus_transformation.self, name: "apus_transformation", first: first)
        { (given) throws(Registry.Refusal) in
            let name = try given.required(\.name, "the transformation's name")
            guard DeclaredName.isDotted(name), name.contains("."), !name.contains(":") else {
                throw Registry.Refusal(text: "`\(name)` is no name for a transformation: class.operation")
            }
            _ = try given.required(\.doc, "the doc of {\(name)}")
            guard !given.isNull(\.apply) else { throw Registry.Refusal(text: "{\(name)} has no `apply`") }
            try HostTables.checkBits(given.contents.flags, 0, "the flags of {\(name)}")
            let arguments: Arguments
            do throws(Signature.Mistake) { arguments = try Arguments(given.text(\.args) ?? "") } catch {
                throw Registry.Refusal(text: "{\(name)}: \(error.text)")
            }
            let description = Description(
                owner: module.declarer, contents: given.contents, count: arguments.kinds.count)
            return TransformationDeclaration(
                name, arguments.kinds, required: arguments.required, usage: "{\(name)\(arguments.usage)}",
                looksAtConstants: given.contents.prepare != nil,
                prepare: { description.use($0, $1, $2) }, apply: ModuleTransformation.applied)
        }
    }

    /// What the module has declared; constant.
    private struct Description: @unchecked Sendable {
        let owner: Declarer
        let contents: apus_transformation
        let count: Int

        /// The transformation as it is written in one place.
        func use(
            _ arguments: [CompiledTransformation.Argument], _ memory: ProgramMemory, _ tell: @escaping Declarer.Tell
        ) -> Result<UnsafeMutableRawPointer?, TransformationDeclaration.Complaint> {
            var prepared = [UnsafeMutableRawPointer?](repeating: nil, count: count)
            if let prepare = contents.prepare {
                for (place, argument) in arguments.enumerated() where argument.variable == nil {
                    let verdict = owner.look(tell) {
                        prepare(owner.host, UInt32(place), argument.value.str, $0, $1)
                    }
                    switch verdict {
                    case .accepted(let made): prepared[place] = made
                    case .refused(let text, let offset):
                        return .failure(
                            TransformationDeclaration.Complaint(argument: place, text: text, offset: offset))
                    }
                }
            }
            let use = ModuleTransformation(
                host: owner.host, apply: contents.apply, user: contents.user,
                prepared: UnsafePointer(memory.table(prepared)), count: count)
            return .success(UnsafeMutableRawPointer(memory.place(use)))
        }
    }

    /// `apus_transformation.args`, parsed.
    private struct Arguments {
        var kinds: [TransformationDeclaration.Argument] = []
        var required = 0
        /// As it is written behind the name: `,start,length`.
        var usage = ""

        init(_ text: String) throws(Signature.Mistake) {
            let items = text.split(separator: ",").map { Signature.trim($0) }.filter { !$0.isEmpty }
            for item in items {
                let (name, kind, optional) = try Signature.parts(of: item)
                if kinds.last == .rest { throw Signature.Mistake(text: "nothing can follow an argument `rest`") }
                if !optional, required < kinds.count {
                    throw Signature.Mistake(text: "`\(name)` is required but follows an optional argument")
                }
                switch kind {
                case "int": kinds.append(.int)
                case "text": kinds.append(.text)
                case "char": kinds.append(.character)
                case "rest": kinds.append(.rest)
                default: throw Signature.Mistake(text: "unknown kind `\(kind)` in `\(item)`")
                }
                if !optional { required += 1 }
                usage += optional ? "[,\(name)]" : ",\(name)"
            }
        }
    }

    private static let applied: CompiledTransformation.Apply = { access, step, value in
        let step = step.assumingMemoryBound(to: CompiledTransformation.self)
        guard let own = step.pointee.prepared?.assumingMemoryBound(to: ModuleTransformation.self) else {
            return CInt(APUS_FALSE)
        }
        // The variable may be another module's.
        var access = apus_access(
            size: UInt32(MemoryLayout<apus_access>.size), index_kind: 0, index: 0, host: own.pointee.host,
            run: access.pointee.run, msg: access.pointee.msg, inner: apus_str(), inner_id: -1,
            route_kind: access.pointee.route_kind, user: own.pointee.user, variable: nil)
        let count = own.pointee.count
        if count == 0 { return own.pointee.apply(&access, nil, value) }
        return withUnsafeTemporaryAllocation(of: apus_arg.self, capacity: count) { arguments in
            let call = TransformationCall(&access, step, value)
            for index in 0..<count {
                var argument = apus_arg()
                if call.has(index) {
                    let given = call.argument(index)
                    guard !given.isNull, let text = call.run.text(of: given) else { return CInt(APUS_FALSE) }
                    argument.given = 1
                    argument.num = given.int
                    argument.str = text
                    argument.prepared = own.pointee.prepared[index]
                }
                (arguments.baseAddress.unsafelyUnwrapped + index).initialize(to: argument)
            }
            return own.pointee.apply(&access, arguments.baseAddress, value)
        }
    }
}
