import PluginKit

// Invariants: see Locks.swift. A Holding that waits is the `user` of its suspension.

/// A constant key of a lock function: there must be locks.
let prepareLockKey: Preparation = { host, _, _, _, complaint in
    guard state.pointee.lockBits > 0 else {
        return complaint.say("there are no locks: set modparam(\"cfgutils\", \"lock_set_size\", 8), for 2^8 of them")
    }
    return .true
}

extension UnsafePointer<apus_call> {
    /// The lock that the arguments name; nil, with a line in the log, when there are none.
    fileprivate var lock: UnsafeMutablePointer<Lock>? {
        let hash = host.pointee.message.pointee.hash(text(0), has(1) ? text(1) : apus_str())
        guard let lock = state.pointee.locks.lock(hash) else {
            log(.error, "there are no locks: lock_set_size is not set")
            return nil
        }
        return lock
    }
}

/// `lock(key[, key2])`
func takeLock(_ call: Call) -> CInt {
    guard let lock = call.lock else { return .false }
    guard let own = UnsafeMutablePointer<RunLocks>.own(call), let holding = own.make(lock, call) else {
        return call.fail("the run's memory is used up")
    }
    var answer = lock.take(holding)
    if answer == .busy {
        let limit = UInt32(truncatingIfNeeded: call.state.pointee.lockTimeout)
        holding.pointee.token = call.host.pointee.suspend.pointee.begin(call, limit, endWaiting, holding)
        guard holding.pointee.token.value != 0 else {
            own.giveBack(holding)
            return call.fail("the lock is taken, and too many scripts wait, or this one cannot")
        }
        answer = lock.takeOrWait(holding)
    }
    switch answer {
    case .taken:
        own.hold(holding)
        return .true
    case .own:
        own.giveBack(holding)
        return call.fail("this script has the lock already, by this key or one that shares it")
    case .busy: return .suspended
    }
}

/// The lock was given to the script, or its time is over.
private let endWaiting: @convention(c) (Call, CInt, UnsafeMutableRawPointer?) -> CInt = { call, status, _ in
    guard let user = call.host.pointee.suspend.pointee.user(call),
        let own = UnsafeMutablePointer<RunLocks>.own(call)
    else { return .false }
    let holding = user.assumingMemoryBound(to: Holding.self)
    if holding.pointee.lock.endWait(holding) {
        own.hold(holding)
        return .true
    }
    own.giveBack(holding)
    return status == CInt(APUS_TIMED_OUT) ? call.fail("the lock was not released in time") : .false
}

/// `trylock(key[, key2])`
func tryLock(_ call: Call) -> CInt {
    guard let lock = call.lock else { return .false }
    guard let own = UnsafeMutablePointer<RunLocks>.own(call), let holding = own.make(lock, call) else {
        return call.fail("the run's memory is used up")
    }
    guard lock.take(holding) == .taken else {
        own.giveBack(holding)
        return .false
    }
    own.hold(holding)
    return .true
}

/// `unlock(key[, key2])`
func releaseLock(_ call: Call) -> CInt {
    guard let lock = call.lock, let own = UnsafeMutablePointer<RunLocks>.own(call) else { return .false }
    guard let holding = own.letGo(lock) else { return call.fail("this script does not have the lock") }
    lock.release(call.host)
    own.giveBack(holding)
    return .true
}

// MARK: - core_hash

/// A constant number of bits.
let prepareBits: Preparation = { _, index, constant, _, complaint in
    guard index == 2 else { return .true }
    guard let bits = constant.number, 0...30 ~= bits else { return complaint.say("a hash has 0 to 30 bits") }
    return .true
}

/// `core_hash(a, b, bits)`
func hashTexts(_ call: Call) -> CInt {
    guard 0...30 ~= call.int(2) else { return call.fail("a hash has 0 to 30 bits") }
    let hash = call.host.pointee.message.pointee.hash(call.text(0), call.text(1))
    return CInt(hash & (1 << UInt32(call.int(2)) &- 1)) + 1
}
