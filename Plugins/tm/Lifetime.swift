import PluginKit

// Invariants: a transaction is made by `begin` and freed by `freeIfUnused`, which is reached once: when its phase is `ended`, no script of it runs, and
// nobody holds a reference.

extension UnsafeMutablePointer<Home> {
    /// A transaction in the table, in the active phase; nil when there are too many or memory is out. The caller fills in the request side.
    /// - Parameter hash: by which retransmissions find it; nil for our own.
    func begin(method: UInt32, hash: UInt64?) -> TransactionRef? {
        guard pointee.count < self.settings.pointee.mostTransactions, let transaction = allocate(Transaction.self)
        else {
            return nil
        }
        let settings = settings.pointee
        let isInvite = method == UInt32(APUS_METHOD_INVITE)
        transaction.initialize(
            to: Transaction(
                home: self, place: 0, secret: pointee.random.take(), hash: hash,
                method: method, started: now, source: apus_destination(),
                timers: Transaction.Timers(
                    fr: UInt32(settings.frTimer), frInvite: UInt32(settings.frInvTimer),
                    retr1: UInt32(settings.retrTimer1), retr2: UInt32(settings.retrTimer2),
                    lifetime: UInt32(isInvite ? settings.maxInvLifetime : settings.maxNoninvLifetime))))
        if isInvite { transaction.pointee.flags.insert(.invite) }
        // What a script may decide otherwise for one transaction.
        if settings.autoInv100 == 0 { transaction.pointee.flags.insert(.noAuto100) }
        if settings.disable6xxBlock != 0 { transaction.pointee.flags.insert(.disable6xx) }
        if settings.e2eCancelReason == 0 { transaction.pointee.flags.insert(.noE2ECancelReason) }
        guard pointee.table.insert(transaction) else {
            release(transaction)
            return nil
        }
        pointee.table.link(transaction)
        pointee.count += 1
        pointee.host.bump(counters.pointee.created)
        pointee.host.pointee.timer.pointee.prepare(pointee.host, transaction.timer, Transaction.timerFired)
        return transaction
    }

    /// Puts a route, or none, where a transaction or branch keeps it for later: held as long as it stands there.
    @inline(__always)
    func arm(_ place: UnsafeMutablePointer<OpaquePointer?>, _ route: OpaquePointer?) {
        if let route { host.pointee.script.pointee.hold_route(host, route) }
        let old = place.pointee
        place.pointee = route
        letGo(old)
    }

    /// A route that stood in such a place is not needed there any more.
    @inline(__always)
    func letGo(_ route: OpaquePointer?) {
        if let route { host.pointee.script.pointee.release_route(host, route) }
    }

    /// The transaction of that identity on this worker.
    func find(place: UInt32, label: UInt32) -> TransactionRef? {
        guard let transaction = pointee.table[place], transaction.label == label else { return nil }
        return transaction
    }
}

extension TransactionRef {
    @inline(__always)
    var home: UnsafeMutablePointer<Home> { pointee.home }
    @inline(__always)
    var timer: UnsafeMutablePointer<apus_timer> { pointer(to: \.timer).unsafelyUnwrapped }
    /// What scripts and commands call the transaction's label; its index is `publicIndex`.
    @inline(__always)
    var label: UInt32 { UInt32(truncatingIfNeeded: pointee.secret) & 0x7fff_ffff }
    /// The worker and the place on it.
    @inline(__always)
    var publicIndex: UInt32 { pointee.home.pointee.index << 22 | pointee.place }

    /// The branch of that index; nil when there is none.
    @inline(__always)
    func branch(_ index: UInt32) -> BranchRef? {
        var next = pointee.branches
        while let branch = next, branch.pointee.index != index { next = branch.pointee.next }
        return next
    }

    /// Out of the table: nothing finds it any more. It is freed now, or when the last user lets go.
    func end() {
        guard pointee.phase != .ended else { return }
        if pointee.phase == .waiting {
            home.pointee.waitingCount -= 1
            home.host.bump(home.counters.pointee.waited)
        }
        pointee.phase = .ended
        home.pointee.table.unlink(self)
        home.pointee.accepted.remove(self)
        home.pointee.table.remove(self)
        home.host.pointee.timer.pointee.disarm(home.host, timer)
        var next = pointee.branches
        while let branch = next {
            next = branch.pointee.next
            branch.stopTimers()
        }
        freeIfUnused()
    }

    @inline(__always)
    func addReference() { pointee.references += 1 }

    /// The transaction may be gone afterwards.
    @inline(__always)
    func dropReference() {
        pointee.references -= 1
        if pointee.phase == .ended { freeIfUnused() }
    }

    private func freeIfUnused() {
        guard pointee.references == 0, !pointee.isBusy else { return }
        pointee.references = 1
        tell(TM_DESTROY)
        releaseCallbacks()
        emptyQueue()
        let home = self.home
        while let branch = pointee.branches {
            pointee.branches = branch.pointee.next
            branch.free()
        }
        home.release(&pointee.lastReply)
        home.release(&pointee.key.bytes)
        if pointee.ownsRequest { home.messages.pointee.release(home.host, pointee.request) }
        home.host.pointee.vars.pointee.release_avps(home.host, pointee.avps)
        home.letGo(pointee.onFailure)
        home.letGo(pointee.onReply)
        home.letGo(pointee.onBranch)
        home.letGo(pointee.onBranchFailure)
        home.pointee.count -= 1
        home.host.bump(home.counters.pointee.freed)
        home.release(self)
    }
}

extension BranchRef {
    /// No timer of the branch, nor of its CANCEL, fires any more.
    func stopTimers() {
        let host = home.host
        host.pointee.timer.pointee.disarm(host, timer)
        if let cancel = pointee.cancel { host.pointee.timer.pointee.disarm(host, cancel.timer) }
    }

    /// Its memory: it is in no transaction's list any more.
    func free() {
        let home = self.home
        stopTimers()
        home.letGo(pointee.onReply)
        home.release(&pointee.ruid)
        home.release(&pointee.instance)
        home.release(&pointee.userAgent)
        home.release(&pointee.nextHopURI)
        home.release(&pointee.path)
        home.release(&pointee.request)
        home.messages.pointee.release(home.host, pointee.reply)
        home.release(pointee.failover)
        if let cancel = pointee.cancel {
            home.release(&cancel.pointee.bytes)
            home.release(cancel)
        }
        home.release(self)
    }
}

extension UnsafeMutablePointer<LocalCancel> {
    @inline(__always)
    var timer: UnsafeMutablePointer<apus_timer> { pointer(to: \.timer).unsafelyUnwrapped }
}
