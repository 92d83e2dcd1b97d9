import Glibc
import PluginKit

// Invariants: a Tour is one piece of the C library's memory, made on the management thread and freed where it ends: on the last worker that it
// visits, or, when an answer is to be made of what it saw, on the management thread. It is on one thread at a time: its job is posted again from
// where it has run. The command stays valid until `finish`, since it has no time limit.

/// A command that looks at one worker after the other, or at one of them, and then answers.
struct Tour {
    /// Looks at one worker; with `isLast` the answer is completed, unless that is done by `Answer`.
    typealias Visit = (_ tour: UnsafeMutablePointer<Tour>, _ home: UnsafeMutablePointer<Home>) -> Void
    /// [management] Makes the answer of all that was seen.
    typealias Answer = (_ command: UnsafePointer<apus_command>, _ sums: [UInt64]) -> Void

    fileprivate var job: apus_job
    let state: UnsafeMutablePointer<State>
    let command: UnsafePointer<apus_command>
    fileprivate let deferral: UInt64
    fileprivate let visit: Visit
    fileprivate let answer: Answer?
    fileprivate var worker: UInt32
    fileprivate let last: UInt32
    /// Sums of what was seen.
    var sums: [UInt64] = []

    /// Sends the command to all workers.
    static func all(
        _ command: UnsafePointer<apus_command>, _ visit: @escaping Visit, answer: Answer? = nil
    ) -> CInt {
        let state = command.state
        return start(command, from: 0, to: max(1, state.pointee.homeCount) - 1, visit, answer)
    }

    /// Sends the command to one worker.
    static func one(
        _ command: UnsafePointer<apus_command>, worker: UInt32, _ visit: @escaping Visit
    ) -> CInt {
        guard worker < command.state.pointee.homeCount else { return command.fail(404, "No such transaction") }
        return start(command, from: worker, to: worker, visit, nil)
    }

    private static func start(
        _ command: UnsafePointer<apus_command>, from first: UInt32, to last: UInt32, _ visit: @escaping Visit,
        _ answer: Answer?
    ) -> CInt {
        let host = command.pointee.host
        let deferral = host.pointee.rpc.pointee.defer(command, 0)
        guard deferral != 0 else { return .false }
        let tour = UnsafeMutablePointer<Tour>.allocate(capacity: 1)
        tour.initialize(
            to: Tour(
                job: apus_job(running: Tour.arrived), state: command.state, command: command, deferral: deferral,
                visit: visit, answer: answer, worker: first, last: last))
        tour.post()
        return .suspended
    }

    private static let arrived: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { host, job in
        let tour = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Tour.self)
        if let home = tour.pointee.state.home { tour.pointee.visit(tour, home) }
        guard tour.pointee.isLast else {
            tour.pointee.worker += 1
            return tour.post()
        }
        guard tour.pointee.answer != nil else { return tour.end() }
        tour.pointee.job = apus_job(running: Tour.seen)
        // Without that thread nobody waits for the answer.
        if host.pointee.loop.pointee.post(host, tour.job) < 0 { tour.end() }
    }

    /// All workers were visited: makes the answer.
    private static let seen: @convention(c) (Host, UnsafeMutablePointer<apus_job>) -> Void = { _, job in
        let tour = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Tour.self)
        tour.pointee.answer?(tour.pointee.command, tour.pointee.sums)
        tour.end()
    }

    /// The worker that it is on is the last one.
    var isLast: Bool { worker == last }
    /// It has just begun.
    var isFirst: Bool { worker == 0 }
}

extension UnsafeMutablePointer<Tour> {
    fileprivate func post() {
        let host = pointee.command.pointee.host
        host.pointee.worker.pointee.post(host, pointee.worker, job)
    }

    fileprivate var job: UnsafeMutablePointer<apus_job> { pointer(to: \.job).unsafelyUnwrapped }

    /// The command has answered.
    fileprivate func end() {
        let rpc = pointee.command.pointee.host.pointee.rpc
        let host = pointee.command.pointee.host
        let deferral = pointee.deferral
        deinitialize(count: 1)
        deallocate()
        if rpc.pointee.resume(host, deferral) != nil { rpc.pointee.finish(host, deferral) }
    }
}

/// Reading arguments and building answers.
extension UnsafePointer<apus_command> {
    var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }
    var rpc: UnsafePointer<apus_rpc_api> { pointee.host.pointee.rpc }

    /// The text of an argument; empty when it was not given.
    func text(_ index: Int) -> apus_str {
        guard index < Int(pointee.count), let args = pointee.args, args[index].given != 0 else { return "" }
        return args[index].str
    }

    /// The same; empty for a dot, too.
    func textOrDot(_ index: Int) -> apus_str {
        let text = text(index)
        return text.equals(".") ? "" : text
    }

    /// A fault instead of an answer, and what the command's `call` returns then.
    @discardableResult
    func fail(_ code: CInt, _ text: apus_str) -> CInt {
        rpc.pointee.fault(pointee.answer, code, text)
        return .false
    }

    func add(_ key: StaticString? = nil, _ value: Int64) { rpc.pointee.add_int(pointee.answer, key?.characters, value) }
    func add(_ key: StaticString? = nil, _ value: apus_str) {
        rpc.pointee.add_text(pointee.answer, key?.characters, value)
    }
    /// A line of a form's reply.
    func add(line: String) {
        var line = line
        line.withUTF8 { rpc.pointee.add_text(pointee.answer, nil, apus_str(start: $0.baseAddress, count: $0.count)) }
    }
    func openMap() { rpc.pointee.open_map(pointee.answer, nil) }
    func openArray() { rpc.pointee.open_array(pointee.answer, nil) }
    func close() { rpc.pointee.close(pointee.answer) }
}

extension StaticString {
    /// Static texts end with a NUL behind their last byte.
    var characters: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}
