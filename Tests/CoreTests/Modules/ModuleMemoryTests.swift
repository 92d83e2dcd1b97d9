import Glibc
import PluginAPI
import Synchronization
import Testing

@testable import Core

/// What modules take of a worker: memory, kept messages, timers within their own objects.
@Suite struct ModuleMemoryTests {
    private typealias Fixture = ModuleWorkerTests.Fixture

    private struct Unsafe<Value>: @unchecked Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    private func inUse(_ host: UnsafePointer<apus_host>) -> [UInt64] {
        var bytes: UInt64 = 0
        let pieces = host.pointee.memory.pointee.in_use(host, &bytes)
        return [pieces, bytes]
    }

    @Test func piecesAreCountedByModuleOverAllWorkers() throws {
        let it = try Fixture { _, _ in 1 }
        #expect(it.host.pointee.memory.pointee.allocate(it.host, 8) == nil, "this thread is no worker")
        try it.workers.group.start()
        let pieces = Mutex<[UInt]>([])
        for worker in [UInt32(0), 1] {
            it.on(worker) { [host = Unsafe(it.host)] in
                let api = host.value.pointee.memory.pointee
                let taken = [api.allocate(host.value, 100), api.allocate(host.value, 0)]
                let tooLarge = api.allocate(host.value, Int(APUS_LARGEST_PIECE) + 1)
                pieces.withLock {
                    $0 += taken.map { UInt(bitPattern: $0) }
                    if tooLarge != nil { $0.append(1) }
                }
            }
        }
        let all = pieces.withLock { $0 }
        #expect(all.count == 4 && Set(all).count == 4 && all.allSatisfy { $0 != 0 && $0 % 16 == 0 })
        #expect(inUse(it.host) == [4, 200])
        #expect(inUse(it.test.modules.core.host) == [0, 0])
        for worker in [0, 1] {
            it.on(UInt32(worker)) { [host = Unsafe(it.host)] in
                let api = host.value.pointee.memory.pointee
                for piece in all[2 * worker..<2 * worker + 2] {
                    api.release(host.value, UnsafeMutableRawPointer(bitPattern: piece))
                }
                api.release(host.value, nil)
            }
        }
        #expect(inUse(it.host) == [0, 0])
        it.end()
    }

