import PluginAPI

// Invariants: `apus_variable` and `apus_format` are pointers to CompiledVariable and CompiledFormat, constant once
// made.

/// The group `vars`: apus/vars.h.
extension HostTables {
    static func makeVars() -> apus_vars_api {
        apus_vars_api(
            size: size(apus_vars_api.self),
            add_variable: { host, variable in
                host.declaring("add_variable") { (module, modules) throws(Registry.Refusal) in
                    try modules.registry.add(try HostTables.read(variable, module))
                    return CInt(APUS_TRUE)
                }
            },
            get: { call, variable, out in
                let run = UnsafeMutablePointer<Run>(call.pointee.run)
                out.pointee = apus_value.null
                return CInt(run.read(UnsafePointer(variable), into: out) ? APUS_TRUE : APUS_FALSE)
            },
            set: { call, variable, value in
                let run = UnsafeMutablePointer<Run>(call.pointee.run)
                var kept = value.pointee
                // Variables keep the text that they are given; the module's lives for the call only.
                if kept.hasText {
                    guard let copy = run.copy(kept.str) else { return CInt(APUS_FALSE) }
                    kept.str = copy
                }
                return CInt(run.assign(&kept, to: UnsafePointer(variable)) ? APUS_TRUE : APUS_FALSE)
            },
            expand: { call, format, out in
                let run = UnsafeMutablePointer<Run>(call.pointee.run)
                guard let text = run.expand(UnsafePointer(format)) else { return CInt(APUS_FALSE) }
                out.pointee = text
                return CInt(APUS_TRUE)
            },
            compile: { host, text in
                HostTables.compile(host, "compile", text) {
                    $0.compileVariable($1.string, for: $2).map { OpaquePointer($0) }
                }
            },
            compile_format: { host, text in
                HostTables.compile(host, "compile_format", text) {
                    $0.compileFormat($1.string, for: $2).map { OpaquePointer($0) }
                }
            },
            access_allocate: { access, size in
                UnsafeMutablePointer<Run>(access.pointee.run).allocate(size)
            },
            read_on: { access, variable, message, out in
                let run = UnsafeMutablePointer<Run>(access.pointee.run)
                out.pointee = apus_value.null
                let isThere = run.read(UnsafePointer(variable), on: Message(opaque: message), into: out)
                if !isThere { out.pointee = apus_value.null }
                return isThere ? CInt(APUS_TRUE) : CInt(APUS_FALSE)
            },
            share_avps: { call in
                guard let set = UnsafeMutablePointer<Run>(call.pointee.run).madeAVPSet else { return nil }
                set.retain()
                return OpaquePointer(set)
            },
            release_avps: { _, avps in UnsafeMutablePointer<AVPSet>(avps)?.release() },
            script_variable: { call, number, name in
                let image = UnsafeMutablePointer<Run>(call.pointee.run).pointee.image
                guard number < UInt32(image.pointee.namedVariableCount) else { return nil }
                let named = image.pointee.namedVariables + Int(number)
                name.pointee = named.pointee.name
                return OpaquePointer(named.pointee.variable)
            },
            set_initial: { host, name, value in
                host.declaring("set_initial", in: [.setting]) { (_, modules) throws(Registry.Refusal) in
                    var kept = value.pointee
                    if kept.hasText { kept.str = apus_str(PermanentText.bytes(kept.str.string)) }
                    modules.registry.initialValues[name.string] = kept
                    return CInt(APUS_TRUE)
                }
            },
            add_avp_alias: { host, alias, name in
                host.declaring("add_avp_alias", in: [.setting]) { (_, modules) throws(Registry.Refusal) in
                    modules.registry.avpAliases[alias.string] = name.string
                    return CInt(APUS_TRUE)
                }
            },
            set_shared: { name, value in SharedVariables.server.set(name.bytes, value.pointee) },
            add_select: { host, select in
                host.declaring("add_select") { (module, modules) throws(Registry.Refusal) in
                    try modules.registry.add(try HostTables.read(select, module))
                    return CInt(APUS_TRUE)
                }
            },
            add_transformation: { host, transformation in
                host.declaring("add_transformation") { (module, modules) throws(Registry.Refusal) in
                    try modules.registry.add(try ModuleTransformation.read(transformation, module))
                    return CInt(APUS_TRUE)
                }
            },
            access_expand: { access, format, out in
                let run = UnsafeMutablePointer<Run>(access.pointee.run)
                guard let text = run.expand(UnsafePointer(format)) else { return CInt(APUS_FALSE) }
                out.pointee = text
                return CInt(APUS_TRUE)
            },
            expand_text: { call, text, out in
                let run = UnsafeMutablePointer<Run>(call.pointee.run)
                guard let program = run.pointee.image.pointee.program,
                    let expanded = program.takeUnretainedValue().texts.expandNow(text.bytes, run)
                else { return CInt(APUS_FALSE) }
                out.pointee = expanded
                return CInt(APUS_TRUE)
            },
            add_avp: { call, name, value in
                guard let list = UnsafeMutablePointer<Run>(call.pointee.run).madeAVPList else {
                    return CInt(APUS_FALSE)
                }
                return list.pointee.add(AVPList.Key(name.bytes), value.pointee) ? CInt(APUS_TRUE) : CInt(APUS_FALSE)
            })
    }

