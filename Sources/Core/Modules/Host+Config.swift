import PluginAPI

// Invariants: `into` of a parameter is the module's memory and lives for ever; it is written on the main thread, before
// `start`.

/// The group `config`: apus/config.h.
extension HostTables {
    static func makeConfig() -> apus_config_api {
        apus_config_api(
            size: size(apus_config_api.self),
            add_parameter: { host, parameter in
                host.declaring("add_parameter") { (module, modules) throws(Registry.Refusal) in
                    let declared = try HostTables.read(parameter, module)
                    try modules.registry.add(declared)
                    try declared.applyInitial()
                    if let changeable = try HostTables.changeable(parameter, declared, host) {
                        modules.registry.changeable.add(changeable)
                    }
                    return CInt(APUS_TRUE)
                }
            },
            core: { host, name, out in
                guard let value = host.modules.coreSetting(name.string) else { return CInt(APUS_FALSE) }
                out.pointee = value
                return CInt(APUS_TRUE)
            },
            dialect: { host in
                switch host.modules.dialect {
                case .maximal: UInt32(APUS_DIALECT_ANY)
                case .ser: UInt32(APUS_DIALECT_SER)
                case .kamailio: UInt32(APUS_DIALECT_KAMAILIO)
                }
            },
            setting: { host, index, out in
                let changeable = host.modules.registry.changeable
                let all = changeable.listed
                guard index < UInt32(all.count) else { return CInt(APUS_FALSE) }
                HostTables.fill(out, apus_setting(all[Int(index)], changeable, size: out.pointee.size))
                return CInt(APUS_TRUE)
            },
            change: { host, changes, count, why in
                let modules = host.modules
                let wanted = UnsafeBufferPointer(start: changes, count: Int(count)).map {
                    Modules.Change(group: $0.group.string, name: $0.name.string, value: $0.value)
                }
                do throws(Modules.ChangeRefusal) { try modules.change(wanted) } catch {
                    return why.refuse(error.text)
                }
                return CInt(APUS_TRUE)
            },
            file: { host in apus_str(host.modules.configFile) },
            add_instance: { host, group, id, why in
                do throws(Modules.ChangeRefusal) { try host.modules.addInstance(id, of: group.string) } catch {
                    return why.refuse(error.text)
                }
                return CInt(APUS_TRUE)
            },
            delete_instance: { host, group, id, why in
                do throws(Modules.ChangeRefusal) { try host.modules.deleteInstance(id, of: group.string) } catch {
                    return why.refuse(error.text)
                }
                return CInt(APUS_TRUE)
            },
            follow: { host, name, changed, user in
                let changeable = host.modules.registry.changeable
                guard let number = changeable.number("core", name.string) else { return CInt(APUS_FALSE) }
                nonisolated(unsafe) let (module, user) = (host, user)
                changeable.all[number].followers.append { value in
                    var value = value
                    changed(module, &value, user)
                }
                return CInt(APUS_TRUE)
            },
            server: { host, out in
                let size = out.pointee.size
                HostTables.fill(out, host.shared.pointee.services.server)
                out.pointee.size = size
            },
            is_loaded: { host, name in
                HostTables.answer(host.modules.module(named: name.string) != nil)
            })
    }

    /// What of a parameter may change while the server runs; nil: nothing.
    private static func changeable(
        _ parameter: UnsafePointer<apus_parameter>, _ declared: ParameterDeclaration, _ host: UnsafePointer<apus_host>
    ) throws(Registry.Refusal) -> ChangeableParameter? {
        let first = MemoryLayout<apus_parameter>.end(of: \.user)
        return try GivenStruct.read(parameter, apus_parameter.self, name: "apus_parameter", first: first) {
            (given) throws(Registry.Refusal) in
            let contents = given.contents
            guard let changed = contents.changed else { return nil }
            let name = declared.name
            guard let place = contents.in_force ?? declared.into.map({ UnsafeRawPointer($0) }) else {
                throw Registry.Refusal(text: "\(name) has `changed`, and neither `into` nor `in_force`")
            }
            guard contents.changed_min <= contents.changed_max else {
                throw Registry.Refusal(text: "the range of changes to \(name) is empty")
            }
            let isAny = contents.changed_min == 0 && contents.changed_max == 0
            let isNumber = declared.kind != .string
            let own = contents.in_force != nil && contents.in_force != UnsafeRawPointer(declared.into)
            nonisolated(unsafe) let (module, here, user) = (host, place, contents.user)
            let reading = contents.reading
            return ChangeableParameter(
                group: declared.owner.name, name: name, doc: declared.doc, isNumber: isNumber,
                range: isAny ? declared.range : contents.changed_min...contents.changed_max,
                apply: { value in
                    var value = value
                    changed(module, here, &value, user)
                },
                read: {
                    isNumber
                        ? apus_value(here.load(as: Int64.self)) : apus_value(here.load(as: apus_str.self))
                },
                reading: { value in
                    guard let reading else { return own ? nil : value }
                    var (given, meant) = (value, apus_value.null)
                    return reading(module, &given, &meant, user) > 0 ? meant : nil
                })
        }
    }

