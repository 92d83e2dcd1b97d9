import Glibc
import PluginAPI

// Invariants: the compiler's instructions are well formed — every jump lands in the code, every operand names an entry of its
// table, and a route never pops more than it pushed nor pushes more than its `depth`, which is reserved when it is entered.
// So the loop checks none of that again. One machine works on a run at a time, on the run's worker.

/// What the loop answers to whoever started it.
enum MachineResult {
    case ended
    case suspended
}

extension UnsafeMutablePointer<Run> {
    /// Runs a route to its end or first suspension. When it has ended, now or later, `ended` is called, exactly once.
    func enter(_ route: UnsafePointer<CompiledRoute>) {
        pointee.routeKind = route.pointee.kind
        pointee.stackCount = 0
        pointee.frameCount = 0
        pointee.code = 1
        pointee.pc = route.pointee.entry
        pointee.budget = pointee.image.pointee.limits.maxInstructions
        pointee.end = Run.End()
        guard reserveStack(route.pointee.depth) else { return giveUp("the script needs too much memory") }
        goOn()
    }

    /// Works until the run ends or waits.
    private func goOn() {
        let worker = pointee.worker
        guard worker.pointee.depth < ScriptWorker.maxDepth else {
            // The place in the log is that of the statement that would be the first.
            pointee.pc += 1
            return giveUp("runs are started inside of runs, more than sixteen deep")
        }
        let outer = begin(on: worker)
        let result = execute()
        end(on: worker, outer)
        settleResult(result)
    }

    private func settleResult(_ result: MachineResult) {
        switch result {
        case .ended:
            pointee.state = .running
            pointee.ended(self)
        case .suspended:
            pointee.state = .suspended
        }
    }

    /// A wait is over: `done` gives the function's result, and the machine goes on.
    func resume(done: Suspension.Done?, status: CInt, payload: UnsafeMutableRawPointer?, user: UnsafeMutableRawPointer?)
    {
        pointee.state = .running
        pointee.budget = pointee.image.pointee.limits.maxInstructions
        let worker = pointee.worker
        let outer = begin(on: worker)
        pointee.enteredRoute = false
        var result = CInt(APUS_FALSE)
        if let done {
            pointee.resumeUser = user
            result = withCall { done($0, status, payload) }
        }
        let outcome: MachineResult
        switch settle(result) {
        case .proceed: outcome = execute()
        case .suspend: outcome = .suspended
        case .finish: outcome = .ended
        }
        end(on: worker, outer)
        settleResult(outcome)
    }

    /// What the thread was at before this machine came upon its stack: a call of another run, or nothing.
    private typealias Outer = (
        run: UnsafeMutablePointer<Run>?, call: UnsafePointer<CallSite>?, logPrefix: apus_str, logLevel: Int32?
    )

    /// The machine stands on the thread's stack once more; what is logged has the run's prefix.
    @inline(__always)
    private func begin(on worker: UnsafeMutablePointer<ScriptWorker>) -> Outer {
        let outer = (
            worker.pointee.working, worker.pointee.current, worker.pointee.logPrefix, worker.pointee.logLevel
        )
        worker.pointee.depth += 1
        worker.pointee.working = self
        setPrefix(pointee.logPrefix, on: worker)
        useLogLevel(pointee.logLevel, on: worker)
        return outer
    }

    @inline(__always)
    private func end(on worker: UnsafeMutablePointer<ScriptWorker>, _ outer: Outer) {
        worker.pointee.depth -= 1
        worker.pointee.working = outer.run
        worker.pointee.current = outer.call
        setPrefix(outer.logPrefix, on: worker)
        useLogLevel(outer.logLevel, on: worker)
    }

    /// Lines of this thread are chosen by that level from now on; nil: by the server's.
    @inline(__always)
    private func useLogLevel(_ level: Int32?, on worker: UnsafeMutablePointer<ScriptWorker>) {
        if level != nil || worker.pointee.logLevel != nil { Log.setThreadThreshold(level) }
        worker.pointee.logLevel = level
    }

    /// The same for this run, which works.
    func setLogLevel(_ level: Int32?) {
        pointee.logLevel = level
        useLogLevel(level, on: pointee.worker)
    }

    @inline(__always)
    private func setPrefix(_ prefix: apus_str, on worker: UnsafeMutablePointer<ScriptWorker>) {
        if prefix.len > 0 || worker.pointee.logPrefix.len > 0 { Log.setPrefix(prefix.bytes) }
        worker.pointee.logPrefix = prefix
    }

    /// The machine cannot go on: logs why, with the statement, and ends the run.
    @inline(never)
    func giveUp(_ why: StaticString) {
        fail(why)
        pointee.state = .running
        pointee.ended(self)
    }

    /// Marks the run as failed and logs why.
    @inline(never)
    func fail(_ why: StaticString) {
        pointee.end = Run.End(code: -1, exited: true, dropped: false, failed: true)
        logAtStatement(.error, why)
    }

