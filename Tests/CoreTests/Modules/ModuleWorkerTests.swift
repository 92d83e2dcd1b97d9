import Glibc
import PluginAPI
import Synchronization
import Testing

@testable import Core

/// What modules have on real workers: timers, jobs, slots, counters.
@Suite struct ModuleWorkerTests {
    /// One module on two workers. The handlers below find it by its host.
    final class Fixture: @unchecked Sendable {
        let test = TestModules()
        let workers: TestWorkers
        let host: UnsafePointer<apus_host>
        let witness: UnsafeMutablePointer<Witness>

        init(_ declare: (UnsafePointer<apus_host>, UnsafeMutablePointer<Witness>) -> CInt) throws {
            let witness = UnsafeMutablePointer<Witness>.allocate(capacity: 1)
            witness.initialize(to: Witness())
            self.witness = witness
            let (module, outcome) = try test.add("sample") { declare($0, witness) }
            #expect(outcome == .done)
            host = module.host
            workers = try TestWorkers(2) { _, _ in }
            test.modules.open(workers.set)
            test.modules.makeWorkers(workers.group)
            #expect(test.modules.start())
        }

        /// Runs a function on a worker and waits for it.
        func on(_ worker: UInt32, _ body: @escaping @Sendable () -> Void) {
            let job = UnsafeMutablePointer<Job>.allocate(capacity: 1)
            job.initialize(
                to: Job(
                    job: apus_job(
                        size: UInt32(MemoryLayout<apus_job>.size), reserved: 0, links: (nil, nil),
                        run: { _, job in
                            let job = UnsafeMutableRawPointer(job).assumingMemoryBound(to: Job.self)
                            job.pointee.body()
                            sem_post(job.pointee.done)
                        }), body: body, done: .allocate(capacity: 1)))
            sem_init(job.pointee.done, 0, 0)
            host.pointee.worker.pointee.post(
                host, worker, UnsafeMutableRawPointer(job).assumingMemoryBound(to: apus_job.self))
            while sem_wait(job.pointee.done) != 0 {}
            sem_destroy(job.pointee.done)
            job.pointee.done.deallocate()
            job.deinitialize(count: 1)
            job.deallocate()
        }

        func end() {
            #expect(workers.stop() == 0)
            test.modules.stop()
            workers.free()
        }
    }

    /// A job of the contract with a body behind it.
    private struct Job {
        var job: apus_job
        var body: @Sendable () -> Void
        var done: UnsafeMutablePointer<sem_t>
    }

    /// What callbacks count.
    struct Witness: ~Copyable, @unchecked Sendable {
        let ticks = Atomic<Int>(0)
        /// Posted at each tick.
        private let ticked = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
        let destroyed = Atomic<Int>(0)
        let workers = Atomic<Int>(0)

        init() { sem_init(ticked, 0, 0) }

        func tick(_ amount: Int = 1) {
            ticks.add(amount, ordering: .relaxed)
            sem_post(ticked)
        }

        /// Waits for so many ticks.
        func wait(_ count: Int) {
            for _ in 0..<count { while sem_wait(ticked) != 0 {} }
        }
    }

    @Test func jobsRunOnTheirWorker() throws {
        let it = try Fixture { _, _ in 1 }
        try it.workers.group.start()
        let api = it.host.pointee.worker.pointee
        #expect(api.count(it.host) == 2 && api.index(it.host) == -1)
        for index in [UInt32(0), 1, 1, 0] {
            let seen = Mutex<Int32>(-2)
            it.on(index) { [host = Unsafe(it.host)] in
                seen.withLock { $0 = host.value.pointee.worker.pointee.index(host.value) }
            }
            #expect(seen.withLock { $0 } == Int32(index))
        }
        it.end()
    }

    @Test func oneShotTimers() throws {
        let it = try Fixture { _, _ in 1 }
        try it.workers.group.start()
        let ids = Mutex<[UInt64]>([])
        it.on(1) { [host = Unsafe(it.host), witness = Unsafe(it.witness)] in
            let timer = host.value.pointee.timer.pointee
            let tick: ModuleTimer.Tick = { tick in
                let witness = tick.pointee.user!.assumingMemoryBound(to: Witness.self)
                witness.pointee.tick(tick.pointee.worker == 1 ? 1 : 1000)
            }
            let first = timer.after(host.value, 1, tick, witness.value)
            let second = timer.after(host.value, 60_000, tick, witness.value)
            let third = timer.after(host.value, 2, tick, witness.value)
            let cancelled = timer.cancel(host.value, second)
            let again = timer.cancel(host.value, second)
            ids.withLock { $0 = [first, second, third, UInt64(bitPattern: Int64(cancelled)), again < 0 ? 1 : 0] }
        }
        it.witness.pointee.wait(2)
        #expect(it.witness.pointee.ticks.load(ordering: .relaxed) == 2)
        let seen = ids.withLock { $0 }
        #expect(Set(seen[..<3]).count == 3 && !seen.contains(0))
        #expect(seen[3] == 1 && seen[4] == 1)
        // Stale: it has run.
        it.on(1) { [host = Unsafe(it.host)] in
            ids.withLock { $0 = [host.value.pointee.timer.pointee.cancel(host.value, seen[0]) < 0 ? 1 : 0] }
        }
        #expect(ids.withLock { $0 } == [1])
        // On no worker there are none.
        #expect(it.host.pointee.timer.pointee.after(it.host, 1, { _ in }, nil) == 0)
        it.end()
    }

