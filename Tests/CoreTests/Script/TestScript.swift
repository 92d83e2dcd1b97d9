import Glibc
import PluginAPI

@testable import Core

/// A script that tests run: a config text, functions that note what happens, a worker and a message of its own.
final class TestScript {
    let diagnostics = Diagnostics()
    let tree: Syntax.Tree
    let settings: Settings
    let program: Program?
    private let registry = Registry()
    fileprivate let box = NoteBox()
    private let worker: UnsafeMutablePointer<ScriptWorker>
    private let timers: UnsafeMutablePointer<TimerWheel>
    private let clock: UnsafeMutablePointer<Clock>
    private let slab: UnsafeMutablePointer<Slab>
    private let host: UnsafeMutablePointer<apus_host>

    /// What `note` and the routes' ends have said so far.
    var notes: [String] { box.notes }

    final class NoteBox {
        var notes: [String] = []
        var waiting: UnsafeMutablePointer<Suspension>?
    }

    convenience init(
        _ text: String, name: String = "test.cfg", isMyself: @escaping ScriptEnvironment.IsMyself = { _, _ in false }
    ) throws {
        try self.init(bytes: Array(text.utf8), name: name, isMyself: isMyself)
    }

    init(
        bytes: [UInt8], name: String, isMyself: @escaping ScriptEnvironment.IsMyself = { _, _ in false },
        files: FileAccess = FileAccess(), wantsStyle: Bool = false
    ) throws {
        diagnostics.wantsStyle = wantsStyle
        let raw = UnsafeMutableRawPointer.allocate(byteCount: MemoryLayout<apus_host>.size, alignment: 16)
        raw.initializeMemory(as: UInt8.self, repeating: 0, count: MemoryLayout<apus_host>.size)
        host = raw.bindMemory(to: apus_host.self, capacity: 1)
        try TestScript.declare(in: registry, host: UnsafePointer(host), box: box)
        let preprocessor = Preprocessor(diagnostics: diagnostics, files: files)
        tree = Parser.parse(Source(name: name, bytes: bytes), preprocessor: preprocessor)
        settings = Settings.build(tree, diagnostics: diagnostics)
        program = Program.compile(
            tree, settings: settings, registry: registry, diagnostics: diagnostics, isMyself: isMyself)

        timers = .allocate(capacity: 1)
        timers.initialize(to: TimerWheel(now: 0))
        clock = .allocate(capacity: 1)
        clock.initialize(to: Clock())
        slab = .allocate(capacity: 1)
        slab.initialize(to: Slab())
        worker = .allocate(capacity: 1)
        worker.initialize(
            to: ScriptWorker(
                index: 0, mailbox: try Mailbox(bound: 16), timers: timers.pointee, clock: clock, slab: slab,
                maxSuspended: 100)
        )
    }

    /// Runs the main block of a kind on a message, and answers how it ended; nil when it waits.
    @discardableResult
    func run(_ kind: RouteKind = .request, message: TestMessage = TestMessage(Sample.invite)) throws -> Run.End? {
        guard let program, let route = program.mainRoute(kind) else { throw Failure(text: diagnostics.text) }
        let context = Unmanaged.passUnretained(box).toOpaque()
        let run = worker.begin(program.image, message: message.message, context: context) { raw in
            let run = raw.assumingMemoryBound(to: Run.self)
            let box = Unmanaged<NoteBox>.fromOpaque(run.pointee.context!).takeUnretainedValue()
            let end = run.pointee.end
            box.notes.append(
                "end \(end.code)\(end.exited ? " exit" : "")\(end.dropped ? " drop" : "")\(end.failed ? " failed" : "")"
            )
        }
        run.enter(route)
        if run.pointee.state == .suspended { return nil }
        let end = run.pointee.end
        worker.finish(run)
        return end
    }

    struct Failure: Error {
        let text: String
    }

    // MARK: What scripts of tests can call

