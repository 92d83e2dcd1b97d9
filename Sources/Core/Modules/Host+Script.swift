import PluginAPI

// Invariants: `apus_run` and `apus_route` are pointers to Run and CompiledRoute. Calls come from the worker of their
// run. A route's program is there as long as the run that gave it, or until the last release on each worker.

/// The group `script`: apus/script.h.
extension HostTables {
    static func makeScript() -> apus_script_api {
        apus_script_api(
            size: size(apus_script_api.self),
            add_function: { host, function in
                host.declaring("add_function") { (module, modules) throws(Registry.Refusal) in
                    try HostTables.declare(function, module, modules)
                    return CInt(APUS_TRUE)
                }
            },
            find_route: { host, kind, name in
                guard let image = host.shared.image else { return nil }
                return (name.len == 0 ? image.mainRoute(kind: kind) : image.route(named: name, kinds: kind))
                    .map { OpaquePointer($0) }
            },
            run: { call, route, kind, message, then, user in
                let run = UnsafeMutablePointer<Run>(call.pointee.run)
                return run.runRoute(
                    UnsafePointer<CompiledRoute>(route), kind: kind,
                    message: Message(UnsafeMutablePointer(message ?? call.pointee.msg)), then: then, user: user)
            },
            start_run: { host, start in
                guard let run = host.shared.pointee.services.startRun else { return CInt(APUS_FALSE) }
                return run(host, start)
            },
            position: { call, file, line in
                let position = UnsafeMutablePointer<Run>(call.pointee.run).position
                file.pointee = position.file
                line.pointee = position.line
            },
            allocate: { call, size in UnsafeMutablePointer<Run>(call.pointee.run).allocate(size) },
            route_name: { UnsafePointer<CompiledRoute>($0).pointee.name },
            with_call: { host, message, avps, body, user in
                guard let image = host.shared.image, let worker = Worker.current,
                    let script = SuspensionDirectory.worker(UInt32(worker.pointee.index))
                else { return CInt(APUS_FALSE) }
                return script.call(
                    image, host: host, message: Message(opaque: message), avps: UnsafeMutablePointer(avps), user: user,
                    body)
            },
            hold_route: { _, route in
                guard let worker = Worker.current, let image = UnsafePointer<CompiledRoute>(route).pointee.image else {
                    return
                }
                image.pointee.uses.add(UInt32(worker.pointee.index))
            },
            release_route: { _, route in
                guard let worker = Worker.current, let route,
                    let image = UnsafePointer<CompiledRoute>(route).pointee.image
                else { return }
                image.pointee.uses.remove(UInt32(worker.pointee.index))
            },
            allocate_prepared: { host, size in
                var place: UnsafeMutableRawPointer?
                _ = host.declaring("allocate_prepared", in: [.preparing]) { (_, modules) throws(Registry.Refusal) in
                    place = modules.texts?.allocate(size)
                    return CInt(APUS_TRUE)
                }
                return place
            },
            current_route: { UnsafeMutablePointer<Run>($0).routeName },
            run_position: { run, file, line in
                let statement = UnsafeMutablePointer<Run>(run).statement
                file.pointee = statement.file
                line.pointee = statement.line
            })
    }

    private static func declare(
        _ function: UnsafePointer<apus_function>, _ module: LoadedModule, _ modules: Modules
    ) throws(Registry.Refusal) {
        let first = MemoryLayout<apus_function>.end(of: \.user)
        let declared = try GivenStruct.read(function, apus_function.self, name: "apus_function", first: first) {
            (given) throws(Registry.Refusal) in
            let name = try given.required(\.name, "the function's name")
            guard DeclaredName.isIdentifier(name) else {
                throw Registry.Refusal(text: "`\(name)` is no name for a function")
            }
            let doc = try given.required(\.doc, "the doc of \(name)")
            guard !given.isNull(\.call) else { throw Registry.Refusal(text: "\(name) has no `call`") }
            let signature: Signature
            let arguments = given.text(\.args) ?? ""
            do throws(Signature.Mistake) { signature = try Signature(arguments) } catch {
                throw Registry.Refusal(text: "the signature \"\(arguments)\" of \(name) is wrong: \(error.text)")
            }
            let contents = given.contents
            try HostTables.checkBits(contents.routes, RouteKind.any, "the routes of \(name)")
            let flags =
                APUS_MAY_SUSPEND | APUS_DEPRECATED | APUS_SENDS_REQUEST | APUS_EDITS_REQUEST | APUS_ENDS_SERVER
                | APUS_SENDS_REPLY | APUS_SETS_DESTINATION | APUS_PREPARES_ABSENT
            try HostTables.checkBits(contents.flags, UInt32(flags), "the flags of \(name)")
            guard contents.routes != 0 else {
                throw Registry.Refusal(text: "\(name) may be called nowhere: its routes are 0")
            }
            return FunctionDeclaration(
                owner: module.declarer, name: name, signature: signature, routes: contents.routes,
                flags: contents.flags, doc: doc, call: contents.call, prepare: contents.prepare, user: contents.user)
        }
        if let hidden = try modules.registry.add(declared) { modules.note(declared, hides: hidden, module) }
    }

    /// Refuses bits that this version of the contract does not know.
    static func checkBits(_ bits: UInt32, _ known: UInt32, _ what: String) throws(Registry.Refusal) {
        guard bits & ~known == 0 else {
            throw Registry.Refusal(text: "\(what) have unknown bits: 0x\(String(bits & ~known, radix: 16))")
        }
    }
}
