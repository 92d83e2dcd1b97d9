import PluginAPI

@testable import Core

/// A run on a message without a script: variables are written as in a config and evaluated at once. For tests only, on one thread.
final class ScriptBench {
    let test: TestMessage
    let registry: Registry
    let run: UnsafeMutablePointer<Run>
    private let worker: UnsafeMutablePointer<ScriptWorker>
    private let timers: UnsafeMutablePointer<TimerWheel>
    private let clock: UnsafeMutablePointer<Clock>
    private let image: UnsafeMutablePointer<ProgramImage>
    private let owner: Declarer
    /// Names of `$var`s by their number.
    private var runVariables: [String] = []
    private var arenas: [UnsafeMutableRawPointer] = []

    static let runVariableLimit = 16

    struct Wrong: Error { let text: String }

    init(_ text: String = Sample.invite, source: String = "192.0.2.7", port: UInt16 = 40000) throws {
        test = TestMessage(text)
        registry = Registry()
        owner = Declarer(name: "core", host: Host.none)
        try CoreVariables.declare(in: registry, owner: owner)
        try CoreFunctions.declare(in: registry, owner: owner)
        timers = .allocate(capacity: 1)
        timers.initialize(to: TimerWheel(now: 0))
        clock = .allocate(capacity: 1)
        clock.initialize(to: Clock())
        worker = .allocate(capacity: 1)
        worker.initialize(
            to: ScriptWorker(
                index: 0, mailbox: try Mailbox(bound: 1), timers: timers.pointee, clock: clock, maxSuspended: 4))
        image = .allocate(capacity: 1)
        image.initialize(to: ScriptBench.emptyImage())
        test.message.routing.source = SocketAddress(source, port: port) ?? SocketAddress()
        run = worker.begin(image, message: test.message, context: nil) { _ in }
        run.pointee.routeKind = test.message.isRequest ? RouteKind.request.mask : RouteKind.coreOnReply.mask
    }

    deinit {
        worker.finish(run)
        for memory in arenas { memory.deallocate() }
        image.deallocate()
        worker.deallocate()
        clock.deallocate()
        timers.pointee.free()
        timers.deallocate()
    }

    var message: Message { test.message }