    @Test func periodicTimersRunWhereTheyShould() throws {
        let it = try Fixture { host, witness in
            let tick: ModuleTimer.Tick = { tick in
                let witness = tick.pointee.user!.assumingMemoryBound(to: Witness.self)
                witness.pointee.workers.bitwiseOr(1 << Int(tick.pointee.worker), ordering: .relaxed)
                witness.pointee.tick()
            }
            let timer = host.pointee.timer.pointee
            return timer.every(host, 10, UInt32(APUS_TIMER_EACH_WORKER), tick, witness)
        }
        try it.workers.group.start()
        for index in [UInt32(0), 1] {
            it.on(index) { [modules = Unsafe(it.test.modules)] in _ = modules.value.startWorker() }
        }
        while it.witness.pointee.workers.load(ordering: .relaxed) != 3 { it.witness.pointee.wait(1) }
        // And again.
        it.witness.pointee.wait(4)
        it.end()
    }

    @Test func aRefusedTimer() throws {
        let outcome = try TestModules().add("sample") { host in
            host.pointee.timer.pointee.every(host, 5, UInt32(APUS_TIMER_ONE_WORKER), { _ in }, nil)
        }.outcome
        #expect(outcome == .failed(reasons: ["timer->every: an interval of 5 ms is below 10 ms"]))
    }

    @Test func workersHaveSlotsAndCounters() throws {
        nonisolated(unsafe) let ids = permanent((slot: CInt(0), counter: UInt32(0)))
        let it = try Fixture { host, witness in
            ids.pointee.slot = host.pointee.slots.pointee.add(host, UInt32(APUS_SLOT_WORKER)) { _, data in
                data.assumingMemoryBound(to: Witness.self).pointee.destroyed.add(1, ordering: .relaxed)
            }
            let (group, name): (StaticString, StaticString) = ("sample", "count")
            ids.pointee.counter = host.pointee.stats.pointee.add(host, group.cString, name.cString, name.cString)
            return ids.pointee.slot
        }
        try it.workers.group.start()
        for index in [UInt32(0), 1] {
            it.on(index) { [host = Unsafe(it.host), witness = Unsafe(it.witness)] in
                let slots = host.value.pointee.slots.pointee
                if slots.worker(host.value, ids.pointee.slot) == nil {
                    slots.set_worker(host.value, ids.pointee.slot, witness.value)
                }
                host.value.pointee.stats.pointee.bump(host.value, ids.pointee.counter, 1)
            }
        }
        #expect(it.host.pointee.slots.pointee.worker(it.host, ids.pointee.slot) == nil)
        for index in [UInt32(0), 1] {
            it.on(index) { [modules = Unsafe(it.test.modules)] in modules.value.endWorker() }
        }
        #expect(it.witness.pointee.destroyed.load(ordering: .relaxed) == 2)
        let stats = it.host.pointee.stats.pointee
        // The workers' shards belong to the statistics of TestWorkers, not to those of these modules.
        #expect(stats.read(it.host, apus_str("sample"), apus_str("count")) == 0)
        it.end()
    }

    @Test func listeners() throws {
        let it = try Fixture { _, _ in 1 }
        let net = it.host.pointee.net.pointee
        #expect(net.count(it.host) == 1)
        let listener = try #require(net.at(it.host, 0))
        #expect(net.at(it.host, 1) == nil)
        var info = apus_listener_info()
        info.size = UInt32(MemoryLayout<apus_listener_info>.size)
        #expect(net.info(listener, &info) == 1)
        #expect(info.transport == UInt32(APUS_UDP) && info.address.string == "127.0.0.1" && info.port > 0)
        #expect(info.text.string == "udp:127.0.0.1:\(info.port)")
        // A caller that knows less gets less.
        var short = apus_listener_info()
        short.size = UInt32(MemoryLayout<apus_listener_info>.offset(of: \.name)!)
        #expect(net.info(listener, &short) == 1)
        #expect(short.address.string == "127.0.0.1" && short.port == 0 && short.size < info.size)
        #expect(net.find(it.host, UInt32(APUS_UDP), apus_str("127.0.0.1"), info.port) == listener)
        #expect(net.find(it.host, 0, apus_str("127.0.0.1"), 0) == listener)
        #expect(net.find(it.host, UInt32(APUS_TCP), apus_str("127.0.0.1"), 0) == nil)
        #expect(net.find(it.host, 77, apus_str("127.0.0.1"), 0) == nil)
        #expect(net.find(it.host, 0, apus_str("127.0.0.2"), 0) == nil)
        #expect(net.is_myself(it.host, apus_str("127.0.0.1"), info.port) > 0)
        #expect(net.is_myself(it.host, apus_str("example.net"), 0) < 0)
        let outcome = it.test.modules.all[0].run(.starting) {
            net.add_myself(it.host) { _, host, port in host.string == "example.net" && port == 0 ? 1 : -1 }
        }
        #expect(outcome == .done)
        #expect(net.is_myself(it.host, apus_str("example.net"), 0) > 0)
        #expect(net.is_myself(it.host, apus_str("example.org"), 0) < 0)
        it.workers.free()
    }
}

/// Lets a test hand something to a worker that it waits for.
private struct Unsafe<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
