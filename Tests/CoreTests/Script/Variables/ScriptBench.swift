import PluginAPI

@testable import Core

/// A run on a message without a script: variables are written as in a config and evaluated at once. For tests only, on one thread.
final class ScriptBench {
    let test: TestMessage
    let registry: Registry
    private(set) var run: UnsafeMutablePointer<Run>
    private let worker: UnsafeMutablePointer<ScriptWorker>
    private let timers = TimerWheel(now: 0)
    private let clock: UnsafeMutablePointer<Clock>
    private let slab: UnsafeMutablePointer<Slab>
    private let program: Program
    private var memory: [UnsafeMutableRawPointer] = []
    private var compiled: [String: UnsafePointer<CompiledVariable>] = [:]

    /// Its variables are there for the tests; all others are compiled when they are asked for.
    private static let script = """
        flags FLT_NAT:5, FLT_ACC:6
        request_route {
            $var(x) = 1; $var(y) = 1; $var(n) = 1; $vz(z) = 1; $vn(x) = 1; $vn(y) = 1; $vn(none) = $null;
        }
        """

    struct Wrong: Error { let text: String }

    /// - Parameter declare: adds declarations of the test's own.
    init(
        _ text: String = Sample.invite, source: String = "192.0.2.7", port: UInt16 = 40000,
        declare: (Registry, Declarer) throws -> Void = { _, _ in }
    ) throws {
        test = TestMessage(text)
        registry = Registry()
        let owner = Declarer(name: "core", host: Host.none)
        try CoreVariables.declare(in: registry, owner: owner)
        try CoreFunctions.declare(in: registry, owner: owner)
        try Transformations.declare(in: registry)
        try declare(registry, owner)
        clock = .allocate(capacity: 1)
        clock.initialize(to: Clock())
        slab = .allocate(capacity: 1)
        slab.initialize(to: Slab())
        worker = .allocate(capacity: 1)
        worker.initialize(
            to: ScriptWorker(
                index: 0, mailbox: try Mailbox(bound: 1), timers: timers, clock: clock, slab: slab, maxSuspended: 4))
        let diagnostics = Diagnostics()
        let tree = Parser.parse(
            Source(name: "bench.cfg", text: ScriptBench.script), preprocessor: Preprocessor(diagnostics: diagnostics))
        let settings = Settings.build(tree, diagnostics: diagnostics)
        guard
            let program = Program.compile(tree, settings: settings, registry: registry, diagnostics: diagnostics)
        else { throw Wrong(text: diagnostics.text) }
        self.program = program
        test.message.routing.source = SocketAddress(source, port: port) ?? SocketAddress()
        run = worker.begin(program.image, message: test.message, context: nil) { _ in }
        setKind()
    }

    /// The run ends, and another begins on the same message.
    func startOver() {
        worker.finish(run)
        run = worker.begin(program.image, message: test.message, context: nil) { _ in }
        setKind()
    }

    private func setKind() {
        run.pointee.routeKind = test.message.isRequest ? RouteKind.request.mask : RouteKind.coreOnReply.mask
    }

    deinit {
        worker.finish(run)
        for place in memory { place.deallocate() }
        worker.deallocate()
        clock.deallocate()
        slab.pointee.end()
        slab.deallocate()
        timers.free()
    }

    var message: Message { test.message }

    // MARK: - Values

    /// The value as Swift sees it.
    func value(_ text: String) throws -> apus_value {
        var value = apus_value.null
        let variable = try variable(text)
        return run.read(variable, into: &value) ? value : .null
    }

    /// The value as text, numbers printed; nil for $null.
    subscript(_ text: String) -> String? {
        do {
            let value = try value(text)
            return value.isNull ? nil : run.text(of: value)?.string
        } catch {
            return "cannot be compiled: \((error as? Wrong)?.text ?? String(describing: error))"
        }
    }

    /// The value when it compares as a number, else nil.
    func number(_ text: String) -> Int64? {
        guard let value = try? value(text), value.hasInt, !value.hasText else { return nil }
        return value.num
    }

    @discardableResult
    func assign(_ text: String, _ new: String) throws -> Bool { try assign(text, apus_value(keep(new))) }

    @discardableResult
    func assign(_ text: String, _ new: Int) throws -> Bool { try assign(text, apus_value(Int64(new))) }

