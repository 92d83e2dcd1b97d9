import Glibc
import PluginAPI
import Testing

@testable import Core

/// The groups `net` and `reply`, and `message` where it writes: what a module needs to send by itself.
@Suite struct HostNetTests {
    private typealias Fixture = ModuleWorkerTests.Fixture
    private let net = HostTables.shared.net.pointee
    private let message = HostTables.shared.message.pointee
    private let reply = HostTables.shared.reply.pointee

    // MARK: - Addresses and transports

    private func written(_ address: apus_address, room: Int = 64) -> String? {
        var address = address
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            buffer.initialize(repeating: 0x2a)
            let count = net.write_address(&address, buffer.baseAddress!, room)
            #expect(count <= room && buffer[count] == 0x2a)
            return count == 0 ? nil : apus_str(s: buffer.baseAddress, len: count).string
        }
    }

    private func parsed(_ text: String) -> apus_address? {
        var address = apus_address()
        return net.parse_address(apus_str(Bytes(leaking: text)), &address) > 0 ? address : nil
    }

    @Test func addresses() throws {
        let v4 = try #require(parsed("192.0.2.1"))
        #expect(v4.family == 4 && v4.port == 0 && v4.ip.0 == 192 && v4.ip.3 == 1 && v4.ip.4 == 0)
        #expect(written(v4) == "192.0.2.1" && written(v4, room: 9) == "192.0.2.1" && written(v4, room: 8) == nil)
        for text in ["2001:DB8::1", "[2001:db8::1]"] {
            let v6 = try #require(parsed(text))
            #expect(v6.family == 6 && v6.ip.0 == 0x20 && v6.ip.1 == 1 && v6.ip.15 == 1)
            #expect(written(v6) == "[2001:db8::1]")
        }
        for text in ["", "example.org", "192.0.2", "192.0.2.1:5060", "[::1", "1.2.3.400"] {
            #expect(parsed(text) == nil, "\(text)")
        }
        var nothing = apus_address()
        #expect(net.parse_address(apus_str(), &nothing) < 0 && written(nothing) == nil)
    }

    @Test(arguments: ["192.0.2.77", "fe80::1:2", "::", "255.255.255.255", "2001:db8:1:2:3:4:5:6"])
    func anAddressComesBackAsItWas(text: String) throws {
        var address = try #require(SocketAddress(text, port: 5071))
        if address.isV6 { address.scope = 3 }
        let contract = apus_address(address)
        #expect(contract.port == 5071 && contract.family == (address.isV6 ? 6 : 4))
        let back = SocketAddress(contract)
        #expect(back == address && back.scope == address.scope)
        #expect(SocketAddress(apus_address(SocketAddress())).isNone)
    }

    @Test func transports() {
        #expect(
            net.transport(apus_str("udp")) == UInt32(APUS_UDP) && net.transport(apus_str("TLS")) == UInt32(APUS_TLS))
        #expect(net.transport(apus_str("wSs")) == UInt32(APUS_WSS) && net.transport(apus_str("sctp")) == 4)
        for text: apus_str in [apus_str(), apus_str(""), apus_str("ud"), apus_str("udpx"), apus_str("Q$P")] {
            #expect(net.transport(text) == 0)
        }
        #expect(net.is_reliable(UInt32(APUS_UDP)) < 0 && net.is_reliable(UInt32(APUS_TCP)) > 0)
        #expect(net.is_reliable(0) < 0 && net.is_reliable(7) < 0 && net.is_reliable(0x102) < 0)
    }

    // MARK: - Sending

    private func destination(_ address: SocketAddress) -> apus_destination {
        var out = apus_destination()
        out.size = UInt32(MemoryLayout<apus_destination>.size)
        out.transport = UInt32(APUS_UDP)
        out.remote = apus_address(address)
        return out
    }

    @Test func aListenerIsChosenAndSendsThere() throws {
        let it = try Fixture { _, _ in 1 }
        try it.workers.group.start()
        let peer = try TestPeer()
        nonisolated(unsafe) let to = destination(peer.address)
        it.on(0) {
            let (host, net) = (it.host, it.host.pointee.net.pointee)
            var chosen = to
            #expect(net.send(host, &chosen, apus_str("x")) == EINVAL)
            #expect(net.choose(host, &chosen, nil) > 0 && chosen.listener == net.at(host, 0))
            #expect(chosen.local.port == it.workers.set.listeners[0].address.port)
            #expect(net.send(host, &chosen, apus_str("hello")) == 0)
            #expect(net.send(host, &chosen, apus_str()) == EINVAL)
            // Not preferred: of another transport, another family, or none at all.
            chosen.transport = UInt32(APUS_TCP)
            #expect(net.choose(host, &chosen, net.at(host, 0)) < 0)
            chosen.transport = 99
            #expect(net.choose(host, &chosen, net.at(host, 0)) < 0)
            var six = to
            six.remote.family = 6
            #expect(net.choose(host, &six, net.at(host, 0)) < 0)
            six.remote.family = 0
            #expect(net.choose(host, &six, net.at(host, 0)) < 0)
        }
        let got = try #require(peer.receive())
        #expect(String(decoding: got.bytes, as: UTF8.self) == "hello")
        #expect(got.from == it.workers.set.listeners[0].address)
        it.end()
    }

    /// Without a server there is no script, so no onsend_route either.
    @Test func noOnsendRoute() throws {
        let it = try Fixture { _, _ in 1 }
        var to = destination(SocketAddress("192.0.2.1", port: 5060)!)
        let run = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)
        defer { run.deallocate() }
        let request = TestMessage(Sample.invite)
        var call = apus_call(
            size: UInt32(MemoryLayout<apus_call>.size), count: 0, route_kind: 1, reserved: 0, host: it.host,
            run: OpaquePointer(run), msg: request.message.opaque, args: nil, user: nil)
        #expect(net.onsend(&call, nil, &to, apus_str("bytes"), { _, _ in -1 }, nil) == CInt(APUS_TRUE))
        it.workers.free()
    }

    // MARK: - Messages as bytes

    /// Runs `body` on a worker with the listener; answers the text that it leaves in `out`, nil when that was false.
    private func text(
        _ it: Fixture, _ body: @escaping @Sendable (OpaquePointer, UnsafeMutablePointer<apus_str>) -> CInt
    ) -> String? {
        let result = UnsafeMutablePointer<String?>.allocate(capacity: 1)
        result.initialize(to: nil)
        defer {
            result.deinitialize(count: 1)
            result.deallocate()
        }
        let place = UInt(bitPattern: result)
        it.on(0) {
            var out = apus_str()
            guard let listener = it.host.pointee.net.pointee.at(it.host, 0), body(listener, &out) > 0 else { return }
            UnsafeMutablePointer<String?>(bitPattern: place)!.pointee = out.string
        }
        return result.pointee
    }

    @Test func requestsAreWrittenWithOurVia() throws {
        let it = try Fixture { _, _ in 1 }
        try it.workers.group.start()
        let request = TestMessage(Sample.invite)
        let api = message
        request.message.routing.source = SocketAddress("203.0.113.5", port: 5070)!
        #expect(request.message.setPath(Bytes("<sip:p0.example.com;lr>")))
        @Sendable func outgoing(_ listener: OpaquePointer) -> apus_outgoing {
            apus_outgoing(
                size: UInt32(MemoryLayout<apus_outgoing>.size), reserved: 0, listener: listener,
                branch: apus_str("z9hG4bK1.0"), via_params: apus_str(), uri: apus_str(), path: apus_str())
        }
        let sentBy = it.workers.set.listeners[0].sentBy.string
        let plain = try #require(
            text(it) { listener, out in
                var o = outgoing(listener)
                return api.write_request(it.host, request.message.opaque, &o, out)
            })
        #expect(
            plain.hasPrefix(
                Sample.lines(
                    "INVITE sip:bob@example.net SIP/2.0", "Via: SIP/2.0/UDP \(sentBy);branch=z9hG4bK1.0",
                    "Route: <sip:p0.example.com;lr>",
                    "Via: SIP/2.0/UDP 198.51.100.7:5060;received=203.0.113.5;rport=5070;branch=z9hG4bKabc", "")))
        request.message.routing.options.insert(.addLocalRport)
        request.message.routing.advertisedAddress = Bytes("edge.example.net")
        request.message.routing.advertisedPort = 5099
        let full = try #require(
            text(it) { listener, out in
                var o = outgoing(listener)
                o.via_params = apus_str(";i=7")
                o.uri = apus_str("sip:carol@192.0.2.9")
                o.path = apus_str("")
                return api.write_request(it.host, request.message.opaque, &o, out)
            })
        #expect(
            full.hasPrefix(
                Sample.lines(
                    "INVITE sip:carol@192.0.2.9 SIP/2.0",
                    "Via: SIP/2.0/UDP edge.example.net:5099;branch=z9hG4bK1.0;rport;i=7", "Via: SIP/2.0/UDP 198")))
        #expect(!full.contains("p0.example.com") && full.hasSuffix("Content-Length: 4\r\n\r\nv=0\n"))
        let answer = TestMessage("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\n\r\n")
        #expect(
            text(it) { listener, out in
                var o = outgoing(listener)
                return api.write_request(it.host, answer.message.opaque, &o, out)
            } == nil)
        it.end()
    }

    @Test func lateTextsKnowTheListener() throws {
        let it = try Fixture { _, _ in 1 }
        try it.workers.group.start()
        let request = TestMessage(Sample.invite)
        let api = message
        let produce: LateText.Produce = { host, _, listener, buffer, capacity, _ in
            var info = apus_listener_info()
            info.size = UInt32(MemoryLayout<apus_listener_info>.size)
            guard host.pointee.net.pointee.info(listener, &info) > 0 else { return 0 }
            let line = "X-Out: \(info.text.string)\r\n"
            guard line.utf8.count <= capacity else { return 0 }
            for (index, byte) in line.utf8.enumerated() { buffer[index] = CChar(bitPattern: byte) }
            return line.utf8.count
        }
        var late = apus_late(
            size: UInt32(MemoryLayout<apus_late>.size), reserved: 0, produce: produce, copy: nil, user: nil)
        #expect(api.insert_late(it.host, request.message.opaque, nil, &late) > 0)
        let line = "X-Out: \(it.workers.set.listeners[0].text.string)\r\n"
        let edited = text(it) { api.write_edited(it.host, request.message.opaque, $0, $1) }
        #expect(edited?.contains(line) == true && edited?.contains("SIP/2.0/UDP 127.0.0.1") == false)
        let forwarded = text(it) { listener, out in
            var o = apus_outgoing(
                size: UInt32(MemoryLayout<apus_outgoing>.size), reserved: 0, listener: listener,
                branch: apus_str("z9hG4bK2"), via_params: apus_str(), uri: apus_str(), path: apus_str())
            return api.write_request(it.host, request.message.opaque, &o, out)
        }
        #expect(forwarded?.contains(line) == true)
        it.end()
    }

    @Test func repliesArePassedOnWhileAViaIsLeft() throws {
        let it = try Fixture { _, _ in 1 }
        try it.workers.group.start()
        let api = message
        func passed(_ vias: String...) -> String? {
            let lines = vias.map { "Via: \($0)\r\n" }.joined()
            let answer = TestMessage(
                "SIP/2.0 180 Ringing\r\n\(lines)From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: c\r\n"
                    + "CSeq: 1 INVITE\r\n\r\n")
            return text(it) { api.write_reply(it.host, answer.message.opaque, $0, $1) }
        }
        #expect(
            passed("SIP/2.0/UDP ours", "SIP/2.0/UDP a")?.hasPrefix("SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP a\r\nF")
                == true)
        #expect(passed("SIP/2.0/UDP ours, SIP/2.0/UDP a")?.contains("Via: SIP/2.0/UDP a\r\nFrom") == true)
        #expect(passed("SIP/2.0/UDP ours") == nil)
        let request = TestMessage(Sample.invite)
        #expect(text(it) { api.write_reply(it.host, request.message.opaque, $0, $1) } == nil)
        var out = apus_str()
        let listener = try #require(net.at(it.host, 0))
        // The test's own thread is no worker.
        #expect(api.write_edited(it.host, request.message.opaque, listener, &out) < 0)
        it.end()
    }

    @Test func whereMessagesComeFromAndGo() throws {
        let it = try Fixture { _, _ in 1 }
        let request = TestMessage(Sample.invite)
        let handle = request.message.opaque
        #expect(message.next_hop(handle).string == "sip:bob@example.net")
        #expect(message.set_request_uri(handle, apus_str("sip:new@example.net")) > 0)
        #expect(message.next_hop(handle).string == "sip:new@example.net")
        #expect(message.set_destination(handle, apus_str("sip:192.0.2.1;lr")) > 0)
        #expect(message.next_hop(handle).string == "sip:192.0.2.1;lr")
        #expect(message.next_hop(TestMessage("SIP/2.0 200 OK\r\n\r\n").message.opaque).s == nil)

        var from = apus_destination()
        from.size = UInt32(MemoryLayout<apus_destination>.size)
        message.source(handle, &from)
        #expect(from.listener == nil && from.transport == 0 && from.remote.family == 0)
        reply.destination(handle, &from)
        #expect(from.listener == nil && from.remote.family == 0)
        let listener = try #require(net.at(it.host, 0))
        request.message.routing.receivedOn = UnsafeMutableRawPointer(listener)
        request.message.routing.source = SocketAddress("203.0.113.5", port: 5070)!
        request.message.routing.destination = SocketAddress("127.0.0.1", port: 5060)!
        request.message.routing.connection = 42
        message.source(handle, &from)
        #expect(from.listener == listener && from.transport == UInt32(APUS_UDP) && from.connection == 42)
        #expect(SocketAddress(from.remote) == request.message.routing.source)
        #expect(SocketAddress(from.local) == request.message.routing.destination)
        #expect(from.size == UInt32(MemoryLayout<apus_destination>.size))
        it.workers.free()
    }

    // MARK: - Replies

    private func replyTo(_ code: Int32, _ reason: apus_str) -> apus_reply {
        apus_reply(
            size: UInt32(MemoryLayout<apus_reply>.size), code: code, reason: reason, to_tag: apus_str("tag1"),
            headers: apus_str("X-A: 1\r\n"), body: apus_str(), body_type: apus_str())
    }

    @Test func aReplyIsWrittenAsItIsSent() throws {
        let it = try Fixture { _, _ in 1 }
        try it.workers.group.start()
        let peer = try TestPeer()
        let request = TestMessage(Sample.invite)
        request.message.routing.receivedOn = it.workers.set.listeners[0].raw
        request.message.routing.source = peer.address
        request.message.routing.destination = it.workers.set.listeners[0].address
        #expect(request.message.appendToReply(Bytes("X-B: 2\r\n")))
        let (api, net) = (reply, net)
        nonisolated(unsafe) let answer = replyTo(486, apus_str("Busy Here"))
        nonisolated(unsafe) let handle = request.message.opaque
        let bytes = try #require(
            text(it) { _, out in
                var answer = answer
                return api.write(handle, &answer, out)
            })
        #expect(bytes.hasPrefix("SIP/2.0 486 Busy Here\r\nVia: "))
        #expect(bytes.contains("To: <sip:bob@example.net>;tag=tag1\r\n") && bytes.contains("X-B: 2\r\nX-A: 1\r\n"))
        it.on(0) {
            var answer = answer
            #expect(api.send(handle, &answer) > 0)
            var to = apus_destination()
            to.size = UInt32(MemoryLayout<apus_destination>.size)
            api.destination(handle, &to)
            var out = apus_str()
            #expect(api.write(handle, &answer, &out) > 0 && net.send(it.host, &to, out) == 0)
        }
        // The same from `send` and from `write`, at the same place.
        for _ in 0..<2 {
            let got = try #require(peer.receive())
            #expect(String(decoding: got.bytes, as: UTF8.self) == bytes)
        }
        it.end()
    }

    @Test func repliesThatAreNone() throws {
        let it = try Fixture { _, _ in 1 }
        try it.workers.group.start()
        let api = reply
        func written(_ text: String, _ code: Int32, _ reason: String = "Reason") -> String? {
            let request = TestMessage(text)
            let reason = apus_str(Bytes(leaking: reason))
            nonisolated(unsafe) let answer = replyTo(code, reason)
            return self.text(it) { _, out in
                var answer = answer
                return api.write(request.message.opaque, &answer, out)
            }
        }
        #expect(written(Sample.invite, 699)?.hasPrefix("SIP/2.0 699 Reason\r\n") == true)
        #expect(written(Sample.invite, 999)?.hasPrefix("SIP/2.0 999 Reason\r\n") == true)
        #expect(written(Sample.invite, 99) == nil && written(Sample.invite, 1000) == nil)
        #expect(written(Sample.invite, 0x10000 + 200) == nil && written(Sample.invite, -1) == nil)
        #expect(written(Sample.invite, 400, "Two\r\nX: lines") == nil)
        #expect(written(Sample.invite.replacing("INVITE", with: "ACK"), 400) == nil)
        #expect(written("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\n\r\n", 400) == nil)
        it.end()
    }
}
