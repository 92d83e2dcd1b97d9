import Glibc

// Invariants: a mail and its round live until the mail has come home; it is with its worker between `start` and `home`. What the workers do is
// their own business: `remaining` and `done` are the management thread's.

/// Something that every worker does once, between two of its messages; when the last one has, the management thread goes on.
final class WorkerRound: @unchecked Sendable {
    typealias Work = @Sendable (UnsafeMutablePointer<Worker>) -> Void

    private struct Mail {
        /// First, so that the mailbox's node is the mail.
        var node: MailNode
        let round: Unmanaged<WorkerRound>
    }

    private let thread: ManagementThread
    private let work: Work
    private let done: () -> Void
    private var remaining: Int

    /// [management]
    static func start(
        _ workers: [Mailbox], on thread: ManagementThread, work: @escaping Work, done: @escaping () -> Void
    ) {
        let round = WorkerRound(thread, workers.count, work, done)
        for worker in workers {
            let mail = UnsafeMutablePointer<Mail>.allocate(capacity: 1)
            mail.initialize(to: Mail(node: MailNode(receive: WorkerRound.arrived), round: .passRetained(round)))
            worker.post(UnsafeMutableRawPointer(mail).assumingMemoryBound(to: MailNode.self))
        }
    }

    private init(_ thread: ManagementThread, _ count: Int, _ work: @escaping Work, _ done: @escaping () -> Void) {
        self.thread = thread
        self.work = work
        self.done = done
        remaining = count
    }

    /// [worker]
    private static let arrived: Mailbox.Callback = { worker, node in
        let mail = node.assumingMemoryBound(to: Mail.self)
        let round = mail.pointee.round.takeUnretainedValue()
        round.work(worker.assumingMemoryBound(to: Worker.self))
        mail.pointee.node.receive = WorkerRound.home
        // The workers end before the management thread does: its mailbox is there.
        round.thread.mailbox.post(UnsafeMutableRawPointer(mail).assumingMemoryBound(to: MailNode.self))
    }

    /// [management]
    private static let home: Mailbox.Callback = { _, node in
        let mail = node.assumingMemoryBound(to: Mail.self)
        let round = mail.pointee.round.takeRetainedValue()
        mail.deinitialize(count: 1)
        mail.deallocate()
        round.remaining -= 1
        if round.remaining == 0 { round.done() }
    }
}