    /// The loop. Returns when the run has ended or waits.
    func execute() -> MachineResult {
        let image = pointee.image
        let code = image.pointee.code
        while true {
            // A call may have moved the stack or entered a route: the machine's registers are read anew.
            var pc = Int(pointee.pc)
            var sp = pointee.stack + Int(pointee.stackCount)
            var budget = pointee.budget
            inner: while true {
                budget &-= 1
                if budget < 0 {
                    pointee.pc = Int32(truncatingIfNeeded: pc)
                    fail("the script ran a million instructions without an end; is a loop endless?")
                    return .ended
                }
                let instruction = code + pc
                pc &+= 1
                switch instruction.opcode {
                case .pushInt:
                    sp.initialize(to: apus_value(Int64(instruction.c)))
                    sp += 1
                case .pushConstant:
                    sp.initialize(to: image.pointee.constants[Int(instruction.c)])
                    sp += 1
                case .pushNull:
                    sp.initialize(to: .null)
                    sp += 1
                case .pushVariable:
                    sp.initialize(to: .null)
                    if !read(image.pointee.variables + Int(instruction.c), into: sp) { sp.pointee = .null }
                    sp += 1
                case .pushRunVariable:
                    let number = Int(image.pointee.variables[Int(instruction.c)].innerID)
                    sp.initialize(to: pointee.variables?[number] ?? image.pointee.runVariableDefaults[number])
                    sp += 1
                case .pushFormat:
                    sp.initialize(
                        to: expand(image.pointee.formats + Int(instruction.c)).map { apus_value($0) } ?? .failed)
                    sp += 1
                case .pop:
                    sp -= 1
                case .duplicate:
                    sp.initialize(to: sp[-1])
                    sp += 1
                case .pushCode:
                    sp.initialize(to: apus_value(Int64(pointee.code)))
                    sp += 1
                case .pushTruth:
                    sp.initialize(to: apus_value(instruction.a == 1 ? Int64(pointee.code) : pointee.code > 0 ? 1 : 0))
                    sp += 1
                case .store:
                    sp -= 1
                    let variable = image.pointee.variables + Int(instruction.c)
                    if instruction.a & Storing.isRunVariable != 0, !sp.pointee.isNull, let run = pointee.variables {
                        run[Int(variable.pointee.innerID)] = sp.pointee
                        pointee.code = 1
                    } else {
                        // The setter may ask where it is.
                        pointee.pc = Int32(truncatingIfNeeded: pc)
                        pointee.code = assign(sp, to: variable) ? 1 : -1
                    }
                    if instruction.a & Storing.leavesTruth != 0 {
                        sp.pointee = apus_value(sp.pointee.isTrue)
                        sp += 1
                    }
                case .jump:
                    pc = Int(instruction.c)
                case .jumpIfFalse:
                    sp -= 1
                    if !sp.pointee.isTrue { pc = Int(instruction.c) }
                case .jumpIfTrue:
                    sp -= 1
                    if sp.pointee.isTrue { pc = Int(instruction.c) }
                case .equalJump:
                    sp -= 1
                    let holds = compare(sp, image.pointee.constants + Int(instruction.b), instruction.a) > 0
                    if holds == (instruction.a & Comparison.jumpsIfTrue != 0) { pc = Int(instruction.c) }
                case .caseJump:
                    let holds = compare(sp - 1, image.pointee.constants + Int(instruction.b), instruction.a) > 0
                    if holds == (instruction.a & Comparison.jumpsIfTrue != 0) { pc = Int(instruction.c) }
                case .matchJump:
                    sp -= 1
                    let holds = match(sp, image.pointee.regexes[Int(instruction.b)], instruction.a)
                    if holds == (instruction.a & Comparison.jumpsIfTrue != 0) { pc = Int(instruction.c) }
                case .definedJump:
                    sp -= 1
                    let holds = sp.pointee.isNull == (instruction.a & Comparison.negated != 0)
                    if holds == (instruction.a & Comparison.jumpsIfTrue != 0) { pc = Int(instruction.c) }
                case .countTurn:
                    let turns = sp[-1].num &+ 1
                    sp[-1].num = turns
                    let limit = pointee.worker.pointee.maxWhileLoops ?? image.pointee.limits.maxWhileLoops
                    if limit > 0, turns > limit {
                        pointee.pc = Int32(truncatingIfNeeded: pc)
                        logAtStatement(.error, "a loop has reached max_while_loops and is left")
                        pointee.code = -1
                        pc = Int(instruction.c)
                    }
                case .condition:
                    let condition = image.pointee.conditions + Int(instruction.c)
                    if condition.pointee.takesValue { sp -= 1 }
                    let right = condition.pointee.takesValue ? sp.pointee : condition.pointee.value
                    let holds = withUnsafePointer(to: right) { condition.pointee.evaluate(self, condition, $0) }
                    sp.initialize(to: apus_value(holds))
                    sp += 1
                case .call:
                    let site = image.pointee.callSites + Int(instruction.c)
                    sp -= Int(site.pointee.stackCount)
                    pointee.pc = Int32(truncatingIfNeeded: pc)
                    pointee.stackCount = Int32(truncatingIfNeeded: sp - pointee.stack)
                    pointee.budget = budget
                    switch call(site, values: sp) {
                    case .proceed: break inner
                    case .suspend: return .suspended
                    case .finish: return .ended
                    }
                case .callRoute, .callRouteNamed:
                    let route: UnsafePointer<CompiledRoute>?
                    if instruction.opcode == .callRoute {
                        route = image.pointee.routes + Int(instruction.c)
                    } else {
                        sp -= 1
                        route = routeNamed(sp.pointee, kind: UInt32(1) << UInt32(instruction.a))
                    }
                    pointee.pc = Int32(truncatingIfNeeded: pc)
                    pointee.stackCount = Int32(truncatingIfNeeded: sp - pointee.stack)
                    pointee.budget = budget
                    enterFromScript(route)
                    break inner
                case .end, .return, .exit, .drop, .breakRoute:
                    var value = pointee.code
                    switch instruction.opcode {
                    case .end: break
                    case .breakRoute: value = 0
                    default:
                        if instruction.a == 1 { sp -= 1 }
                        value = instruction.a == 1 ? Int32(truncatingIfNeeded: sp.pointee.int) : instruction.c
                    }
                    pointee.budget = budget
                    switch leave(instruction.opcode, value) {
                    case .proceed: break inner
                    case .suspend: return .suspended
                    case .finish: return .ended
                    }
                case .add where areNumbers(sp):
                    sp -= 1
                    sp[-1].num &+= sp.pointee.num
                case .subtract where areNumbers(sp):
                    sp -= 1
                    sp[-1].num &-= sp.pointee.num
                case .equal where areNumbers(sp):
                    sp -= 1
                    sp[-1].num = sp[-1].num == sp.pointee.num ? 1 : 0
                case .notEqual where areNumbers(sp):
                    sp -= 1
                    sp[-1].num = sp[-1].num != sp.pointee.num ? 1 : 0
                case .less where areNumbers(sp):
                    sp -= 1
                    sp[-1].num = sp[-1].num < sp.pointee.num ? 1 : 0
                case .greater where areNumbers(sp):
                    sp -= 1
                    sp[-1].num = sp[-1].num > sp.pointee.num ? 1 : 0
                default:
                    sp = operate(instruction.pointee, sp)
                }
            }
        }
    }

