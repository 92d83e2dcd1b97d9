import CLinux
import PluginAPI
import Synchronization

// Invariants: a host and its record lie in one piece of memory, the record behind the host, allocated when the module
// is loaded and never freed: modules keep the pointer, and their threads may use it until the process ends. The tables
// of functions are made once per process and shared by all hosts; they hold no state. `HostShared` is as old as its
// Modules and never freed either.

/// What the functions of the contract know about the module that calls them.
struct HostRecord {
    let module: Unmanaged<LoadedModule>
    let shared: UnsafeMutablePointer<HostShared>
    /// The module's name.
    let name: Bytes
    /// Its place in `HostDirectory`.
    let number: UInt32
    /// Its place among the modules of this server.
    let place: Int
    /// The thread whose log lines are held back, as its set-up runs there; 0 for none.
    let capturing: UnsafeMutablePointer<Atomic<UInt>>

    private static var offset: Int { (MemoryLayout<apus_host>.size + 15) & ~15 }

    static func allocate() -> UnsafePointer<apus_host> {
        let raw = UnsafeMutableRawPointer.allocate(
            byteCount: offset + MemoryLayout<HostRecord>.size, alignment: 16)
        let tables = HostTables.shared
        let host = raw.bindMemory(to: apus_host.self, capacity: 1)
        host.initialize(
            to: apus_host(
                size: UInt32(MemoryLayout<apus_host>.size), abi_major: UInt16(APUS_ABI_MAJOR),
                abi_minor: UInt16(APUS_ABI_MINOR), log: tables.log, script: tables.script, config: tables.config,
                vars: tables.vars, regex: tables.regex, message: tables.message, reply: tables.reply,
                branches: tables.branches, slots: tables.slots, hooks: tables.hooks, events: tables.events,
                suspend: tables.suspend, timer: tables.timer, worker: tables.worker, net: tables.net,
                stats: tables.stats, memory: tables.memory, resolver: tables.resolver, rpc: tables.rpc,
                loop: tables.loop, door: tables.door, xavp: tables.xavp, offload: tables.offload, db: tables.db,
                stream: nil, shared: tables.snapshots,
                publish: HostTables.publish, find: HostTables.find))
        return UnsafePointer(host)
    }

    static func initialize(
        _ host: UnsafePointer<apus_host>, module: LoadedModule, shared: UnsafeMutablePointer<HostShared>
    ) {
        let capturing = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: 1)
        capturing.initialize(to: Atomic(0))
        let record = UnsafeMutableRawPointer(mutating: host) + offset
        record.bindMemory(to: HostRecord.self, capacity: 1).initialize(
            to: HostRecord(
                module: Unmanaged.passRetained(module), shared: shared, name: PermanentText.bytes(module.name),
                number: HostDirectory.add(host), place: shared.pointee.moduleCount, capturing: capturing))
        shared.pointee.moduleCount += 1
    }

    @inline(__always)
    static func of(_ host: UnsafePointer<apus_host>) -> UnsafePointer<HostRecord> {
        (UnsafeRawPointer(host) + offset).assumingMemoryBound(to: HostRecord.self)
    }
}

/// All hosts of the process by number, for what can keep a number only.
enum HostDirectory {
    /// Hosts that a process can have; later ones share the number of none.
    private static let capacity = 65536
    private static nonisolated(unsafe) let hosts: UnsafeMutablePointer<Atomic<UInt>> = {
        let table = UnsafeMutablePointer<Atomic<UInt>>.allocate(capacity: capacity)
        for index in 0..<capacity { (table + index).initialize(to: Atomic(0)) }
        return table
    }()
    private static let count = Atomic<Int>(1)

    static func add(_ host: UnsafePointer<apus_host>) -> UInt32 {
        let number = count.add(1, ordering: .relaxed).oldValue
        guard number < capacity else { return 0 }
        hosts[number].store(UInt(bitPattern: host), ordering: .releasing)
        return UInt32(number)
    }

    /// [any]
    static subscript(_ number: UInt32) -> UnsafePointer<apus_host>? {
        guard number < UInt32(capacity) else { return nil }
        return UnsafePointer(bitPattern: hosts[Int(number)].load(ordering: .acquiring))
    }
}

extension UnsafePointer<apus_host> {
    @inline(__always)
    var record: UnsafePointer<HostRecord> { HostRecord.of(self) }

    /// The server's side of the modules.
    @inline(__always)
    var shared: UnsafeMutablePointer<HostShared> { record.pointee.shared }

    /// For cold functions.
    var module: LoadedModule { record.pointee.module.takeUnretainedValue() }
    var modules: Modules { shared.pointee.modules.takeUnretainedValue() }

