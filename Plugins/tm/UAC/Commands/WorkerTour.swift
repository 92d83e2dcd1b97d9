import PluginKit

// Invariants: a Tour is used by one thread at a time: the command's, which goes on from worker to worker.

/// A command that looks at one worker after the other, or at one of them, and then answers.
final class Tour {
    /// Looks at one worker; with `isLast` the answer is completed, unless that is done by `Answer`.
    typealias Visit = (_ tour: Tour, _ home: UnsafeMutablePointer<Home>) -> Void
    /// [management] Makes the answer of all that was seen.
    typealias Answer = (_ command: UnsafePointer<apus_command>, _ sums: [UInt64]) -> Void

    /// A worker that has not got to it by then is stuck, in milliseconds.
    private static let limit: UInt32 = 10_000

    let command: UnsafePointer<apus_command>
    private let visit: Visit
    private let answer: Answer?
    private var worker: UInt32
    private let last: UInt32
    /// Sums of what was seen.
    var sums: [UInt64] = []

    private init(
        _ command: UnsafePointer<apus_command>, from first: UInt32, to last: UInt32, _ visit: @escaping Visit,
        _ answer: Answer?
    ) {
        self.command = command
        self.visit = visit
        self.answer = answer
        self.last = last
        worker = first
    }

    /// Sends the command to all workers.
    static func all(
        _ command: UnsafePointer<apus_command>, _ visit: @escaping Visit, answer: Answer? = nil
    ) -> CInt {
        Tour(command, from: 0, to: max(1, command.state.pointee.homeCount) - 1, visit, answer).goOn(to: 0)
    }

    /// Sends the command to one worker.
    static func one(_ command: UnsafePointer<apus_command>, worker: UInt32, _ visit: @escaping Visit) -> CInt {
        guard worker < command.state.pointee.homeCount else { return command.fail(404, "No such transaction") }
        return Tour(command, from: worker, to: worker, visit, nil).goOn(to: worker)
    }

    private func goOn(to place: UInt32) -> CInt {
        command.rpc.pointee.go_on(
            command, place, Tour.limit, { _, tour in Tour.of(tour)?.takeUnretainedValue().arrived() ?? .false },
            Unmanaged.passRetained(self).toOpaque(), { Tour.of($0)?.release() })
    }

    private static func of(_ user: UnsafeMutableRawPointer?) -> Unmanaged<Tour>? { user.map { .fromOpaque($0) } }

    private func arrived() -> CInt {
        guard let home = command.state.home else {
            // All workers were visited.
            answer?(command, sums)
            return .true
        }
        visit(self, home)
        guard isLast else {
            worker += 1
            return goOn(to: worker)
        }
        return answer == nil ? .true : goOn(to: UInt32(APUS_RPC_MANAGEMENT))
    }

    /// The worker that it is on is the last one.
    var isLast: Bool { worker == last }
    /// It has just begun.
    var isFirst: Bool { worker == 0 }
}

/// Reading arguments and building answers.
extension UnsafePointer<apus_command> {
    var state: UnsafeMutablePointer<State> {
        pointee.user.unsafelyUnwrapped.assumingMemoryBound(to: State.self)
    }

    /// The text of an argument; empty for a dot, too.
    func textOrDot(_ index: Int) -> apus_str {
        let text = text(index)
        return text.equals(".") ? "" : text
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