    private static func read(
        _ select: UnsafePointer<apus_select>, _ module: LoadedModule
    ) throws(Registry.Refusal) -> SelectDeclaration {
        let first = MemoryLayout<apus_select>.end(of: \.get)
        return try GivenStruct.read(select, apus_select.self, name: "apus_select", first: first) {
            (given) throws(Registry.Refusal) in
            let name = try given.required(\.name, "the select's name")
            guard DeclaredName.isIdentifier(name) else {
                throw Registry.Refusal(text: "`\(name)` is no name for a select")
            }
            let doc = try given.required(\.doc, "the doc of @\(name)")
            guard !given.isNull(\.prepare) else { throw Registry.Refusal(text: "@\(name) has no `prepare`") }
            guard !given.isNull(\.get) else { throw Registry.Refusal(text: "@\(name) has no `get`") }
            let contents = given.contents
            return SelectDeclaration(
                owner: module.declarer, name: name, doc: doc, prepare: contents.prepare, get: contents.get)
        }
    }

    private static func read(
        _ variable: UnsafePointer<apus_pv>, _ module: LoadedModule
    ) throws(Registry.Refusal) -> VariableDeclaration {
        let first = MemoryLayout<apus_pv>.end(of: \.user)
        return try GivenStruct.read(variable, apus_pv.self, name: "apus_pv", first: first) {
            (given) throws(Registry.Refusal) in
            let name = try given.required(\.name, "the pseudo-variable's name")
            guard name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && !"$(){}[]\"'`,;".utf8.contains($0) }) else {
                throw Registry.Refusal(text: "`\(name)` is no name for a pseudo-variable")
            }
            let doc = try given.required(\.doc, "the doc of $\(name)")
            guard !given.isNull(\.get) else { throw Registry.Refusal(text: "$\(name) has no `get`") }
            let inner = InnerNameRule(given.text(\.inner))
            if case .oneOf(let names) = inner.names, names.isEmpty || Set(names).count != names.count {
                throw Registry.Refusal(text: "the inner names of $\(name) are none, or one stands twice")
            }
            let contents = given.contents
            let flags = APUS_PV_INDEXED | APUS_PV_DYNAMIC | APUS_PV_NUMBER | APUS_PV_OF_TRANSACTION
            try HostTables.checkBits(contents.flags, UInt32(flags), "the flags of $\(name)")
            return VariableDeclaration(
                owner: module.declarer, name: name, inner: inner, flags: contents.flags, doc: doc, get: contents.get,
                set: contents.set, user: contents.user, ask: contents.ask)
        }
    }

    /// Compiles a text out of a parameter or a constant; a mistake is the reason of the `start` or `prepare` that asked for it.
    private static func compile(
        _ host: UnsafePointer<apus_host>, _ what: String, _ text: apus_str,
        _ body: (ModuleTexts, Bytes, ModuleTexts.Lifetime) -> Result<OpaquePointer, ModuleTexts.Refusal>
    ) -> OpaquePointer? {
        var compiled: OpaquePointer?
        _ = host.declaring(what, in: [.preparing, .starting]) { (module, modules) throws(Registry.Refusal) in
            guard let texts = modules.texts else {
                throw Registry.Refusal(text: "there is no script to compile for")
            }
            switch body(texts, text.bytes, module.phase == .preparing ? .program : .forever) {
            case .success(let made): compiled = made
            case .failure(let refusal): throw Registry.Refusal(text: "\"\(text.string)\": \(refusal.text)")
            }
            return CInt(APUS_TRUE)
        }
        return compiled
    }
}