    /// A function of the module looks at a constant, on this thread.
    var isPreparing: Bool {
        record.pointee.capturing.pointee.load(ordering: .relaxed) == LoadedModule.thisThread
            && module.phase == .preparing
    }

    /// Runs the body of a declaring function; a refusal is remembered with its reason and answered as APUS_FALSE.
    ///
    /// - Parameters:
    ///   - what: names the function in the refusal.
    ///   - phases: in which it may be called, on the thread that runs the module's set-up.
    func declaring(
        _ what: String, in phases: [LoadedModule.Phase] = [.declaring],
        _ body: (LoadedModule, Modules) throws(Registry.Refusal) -> CInt
    ) -> CInt {
        let module = module
        do throws(Registry.Refusal) {
            let thread = record.pointee.capturing.pointee.load(ordering: .relaxed)
            guard thread == LoadedModule.thisThread, phases.contains(module.phase) else {
                let places = phases.map(\.place).joined(separator: " and ")
                throw Registry.Refusal(text: "it may be called in \(places) only")
            }
            return try body(module, modules)
        } catch {
            module.refuse("\(what): \(error.text)")
            return CInt(APUS_FALSE)
        }
    }
}

/// The tables of functions that modules are given.
struct HostTables: @unchecked Sendable {
    let log: UnsafePointer<apus_log_api>
    let script: UnsafePointer<apus_script_api>
    let config: UnsafePointer<apus_config_api>
    let vars: UnsafePointer<apus_vars_api>
    let regex: UnsafePointer<apus_regex_api>
    let message: UnsafePointer<apus_message_api>
    let reply: UnsafePointer<apus_reply_api>
    let branches: UnsafePointer<apus_branches_api>
    let slots: UnsafePointer<apus_slots_api>
    let hooks: UnsafePointer<apus_hooks_api>
    let events: UnsafePointer<apus_events_api>
    let suspend: UnsafePointer<apus_suspend_api>
    let timer: UnsafePointer<apus_timer_api>
    let worker: UnsafePointer<apus_worker_api>
    let net: UnsafePointer<apus_net_api>
    let stats: UnsafePointer<apus_stats_api>
    let memory: UnsafePointer<apus_memory_api>
    let resolver: UnsafePointer<apus_resolver_api>
    let rpc: UnsafePointer<apus_rpc_api>
    let loop: UnsafePointer<apus_loop_api>
    let door: UnsafePointer<apus_door_api>
    let xavp: UnsafePointer<apus_xavp_api>
    let offload: UnsafePointer<apus_offload_api>
    let db: UnsafePointer<apus_db_api>
    let snapshots: UnsafePointer<apus_shared_api>

    static let shared = HostTables()

    private init() {
        log = HostTables.place(HostTables.makeLog())
        script = HostTables.place(HostTables.makeScript())
        config = HostTables.place(HostTables.makeConfig())
        vars = HostTables.place(HostTables.makeVars())
        regex = HostTables.place(HostTables.makeRegex())
        message = HostTables.place(HostTables.makeMessage())
        reply = HostTables.place(HostTables.makeReply())
        branches = HostTables.place(HostTables.makeBranches())
        slots = HostTables.place(HostTables.makeSlots())
        hooks = HostTables.place(HostTables.makeHooks())
        events = HostTables.place(HostTables.makeEvents())
        suspend = HostTables.place(HostTables.makeSuspend())
        timer = HostTables.place(HostTables.makeTimer())
        worker = HostTables.place(HostTables.makeWorker())
        net = HostTables.place(HostTables.makeNet())
        stats = HostTables.place(HostTables.makeStats())
        memory = HostTables.place(HostTables.makeMemory())
        resolver = HostTables.place(HostTables.makeResolver())
        rpc = HostTables.place(HostTables.makeRPC())
        loop = HostTables.place(HostTables.makeLoop())
        door = HostTables.place(HostTables.makeDoor())
        xavp = HostTables.place(HostTables.makeXAVPs())
        offload = HostTables.place(HostTables.makeOffload())
        db = HostTables.place(HostTables.makeDatabase())
        snapshots = HostTables.place(HostTables.makeShared())
    }

    private static func place<Table>(_ table: Table) -> UnsafePointer<Table> {
        let memory = UnsafeMutablePointer<Table>.allocate(capacity: 1)
        memory.initialize(to: table)
        return UnsafePointer(memory)
    }

    static func size<Table>(_: Table.Type) -> UInt32 { UInt32(MemoryLayout<Table>.size) }
}

/// Texts that modules may keep for ever.
enum PermanentText {
    static func bytes(_ text: String) -> Bytes { bytes(Array(text.utf8)) }

    static func bytes(_ text: [UInt8]) -> Bytes {
        let place = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, text.count))
        place.initialize(from: text, count: text.count)
        return Bytes(UnsafePointer(place), text.count)
    }
}