    private static func declare(in registry: Registry, host: UnsafePointer<apus_host>, box: NoteBox) throws {
        let owner = Declarer(name: "test", host: host)
        registry.add(module: "test")
        let user = Unmanaged.passUnretained(box).toOpaque()
        func function(
            _ name: String, _ arguments: String, routes: UInt32 = RouteKind.any, flags: Int = 0,
            _ call: @escaping FunctionDeclaration.Call
        ) throws {
            try registry.add(
                FunctionDeclaration(
                    owner: owner, name: name, signature: try Signature(arguments), routes: routes,
                    flags: UInt32(flags), doc: "", call: call, prepare: nil, user: user))
        }
        try function("note", "text:format") { call in
            call.box.notes.append(call.pointee.args![0].str.string)
            return 1
        }
        // Says what it is called with, and answers it.
        try function("code", "code:int") { call in
            let code = Int32(call.pointee.args![0].num)
            call.box.notes.append("code \(code)")
            return code
        }
        try function("quiet", "code:int") { Int32($0.pointee.args![0].num) }
        try function("kinds", "i:int, s:string, f:flag, v:value, w:word(one|two), r:route(failure)?") { call in
            let args = call.pointee.args!
            let value = args[3].value == UInt32(APUS_INT) ? "\(args[3].num)" : "'\(args[3].str.string)'"
            let route = args[5].given == 0 ? "-" : "\(args[5].str.string) \(args[5].route == nil ? "none" : "found")"
            call.box.notes.append(
                "\(args[0].num) \(args[1].str.string) \(args[2].num) \(value) \(args[4].num) \(route)")
            return 1
        }
        try function("put", "to:writable, text:format") { call in
            let variable = UnsafePointer<CompiledVariable>(call.pointee.args![0].variable!)
            var value = apus_value(call.pointee.args![1].str)
            return call.run.assign(&value, to: variable) ? 1 : -1
        }
        try function("match", "text:format, pattern:regex") { call in
            CompiledRegex(handle: call.pointee.args![1].regex!).matches(call.pointee.args![0].str.bytes) ? 1 : -1
        }
        try function(
            "sl_send_reply", "code:int, reason:format", routes: RouteKind.any & ~RouteKind.onsend.mask,
            flags: APUS_SENDS_REPLY
        ) { _ in 1 }
        try function("t_on_failure", "name:route(failure)") { _ in 1 }
        try function("setflag", "flag:flag") { _ in 1 }
        try function("search", "pattern:regex") { _ in 1 }
        // What is sent, and what comes too late then.
        try function("ship", "", flags: APUS_SENDS_REQUEST) { _ in 1 }
        try function("stamp", "text:format?", flags: APUS_EDITS_REQUEST) { _ in 1 }
        try function("only_failure", "", routes: RouteKind.failure.mask) { _ in 1 }
        try function("only_request", "", routes: RouteKind.request.mask) { _ in 1 }
        try declareVariables(registry, owner, user)
    }

