import PluginAPI

// Invariants: what is posted here comes back to the thread that posted it, the work's home. There its timer runs, `isOver` says that the module was told of its
// end already, and the mail that brings it frees it. An Asked lies in the memory of its run.

/// Databases from workers and the management thread, which never wait for one.
extension HostTables {
    typealias AskDone =
        @convention(c) (
            UnsafePointer<apus_call>, CInt, UnsafePointer<apus_db_result>, UnsafeMutableRawPointer?
        ) -> CInt
    typealias PostDone =
        @convention(c) (
            UnsafePointer<apus_host>, CInt, UnsafePointer<apus_db_result>, UnsafeMutableRawPointer?
        ) -> Void

    // MARK: - A script that is suspended

    /// What the function of a script wants to be told.
    private struct Asked {
        let done: AskDone
        let user: UnsafeMutableRawPointer?
    }

    static func ask(
        _ call: UnsafePointer<apus_call>, _ database: OpaquePointer, _ source: UnsafePointer<apus_db_work>,
        _ done: AskDone, _ user: UnsafeMutableRawPointer?
    ) -> CInt {
        let pool = DatabasePool.of(database)
        let run = UnsafeMutablePointer<Run>(call.pointee.run)
        guard let place = run.allocate(MemoryLayout<Asked>.size) else {
            return refuse(call, DatabaseFault(APUS_BUSY, "the script has used up its memory"), done, user)
        }
        let asked = place.bindMemory(to: Asked.self, capacity: 1)
        asked.initialize(to: Asked(done: done, user: user))
        let milliseconds = source.pointee.milliseconds > 0 ? source.pointee.milliseconds : pool.limits.milliseconds
        let token = run.beginSuspension(milliseconds: milliseconds, done: answered, user: asked)
        guard token != 0 else {
            return refuse(
                call, DatabaseFault(APUS_FAILED, "the script cannot wait here, or too many wait"), done, user)
        }
        let work = UnsafeMutablePointer<DatabaseWork>.make(source)
        work.pointee.token = token
        work.pointee.deliver = { work in
            let facts = work.assumingMemoryBound(to: DatabaseWork.self)
            SuspensionDirectory.complete(
                facts.pointee.token, status: facts.pointee.status, payload: work,
                release: { $0?.assumingMemoryBound(to: DatabaseWork.self).free() })
        }
        if case .refused(let fault) = pool.post(work) {
            work.free()
            run.dropSuspension()
            return refuse(call, fault, done, user)
        }
        return CInt(APUS_SUSPENDED)
    }

    private static func refuse(
        _ call: UnsafePointer<apus_call>, _ fault: DatabaseFault, _ done: AskDone, _ user: UnsafeMutableRawPointer?
    ) -> CInt {
        let result = UnsafeMutablePointer<DatabaseResult>.make(fault)
        defer { result.free() }
        return done(call, fault.status, result.facts, user)
    }

    /// The suspension ends.
    private static let answered: Suspension.Done = { call, status, payload in
        guard
            let asked = UnsafeMutablePointer<Run>(call.pointee.run).pointee.resumeUser?.assumingMemoryBound(
                to: Asked.self)
        else { return CInt(APUS_FALSE) }
        guard let result = payload?.assumingMemoryBound(to: DatabaseWork.self).pointee.result else {
            let text =
                status == CInt(APUS_TIMED_OUT) ? "the database does not answer in time" : "nobody waits for it any more"
            return refuse(call, DatabaseFault(Int(status), text), asked.pointee.done, asked.pointee.user)
        }
        return asked.pointee.done(call, status, result.facts, asked.pointee.user)
    }

    // MARK: - Beside scripts

    static func post(
        _ database: OpaquePointer, _ source: UnsafePointer<apus_db_work>, _ done: PostDone?,
        _ user: UnsafeMutableRawPointer?
    ) -> CInt {
        let pool = DatabasePool.of(database)
        guard let done else { return post(.make(source), pool) }
        let work = UnsafeMutablePointer<DatabaseWork>.make(source, receive: arrived, fire: ranOut)
        work.pointee.host = pool.ownerHost
        work.pointee.done = unsafeBitCast(done, to: UnsafeRawPointer.self)
        work.pointee.user = user
        let milliseconds = source.pointee.milliseconds > 0 ? source.pointee.milliseconds : pool.limits.milliseconds
        // Before it is posted, since it may be back, and freed, before post returns.
        if let worker = Worker.current {
            work.pointee.token = UInt64(worker.pointee.index)
            work.pointee.deliver = { work in
                let work = work.assumingMemoryBound(to: DatabaseWork.self)
                guard let workers = work.pointee.host?.shared.pointee.workers else { return }
                workers[Int(work.pointee.token)].worker.pointee.mailbox.post(work.mail)
            }
            worker.pointee.wheel.schedule(work.timer, at: worker.pointee.clock.now &+ UInt64(milliseconds))
        } else if let thread = ManagementThread.current {
            work.pointee.deliver = { work in
                let work = work.assumingMemoryBound(to: DatabaseWork.self)
                _ = work.pointee.host?.modules.management.post(work.mail)
            }
            thread.schedule(work.timer, after: UInt64(milliseconds))
        } else {
            Log.error("module \(pool.owner): db->post with `done` is for workers and the management thread")
            work.free()
            return CInt(APUS_FAILED)
        }
        return post(work, pool)
    }

    private static func post(_ work: UnsafeMutablePointer<DatabaseWork>, _ pool: DatabasePool) -> CInt {
        guard case .refused(let fault) = pool.post(work) else { return CInt(APUS_OK) }
        if work.pointee.deliver != nil { disarm(work) }
        work.free()
        return fault.status
    }

    /// At home: the pool has done with it.
    private static let arrived: Mailbox.Callback = { _, node in
        let work = node.assumingMemoryBound(to: DatabaseWork.self)
        disarm(work)
        if !work.pointee.isOver, let result = work.pointee.result { tell(work, work.pointee.status, result) }
        work.free()
    }

    /// At home: its time is over. It is freed when the pool has done with it.
    private static let ranOut: TimerWheel.Callback = { _, work in
        guard let work = work?.assumingMemoryBound(to: DatabaseWork.self) else { return }
        work.pointee.isOver = true
        let result = UnsafeMutablePointer<DatabaseResult>.make(
            DatabaseFault(APUS_TIMED_OUT, "the database does not answer in time"))
        tell(work, Int32(APUS_TIMED_OUT), result)
        result.free()
    }

    private static func tell(
        _ work: UnsafeMutablePointer<DatabaseWork>, _ status: Int32, _ result: UnsafeMutablePointer<DatabaseResult>
    ) {
        guard let host = work.pointee.host, let done = work.pointee.done else { return }
        unsafeBitCast(done, to: PostDone.self)(host, status, result.facts, work.pointee.user)
    }

    private static func disarm(_ work: UnsafeMutablePointer<DatabaseWork>) {
        if let worker = Worker.current {
            worker.pointee.wheel.remove(work.timer)
        } else {
            ManagementThread.current?.remove(work.timer)
        }
    }
}
