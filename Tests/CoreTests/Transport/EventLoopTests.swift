import CLinux
import Glibc
import Testing

@testable import Core

/// Counts calls, and may do something in them.
private final class Calls {
    var count = 0
    var action: () -> Void = {}
    var raw: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }
    static let callback: EventLoop.Callback = { _, context, _ in
        let calls = Unmanaged<Calls>.fromOpaque(context!).takeUnretainedValue()
        calls.count += 1
        calls.action()
    }
}

@Suite struct EventLoopTests {
    /// A worker whose turns the test runs on its own thread.
    private func withWorker(_ body: (UnsafeMutablePointer<Worker>) throws -> Void) throws {
        let hooks = WorkerHooks(deliver: { _, _ in }, callID: { _, _, _ in nil })
        let group = try Workers(count: 1, listeners: ListenerSet([]), statistics: Statistics(), hooks: hooks)
        try body(group[0])
        group.free()
    }

    private func event() throws -> Int32 {
        let fd = try Syscalls.makeEvent()
        var one: UInt64 = 1
        #expect(Syscalls.write(fd, &one, 8) == 8)
        return fd
    }

    @Test func callsWhoWatches() throws {
        try withWorker { worker in
            let fd = try event()
            defer { Syscalls.close(fd) }
            let calls = Calls()
            let id = try worker.pointee.loop.watch(fd, EPOLLIN.rawValue, context: calls.raw, Calls.callback)
            worker.runTurn(longestWait: 0)
            worker.runTurn(longestWait: 0)
            #expect(calls.count == 2)
            try worker.pointee.loop.change(id, EPOLLOUT.rawValue)
            worker.runTurn(longestWait: 0)
            #expect(calls.count == 3)
            worker.pointee.loop.unwatch(id)
            worker.pointee.loop.unwatch(id)
            worker.runTurn(longestWait: 0)
            #expect(calls.count == 3)
        }
    }

    /// Two are ready; whoever is called first ends the other's watch, whose place a third one takes at once.
    @Test func whatEndedInTheTurnIsNotCalled() throws {
        try withWorker { worker in
            let fds = [try event(), try event(), try event()]
            defer { for fd in fds { Syscalls.close(fd) } }
            let calls = [Calls(), Calls(), Calls()]
            var ids: [WatchID] = []
            for i in 0..<2 {
                ids.append(
                    try worker.pointee.loop.watch(fds[i], EPOLLIN.rawValue, context: calls[i].raw, Calls.callback))
                calls[i].action = {
                    worker.pointee.loop.unwatch(ids[1 - i])
                    _ = try? worker.pointee.loop.watch(fds[2], EPOLLIN.rawValue, context: calls[2].raw, Calls.callback)
                }
            }
            worker.runTurn(longestWait: 0)
            #expect(calls[0].count + calls[1].count == 1)
            #expect(calls[2].count == 0)
            worker.runTurn(longestWait: 0)
            #expect(calls[2].count == 1)
        }
    }

    @Test func growsWithItsWatches() throws {
        try withWorker { worker in
            let fds = try (0..<100).map { _ in try event() }
            defer { for fd in fds { Syscalls.close(fd) } }
            let calls = fds.map { _ in Calls() }
            for (i, fd) in fds.enumerated() {
                _ = try worker.pointee.loop.watch(fd, EPOLLIN.rawValue, context: calls[i].raw, Calls.callback)
            }
            while !calls.allSatisfy({ $0.count > 0 }) { worker.runTurn(longestWait: 0) }
        }
    }

    @Test func waitsForTheNextTimerOnly() throws {
        try withWorker { worker in
            let calls = Calls()
            var node = TimerNode(context: calls.raw) { _, context in
                Unmanaged<Calls>.fromOpaque(context!).takeUnretainedValue().count += 1
            }
            withUnsafeMutablePointer(to: &node) { node in
                worker.pointee.wheel.schedule(node, at: worker.pointee.clock.now + 20)
                while calls.count == 0 { worker.runTurn() }
                #expect(worker.pointee.clock.now >= node.pointee.deadline || !node.pointee.isArmed)
            }
        }
    }

    @Test func hooksRunAtTheEndOfEachTurn() throws {
        try withWorker { worker in
            let calls = Calls()
            worker.atTurnEnd(context: calls.raw) { _, context in
                Unmanaged<Calls>.fromOpaque(context!).takeUnretainedValue().count += 1
            }
            for _ in 0..<3 { worker.runTurn(longestWait: 0) }
            #expect(calls.count == 3)
            #expect(worker.pointee.turn == 3)
        }
    }

    @Test func mailIsReadInTheNextTurn() throws {
        try withWorker { worker in
            var node = MailNode(receive: Worker.stopReceived)
            withUnsafeMutablePointer(to: &node) { node in
                worker.pointee.mailbox.post(node)
                worker.runLoop()
            }
            #expect(worker.pointee.turn == 1)
        }
    }

    private struct Letter {
        var node = MailNode { _, node in node.assumingMemoryBound(to: Letter.self).pointee.isRead = true }
        var isRead = false
    }

    /// Much that is to be done soon leaves time for what else has come; an order to stop among it loses nothing behind it.
    @Test func muchMailIsReadInPieces() throws {
        try withWorker { worker in
            var stop = MailNode(receive: Worker.stopReceived)
            let count = 3 * Worker.urgentATurn
            let letters = UnsafeMutablePointer<Letter>.allocate(capacity: count)
            defer { letters.deallocate() }
            letters.initialize(repeating: Letter(), count: count)
            func read() -> Int { (0..<count).count { letters[$0].isRead } }
            withUnsafeMutablePointer(to: &stop) { stop in
                for index in 0..<count {
                    if index == Worker.urgentATurn { worker.pointee.mailbox.post(stop) }
                    worker.pointee.mailbox.post(
                        UnsafeMutableRawPointer(letters + index).assumingMemoryBound(to: MailNode.self))
                }
                // It does not sleep while there is more.
                worker.runTurn()
                #expect(read() == Worker.urgentATurn && !worker.pointee.isStopping)
                worker.runLoop()
                #expect(read() == count && worker.pointee.turn == 2)
            }
        }
    }
}