    private static func emptyImage() -> ProgramImage {
        let code = UnsafeMutablePointer<Instruction>.allocate(capacity: 1)
        code.initialize(to: Instruction(.end))
        let positions = UnsafeMutablePointer<ProgramImage.Position>.allocate(capacity: 1)
        positions.initialize(to: ProgramImage.Position(file: 0, line: 1))
        let files = UnsafeMutablePointer<apus_str>.allocate(capacity: 1)
        files.initialize(to: apus_str("bench.cfg"))
        let defaults = UnsafeMutablePointer<apus_value>.allocate(capacity: runVariableLimit)
        defaults.initialize(repeating: apus_value(0 as Int64), count: runVariableLimit)
        // The upper half is for $vn.
        for index in runVariableLimit / 2..<runVariableLimit { defaults[index] = .null }
        return ProgramImage(
            code: code, codeCount: 1, positions: positions, files: files, constants: defaults,
            variables: Host.empty(), formats: Host.empty(), regexes: Host.empty(), callSites: Host.empty(),
            conditions: Host.empty(), routes: Host.empty(), routeCount: 0, runVariableCount: runVariableLimit,
            runVariableDefaults: UnsafePointer(defaults), limits: ProgramImage.Limits())
    }

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
        var call = apus_call(
            size: UInt32(MemoryLayout<apus_call>.size), count: UInt32(count), route_kind: run.pointee.routeKind,
            reserved: 0, host: Host.none, run: OpaquePointer(run), msg: OpaquePointer(message.record),
            args: UnsafePointer(place), user: function.user)
        return Int(function.call(&call))
    }

    private func argument(_ given: Any, _ kind: Signature.Kind) throws -> apus_arg {
        var argument = apus_arg()
        argument.given = 1
        switch (kind, given) {
        case (.int, let number as Int), (.flag, let number as Int): argument.num = Int64(number)
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
        let source = Source(name: "bench", text: text)
        let syntax: Syntax.Variable
        do {
            syntax = try VariableReader.variable(
                Syntax.Text(bytes: source.bytes, range: source.range), dialect: .maximal,
                isKnown: { self.registry.variable(named: $0) != nil })
        } catch {
            throw Wrong(text: error.message)
        }
        return UnsafePointer(try compile(syntax))
    }

    private func compile(_ syntax: Syntax.Variable) throws -> UnsafeMutablePointer<CompiledVariable> {
        guard let declaration = registry.variable(named: syntax.name.text) else {
            throw Wrong(text: "unknown variable \(syntax.name.text)")
        }
        let place: UnsafeMutablePointer<CompiledVariable> = keep(1)
        place.initialize(
            to: CompiledVariable(
                get: declaration.get, set: declaration.set, user: declaration.user, host: Host.none, inner: apus_str(),
                innerID: -1, indexKind: UInt32(APUS_INDEX_NONE), index: 0, innerFormat: nil, indexVariable: nil,
                transformations: nil, transformationCount: 0, text: keep(syntax.range.text)))
        try setInner(place, syntax, declaration)
        guard syntax.index == nil || declaration.indexed else { throw Wrong(text: "no index is allowed") }
        switch syntax.index?.value {
        case .number(let number):
            place.pointee.indexKind = UInt32(APUS_INDEX_NUMBER)
            place.pointee.index = Int64(number)
        case .all: place.pointee.indexKind = UInt32(APUS_INDEX_ALL)
        case .variable(let index):
            place.pointee.indexKind = UInt32(APUS_INDEX_NUMBER)
            place.pointee.indexVariable = UnsafePointer(try compile(index))
        case .next: throw Wrong(text: "iterators are not known")
        case nil: break
        }
        return place
    }

    private func setInner(
        _ place: UnsafeMutablePointer<CompiledVariable>, _ syntax: Syntax.Variable, _ declaration: VariableDeclaration
    ) throws {
        guard let inner = syntax.inner else {
            guard declaration.inner.optional else { throw Wrong(text: "an inner name is needed") }
            return
        }
        place.pointee.inner = keep(inner.string)
        switch declaration.inner.names {
        case .none: throw Wrong(text: "no inner name is allowed")
        case .any: break
        case .oneOf(let names):
            guard let index = names.firstIndex(of: inner.string) else { throw Wrong(text: "unknown inner name") }
            place.pointee.innerID = Int32(index)
        }
        switch declaration.name {
        case "var", "vz": place.pointee.innerID = number(ofRunVariable: inner.string)
        case "vn": place.pointee.innerID = number(ofRunVariable: inner.string) + Int32(ScriptBench.runVariableLimit / 2)
        case "cnt": place.pointee.user = UnsafeMutableRawPointer(mutating: try variable(inner.string))
        default:
            if declaration.dynamic, inner.bytes.contains(UInt8(ascii: "$")) {
                place.pointee.innerFormat = try format(inner)
            }
        }
    }

    private func number(ofRunVariable name: String) -> Int32 {
        if let known = runVariables.firstIndex(of: name) { return Int32(known) }
        runVariables.append(name)
        return Int32(runVariables.count - 1)
    }

    private func format(_ text: Syntax.Text) throws -> UnsafePointer<CompiledFormat> {
        let syntax: Syntax.Format
        do { syntax = try VariableReader.format(text, dialect: .maximal) } catch { throw Wrong(text: error.message) }
        let pieces: UnsafeMutablePointer<CompiledFormat.Piece> = keep(max(1, syntax.pieces.count))
        for (index, piece) in syntax.pieces.enumerated() {
            switch piece {
            case .text(let bytes):
                pieces[index] = CompiledFormat.Piece(text: keep(String(decoding: bytes, as: UTF8.self)), variable: nil)
            case .variable(let variable):
                pieces[index] = CompiledFormat.Piece(text: apus_str(), variable: UnsafePointer(try compile(variable)))
            }
        }
        let place: UnsafeMutablePointer<CompiledFormat> = keep(1)
        place.initialize(to: CompiledFormat(pieces: UnsafePointer(pieces), count: syntax.pieces.count))
        return UnsafePointer(place)
    }

    // MARK: - Memory

    private func keep<Value>(_ count: Int) -> UnsafeMutablePointer<Value> {
        let place = UnsafeMutablePointer<Value>.allocate(capacity: count)
        arenas.append(UnsafeMutableRawPointer(place))
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

    static func empty<Value>() -> UnsafePointer<Value> {
        UnsafePointer(bitPattern: MemoryLayout<Value>.alignment)!
    }
}
