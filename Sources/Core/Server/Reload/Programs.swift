import Glibc

// Invariants: everything but `init` runs on the management thread. A program is released when all its uses were 0, every worker has passed its
// loop once since, and they still are: a worker may have had a route of it in its mailbox.

/// The scripts of a server: the one in force, and older ones that runs and transactions still go by.
final class Programs: @unchecked Sendable {
    /// A script, with what operators ask about it.
    struct Entry {
        /// 1 is the one that the server started with.
        let version: Int
        let program: Program
        /// Seconds since 1970.
        let loaded: UInt64
        /// The workers are being asked whether it may go.
        var isLeaving = false
    }

    private(set) var current: Entry
    /// Oldest first.
    private(set) var old: [Entry] = []
    /// Mailboxes of the workers; empty before they are there.
    private var workers: [Mailbox] = []
    /// Names of the first program's `$var`s and those of modules' texts: their numbers hold for ever.
    private(set) var runVariables: [String] = []
    private let timer = UnsafeMutablePointer<TimerNode>.allocate(capacity: 1)

    /// Milliseconds between two looks at whether an old program is needed.
    private static let interval: UInt64 = 200

    init(_ first: Program) {
        current = Entry(version: 1, program: first, loaded: Programs.now)
        timer.initialize(
            to: TimerNode(context: Unmanaged.passUnretained(self).toOpaque()) { _, programs in
                guard let programs else { return }
                Unmanaged<Programs>.fromOpaque(programs).takeUnretainedValue().look()
            })
    }

    /// [start] The modules have started, and the workers are about to.
    func begin(_ workers: [Mailbox]) {
        self.workers = workers
        runVariables = current.program.runVariables
    }

    /// Seconds since 1970.
    private static var now: UInt64 { Syscalls.wallNanoseconds() / 1_000_000_000 }

    /// Who keeps a program, beside the workers that it is in force on.
    func uses(of entry: Entry) -> Int {
        let all = entry.program.image.pointee.uses.total(workers: workers.count)
        return max(0, entry.version == current.version ? all - workers.count : all)
    }

    /// Puts a program in force on every worker, then goes on with the entry that it has become.
    func put(_ program: Program, on thread: ManagementThread, then: @escaping (Entry) -> Void) {
        let entry = Entry(version: current.version + 1, program: program, loaded: Programs.now)
        old.append(current)
        current = entry
        nonisolated(unsafe) let image = program.image
        WorkerRound.start(workers, on: thread) { worker in
            guard let server = worker.pointee.context?.assumingMemoryBound(to: ServerWorker.self) else { return }
            server.pointee.script.put(inForce: image)
        } done: {
            then(entry)
            thread.schedule(self.timer, after: Programs.interval)
        }
    }

    /// Asks for each old program that nobody seems to need whether that is so.
    private func look() {
        guard let thread = ManagementThread.current, !old.isEmpty else { return }
        for index in old.indices where !old[index].isLeaving && uses(of: old[index]) == 0 {
            old[index].isLeaving = true
            let version = old[index].version
            WorkerRound.start(workers, on: thread) { _ in
            } done: {
                self.leave(version)
            }
        }
        thread.schedule(timer, after: Programs.interval)
    }

    private func leave(_ version: Int) {
        guard let index = old.firstIndex(where: { $0.version == version }) else { return }
        old[index].isLeaving = false
        guard uses(of: old[index]) == 0 else { return }
        old.remove(at: index)
        Log.debug("script \(version) has ended: nothing goes by it any more")
    }
}