    @Test func theLargestPieceIsAsTheContractSays() { #expect(Int(APUS_LARGEST_PIECE) == Slab.largest) }

    @Test func homeIsWhereTheReadersSendACall() throws {
        let it = try Fixture { _, _ in 1 }
        let worker = it.workers.group[1]
        var seen: Set<UInt32> = []
        for number in 0..<64 {
            let id = Bytes(leaking: "call-\(number)@example.net")
            let home = it.host.pointee.worker.pointee.home(it.host, apus_str(id))
            #expect(Int(home) == Worker.home(hash: worker.pointee.callKey.hash(id), count: 2))
            seen.insert(home)
        }
        #expect(seen == [0, 1])
        it.workers.free()
    }

    // MARK: - Embedded timers

    @Test func aNodeHasRoomInAnEmbeddedTimer() {
        #expect(MemoryLayout<TimerNode>.size <= MemoryLayout.size(ofValue: apus_timer().node))
        #expect(MemoryLayout<apus_timer>.offset(of: \.node)! % MemoryLayout<TimerNode>.alignment == 0)
    }

    /// An object of a module with a timer in it.
    private struct Object {
        var timer = apus_timer()
        var fired = 0
        var again = 0
        var witness: UnsafeMutablePointer<ModuleWorkerTests.Witness>
    }

    private static let fire: EmbeddedTimer.Fire = { host, timer in
        let object = UnsafeMutableRawPointer(timer).assumingMemoryBound(to: Object.self)
        object.pointee.fired += 1
        let witness = object.pointee.witness
        if object.pointee.again > 0 {
            object.pointee.again -= 1
            host.pointee.timer.pointee.arm(host, timer, 1)
        } else {
            // Its memory may be freed within.
            UnsafeMutableRawPointer(object).initializeMemory(
                as: UInt8.self, repeating: 0xEE, count: MemoryLayout<Object>.size)
            object.deallocate()
        }
        witness.pointee.tick()
    }

    @Test func embeddedTimersFireOncePerArm() throws {
        let it = try Fixture { _, _ in 1 }
        try it.workers.group.start()
        it.on(1) { [host = Unsafe(it.host), witness = Unsafe(it.witness)] in
            let api = host.value.pointee.timer.pointee
            func make(_ again: Int) -> UnsafeMutablePointer<apus_timer> {
                let object = permanent(Object(again: again, witness: witness.value))
                let timer = UnsafeMutableRawPointer(object).assumingMemoryBound(to: apus_timer.self)
                api.prepare(host.value, timer, Self.fire)
                api.disarm(host.value, timer)
                return timer
            }
            // Three times; brought forward from an hour; postponed and brought forward.
            api.arm(host.value, make(2), 1)
            let late = make(0)
            api.arm(host.value, late, 3_600_000)
            api.arm(host.value, late, 2)
            let moved = make(0)
            for milliseconds in [UInt32(1), 60_000, 3] { api.arm(host.value, moved, milliseconds) }
            // Never.
            let disarmed = make(0)
            api.arm(host.value, disarmed, 1)
            api.disarm(host.value, disarmed)
        }
        it.witness.pointee.wait(5)
        #expect(it.witness.pointee.ticks.load(ordering: .relaxed) == 5)
        // Nothing is left in the wheel.
        let count = Mutex(-1)
        it.on(1) { count.withLock { $0 = Worker.current!.pointee.wheel.count } }
        #expect(count.withLock { $0 } == 0)
        #expect(it.witness.pointee.ticks.load(ordering: .relaxed) == 5)
        it.end()
    }

    // MARK: - Messages

    @Test func keptMessagesEndWithTheirSlots() throws {
        nonisolated(unsafe) let slot = permanent(CInt(0))
        let it = try Fixture { host, witness in
            slot.pointee = host.pointee.slots.pointee.add(host, UInt32(APUS_SLOT_MESSAGE)) { _, data in
                data.assumingMemoryBound(to: ModuleWorkerTests.Witness.self).pointee.destroyed
                    .add(1, ordering: .relaxed)
            }
            return slot.pointee
        }
        let api = it.host.pointee.message.pointee
        let original = TestMessage(Sample.invite).message
        #expect(api.keep(it.host, original.opaque) == nil, "this thread is no worker")
        #expect(api.hold(it.host, original.opaque) < 0, "no hook runs")
        SlotTable.set(slot.pointee, of: original, to: UnsafeMutableRawPointer(it.witness))
        try it.workers.group.start()
        let seen = Mutex<[String]>([])
        it.on(0) { [host = Unsafe(it.host), witness = Unsafe(it.witness), original = Unsafe(original)] in
            let api = host.value.pointee.message.pointee
            let slots = host.value.pointee.slots.pointee
            api.set_flags(original.value.opaque, 0x8000_0001)
            guard let kept = api.keep(host.value, original.value.opaque),
                let parsed = api.parse(host.value, apus_str(Bytes(leaking: Sample.invite)))
            else { return }
            let emptySlot = slots.message(kept, slot.pointee) == nil
            slots.set_message(kept, slot.pointee, witness.value)
            slots.set_message(parsed, slot.pointee, witness.value)
            var found = ["\(emptySlot)", String(api.flags(kept), radix: 16), api.bytes(parsed).string]
            found.append("\(host.value.pointee.memory.pointee.in_use(host.value, nil))")
            found.append("\(api.parse(host.value, apus_str("nonsense")) == nil)")
            api.release(host.value, kept)
            api.release(host.value, parsed)
            api.release(host.value, nil)
            // Neither kept nor held: nothing happens.
            api.release(host.value, original.value.opaque)
            api.adopt(original.value.opaque)
            seen.withLock { $0 = found }
        }
        #expect(seen.withLock { $0 } == ["true", "80000001", Sample.invite, "2", "true"])
        #expect(inUse(it.host) == [0, 0])
        #expect(it.witness.pointee.destroyed.load(ordering: .relaxed) == 2)
        it.end()
    }
}
