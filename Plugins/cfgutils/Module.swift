import PluginKit

nonisolated(unsafe) let state = permanent(State())

private let module = Module(
    "cfgutils", version: "1.0", summary: "Chance, pauses, locks, global flags and hashes for scripts",
    start: { host in
        state.pointee.begin()
        if let fault = state.pointee.hashFile() {
            host.log(.error, fault)
            return .false
        }
        return .true
    },
    worker: { host, _ in
        host.pointee.slots.pointee.set_worker(host, state.pointee.generatorSlot, permanent(Generator()))
        return .true
    },
    declare: { host in
        state.pointee.generatorSlot = host.slot(APUS_SLOT_WORKER)
        state.pointee.runSlot = host.slot(APUS_SLOT_RUN, destroy: releaseLeftLocks)
        declareParameters(host)
        declareChance(host)
        declareFlags(host)
        declareWaiting(host)
        declareLocks(host)
        declareRoutes(host)
        declareMemory(host)
        declareCommands(host, state)
    })

@c(apus_module_cfgutils)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareParameters(_ host: Host) {
    host.parameter(
        "initial_probability", into: state.pointer(to: \.initialProbability)!, initial: "10", range: 0...100,
        doc: "How often rand_event is true before rand_set_prob says otherwise, in percent.")
    host.parameter(
        "initial_gflags", into: state.pointer(to: \.initialFlags)!, initial: "0", range: 0...0xffff_ffff,
        doc: "Global flags that are set when the server starts, as a number with one bit a flag.")
    host.parameter(
        "hash_file", into: state.pointer(to: \.file)!,
        doc: "File whose MD5 the commands *_config_hash compare: the config, as a rule.")
    host.parameter(
        "lock_set_size", into: state.pointer(to: \.lockBits)!, initial: "0", range: 0...20,
        doc: "2 to the power of this many locks for lock, trylock and unlock; 0: none.")
    host.parameter(
        "lock_timeout", into: state.pointer(to: \.lockTimeout)!, initial: "10000", range: 0...3_600_000,
        doc: "How long lock waits, in milliseconds, until it is false; 0: for ever.")
}

private func declareChance(_ host: Host) {
    host.function(
        "rand_event", doc: "True as often as the probability says, by chance.", user: state, call: isEvent)
    host.function(
        "rand_set_prob", "percent:int", doc: "Sets the probability of rand_event, for all messages.", user: state,
        prepare: preparePercent, call: setProbability)
    host.function(
        "rand_reset_prob", doc: "Sets the probability of rand_event back to initial_probability.", user: state,
        call: resetProbability)
    host.function(
        "rand_get_prob", doc: "Returns the probability of rand_event in percent; 0 ends the script, as ever.",
        user: state, call: getProbability)
    host.variable("RANDOM", doc: "A number by chance, from 0 to 2147483647.", user: state, get: randomNumber)
}

private func declareFlags(_ host: Host) {
    host.function("set_gflag", "flag:flag", doc: "Sets a flag of the server.", user: state, call: setFlag)
    host.function("reset_gflag", "flag:flag", doc: "Clears a flag of the server.", user: state, call: resetFlag)
    host.function("is_gflag", "flag:flag", doc: "Whether a flag of the server is set.", user: state, call: isFlag)
}

private func declareWaiting(_ host: Host) {
    host.function(
        "sleep", "seconds:int", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "The script waits; the server does not.", prepare: prepareDuration, call: sleepSeconds)
    host.function(
        "usleep", "microseconds:int", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "The script waits, to the next millisecond; the server does not.", prepare: prepareDuration,
        call: sleepMicroseconds)
    host.function(
        "abort", flags: APUS_ENDS_SERVER, doc: "Ends the server at once, with a core dump where those are allowed.",
        call: abortServer)
}

private func declareLocks(_ host: Host) {
    host.function(
        "lock", "key:format, key2:format?", routes: APUS_EDITING_ROUTE, flags: APUS_MAY_SUSPEND,
        doc: "Takes the lock of that key, waiting until nobody has it.", user: state, prepare: prepareLockKey,
        call: takeLock)
    host.function(
        "trylock", "key:format, key2:format?", doc: "Takes the lock of that key; false when somebody has it.",
        user: state, prepare: prepareLockKey, call: tryLock)
    host.function(
        "unlock", "key:format, key2:format?", doc: "Releases the lock of that key.", user: state,
        prepare: prepareLockKey, call: releaseLock)
    host.function(
        "core_hash", "a:format, b:format, bits:int",
        doc: "Returns the hash of one text or of two, in that many bits, plus 1.", prepare: prepareBits,
        call: hashTexts)
}

private func declareRoutes(_ host: Host) {
    host.function(
        "check_route_exists", "name:route?(request)", doc: "Whether the script has route[name].", call: hasRoute)
    host.function(
        "route_if_exists", "name:route?(request)", flags: APUS_MAY_SUSPEND | APUS_SETS_DESTINATION,
        doc: "Runs route[name] and returns its code; false when the script has none.", call: runRouteIfThere)
}

private func declareMemory(_ host: Host) {
    host.function("pkg_status", doc: "Logs the memory of this worker.", call: logWorkerMemory)
    host.function("shm_status", doc: "Logs the memory of the server.", call: logServerMemory)
    host.function("pkg_summary", doc: "Logs the memory of this worker and what modules hold.", call: logWorkerSummary)
    host.function("shm_summary", doc: "Logs the memory of the server and what modules hold.", call: logServerSummary)
}

/// A constant that must be a probability.
private let preparePercent: Preparation = { _, _, constant, _, complaint in
    guard let percent = constant.number, 0...100 ~= percent else {
        return complaint.say("a probability is 0 to 100 percent")
    }
    return .true
}