    /// The two topmost values are numbers and nothing else, as they mostly are where scripts compute.
    @inline(__always)
    private func areNumbers(_ sp: UnsafeMutablePointer<apus_value>) -> Bool {
        sp[-2].kind == UInt32(APUS_INT) && sp[-1].kind == UInt32(APUS_INT)
    }

    /// The route of that kind that a value names; nil and a log line when there is none.
    private func routeNamed(_ name: apus_value, kind: UInt32) -> UnsafePointer<CompiledRoute>? {
        guard let text = text(of: name) else { return nil }
        if let route = pointee.image.route(named: text, kinds: kind) { return route }
        logAtStatement(.error, "route() names a block that does not exist: ", text.bytes)
        return nil
    }

    /// `route(…)` of a script. Without a route, or when routes are nested too deeply, it is as if the block had given -1.
    private func enterFromScript(_ route: UnsafePointer<CompiledRoute>?) {
        guard let route else {
            pointee.code = -1
            pointee.rc = -1
            return
        }
        let frame = Run.Frame(
            then: nil, user: nil, site: nil, arguments: nil, message: pointee.message, returnPC: pointee.pc,
            stackCount: pointee.stackCount, routeKind: pointee.routeKind)
        guard reserveStack(route.pointee.depth), push(frame) else {
            logAtStatement(.error, "routes call each other too deeply (max_recursive_level)")
            pointee.code = -1
            pointee.rc = -1
            return
        }
        pointee.code = 1
        pointee.pc = route.pointee.entry
    }
}

extension UnsafePointer<ProgramImage> {
    /// The route block of that name and one of those kinds. A number is a name: 01 and 1 are the same one.
    func route(named name: apus_str, kinds: UInt32) -> UnsafePointer<CompiledRoute>? {
        for index in 0..<pointee.routeCount {
            let route = pointee.routes + index
            if route.pointee.kind & kinds != 0, route.pointee.name.equals(name) { return route }
        }
        return nil
    }

    /// The main block of that kind.
    func mainRoute(kind: UInt32) -> UnsafePointer<CompiledRoute>? {
        for index in 0..<pointee.routeCount {
            let route = pointee.routes + index
            if route.pointee.kind == kind, route.pointee.name.len == 0 { return route }
        }
        return nil
    }
}

extension UnsafePointer<Instruction> {
    // Each instruction reads the operands that it has.
    @inline(__always) fileprivate var opcode: Opcode { pointee.opcode }
    @inline(__always) fileprivate var a: UInt8 { pointee.a }
    @inline(__always) fileprivate var b: UInt16 { pointee.b }
    @inline(__always) fileprivate var c: Int32 { pointee.c }
}
