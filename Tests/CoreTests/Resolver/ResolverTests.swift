import CLinux
import Glibc
import Synchronization
import Testing

@testable import Core

/// A look-up that a datagram started, and where its result goes.
private final class Asking {
    let flow: Flow
    init(_ flow: Flow) { self.flow = flow }
}

/// For the workers' start, which takes no captures: one test at a time.
private nonisolated(unsafe) var givenOptions = ResolverOptions()
/// By transport number, "4" and "6" bits.
private nonisolated(unsafe) var offered = OfferedTransports()

/// Look-ups that ended by time.
private let timeouts = Atomic<Int>(0)

private func text(_ hops: Hops) -> String {
    (0..<hops.count).map {
        "\(TransportProtocol(rawValue: hops[$0].transport)!.name):\(hops[$0].address.text)"
    }.joined(separator: " ")
}

@Suite(.serialized) struct ResolverTests {
    private static let done: Location.Done = { raw, context, raw2 in
        let asking = Unmanaged<Asking>.fromOpaque(context!).takeRetainedValue()
        let answer = raw2.assumingMemoryBound(to: LocationAnswer.self).pointee
        let result = answer.status == .found ? "found \(text(answer.hops))" : "\(answer.status)"
        if answer.status == .timedOut { timeouts.add(1, ordering: .relaxed) }
        _ = raw.assumingMemoryBound(to: Worker.self).send(Bytes(permanent: result), over: asking.flow)
    }

    /// "<uri>", "<uri> <transport wanted>", "<uri> cancel" (asks and cancels), "<uri> change" (asks, and changes how servers are asked); anything else
    /// is answered at once.
    private static func handle(_ worker: UnsafeMutablePointer<Worker>, _ received: Received) {
        let parts = received.bytes.string.split(separator: " ").map(String.init)
        func reply(_ text: String) { _ = worker.send(Bytes(permanent: text), over: received.flow) }
        guard let uri = URI.parse(Bytes(permanent: parts[0])), let hop = uri.nextHop,
            let resolver = Resolver.of(worker)
        else { return reply("at once") }
        let wanted = parts.count > 1 ? UInt32(parts[1]) ?? 0 : 0
        guard let question = LocationQuestion(hop, wanted: wanted, offered) else { return reply("no question") }
        let context = Unmanaged.passRetained(Asking(received.flow))
        var hops = Hops()
        switch resolver.locate(question, seed: resolver.pointee.random.next(), &hops, context: context.toOpaque(), done)
        {
        case .known:
            context.release()
            reply("known \(text(hops))")
        case .failed(let status):
            context.release()
            reply("failed \(status)")
        case .pending(let id):
            if parts.last == "change" {
                var options = resolver.pointee.options
                options.timeout += 50
                options.usesSearchList.toggle()
                return resolver.take(options)
            }
            guard parts.last == "cancel" else { return }
            resolver.cancel(id)
            resolver.cancel(id)
            context.release()
            reply("cancelled")
        }
    }

    /// Short timeouts, and what the test wants otherwise.
    private func options(_ change: (inout ResolverOptions) -> Void = { _ in }) -> ResolverOptions {
        var options = ResolverOptions(timeout: 100, tries: 2, usesSearchList: false)
        change(&options)
        return options
    }

    /// A worker whose resolver asks our server.
    private func withWorker(_ options: ResolverOptions? = nil, _ body: (_ test: Asker) throws -> Void) throws {
        let server = try NameServer()
        var options = options ?? self.options()
        options.servers = server.peer.address.text
        givenOptions = options
        offered = OfferedTransports()
        for transport in [SIPService.udp, SIPService.tcp, SIPService.tls] {
            offered.add(transport, isV6: false)
            offered.add(transport, isV6: true)
        }
        let test = try TestWorkers(
            1,
            start: { raw in
                (try? Resolver.start(raw.assumingMemoryBound(to: Worker.self), givenOptions)) == nil ? 1 : 0
            }, handler: { worker, received in ResolverTests.handle(worker, received) })
        try test.group.start()
        try body(Asker(server: server, target: test.set.listeners[0].address))
        #expect(test.stop() == 0)
        Resolver.end(test.group[0])
        test.free()
    }