    @discardableResult
    func clear(_ text: String) throws -> Bool { try assign(text, .null) }

    private func assign(_ text: String, _ new: apus_value) throws -> Bool {
        var new = new
        let variable = try variable(text)
        guard variable.pointee.set != nil else { throw Wrong(text: "\(text) is read-only") }
        return run.assign(&new, to: variable)
    }

    /// What a transformation makes of a text; nil when it fails.
    func apply(_ transformations: String, to text: String) throws -> String? {
        try assign("$var(x)", text)
        return self["$(var(x)\(transformations))"]
    }

    /// The message as it would be sent, edits applied, without a Via of ours.
    var edited: String { self["$mbu"] ?? "" }

    // MARK: - Calls

    /// Calls a core function. Arguments are texts, numbers or, when they begin with `$`, variables; a kind converts them as the machine does.
    func call(_ name: String, _ arguments: Any...) throws -> Int {
        guard
            let function = registry.functions(named: name).first(where: {
                $0.signature.counts.contains(arguments.count)
            })
        else { throw Wrong(text: "no function \(name) with \(arguments.count) arguments") }
        guard function.routes & run.pointee.routeKind != 0 else { throw Wrong(text: "\(name) is not allowed here") }
        let count = max(arguments.count, function.signature.arguments.count)
        let place: UnsafeMutablePointer<apus_arg> = keep(count)
        for index in 0..<count {
            place[index] = apus_arg()
            guard index < arguments.count else { continue }
            place[index] = try argument(arguments[index], function.signature.kind(at: index))
        }
        return Int(withCall(place, count, user: function.user) { function.call($0) })
    }

    /// What a module's function is called with.
    func withCall<Result>(
        _ arguments: UnsafeMutablePointer<apus_arg>? = nil, _ count: Int = 0, user: UnsafeMutableRawPointer? = nil,
        _ body: (UnsafePointer<apus_call>) -> Result
    ) -> Result {
        var call = apus_call(
            size: UInt32(MemoryLayout<apus_call>.size), count: UInt32(count), route_kind: run.pointee.routeKind,
            reserved: 0, host: Host.none, run: OpaquePointer(run), msg: OpaquePointer(message.record),
            args: arguments.map { UnsafePointer($0) }, user: user)
        return body(&call)
    }

    private func argument(_ given: Any, _ kind: Signature.Kind) throws -> apus_arg {
        var argument = apus_arg()
        argument.given = 1
        switch (kind, given) {
        case (.int, let number as Int), (.flag, let number as Int), (.avpFlag, let number as Int):
            argument.num = Int64(number)
        case (.value, let number as Int):
            argument.value = UInt32(APUS_INT)
            argument.num = Int64(number)
        case (.value, let text as String):
            argument.value = UInt32(APUS_STRING)
            argument.str = keep(text)
        case (.variable, let text as String), (.writable, let text as String):
            argument.variable = OpaquePointer(try variable(text))
        case (.string, let text as String), (.format, let text as String), (.uri, let text as String):
            argument.str = keep(text)
        case (.format, let number as Int): argument.str = keep(String(number))
        default: throw Wrong(text: "an argument \(given) for \(kind)")
        }
        return argument
    }

    // MARK: - Compiling

    func variable(_ text: String) throws -> UnsafePointer<CompiledVariable> {
        if let known = compiled[text] { return known }
        switch program.texts.compileVariable(text) {
        case .success(let variable):
            compiled[text] = variable
            return variable
        case .failure(let refusal): throw Wrong(text: refusal.text)
        }
    }

    // MARK: - Memory

    private func keep<Value>(_ count: Int) -> UnsafeMutablePointer<Value> {
        let place = UnsafeMutablePointer<Value>.allocate(capacity: count)
        memory.append(UnsafeMutableRawPointer(place))
        return place
    }

    func keep(_ text: String) -> apus_str {
        let bytes = Array(text.utf8)
        let place: UnsafeMutablePointer<UInt8> = keep(max(1, bytes.count))
        for (index, byte) in bytes.enumerated() { place[index] = byte }
        return apus_str(Bytes(UnsafePointer(place), bytes.count))
    }
}

/// What Core's own declarations never look at.
private enum Host {
    static nonisolated(unsafe) let none = UnsafePointer<apus_host>(bitPattern: 8)!
}
