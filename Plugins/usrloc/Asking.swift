import PluginKit

// Invariants: an Asked is retained by the database's work until that is answered.

/// What the database says to a piece of work. Lives for the call that brings it.
struct DatabaseAnswer {
    let status: CInt
    let result: UnsafePointer<apus_db_result>
    /// False: it was refused, and nothing of it was done.
    let wasTaken: Bool
}

private final class Asked {
    let then: (DatabaseAnswer) -> Void

    init(_ then: @escaping (DatabaseAnswer) -> Void) { self.then = then }
}

/// [worker] [management] Asks the database; `then` is called on this thread, once: before `ask` returns when the work is refused.
func ask(_ host: Host, _ work: apus_db_work, _ then: @escaping (DatabaseAnswer) -> Void) {
    var work = work
    let asked = Unmanaged.passRetained(Asked(then))
    let status: CInt =
        state.pointee.db.map {
            host.pointee.db.pointee.post(
                $0, &work,
                { _, status, result, user in
                    let asked = Unmanaged<Asked>.fromOpaque(user.unsafelyUnwrapped).takeRetainedValue()
                    asked.then(DatabaseAnswer(status: status, result: result, wasTaken: true))
                }, asked.toOpaque())
        } ?? CInt(APUS_FAILED)
    guard status != CInt(APUS_OK) else { return }
    asked.release()
    var refusal = apus_db_result()
    refusal.size = UInt32(MemoryLayout<apus_db_result>.size)
    refusal.text = status == CInt(APUS_BUSY) ? "too much waits for the database" : "the database is down"
    withUnsafePointer(to: refusal) { then(DatabaseAnswer(status: status, result: $0, wasTaken: false)) }
}
