import Glibc
import PluginAPI
import Synchronization
import Testing

@testable import Core

/// What `done` was called with: look-up and status, in order.
private let told = Mutex<[(UInt, CInt)]>([])
private nonisolated(unsafe) var server = ""

/// The group `resolver`, as a module calls it.
@Suite(.serialized) struct HostResolverTests {
    private typealias Lookup = UnsafeMutablePointer<apus_lookup>
    private let api = HostTables.shared.resolver.pointee

    private func makeLookup() -> Lookup {
        let lookup = Lookup.allocate(capacity: 1)
        lookup.initialize(to: apus_lookup())
        lookup.pointee.size = UInt32(MemoryLayout<apus_lookup>.size)
        lookup.pointee.done = { _, lookup, status in
            told.withLock { $0.append((UInt(bitPattern: lookup), status)) }
        }
        return lookup
    }

    private func ask(
        _ it: ModuleWorkerTests.Fixture, _ text: String, _ lookup: Lookup, transport: UInt32 = 0
    ) -> CInt {
        let result = Atomic<CInt>(0)
        nonisolated(unsafe) let (lookup, uri) = (lookup, apus_str(Bytes(leaking: text)))
        it.on(0) { result.store(api.next_hop(it.host, uri, transport, lookup), ordering: .relaxed) }
        return result.load(ordering: .relaxed)
    }

    private func withServer(_ body: (ModuleWorkerTests.Fixture, NameServer) throws -> Void) throws {
        let names = try NameServer()
        server = names.peer.address.text
        told.withLock { $0 = [] }
        let it = try ModuleWorkerTests.Fixture { _, _ in 1 }
        try it.workers.group.start()
        it.on(0) {
            let options = ResolverOptions(timeout: 100, tries: 1, servers: server, usesSearchList: false)
            do { try Resolver.start(Worker.current!, options) } catch { Issue.record(error) }
        }
        try body(it, names)
        it.on(0) { Resolver.end(Worker.current!) }
        it.end()
    }

    /// Answers one question, and waits until so many have been told.
    private func answer(_ names: NameServer, told count: Int) throws {
        names.answer(try #require(names.question()))
        try #require(until { told.withLock { $0.count } >= count })
    }

    @Test func whatIsKnownIsAnsweredAtOnce() throws {
        try withServer { it, _ in
            let lookup = makeLookup()
            defer { lookup.deallocate() }
            #expect(ask(it, "sip:a@192.0.2.1:5080", lookup) == CInt(APUS_TRUE))
            #expect(lookup.pointee.count == 1 && lookup.pointee.hops.0.transport == UInt32(APUS_UDP))
            let address = lookup.pointee.hops.0.address
            #expect(address.family == 4 && address.port == 5080 && address.ip.0 == 192 && address.ip.3 == 1)
            for (uri, transport) in [
                ("tel:+123", UInt32(0)), ("sip:", 0), ("sip:192.0.2.1;transport=pigeon", 0), ("sip:192.0.2.1", 99),
                ("sip:192.0.2.1", 257), ("sip:192.0.2.1", UInt32(APUS_TCP)), ("sip:[::1]", 0), ("sip:a%20b", 0),
            ] {
                #expect(ask(it, uri, lookup, transport: transport) == CInt(APUS_FALSE), "\(uri)")
                #expect(lookup.pointee.count == 0)
            }
            lookup.pointee.size -= 8
            #expect(ask(it, "sip:192.0.2.1", lookup) == CInt(APUS_FALSE))
            lookup.pointee.size += 8
            lookup.pointee.done = nil
            #expect(ask(it, "sip:192.0.2.1", lookup) == CInt(APUS_FALSE))
            // On no worker there is none.
            #expect(api.next_hop(it.host, apus_str("sip:192.0.2.1"), 0, lookup) == CInt(APUS_FALSE))
        }
        #expect(told.withLock { $0.isEmpty })
    }

    @Test func whatIsNotKnownIsToldLater() throws {
        try withServer { it, names in
            names.zone["A host.example"] = .a(["192.0.2.1"])
            let lookup = makeLookup()
            defer { lookup.deallocate() }
            #expect(ask(it, "sip:host.example:5070", lookup) == CInt(APUS_SUSPENDED))
            try answer(names, told: 1)
            #expect(told.withLock { $0[0] } == (UInt(bitPattern: lookup), CInt(APUS_OK)))
            #expect(lookup.pointee.count == 1 && lookup.pointee.hops.0.address.port == 5070)
            #expect(ask(it, "sip:HOST.example:5070", lookup) == CInt(APUS_TRUE))
            #expect(ask(it, "sip:none.example:5070", lookup) == CInt(APUS_SUSPENDED))
            try answer(names, told: 2)
            #expect(told.withLock { $0[1].1 } == CInt(APUS_FAILED) && lookup.pointee.count == 0)
            #expect(ask(it, "sip:none.example:5070", lookup) == CInt(APUS_FALSE))
            // Nobody answers.
            #expect(ask(it, "sip:silent.example:5070", lookup) == CInt(APUS_SUSPENDED))
            try #require(until { told.withLock { $0.count } >= 3 })
            #expect(told.withLock { $0[2].1 } == CInt(APUS_TIMED_OUT))
        }
    }

    @Test func whatIsCancelledIsNotTold() throws {
        try withServer { it, names in
            names.zone["A host.example"] = .a(["192.0.2.1"])
            let (gone, kept) = (makeLookup(), makeLookup())
            #expect(ask(it, "sip:host.example:5070", gone) == CInt(APUS_SUSPENDED))
            #expect(ask(it, "sip:host.example:5071", kept) == CInt(APUS_SUSPENDED))
            nonisolated(unsafe) let cancelled = gone
            it.on(0) {
                api.cancel(it.host, cancelled)
                api.cancel(it.host, cancelled)
                // The memory is the module's again.
                cancelled.deallocate()
            }
            try answer(names, told: 1)
            #expect(told.withLock { $0.map(\.0) } == [UInt(bitPattern: kept)])
            #expect(kept.pointee.hops.0.address.port == 5071)
            // Cancelling what has been told does nothing.
            nonisolated(unsafe) let over = kept
            it.on(0) { api.cancel(it.host, over) }
            kept.deallocate()
        }
    }
}
