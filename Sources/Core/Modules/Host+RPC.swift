import Glibc
import PluginAPI

// Invariants: `apus_answer` is a pointer to an Execution, borrowed: the management thread keeps it as long as the module may use it. An
// `apus_command` lies in its ContractCommand, which the execution keeps.

/// The group `rpc`: apus/rpc.h.
extension HostTables {
    static func makeRPC() -> apus_rpc_api {
        apus_rpc_api(
            size: size(apus_rpc_api.self),
            add_command: { host, command in
                host.declaring("add_command") { (module, modules) throws(Registry.Refusal) in
                    try HostTables.declare(command, module, modules, host)
                    return CInt(APUS_TRUE)
                }
            },
            add_int: { answer, key, value in HostTables.answer(answer).add(value, key: HostTables.key(key)) },
            add_double: { answer, key, value in HostTables.answer(answer).add(value, key: HostTables.key(key)) },
            add_text: { answer, key, value in HostTables.answer(answer).add(value.bytes, key: HostTables.key(key)) },
            open_map: { answer, key in HostTables.answer(answer).openMap(key: HostTables.key(key)) },
            open_array: { answer, key in HostTables.answer(answer).openArray(key: HostTables.key(key)) },
            close: { answer in HostTables.answer(answer).close() },
            fault: { answer, code, text in HostTables.answer(answer).fail(Int(code), text.bytes) },
            defer: { command, milliseconds in
                HostTables.execution(command.pointee.answer).deferAnswer(milliseconds: milliseconds)
            },
            resume: { host, deferral in HostTables.resume(host, deferral) },
            finish: { host, deferral in host.modules.management.finish(deferral, owner: host.module.name) },
            execute: { host, name, arguments, count, done, user in
                let caller = Caller(host: host, done: done, user: user)
                let texts = UnsafeBufferPointer(start: arguments, count: arguments == nil ? 0 : Int(count))
                let request = CommandRequest(
                    name: name.string, values: texts.map { .text(HostTables.copy($0)) }, door: host.module.name)
                host.modules.management.execute(request) { caller.tell($1) }
            },
            start: { host, request in HostTables.start(host, request) },
            cancel: { host, execution in ManagementThread.current?.cancel(execution) },
            more: { host, execution in ManagementThread.current?.more(execution) },
            next: { items, position, out in HostTables.next(items, position, out) },
            items: { command, index, count in
                let execution = HostTables.execution(command.pointee.answer)
                let items = (execution.context as? ContractCommand)?.items(Int(index))
                count.pointee = UInt32(items?.count ?? 0)
                return items.map { UnsafePointer($0.start) }
            },
            form: { host, language, name in
                let form = host.modules.management.commands.form(named: name.string, HostTables.languages(language))
                return form?.form.map { apus_str($0.shape) } ?? apus_str()
            },
            go_on: { command, worker, milliseconds, then, user, release in
                let execution = HostTables.execution(command.pointee.answer)
                let step = Execution.Step(
                    worker: worker == UInt32(APUS_RPC_MANAGEMENT) ? nil : Int(worker), milliseconds: milliseconds,
                    then: { ContractFunction.outcome(ofStep: then(command, user)) }, release: { release?(user) })
                let count = Int(command.pointee.host.shared.pointee.workerCount)
                return CInt(execution.goOn(step, workerCount: count) ? APUS_SUSPENDED : APUS_FALSE)
            })
    }

    /// Of the flags of a command or a request.
    static func languages(_ flags: UInt32) -> TextLanguages {
        var languages: TextLanguages = []
        if flags & UInt32(APUS_RPC_SER_TEXT) != 0 { languages.insert(.ser) }
        if flags & UInt32(APUS_RPC_MI_TEXT) != 0 { languages.insert(.mi) }
        return languages
    }

    private static func resume(_ host: UnsafePointer<apus_host>, _ deferral: UInt64) -> UnsafePointer<apus_command>? {
        let execution = host.modules.management.resume(deferral, owner: host.module.name)
        return (execution?.context as? ContractCommand).map { UnsafePointer($0.command) }
    }

    private static func execution(_ answer: OpaquePointer) -> Execution {
        Unmanaged<Execution>.fromOpaque(UnsafeRawPointer(answer)).takeUnretainedValue()
    }

    private static func answer(_ answer: OpaquePointer) -> Answer { execution(answer).answer }

