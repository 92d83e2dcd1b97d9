import CLinux
import Glibc
import Synchronization
import Testing

@testable import Core

/// A name server of the test's own thread: reads a question, answers what the test wants.
private final class NameServer {
    let peer: TestPeer
    init() throws { peer = try TestPeer() }

    struct Question {
        let packet: [UInt8]
        let from: SocketAddress
        let name: String
        /// 1 is A, 28 AAAA.
        let type: UInt8
    }

    func question() -> Question? {
        guard let (packet, from) = peer.receive(), packet.count > 16 else { return nil }
        var at = 12
        var labels: [String] = []
        while packet[at] != 0 {
            labels.append(String(decoding: packet[(at + 1)...(at + Int(packet[at]))], as: UTF8.self))
            at += Int(packet[at]) + 1
        }
        return Question(
            packet: Array(packet[0..<at + 5]), from: from, name: labels.joined(separator: "."), type: packet[at + 2])
    }

    /// RFC 1035 section 4: header, the question again, records that point to its name.
    func answer(_ question: Question, code: UInt8 = 0, ttl: UInt8 = 60, _ addresses: [[UInt8]] = []) {
        var packet = question.packet
        (packet[2], packet[3]) = (0x81, 0x80 | code)
        (packet[6], packet[7]) = (0, UInt8(addresses.count))
        for i in 8..<12 { packet[i] = 0 }
        for address in addresses {
            packet += [0xC0, 12, 0, question.type, 0, 1, 0, 0, 0, ttl, 0, UInt8(address.count)] + address
        }
        peer.send(packet, to: question.from)
    }
}

/// A look-up that a datagram started, and where its result goes.
private final class Asking {
    let flow: Flow
    init(_ flow: Flow) { self.flow = flow }
}

/// The server's address for the workers' start, which takes no captures: one test at a time.
private nonisolated(unsafe) var serverText = ""
private nonisolated(unsafe) var tries: Int32 = 2
private nonisolated(unsafe) var limit = 4096