    private struct Asker {
        let server: NameServer
        let target: SocketAddress

        /// Sends a question off.
        func ask(_ text: String) -> TestPeer {
            guard let peer = try? TestPeer() else { preconditionFailure("no socket") }
            peer.send(text, to: target)
            return peer
        }

        /// Sends it off, and answers from the zone until its result is there.
        func callAsFunction(_ text: String) -> String? { server.receive(ask(text)) }
    }

    // MARK: - What needs no server

    @Test func literalsNeedNoServer() throws {
        try withWorker { test in
            #expect(test("sip:192.0.2.7") == "known udp:192.0.2.7:5060")
            #expect(test("sip:a@192.0.2.7:5070;transport=tcp") == "known tcp:192.0.2.7:5070")
            #expect(test("sips:[2001:DB8::1]") == "known tls:[2001:db8::1]:5061")
            #expect(test("sips:192.0.2.7;transport=tcp") == "known tls:192.0.2.7:5061")
            #expect(test("sip:example.com;maddr=192.0.2.8") == "known udp:192.0.2.8:5060")
            #expect(test("sip:192.0.2.7;transport=tcp 1") == "known udp:192.0.2.7:5060")
            #expect(test("sips:192.0.2.7;transport=udp") == "failed noTransport")
            #expect(test("sip:192.0.2.7;transport=sctp") == "failed noTransport")
            #expect(test("sip:192.0.2.7;transport=pigeon") == "no question")
            #expect(test("sip:\(String(repeating: "a", count: 256))") == "failed badName")
            #expect(test.server.askedCount == 0)
        }
    }

    // MARK: - Other options meanwhile

    @Test func questionsSurviveAChangeOfHowServersAreAsked() throws {
        try withWorker { test in
            test.server.zone["A x.example"] = Records.a(["192.0.2.1"])
            #expect(test("sip:x.example:5070 change") == "found udp:192.0.2.1:5070")
            // Both ways have asked for it.
            #expect(test.server.asked.filter { $0 == "A x.example" }.count == 2)
            #expect(test("sip:x.example:5070") == "known udp:192.0.2.1:5070")
            test.server.zone["A y.example"] = Records.a(["192.0.2.2"])
            #expect(test("sip:y.example:5070") == "found udp:192.0.2.2:5070")
        }
    }

    // MARK: - Families

    @Test func aFamilyThatNobodyListensInIsNone() throws {
        try withWorker { test in
            offered = OfferedTransports()
            offered.add(SIPService.udp, isV6: false)
            #expect(test("sip:[2001:db8::1]") == "failed noTransport")
            #expect(test("sip:x.example;transport=tcp") == "failed noTransport")
            test.server.zone["A x.example"] = Records.noData
            #expect(test("sip:x.example:5060") == "noData")
            #expect(test.server.takeAsked() == ["A x.example"])
        }
    }

    private typealias Records = NameServer.Records

    // MARK: - Addresses

    @Test func aPortMeansAddresses() throws {
        try withWorker { test in
            test.server.zone["A host.example"] = .a(["192.0.2.1", "192.0.2.2", "192.0.2.1"])
            #expect(test("sip:Host.Example:5070") == "found udp:192.0.2.1:5070")
            #expect(test.server.takeAsked() == ["A host.example"])
            // The second time nobody is asked, whatever the case, with the dot at the end or without.
            #expect(test("sip:HOST.example.:5080;transport=tcp") == "known tcp:192.0.2.1:5080")
            #expect(test.server.askedCount == 0)
        }
    }