    private static func read(
        _ parameter: UnsafePointer<apus_parameter>, _ module: LoadedModule
    ) throws(Registry.Refusal) -> ParameterDeclaration {
        let first = MemoryLayout<apus_parameter>.end(of: \.user)
        return try GivenStruct.read(parameter, apus_parameter.self, name: "apus_parameter", first: first) {
            (given) throws(Registry.Refusal) in
            let name = try given.required(\.name, "the parameter's name")
            guard DeclaredName.isDotted(name) else {
                throw Registry.Refusal(text: "`\(name)` is no name for a parameter")
            }
            let doc = try given.required(\.doc, "the doc of \(name)")
            let contents = given.contents
            let kind: ParameterDeclaration.Kind
            switch Int(contents.kind) {
            case Int(APUS_PARAM_INT): kind = .int
            case Int(APUS_PARAM_STRING): kind = .string
            case Int(APUS_PARAM_EITHER): kind = .either
            default: throw Registry.Refusal(text: "\(name) has the unknown kind \(contents.kind)")
            }
            try HostTables.checkBits(contents.flags, UInt32(APUS_REPEATABLE), "the flags of \(name)")
            guard (contents.into == nil) != (contents.set == nil) else {
                let both = contents.into != nil
                throw Registry.Refusal(text: "\(name) has \(both ? "both `into` and" : "neither `into` nor") `set`")
            }
            guard kind != .either || contents.into == nil else {
                throw Registry.Refusal(text: "\(name) takes numbers and texts, so it needs `set`")
            }
            let repeatable = contents.flags & UInt32(APUS_REPEATABLE) != 0
            guard !repeatable || contents.into == nil else {
                throw Registry.Refusal(text: "\(name) is repeatable, so it needs `set`")
            }
            guard contents.min <= contents.max else {
                throw Registry.Refusal(text: "the range of \(name) is empty: \(contents.min) to \(contents.max)")
            }
            let range = contents.min == 0 && contents.max == 0 ? nil : contents.min...contents.max
            return ParameterDeclaration(
                owner: module.declarer, name: name, kind: kind, repeatable: repeatable, doc: doc,
                initial: given.text(\.initial), range: range, into: contents.into, setter: contents.set,
                user: contents.user)
        }
    }
}

extension ParameterDeclaration {
    /// A value for it. The text lives for ever.
    enum Value {
        case number(Int64)
        case text(Bytes)
    }

    /// Stores the default, which must be one that a config could give, too.
    func applyInitial() throws(Registry.Refusal) {
        switch kind {
        case .int:
            let number = initial.map { Keywords.number($0) ?? Int64($0) } ?? 0
            guard let number else {
                throw Registry.Refusal(text: "the default of \(name) is no number: \"\(initial ?? "")\"")
            }
            if initial != nil, let range, !range.contains(number) {
                throw Registry.Refusal(text: "the default of \(name) is not in its range: \(number)")
            }
            into?.storeBytes(of: number, as: Int64.self)
        case .string:
            guard let into else { return }
            let text = initial.map { apus_str(PermanentText.bytes($0)) } ?? apus_str()
            into.storeBytes(of: text, as: apus_str.self)
        case .either:
            break
        }
    }

    /// Hands the value to the module: into its memory, or through its setter. A negative answer refuses it.
    func apply(_ value: Value) -> CInt {
        if let into {
            switch value {
            case .number(let number): into.storeBytes(of: number, as: Int64.self)
            case .text(let text): into.storeBytes(of: apus_str(text), as: apus_str.self)
            }
            return CInt(APUS_TRUE)
        }
        guard let setter else { return CInt(APUS_FALSE) }
        var given: apus_value
        switch value {
        case .number(let number): given = apus_value(number)
        case .text(let text): given = apus_value(apus_str(text))
        }
        return setter(owner.host, &given, user)
    }
}

extension apus_setting {
    fileprivate init(_ shown: ChangeableParameters.Shown, _ all: ChangeableParameters, size: UInt32) {
        let parameter = shown.parameter
        let texts = parameter.permanent
        let value = all.value(shown.number, of: shown.instance)
        self.init(
            size: size, kind: UInt32(parameter.isNumber ? APUS_PARAM_INT : APUS_PARAM_STRING),
            group: apus_str(texts.group), name: apus_str(texts.name), doc: apus_str(texts.doc),
            min: parameter.range?.lowerBound ?? 0, max: parameter.range?.upperBound ?? 0, value: value.value,
            initial: shown.instance.map { all.initialValue(shown.number, of: $0) } ?? parameter.initial,
            is_instance: shown.instance == nil ? 0 : 1, is_own: value.isOwn ? 1 : 0, id: shown.instance ?? 0)
    }
}

extension UnsafeMutablePointer<apus_complaint> {
    /// Cut to what the caller has room for.
    fileprivate func refuse(_ text: String) -> CInt {
        let bytes = Array(text.utf8.prefix(pointee.capacity))
        for (index, byte) in bytes.enumerated() { pointee.text[index] = CChar(bitPattern: byte) }
        pointee.len = bytes.count
        return CInt(APUS_FALSE)
    }
}
