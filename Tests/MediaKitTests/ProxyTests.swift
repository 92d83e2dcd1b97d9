import Bencode
import PluginKit
import Testing

@testable import MediaKit

/// What the config says of proxies, and how one is chosen.
@Suite struct ProxyTests {
    // MARK: The parameter

    @Test func linesOfProxies() throws {
        let plain = try SocketList("udp:localhost:22222", defaultSet: 0)
        #expect(plain.set == 0 && plain.entries == [.init(url: "udp:localhost:22222", weight: 1)])
        let set = try SocketList(" 3 == udp:10.0.0.1:1=4   udp6:[::1]:2=0 unix:/run/a ", defaultSet: 0)
        #expect(set.set == 3)
        #expect(
            set.entries == [
                .init(url: "udp:10.0.0.1:1", weight: 4), .init(url: "udp6:[::1]:2", weight: 0),
                .init(url: "unix:/run/a", weight: 1),
            ])
        #expect(try SocketList("2==udp:a:1", defaultSet: 0).set == 2)
        #expect(try SocketList("udp:a:1", defaultSet: 7).set == 7)
        #expect(try SocketList("", defaultSet: 0).entries.isEmpty)
    }

    @Test(arguments: [
        "x == udp:a:1", "== udp:a:1", "-1 == udp:a:1", "1 ==", "1 == ", "udp:a:1=", "udp:a:1=x", "=3",
        "udp:a:1=9999999",
    ])
    func wrongLines(text: String) {
        #expect(throws: SocketList.Fault.self) { try SocketList(text, defaultSet: 0) }
    }

    @Test func addresses() throws {
        #expect(try ControlAddress(url: "udp:localhost:22222") == .udp(host: "localhost", port: 22222, isIPv6: false))
        #expect(try ControlAddress(url: "udp6:[2001:db8::1]:2") == .udp(host: "2001:db8::1", port: 2, isIPv6: true))
        #expect(try ControlAddress(url: "udp6:::1:2") == .udp(host: "::1", port: 2, isIPv6: true))
        #expect(try ControlAddress(url: "unix:/run/a") == .unix(path: "/run/a"))
        #expect(try ControlAddress(url: "/run/a") == .unix(path: "/run/a"))
    }

    @Test(arguments: ["udp:a", "udp:a:0", "udp:a:65536", "udp::1", "tcp:a:1", "run/a", "unix:a", ""])
    func wrongAddresses(url: String) {
        #expect(throws: SocketList.Fault.self) { try ControlAddress(url: url) }
    }

    // MARK: Choosing

    /// Peers p0, p1 ... and a set that has them with these weights.
    private func makeSet(_ weights: [UInt32]) -> (PeerSets, [PeerRef]) {
        let list = PeerList()
        let peers = weights.indices.map { list.find("udp:p\($0):1", .udp(host: "p", port: 1, isIPv6: false))!.peer }
        return (PeerSets(zip(peers, weights).map { (4, $0, $1) }), peers)
    }

    @Test func callsAreSpreadByWeight() throws {
        let (sets, peers) = makeSet([1, 3, 0])
        let set = try #require(sets[4])
        #expect(sets[5] == nil)
        var found = [0, 0, 0]
        for hash: UInt32 in 0..<400 {
            let peer = try #require(set.choose(hash: hash, without: PeerMask()))
            found[peer.pointee.number] += 1
        }
        #expect(found == [100, 300, 0])
        // Without the second one all come to the first; the third is for when nobody else is there.
        var tried = PeerMask()
        tried.insert(1)
        for hash: UInt32 in 0..<10 { #expect(set.choose(hash: hash, without: tried) == peers[0]) }
        tried.insert(0)
        for hash: UInt32 in 0..<10 { #expect(set.choose(hash: hash, without: tried) == peers[2]) }
        // One that is disabled is as one that was tried.
        #expect(peers[2].turnDead(now: 0, pause: 1) && set.choose(hash: 0, without: tried) == nil)
        #expect(set.choose(hash: 0, without: PeerMask()) != nil)
    }

    @Test func theLastWeightCounts() throws {
        let list = PeerList()
        guard let (peer, _) = list.find("udp:a:1", .udp(host: "a", port: 1, isIPv6: false)),
            let again = list.find("udp:a:1", .udp(host: "a", port: 1, isIPv6: false))
        else { throw SocketList.Fault(text: "the list is full") }
        let count = list.count
        #expect(again.peer == peer && !again.isNew && count == 1)
        let sets = PeerSets([(0, peer, 1), (2, peer, 2), (0, peer, 5)])
        #expect(sets.count == 2 && sets[0]?.count == 1 && sets[0]?.members[0].weight == 5 && sets[2]?.count == 1)
    }

    @Test func hashesOfCalls() {
        #expect(CallHash.sum("ab") == 195 && CallHash.sum("\u{7f}\u{7f}\u{7f}") == 125)
        #expect(CallHash.crc32("123456789") == 0xcbf4_3926)
    }

    @Test func conditions() {
        let (_, peers) = makeSet([1])
        let peer = peers[0]
        #expect(peer.isEnabled && !peer.turnAlive())
        #expect(peer.turnDead(now: 1000, pause: 60_000) && !peer.turnDead(now: 1000, pause: 60_000))
        #expect(!peer.isEnabled && peer.pointee.recheckAt.load(ordering: .relaxed) == 61_000)
        #expect(peer.turnAlive() && !peer.turnAlive() && peer.isEnabled)
        peer.pointee.condition.store(Peer.Condition.disabled, ordering: .relaxed)
        // What an operator has said stays.
        #expect(!peer.turnAlive() && !peer.turnDead(now: 0, pause: 0) && peer.isDisabledByHand)
    }

    @Test func masks() {
        var mask = PeerMask()
        #expect(mask.isEmpty)
        for number in [0, 63, 64, 127, 200, 255] { mask.insert(number) }
        #expect((0..<256).filter { mask.contains($0) } == [0, 63, 64, 127, 200, 255] && !mask.isEmpty)
    }

    // MARK: What was counted

    private func totals(_ answer: String) -> String? {
        Array(answer.utf8).withUnsafeBytes { bytes in
            guard let totals = Bencode.read(bytes).flatMap({ Totals($0) }) else { return nil }
            return withUnsafeTemporaryAllocation(byteCount: Totals.room, alignment: 1) { memory in
                var writer = Writer(memory.baseAddress!, capacity: memory.count)
                totals.write(&writer)
                return writer.overflowed ? nil : writer.text.string
            }
        }
    }

    @Test func totalsOfBothAges() {
        #expect(
            totals("d6:totalsd3:RTPd7:packetsi3e5:bytesi516e6:errorsi1ee4:RTCPd7:packetsi2eeee")
                == "RTP: 516 bytes, 3 packets, 1 errors; RTCP: -1 bytes, 2 packets, -1 errors")
        #expect(
            totals("d6:totalsd5:inputd3:rtpd7:packetsi3e5:bytesi4e6:errorsi5eee6:outputd3:rtpd7:packetsi6eeeee")
                == "Input: 4 bytes, 3 packets, 5 errors; Output: -1 bytes, 6 packets, -1 errors")
        #expect(
            totals("d6:totalsd3:RTPd5:bytesi9223372036854775807e7:packetsi-9223372036854775808eeee")?.hasPrefix(
                "RTP: 9223")
                == true)
        #expect(totals("d6:totals1:xe") == nil && totals("d6:totalsdee") == nil && totals("de") == nil)
    }
}