    private static func declareVariables(
        _ registry: Registry, _ owner: Declarer, _ user: UnsafeMutableRawPointer
    ) throws {
        func variable(
            _ name: String, inner: String? = nil, flags: Int = 0, get: @escaping VariableDeclaration.Get,
            set: VariableDeclaration.Set? = nil
        ) throws {
            try registry.add(
                VariableDeclaration(
                    owner: owner, name: name, inner: InnerNameRule(inner), flags: UInt32(flags), doc: "", get: get,
                    set: set, user: nil))
        }
        // How often it was asked for; what the question answers is nobody's.
        try registry.add(
            VariableDeclaration(
                owner: owner, name: "asked", inner: InnerNameRule(nil), flags: 0, doc: "",
                get: { access, out in
                    let box = Unmanaged<NoteBox>.fromOpaque(access.pointee.user!).takeUnretainedValue()
                    out.pointee = apus_value(Int64(box.notes.count { $0 == "asked" }))
                    return 1
                }, set: nil, user: user,
                ask: { call in
                    call.box.notes.append("asked")
                    return 0
                }))
        try variable("null") { _, _ in -1 }
        try variable("rc", flags: Int(APUS_PV_NUMBER)) { access, out in
            out.pointee = apus_value(Int64(access.run.pointee.rc))
            return 1
        }
        try variable("T_reply_code", flags: Int(APUS_PV_OF_TRANSACTION)) { _, _ in -1 }
        try variable("du", get: { _, _ in -1 }, set: { _, _ in 1 })
        for name in ["ru", "rU", "fu", "si"] {
            try variable(name) { _, _ in -1 }
        }
        try variable("hdr", inner: "*", flags: Int(APUS_PV_INDEXED)) { _, _ in -1 }
        try variable("avp", inner: "*", flags: Int(APUS_PV_INDEXED), get: { _, _ in -1 }, set: { _, _ in 1 })
        try variable("rm") { access, out in
            out.pointee = apus_value(apus_str(access.message.methodText))
            return 1
        }
        try variable(
            "var", inner: "*",
            get: { access, out in
                let run = access.run
                let place = Int(access.pointee.inner_id)
                out.pointee =
                    (run.pointee.variables
                    ?? UnsafeMutablePointer(mutating: run.pointee.image.pointee.runVariableDefaults))[place]
                return 1
            },
            set: { access, value in
                let run = access.run
                let count = run.pointee.image.pointee.runVariableCount
                if run.pointee.variables == nil {
                    let place = run.allocate(count * MemoryLayout<apus_value>.stride)!.bindMemory(
                        to: apus_value.self, capacity: count)
                    place.initialize(from: run.pointee.image.pointee.runVariableDefaults, count: count)
                    run.pointee.variables = place
                }
                run.pointee.variables![Int(access.pointee.inner_id)] = value.pointee
                return 1
            })
        // Its index and inner name, to see what arrives.
        try variable("echo", inner: "*?", flags: Int(APUS_PV_INDEXED) | Int(APUS_PV_DYNAMIC)) { access, out in
            let index = access.pointee.index_kind == UInt32(APUS_INDEX_ALL) ? "*" : "\(access.pointee.index)"
            let text = "\(access.pointee.inner.string)/\(access.pointee.index_kind == 0 ? "-" : index)"
            out.pointee = apus_value(access.run.copy(apus_str(Bytes(leaking: text)))!)
            return 1
        }
        try variable("kind", inner: "one|two") { access, out in
            out.pointee = apus_value(Int64(access.pointee.inner_id))
            return 1
        }
        try registry.add(
            TransformationDeclaration("s.len", usage: "{s.len}") { _, _, value in
                value.pointee = apus_value(Int64(value.pointee.str.len))
                return 1
            })
        try registry.add(
            TransformationDeclaration("s.select", [.int, .character], usage: "{s.select,index,separator}") {
                _, step, value in
                let step = step.assumingMemoryBound(to: CompiledTransformation.self)
                let index = Int(step.pointee.arguments![0].value.num)
                let parts = value.pointee.str.string.split(
                    separator: step.pointee.arguments![1].value.str.string, omittingEmptySubsequences: false)
                guard parts.indices.contains(index) else { return -1 }
                value.pointee = apus_value(apus_str(Bytes(leaking: String(parts[index]))))
                return 1
            })
    }
}

extension UnsafePointer<apus_call> {
    fileprivate var box: TestScript.NoteBox {
        Unmanaged<TestScript.NoteBox>.fromOpaque(pointee.user!).takeUnretainedValue()
    }
    fileprivate var run: UnsafeMutablePointer<Run> { UnsafeMutablePointer(pointee.run) }
}

extension UnsafePointer<apus_access> {
    fileprivate var run: UnsafeMutablePointer<Run> { UnsafeMutablePointer(pointee.run) }
    fileprivate var message: Message { Message(UnsafeMutablePointer(pointee.msg)) }
}
