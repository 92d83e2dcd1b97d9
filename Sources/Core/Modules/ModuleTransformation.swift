import PluginAPI

// Invariants: made when a module declares it and never freed; compiled transformations point to it by their `prepared`.

/// A module's transformation, as the machine reaches it.
struct ModuleTransformation {
    typealias Apply = @convention(c) (UnsafePointer<apus_access>, UnsafeMutablePointer<apus_value>) -> CInt

    private let host: UnsafePointer<apus_host>
    private let apply: Apply
    private let user: UnsafeMutableRawPointer?

    /// The declaration for the registry.
    static func read(
        _ transformation: UnsafePointer<apus_transformation>, _ host: UnsafePointer<apus_host>
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
            let contents = given.contents
            try HostTables.checkBits(contents.flags, 0, "the flags of {\(name)}")
            let place = UnsafeMutablePointer<ModuleTransformation>.allocate(capacity: 1)
            place.initialize(to: ModuleTransformation(host: host, apply: contents.apply, user: contents.user))
            let address = UInt(bitPattern: place)
            return TransformationDeclaration(
                name, usage: "{\(name)}", prepare: { _ in .success(UnsafeMutableRawPointer(bitPattern: address)) },
                apply: ModuleTransformation.applied)
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
        return own.pointee.apply(&access, value)
    }
}
