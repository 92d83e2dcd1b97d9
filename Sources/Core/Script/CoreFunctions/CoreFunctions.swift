import PluginAPI

/// The functions that every script has without a module: setflag, forward, append_branch … Each is declared in the registry like a
/// module's, as a C function over the call, so that the compiler and the machine know one kind of call only. One file a subject.
enum CoreFunctions {
    /// Declares them all.
    static func declare(in registry: Registry, owner: Declarer) throws(Registry.Refusal) {
        let declare = Declaring(registry: registry, owner: owner)
        try declareFlags(declare)
        try declareBranchFlags(declare)
        try declareAVPFlags(declare)
        try declareURIParts(declare)
        try declareUserParts(declare)
        try declareDestination(declare)
        try declareBranches(declare)
        try declareForwarding(declare)
        try declareSockets(declare)
        try declareConnections(declare)
        try declareLogging(declare)
        try declareConfig(declare)
        try declareProcesses(declare)
    }

    /// Where the subjects put their functions.
    struct Declaring {
        let registry: Registry
        let owner: Declarer

        /// - Parameter names: a function and its older spellings, parted by blanks.
        func function(
            _ names: String, _ arguments: String = "", routes: UInt32 = RouteKind.any & ~RouteKind.onsend.mask,
            maySuspend: Bool = false, deprecated: Bool = false, _ doc: String,
            prepare: FunctionDeclaration.Prepare? = nil, call: @escaping FunctionDeclaration.Call
        ) throws(Registry.Refusal) {
            let signature: Signature
            do {
                signature = try Signature(arguments)
            } catch {
                throw Registry.Refusal(text: "\(names): \(error.text)")
            }
            for (index, name) in names.split(separator: " ").map(String.init).enumerated() {
                let isOld = deprecated || index > 0
                try registry.add(
                    FunctionDeclaration(
                        owner: owner, name: name, signature: signature, routes: routes,
                        flags: (maySuspend ? UInt32(APUS_MAY_SUSPEND) : 0) | (isOld ? UInt32(APUS_DEPRECATED) : 0),
                        doc: doc, call: call, prepare: prepare, user: nil))
            }
        }
    }
}

/// A call as Core's own functions see it: nothing hidden.
extension UnsafePointer<apus_call> {
    /// The run that makes the call.
    var coreRun: UnsafeMutablePointer<Run> { UnsafeMutablePointer(pointee.run) }
    var coreMessage: Message { Message(UnsafeMutablePointer(pointee.msg)) }
    /// Argument by its place in the signature.
    func argument(_ index: Int) -> apus_arg { pointee.args![index] }
    /// A text argument; empty when it was not written.
    func text(_ index: Int) -> Bytes { has(index) ? pointee.args![index].str.bytes : .empty }
    /// Whether the optional argument was written.
    func has(_ index: Int) -> Bool { index < Int(pointee.count) && pointee.args![index].given != 0 }
}