    private static func key(_ key: UnsafePointer<CChar>?) -> Bytes? {
        key.map { Bytes(UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self), strlen($0)) }
    }

    static func copy(_ text: apus_str) -> [UInt8] {
        Array(UnsafeBufferPointer(start: text.bytes.start, count: text.bytes.count))
    }

    // MARK: - Declaring

    private static func declare(
        _ command: UnsafePointer<apus_rpc>, _ module: LoadedModule, _ modules: Modules, _ host: UnsafePointer<apus_host>
    ) throws(Registry.Refusal) {
        let first = MemoryLayout<apus_rpc>.end(of: \.user)
        let made = try GivenStruct.read(command, apus_rpc.self, name: "apus_rpc", first: first) {
            (given) throws(Registry.Refusal) in
            let name = try given.required(\.name, "the command's name")
            let aliases = (given.text(\.aliases) ?? "").split(separator: " ").map { String($0) }
            for one in [name] + aliases where !DeclaredName.isDotted(one) {
                throw Registry.Refusal(text: "`\(one)` is no name for a command")
            }
            guard !given.isNull(\.call) else { throw Registry.Refusal(text: "\(name) has no `call`") }
            let contents = given.contents
            let function = ContractFunction(host: host, call: contents.call, user: contents.user)
            let languages = HostTables.languages(contents.flags)
            if !languages.isEmpty {
                try HostTables.checkBits(
                    contents.flags, UInt32(APUS_RPC_SER_TEXT | APUS_RPC_MI_TEXT), "the flags of the form \(name)")
                guard let form = TextForm(languages, given.text(\.args) ?? "") else {
                    throw Registry.Refusal(text: "the arguments of the form \(name) are none")
                }
                return Command.form(name, form, owner: module.name) { function.call($0) }
            }
            let doc = try given.required(\.doc, "the doc of \(name)")
            try HostTables.checkBits(
                contents.flags, UInt32(APUS_RPC_EACH_WORKER | APUS_RPC_READS | APUS_RPC_TREES | APUS_RPC_SPACED),
                "the flags of \(name)")
            let (parameters, repeats) = try HostTables.parameters(given.text(\.args) ?? "", of: name)
            let reply = try given.text(\.reply).map { (text) throws(Registry.Refusal) in
                try HostTables.schema(text, of: name)
            }
            return Command(
                name, aliases: aliases, owner: module.name, parameters, repeats: repeats,
                onEachWorker: contents.flags & UInt32(APUS_RPC_EACH_WORKER) != 0,
                reads: contents.flags & UInt32(APUS_RPC_READS) != 0,
                takesTrees: contents.flags & UInt32(APUS_RPC_TREES) != 0,
                isSpaced: contents.flags & UInt32(APUS_RPC_SPACED) != 0, reply: reply, doc: doc
            ) { function.call($0) }
        }
        do throws(CommandRegistry.Refusal) { try modules.management.commands.add(made) } catch {
            throw Registry.Refusal(text: error.text)
        }
    }

    private static func schema(_ text: String, of name: String) throws(Registry.Refusal) -> ReplySchema {
        do throws(ReplySchema.Mistake) { return try ReplySchema(parsing: text) } catch {
            throw Registry.Refusal(text: "the reply \"\(text)\" of \(name) is wrong: \(error.text)")
        }
    }

    private static func parameters(
        _ text: String, of name: String
    ) throws(Registry.Refusal) -> ([CommandParameter], repeats: Bool) {
        let signature: Signature
        do throws(Signature.Mistake) { signature = try Signature(text) } catch {
            throw Registry.Refusal(text: "the signature \"\(text)\" of \(name) is wrong: \(error.text)")
        }
        var parameters: [CommandParameter] = []
        for argument in signature.arguments {
            let kind: CommandParameter.Kind
            switch argument.kind {
            case .int: kind = .int
            case .string: kind = .string
            case .value: kind = .value
            case .word(let words): kind = .word(words)
            default:
                throw Registry.Refusal(
                    text:
                        "commands take int, string, value and word, not `\(argument.kind.text)` as `\(argument.name)` of"
                        + " \(name) is")
            }
            parameters.append(CommandParameter(argument.name, kind, optional: argument.optional))
        }
        return (parameters, signature.repeats)
    }
}

/// Whoever has a command executed.
private struct Caller: @unchecked Sendable {
    let host: UnsafePointer<apus_host>
    let done: @convention(c) (UnsafePointer<apus_host>, CInt, apus_str, UnsafeMutableRawPointer?) -> Void
    let user: UnsafeMutableRawPointer?

    func tell(_ result: Execution.Result) {
        switch result {
        case .answer(let answer), .part(let answer): tell(200, answer.json)
        case .fault(let fault): tell(fault.code, fault.text)
        }
    }

    private func tell(_ code: Int, _ text: [UInt8]) {
        text.withUnsafeBufferPointer { text in
            let bytes = text.baseAddress.map { Bytes($0, text.count) } ?? .empty
            done(host, CInt(code), apus_str(bytes), user)
        }
    }
}
