import Destinations
import Glibc
import PluginKit

private let module = Module(
    "dispatcher", version: "1.0", summary: "Load balancing and failover between destinations", needs: "tm/1?",
    start: { host in begin(host) ? .true : .false },
    worker: { host, index in
        var seed: UInt64 = 0
        _ = getentropy(&seed, MemoryLayout<UInt64>.size)
        let own = permanent(WorkerState(seed: seed, hashBits: Int(state.pointee.settings.hashSize)))
        host.pointee.slots.pointee.set_worker(host, state.pointee.workerSlot, own)
        if index == 0, state.pointee.settings.dnsMode & 4 != 0 { _ = askForNames(host, nil) }
        return .true
    },
    stop: { host in
        guard let last = state.snapshot else { return }
        state.pointee.shared.pointee.snapshot.store(0, ordering: .releasing)
        last.free()
    },
    declare: { host in
        makeState()
        host.declare(ParameterTable.all, in: state.pointer(to: \.settings)!, changed: takeChange)
        state.pointee.workerSlot = host.slot(APUS_SLOT_WORKER)
        state.pointee.eventSlot = host.slot(APUS_SLOT_MESSAGE)
        state.pointee.groupSlot = host.slot(APUS_SLOT_RUN)
        declareEvents(host)
        declareSelecting(host)
        declareFailover(host)
        declareMarking(host)
        declareTests(host)
        declareCallLoad(host)
        declareReloading(host)
        declareGroups(host)
        declareCommands(host)
        declareForms(host)
        declareStatistics(host)
    })

@c(apus_module_dispatcher)
public func entry() -> UnsafePointer<apus_module> { module.descriptor }

private func declareStatistics(_ host: Host) {
    state.pointee.selections = host.counter("dispatcher", "selections", doc: "Selections that found a destination.")
    state.pointee.failedSelections = host.counter(
        "dispatcher", "failed_selections", doc: "Selections that found none.")
    state.pointee.probes = host.counter("dispatcher", "probes", doc: "Probes that were sent.")
    state.pointee.failedProbes = host.counter(
        "dispatcher", "failed_probes", doc: "Probes without a good answer.")
    let user = UnsafeMutableRawPointer(mutating: host)
    host.gauge("dispatcher", "calls", doc: "Calls that are counted on destinations, in pieces of memory.", user: user) {
        let host = Host($0.unsafelyUnwrapped.assumingMemoryBound(to: apus_host.self))
        return Int64(clamping: host.pointee.memory.pointee.in_use(host, nil))
    }
}

/// Parameters are set. False: what is in the log.
private func begin(_ host: Host) -> Bool {
    guard compile(host), ReplyCodes.take(state.pointee.settings.replyCodes, host) else { return false }
    let settings = state.pointee.settings
    let shared = state.pointee.shared
    shared.pointee.probingThreshold.store(UInt32(settings.probingThreshold), ordering: .relaxed)
    shared.pointee.inactiveThreshold.store(UInt32(settings.inactiveThreshold), ordering: .relaxed)
    if settings.timerMode != 0 { host.log(.notice, "ds_timer_mode has no effect: probes have no process of their own") }
    if !settings.eventCallback.isEmpty {
        host.log(.notice, "event_callback has no effect: there are no scripts in other languages")
    }
    tellOfEventNames(host)
    guard Source.open(host), load(host) else { return false }
    if settings.pingInterval > 0 {
        state.pointee.tm = load_tm(host)
        guard state.pointee.tm != nil else { return false }
        guard beginProbing(host) else { return false }
    }
    if settings.countsCalls {
        let interval = UInt32(settings.hashCheckInterval * 1000)
        guard host.pointee.timer.pointee.every(host, interval, UInt32(APUS_TIMER_EACH_WORKER), endOldCalls, nil) > 0
        else { return false }
    }
    return beginLookingUp(host)
}

/// What parameters name is compiled, sockets are found.
private func compile(_ host: Host) -> Bool {
    let settings = state.pointee.settings
    let avps: [(StaticString, apus_str, WritableKeyPath<State, AVPParameter?>)] = [
        ("dst_avp", settings.destinationAVP, \.destinationAVP), ("grp_avp", settings.groupAVP, \.groupAVP),
        ("cnt_avp", settings.countAVP, \.countAVP), ("dstid_avp", settings.callAVP, \.callAVP),
        ("attrs_avp", settings.attributesAVP, \.attributesAVP),
    ]
    for (name, text, place) in avps where !text.isEmpty {
        guard let avp = AVPParameter(host, name, text) else { return false }
        state.pointee[keyPath: place] = avp
    }
    let vars = host.pointee.vars
    if !settings.hashText.isEmpty {
        state.pointee.hashText = vars.pointee.compile_format(host, settings.hashText)
        guard state.pointee.hashText != nil else { return false }
    }
    let variables: [(apus_str, WritableKeyPath<State, OpaquePointer?>)] = [
        (settings.setVariable, \.setVariable), (settings.attributesVariable, \.attributesVariable),
    ]
    for (text, place) in variables where !text.isEmpty {
        state.pointee[keyPath: place] = vars.pointee.compile(host, text)
        guard state.pointee[keyPath: place] != nil else { return false }
    }
    do throws(SocketFault) {
        state.pointee.defaultListener = try host.listener(settings.defaultSocket, named: settings.defaultSocketName)
        state.pointee.pingListener = try host.listener(settings.pingSocket, named: "")
    } catch {
        host.log(.error, error.text)
        return false
    }
    return true
}