@Suite(.serialized, .timeLimit(.minutes(2))) struct ResolverTests {
    private static let done: Resolver.Done = { raw, context, raw2 in
        let asking = Unmanaged<Asking>.fromOpaque(context!).takeRetainedValue()
        let answer = raw2.assumingMemoryBound(to: ResolverAnswer.self).pointee
        let addresses = (0..<answer.count).map { answer.addresses[$0].text }.joined(separator: " ")
        let text = "\(answer.status) \(answer.ttl) \(addresses)"
        _ = raw.assumingMemoryBound(to: Worker.self).send(Bytes(permanent: text), over: asking.flow)
    }

    /// A worker that takes "4 name", "6 name", "0 name", "cancel name" (asks and cancels), and answers anything else at once.
    private func withWorker(
        _ body: (_ test: TestWorkers, _ server: NameServer, _ ask: (String) -> TestPeer) throws -> Void
    )
        throws
    {
        let server = try NameServer()
        serverText = server.peer.address.text
        let test = try TestWorkers(
            1,
            start: { raw in
                let options = ResolverOptions(
                    timeout: 100, tries: tries, servers: serverText, usesSearchList: false, limit: limit)
                return (try? Resolver.start(raw.assumingMemoryBound(to: Worker.self), options)) == nil ? 1 : 0
            },
            handler: { worker, received in
                let parts = received.bytes.string.split(separator: " ")
                guard parts.count == 2, let resolver = Resolver.of(worker) else {
                    _ = worker.send(Bytes("at once"), over: received.flow)
                    return
                }
                let family: SocketAddress.Family = parts[0] == "4" ? .v4 : parts[0] == "6" ? .v6 : .none
                let context = Unmanaged.passRetained(Asking(received.flow))
                let host = Bytes(permanent: String(parts[1]))
                switch resolver.lookUp(host, family, port: 5060, context: context.toOpaque(), ResolverTests.done) {
                case .address(let address):
                    context.release()
                    _ = worker.send(Bytes(permanent: "literal \(address.text)"), over: received.flow)
                case .failed(let status):
                    context.release()
                    _ = worker.send(Bytes(permanent: "failed \(status)"), over: received.flow)
                case .pending(let id):
                    if parts[0] == "cancel" {
                        resolver.cancel(id)
                        resolver.cancel(id)
                        context.release()
                    }
                }
            })
        try test.group.start()
        let target = test.set.listeners[0].address
        var peers: [TestPeer] = []
        try body(test, server) { text in
            guard let peer = try? TestPeer() else { preconditionFailure("no socket") }
            peer.send(text, to: target)
            peers.append(peer)
            return peer
        }
        #expect(test.stop() == 0)
        Resolver.end(test.group[0])
        test.free()
    }

    private func text(_ peer: TestPeer) -> String? { peer.receive().map { String(decoding: $0.bytes, as: UTF8.self) } }

    @Test func literalsNeedNoServer() throws {
        try withWorker { _, _, ask in
            #expect(text(ask("0 192.0.2.7")) == "literal 192.0.2.7:5060")
            #expect(text(ask("6 [2001:DB8::1]")) == "literal [2001:db8::1]:5060")
            #expect(text(ask("4 ::1")) == "failed noData")
            for name in ["ä", ".x", "a/b", String(repeating: "a", count: 256)] {
                #expect(text(ask("0 \(name)")) == "failed badName")
            }
        }
    }

    @Test func answersWhileOtherTrafficFlows() throws {
        try withWorker { _, server, ask in
            let waiting = ask("4 Host.Example")
            let question = try #require(server.question())
            #expect(question.name.lowercased() == "host.example" && question.type == 1)
            #expect(text(ask("x")) == "at once")
            server.answer(question, ttl: 42, [[192, 0, 2, 1], [192, 0, 2, 2], [192, 0, 2, 1]])
            #expect(text(waiting) == "found 42 192.0.2.1:5060 192.0.2.2:5060")
        }
    }

    @Test func looksUpIPv6AndBoth() throws {
        try withWorker { _, server, ask in
            let v6 = ask("6 six.example")
            let question = try #require(server.question())
            #expect(question.type == 28)
            server.answer(question, [[0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [9]])
            #expect(text(v6) == "found 60 [2001:db8::9]:5060")
            let both = ask("0 both.example")
            for _ in 0..<2 {
                let question = try #require(server.question())
                if question.type == 1 {
                    server.answer(question, [[192, 0, 2, 1]])
                } else {
                    server.answer(question, [[0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [9]])
                }
            }
            let found = try #require(text(both))
            #expect(found.hasPrefix("found 60 ") && found.contains("192.0.2.1") && found.contains("2001:db8::9"))
        }
    }

    @Test func tellsWhyNothingWasFound() throws {
        try withWorker { _, server, ask in
            let unknown = ask("4 unknown.example")
            server.answer(try #require(server.question()), code: 3)
            #expect(text(unknown) == "noSuchName 0 ")
            let empty = ask("4 empty.example")
            server.answer(try #require(server.question()))
            #expect(text(empty) == "noData 0 ")
        }
    }

    @Test func aSilentServerCostsATimeoutOnly() throws {
        tries = 1
        defer { tries = 2 }
        try withWorker { _, server, ask in
            let waiting = ask("4 silent.example")
            let question = try #require(server.question())
            #expect(text(ask("x")) == "at once")
            #expect(text(waiting) == "timedOut 0 ")
            // The late answer belongs to nobody.
            server.answer(question, [[192, 0, 2, 1]])
            #expect(text(ask("x")) == "at once")
        }
    }

    @Test func oneQueryServesAllWhoAsk() throws {
        try withWorker { _, server, ask in
            let first = ask("4 shared.example")
            let question = try #require(server.question())
            let others = (0..<5).map { _ in ask("4 SHARED.example") }
            // In order behind the questions above.
            #expect(text(ask("x")) == "at once")
            server.answer(question, [[192, 0, 2, 1]])
            for peer in [first] + others { #expect(text(peer) == "found 60 192.0.2.1:5060") }
            // A second query would stand before this one.
            let next = ask("4 next.example")
            let following = try #require(server.question())
            #expect(following.name == "next.example")
            server.answer(following, [[192, 0, 2, 2]])
            #expect(text(next) == "found 60 192.0.2.2:5060")
        }
    }

    @Test func cancelledOnesAreNotCalled() throws {
        try withWorker { _, server, ask in
            _ = ask("cancel gone.example")
            for _ in 0..<2 { server.answer(try #require(server.question())) }
            let kept = ask("4 kept.example")
            server.answer(try #require(server.question()), [[192, 0, 2, 3]])
            #expect(text(kept) == "found 60 192.0.2.3:5060")
        }
    }

    @Test func isBounded() throws {
        limit = 2
        defer { limit = 4096 }
        try withWorker { _, server, ask in
            let a = ask("4 a.example")
            let b = ask("4 b.example")
            let questions = [try #require(server.question()), try #require(server.question())]
            #expect(text(ask("4 c.example")) == "failed busy")
            for question in questions { server.answer(question, [[192, 0, 2, 1]]) }
            #expect(text(a) == "found 60 192.0.2.1:5060" && text(b) == "found 60 192.0.2.1:5060")
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
        try withWorker { _, _, ask in
            let answer = try #require(text(ask("4 \(name)")))
            #expect(answer.hasPrefix("found "))
        }
    }

    /// Ends with queries under way: nobody is called, nothing is left.
    @Test func endsInTheMiddle() throws {
        try withWorker { _, server, ask in
            _ = ask("cancel a.example")
            _ = server.question()
            #expect(text(ask("x")) == "at once")
        }
    }
}