    @Test func ipv6ComesSecondOrFirst() throws {
        try withWorker { test in
            test.server.zone["AAAA six.example"] = .aaaa(["2001:db8::9"])
            test.server.zone["A six.example"] = Records.noData
            #expect(test("sip:six.example:5060") == "found udp:[2001:db8::9]:5060")
            #expect(test.server.takeAsked() == ["A six.example", "AAAA six.example"])
        }
        try withWorker(options { $0.preferences.prefersIPv6 = true }) { test in
            test.server.zone["AAAA both.example"] = .aaaa(["2001:db8::9"])
            test.server.zone["A both.example"] = .a(["192.0.2.1"])
            #expect(test("sip:both.example:5060") == "found udp:[2001:db8::9]:5060")
            #expect(test.server.takeAsked() == ["AAAA both.example"])
        }
        try withWorker(options { $0.preferences.usesIPv6 = false }) { test in
            test.server.zone["AAAA six.example"] = .aaaa(["2001:db8::9"])
            #expect(test("sip:six.example:5060") == "noSuchName")
            #expect(test.server.takeAsked() == ["A six.example"])
        }
        try withWorker(options { $0.preferences.findsAll = true }) { test in
            test.server.zone["AAAA both.example"] = .aaaa(["2001:db8::9"])
            test.server.zone["A both.example"] = .a(["192.0.2.1", "192.0.2.2"])
            #expect(
                test("sip:both.example:5060")
                    == "found udp:192.0.2.1:5060 udp:192.0.2.2:5060 udp:[2001:db8::9]:5060")
        }
    }

    @Test func answersWhileOtherTrafficFlows() throws {
        try withWorker { test in
            let waiting = test.ask("sip:host.example:5060")
            let question = try #require(test.server.question())
            #expect(test("x") == "at once")
            test.server.zone["A host.example"] = .a(["192.0.2.1"])
            test.server.answer(question)
            #expect(test.server.receive(waiting) == "found udp:192.0.2.1:5060")
        }
    }

    @Test func tellsWhyNothingWasFound() throws {
        try withWorker { test in
            test.server.zone["A empty.example"] = Records.noData
            test.server.zone["AAAA empty.example"] = Records.noData
            test.server.zone["A broken.example"] = .failure(code: 2)
            test.server.zone["AAAA broken.example"] = .failure(code: 5)
            #expect(test("sip:unknown.example:5060") == "noSuchName")
            #expect(test("sip:empty.example:5060") == "noData")
            #expect(test("sip:broken.example:5060") == "serverFailed")
        }
    }

    // MARK: - Services

    @Test func withoutAPortServicesComeFirst() throws {
        try withWorker { test in
            test.server.zone["SRV _sip._udp.example.com"] = .srv([
                (20, 0, 5062, "c.example.com"), (10, 5, 5060, "a.example.com"), (10, 50, 5061, "B.example.com"),
            ])
            for (host, last) in [("a", 1), ("b", 2), ("c", 3)] {
                test.server.zone["A \(host).example.com"] = .a(["192.0.2.\(last)"])
            }
            // One address is wanted: the heaviest of the first priority, and no other name is asked for.
            #expect(test("sip:example.com") == "found udp:192.0.2.2:5061")
            #expect(test.server.takeAsked() == ["SRV _sip._udp.example.com", "A b.example.com"])
            #expect(test("sip:example.com") == "known udp:192.0.2.2:5061")
        }
        try withWorker(
            options {
                $0.preferences.findsAll = true
                $0.preferences.usesIPv6 = false
            }
        ) { test in
            test.server.zone["SRV _sip._udp.example.com"] = .srv([
                (20, 0, 5062, "c.example.com"), (10, 5, 5060, "a.example.com"), (10, 50, 5061, "b.example.com"),
            ])
            for (host, last) in [("a", 1), ("c", 3)] {
                test.server.zone["A \(host).example.com"] = .a(["192.0.2.\(last)", "192.0.2.1\(last)"])
            }
            #expect(
                test("sip:example.com")
                    == "found udp:192.0.2.1:5060 udp:192.0.2.11:5060 udp:192.0.2.3:5062 udp:192.0.2.13:5062")
        }
    }

    @Test func weightsSpread() throws {
        try withWorker(options { $0.preferences.spreads = true }) { test in
            test.server.zone["SRV _sip._udp.example.com"] = .srv([
                (10, 75, 5060, "a.example.com"), (10, 25, 5060, "b.example.com"), (10, 0, 5060, "c.example.com"),
                (20, 65535, 5060, "d.example.com"),
            ])
            for (host, last) in [("a", 1), ("b", 2), ("c", 3), ("d", 4)] {
                test.server.zone["A \(host).example.com"] = .a(["192.0.2.\(last)"])
            }
            var counts: [Character: Int] = [:]
            for _ in 0..<2000 {
                let answer = try #require(test("sip:example.com"))
                counts[try #require(answer.dropLast(5).last), default: 0] += 1
            }
            // 3 : 1, and the one without weight about once in a hundred; the chance to leave these bounds is below 1e-6.
            #expect((1300...1650).contains(counts["1"] ?? 0) && (350...650).contains(counts["2"] ?? 0))
            #expect((1...80).contains(counts["3"] ?? 0) && counts["4"] == nil)
        }
    }

    @Test func theTransportChoosesTheService() throws {
        try withWorker { test in
            test.server.zone["SRV _sip._tcp.example.com"] = .srv([(1, 1, 5070, "t.example.com")])
            test.server.zone["SRV _sips._tcp.example.com"] = .srv([(1, 1, 5071, "t.example.com")])
            test.server.zone["A t.example.com"] = .a(["192.0.2.1"])
            #expect(test("sip:example.com;transport=tcp") == "found tcp:192.0.2.1:5070")
            #expect(test("sips:example.com") == "found tls:192.0.2.1:5071")
            #expect(test("sips:example.com;transport=tcp") == "known tls:192.0.2.1:5071")
            #expect(test("sip:example.com 3") == "known tls:192.0.2.1:5071")
            #expect(
                test.server.takeAsked()
                    == ["SRV _sip._tcp.example.com", "A t.example.com", "SRV _sips._tcp.example.com"])
            // No transport named: ours by preference, until one has records.
            #expect(test("sip:example.com") == "found tcp:192.0.2.1:5070")
            #expect(test.server.takeAsked() == ["SRV _sip._udp.example.com"])
        }
    }

    @Test func withoutServicesTheNameIsAHost() throws {
        try withWorker { test in
            test.server.zone["A example.com"] = .a(["192.0.2.1"])
            #expect(test("sip:example.com") == "found udp:192.0.2.1:5060")
            #expect(
                test.server.takeAsked() == [
                    "SRV _sip._udp.example.com", "SRV _sip._tcp.example.com", "SRV _sips._tcp.example.com",
                    "A example.com",
                ])
            #expect(test("sips:example.com") == "known tls:192.0.2.1:5061")
        }
    }

    @Test func aDomainMayRefuse() throws {
        try withWorker { test in
            test.server.zone["SRV _sip._udp.example.com"] = .srv([(0, 0, 0, ".")])
            test.server.zone["A example.com"] = .a(["192.0.2.1"])
            #expect(test("sip:example.com;transport=udp") == "noData")
            #expect(test.server.takeAsked() == ["SRV _sip._udp.example.com"])
        }
    }

    @Test func eightHopsAreEnough() throws {
        try withWorker(
            options {
                $0.preferences.findsAll = true
                $0.preferences.usesIPv6 = false
            }
        ) { test in
            test.server.zone["SRV _sip._udp.example.com"] = .srv(
                (0..<12).map { (UInt16($0), 0, 5060 + UInt16($0), "h\($0).example.com") })
            for i in 0..<12 { test.server.zone["A h\(i).example.com"] = .a(["192.0.2.\(i)", "198.51.100.\(i)"]) }
            let answer = try #require(test("sip:example.com"))
            #expect(answer.split(separator: " ").count == 9)
            #expect(answer.hasPrefix("found udp:192.0.2.0:5060 udp:198.51.100.0:5060 udp:192.0.2.1:5061 "))
            #expect(!test.server.takeAsked().contains("A h8.example.com"))
        }
    }

    // MARK: - NAPTR

    private static let pointers: Records = .naptr([
        (50, 50, "s", "SIPS+D2T", "_sips._tcp.n.example.com"), (90, 50, "S", "sip+d2t", "_sip._tcp.n.example.com"),
        (10, 10, "s", "SIP+D2X", "_sip._x.n.example.com"), (100, 50, "s", "SIP+D2U", "_sip._udp.n.example.com"),
        (20, 20, "u", "SIP+D2U", "_sip._udp.wrong.example.com"),
        (20, 20, "s", "SIP+D2S", "_sip._sctp.n.example.com"),
    ])

    private func fill(_ server: NameServer) {
        server.zone["NAPTR example.com"] = ResolverTests.pointers
        for (name, port) in [("_sips._tcp", UInt16(5071)), ("_sip._tcp", 5072), ("_sip._udp", 5073)] {
            server.zone["SRV \(name).n.example.com"] = .srv([(1, 1, port, "h.example.com")])
        }
        server.zone["A h.example.com"] = .a(["192.0.2.1"])
    }

    @Test func pointersAreFollowedInOurOrder() throws {
        try withWorker(options { $0.preferences.triesNAPTR = true }) { test in
            fill(test.server)
            #expect(test("sip:example.com") == "found udp:192.0.2.1:5073")
            #expect(
                test.server.takeAsked()
                    == ["NAPTR example.com", "SRV _sip._udp.n.example.com", "A h.example.com"])
            #expect(test("sips:example.com") == "found tls:192.0.2.1:5071")
            // The transport is named, or the port: no NAPTR.
            #expect(test("sip:example.com;transport=tcp") == "noSuchName")
        }
    }

    @Test func pointersAreFollowedInTheirOrder() throws {
        try withWorker(
            options {
                $0.preferences.triesNAPTR = true
                $0.preferences.ignoresNAPTROrder = false
            }
        ) { test in
            fill(test.server)
            #expect(test("sip:example.com") == "found tls:192.0.2.1:5071")
            // Without a listener for TLS the next one.
            offered = OfferedTransports()
            offered.add(SIPService.udp, isV6: false)
            offered.add(SIPService.tcp, isV6: false)
            #expect(test("sip:example.com") == "found tcp:192.0.2.1:5072")
        }
    }

    @Test func withoutPointersServicesAreAskedFor() throws {
        try withWorker(options { $0.preferences.triesNAPTR = true }) { test in
            test.server.zone["NAPTR example.com"] = .naptr([(1, 1, "s", "SIP+D2S", "_sip._sctp.example.com")])
            test.server.zone["SRV _sip._udp.example.com"] = .srv([(1, 1, 5070, "h.example.com")])
            test.server.zone["A h.example.com"] = .a(["192.0.2.1"])
            #expect(test("sip:example.com") == "found udp:192.0.2.1:5070")
        }
    }

    // MARK: - Silence, failures, nonsense

    @Test func aSilentServerCostsATimeoutOnly() throws {
        try withWorker(options { $0.tries = 1 }) { test in
            test.server.zone["A silent.example"] = .silence
            test.server.zone["AAAA silent.example"] = .silence
            let waiting = test.ask("sip:silent.example:5060")
            let question = try #require(test.server.question())
            #expect(test("x") == "at once")
            #expect(test.server.receive(waiting) == "timedOut")
            // It is not asked again for a while.
            _ = test.server.takeAsked()
            #expect(test("sip:silent.example:5060") == "failed timedOut")
            #expect(test.server.askedCount == 0)
            // The late answer belongs to nobody.
            test.server.zone["A silent.example"] = .a(["192.0.2.1"])
            test.server.answer(question)
            #expect(test("x") == "at once")
        }
    }

    @Test func whatIsNotThereIsNotAskedForAgain() throws {
        try withWorker(options { $0.preferences.usesIPv6 = false }) { test in
            #expect(test("sip:unknown.example:5060") == "noSuchName")
            #expect(test.server.takeAsked() == ["A unknown.example"])
            #expect(test("sip:unknown.example:5060") == "failed noSuchName")
            #expect(test.server.askedCount == 0)
        }
        try withWorker(
            options {
                $0.preferences.usesIPv6 = false
                $0.cache.negativeTTL = 0
            }
        ) { test in
            for _ in 0..<2 {
                #expect(test("sip:unknown.example:5060") == "noSuchName")
                #expect(test.server.takeAsked() == ["A unknown.example"])
            }
        }
    }

    @Test func answersHoldAsLongAsTheySay() throws {
        // A TTL of 0 serves those who wait, and all steps of their look-up; and there is no cache at all.
        for changes in [{ $0.cache.maxTTL = 0 }, { $0.cache.isOn = false }] as [(inout ResolverOptions) -> Void] {
            try withWorker(options(changes)) { test in
                test.server.zone["SRV _sip._udp.example.com"] = .srv([(1, 1, 5070, "h.example.com")])
                test.server.zone["A h.example.com"] = .a(["192.0.2.1"])
                for _ in 0..<2 {
                    #expect(test("sip:example.com") == "found udp:192.0.2.1:5070")
                    #expect(test.server.takeAsked() == ["SRV _sip._udp.example.com", "A h.example.com"])
                }
            }
        }
        try withWorker(options { $0.cache.minTTL = 60 }) { test in
            test.server.ttl = 0
            test.server.zone["A h.example.com"] = .a(["192.0.2.1"])
            #expect(test("sip:h.example.com:5060") == "found udp:192.0.2.1:5060")
            #expect(test("sip:h.example.com:5060") == "known udp:192.0.2.1:5060")
        }
    }

    @Test func nonsenseIsNoAnswer() throws {
        let header: [UInt8] = [0xC0, 12, 0, 33, 0, 1, 0, 0, 0, 60]
        let host = NameServer.name("h.example.com")
        let nonsense: [(UInt8, [UInt8])] = [
            (1, []), (1, header), (1, header + [0]), (1, header + [0, 200, 0, 1]), (1, [0xC0]), (200, header + [0, 0]),
            // Data that ends before its parts do.
            (1, header + [0, 3, 0, 1, 0]), (1, header + [0, 7, 0, 1, 0, 1, 0x13, 0xC4, 63]),
            // A name that points to itself, behind itself, and outside.
            (1, header + [0, 8, 0, 1, 0, 1, 0x13, 0xC4, 0xC0, 53]),
            (1, header + [0, 8, 0, 1, 0, 1, 0x13, 0xC4, 0xC0, 60]),
            (1, header + [0, 8, 0, 1, 0, 1, 0x13, 0xC4, 0xFF, 0xFF]),
            (1, header + [0, 10, 0, 1, 0, 1, 0x13, 0xC4, 1, 0x20, 0, 0]),
            // A port of 0, and a label of a kind that does not exist.
            (1, header + [0, UInt8(6 + host.count), 0, 1, 0, 1, 0, 0] + host),
            (1, header + [0, 8, 0, 1, 0, 1, 0x13, 0xC4, 0x80, 0]),
        ]
        try withWorker(
            options {
                $0.tries = 1
                $0.preferences.usesIPv6 = false
            }
        ) { test in
            for (index, (count, bytes)) in nonsense.enumerated() {
                let name = "n\(index).example.com"
                test.server.zone["SRV _sip._udp.\(name)"] = .raw(count: count, bytes)
                test.server.zone["A \(name)"] = .a(["192.0.2.1"])
                #expect(test("sip:\(name);transport=udp") == "found udp:192.0.2.1:5060", "\(bytes)")
            }
            // A name compressed as it should be.
            test.server.zone["SRV _sip._udp.good.example.com"] = .raw(
                count: 1, header + [0, 10, 0, 1, 0, 1, 0x13, 0xC4, 1, UInt8(ascii: "H"), 0xC0, 22])
            test.server.zone["A h.good.example.com"] = .a(["192.0.2.9"])
            #expect(test("sip:good.example.com;transport=udp") == "found udp:192.0.2.9:5060")
        }
    }

    // MARK: - Many who ask

    @Test func oneQuestionServesAllWhoAsk() throws {
        try withWorker { test in
            let first = test.ask("sip:shared.example:5060")
            let question = try #require(test.server.question())
            let others = (0..<5).map { _ in test.ask("sip:SHARED.example:5060") }
            // In order behind the questions above.
            #expect(test("x") == "at once")
            test.server.zone["A shared.example"] = .a(["192.0.2.1"])
            test.server.answer(question)
            for peer in [first] + others { #expect(test.server.receive(peer) == "found udp:192.0.2.1:5060") }
            #expect(test.server.takeAsked() == ["A shared.example"])
        }
    }

    @Test func cancelledOnesAreNotCalled() throws {
        try withWorker { test in
            test.server.zone["A gone.example"] = .a(["192.0.2.3"])
            let peer = test.ask("sip:gone.example:5060 cancel")
            #expect(test.server.receive(peer) == "cancelled")
            // Its answer is known all the same, at once or when it comes.
            #expect(test("sip:gone.example:5060")?.hasSuffix(" udp:192.0.2.3:5060") == true)
            #expect(test.server.takeAsked() == ["A gone.example"])
            // Nothing more came to the one who cancelled.
            var poll = pollfd(fd: peer.fd, events: Int16(POLLIN), revents: 0)
            #expect(Glibc.poll(&poll, 1, 0) == 0)
        }
    }

    @Test func isBounded() throws {
        try withWorker(options { $0.limit = 2 }) { test in
            let a = test.ask("sip:a.example:5060")
            let b = test.ask("sip:b.example:5060")
            let questions = [try #require(test.server.question()), try #require(test.server.question())]
            #expect(test("sip:c.example:5060") == "failed busy")
            for name in "ab" { test.server.zone["A \(name).example"] = .a(["192.0.2.1"]) }
            for question in questions { test.server.answer(question) }
            for peer in [a, b] { #expect(test.server.receive(peer) == "found udp:192.0.2.1:5060") }
        }
    }

    @Test func theCacheIsBounded() throws {
        try withWorker(options { $0.cache.bytes = 4096 }) { test in
            for i in 0..<100 { test.server.zone["A h\(i).example"] = .a(["192.0.2.\(i)"]) }
            for i in 0..<100 {
                #expect(test("sip:h\(i).example:5060") == "found udp:192.0.2.\(i):5060")
                // In use: stays.
                #expect(test("sip:h0.example:5060") == "known udp:192.0.2.0:5060")
            }
            // The first of those that were not used again have gone.
            #expect(test("sip:h1.example:5060") == "found udp:192.0.2.1:5060")
            #expect(test("sip:h99.example:5060") == "known udp:192.0.2.99:5060")
        }
    }

    @Test func readsTheHostsFile() throws {
        guard let hosts = try? Syscalls.readFile("/etc/hosts"),
            let line = String(decoding: hosts, as: UTF8.self).split(separator: "\n").first(where: {
                $0.hasPrefix("127.") && !$0.hasSuffix("localhost")
            }), let name = line.split(whereSeparator: { $0 == " " || $0 == "\t" }).last
        else {
            print("skipped: /etc/hosts has no name for 127.x beside localhost")
            return
        }
        try withWorker { test in
            // Nobody has to be waited for.
            #expect(test("sip:\(name):5060")?.hasPrefix("known udp:127.") == true)
            #expect(test.server.askedCount == 0)
        }
    }

    /// Thousands of names that nobody answers for, all at once: the worker serves others, and all come to an end.
    @Test func thousandsMayWait() throws {
        try withWorker(
            options {
                $0.timeout = 1000
                $0.tries = 2
                $0.preferences.usesIPv6 = false
            }
        ) { test in
            let peer = try TestPeer()
            test.server.isSilent = true
            timeouts.store(0, ordering: .relaxed)
            for i in 0..<4000 {
                peer.send("sip:n\(i).silent.example:5060", to: test.target)
                // In step with the worker: its socket's buffer is finite.
                if i % 50 == 49 { #expect(test("x") == "at once") }
            }
            // Their datagrams may be lost on the way to us: they are counted where they are sent.
            let allEnded = until {
                #expect(test("x") == "at once")
                return timeouts.load(ordering: .relaxed) == 4000
            }
            #expect(allEnded)
        }
    }

    /// Ends with questions under way: nobody is called, nothing is left.
    @Test func endsInTheMiddle() throws {
        try withWorker { test in
            #expect(test.server.receive(test.ask("sip:a.example cancel")) == "cancelled")
            #expect(test("x") == "at once")
        }
    }
}
