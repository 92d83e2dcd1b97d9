import PluginAPI
import Testing

@testable import Locations

/// Contacts that came over connections.
@Suite struct ConnectionTests {
    private typealias Wish = Register.Wish

    @Test func theyGoWithTheirConnection() {
        let register = Register(followsConnections: true)
        for user in 0..<100 { register.change("u\(user)", [Wish(uri: "sip:\(user)@h", connection: 7)]) }
        register.change("u1", [Wish(uri: "sip:other@h", connection: 9), Wish(uri: "sip:udp@h")])
        // Another connection took this one over.
        register.change("u2", [Wish(uri: "sip:2@h", cseq: 2, connection: 9)])
        // And this one is there no more.
        register.change("u3", [Wish(kind: USRLOC_DROP, uri: "sip:3@h", cseq: 2)])
        #expect(register.table.lose(7, limit: 60, now: register.now), "there are more")
        #expect(!register.table.lose(7, limit: 60, now: register.now))
        #expect(register.uris("u0").isEmpty && Set(register.uris("u1")) == ["sip:other@h", "sip:udp@h"])
        #expect(register.uris("u2") == ["sip:2@h"])
        register.now += 1
        #expect(register.expire().count == 98)
        #expect(!register.table.lose(7, limit: 60, now: register.now))
        #expect(register.table.lose(9, limit: 1, now: register.now))
        #expect(!register.table.lose(9, limit: 10, now: register.now))
        register.now += 1
        #expect(register.expire().count == 2 && register.table.counts.contacts == 1)
    }

    /// It has ended while the REGISTER was worked on: nobody will tell of it.
    @Test func tooLate() {
        let register = Register(followsConnections: true)
        register.change("a", [Wish(uri: "sip:1@h", connection: 8), Wish(uri: "sip:2@h", connection: 7)])
        #expect(register.uris("a") == ["sip:2@h"])
        register.now += 1
        #expect(register.expire() == ["sip:1@h"])
    }

    @Test func nobodyFollows() {
        let register = Register()
        register.change("a", [Wish(uri: "sip:1@h", connection: 8)])
        #expect(!register.table.lose(8, limit: 10, now: register.now) && register.uris("a") == ["sip:1@h"])
    }

    @Test func deadOnes() {
        let register = Register()
        register.change("a", [Wish(uri: "sip:1@h", ruid: "r1"), Wish(uri: "sip:2@h", expires: 0, ruid: "r2")])
        let hash = register.table.hash(Register.text("a"))
        #expect(register.table.expire(hash, "r2", now: register.now))
        #expect(!register.table.expire(hash, "r2", now: register.now), "it is over already")
        #expect(!register.table.expire(hash, "none", now: register.now))
        #expect(register.uris("a") == ["sip:1@h"])
        register.now += 1
        #expect(register.expire() == ["sip:2@h"])
    }

    /// Two threads register over connections that end meanwhile.
    @Test func manyAtOnce() async {
        let register = Register(followsConnections: true)
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<2 {
                group.addTask {
                    for number in 0..<2000 {
                        let connection = UInt64(number % 50 * 2 + 1)
                        let arena = CopyArena()
                        let wish = Wish(uri: "sip:\(number)@h", connection: connection)
                        register.withChange("u\(thread)-\(number)", [wish]) {
                            _ = register.table.make(
                                $0, now: register.now, ruids: register.ruids.pointee, events: 0,
                                table: OpaquePointer(bitPattern: 1).unsafelyUnwrapped, arena.allocate)
                        }
                        if number % 7 == 0 { while register.table.lose(connection, limit: 3, now: register.now) {} }
                    }
                }
            }
        }
        for connection in 0..<200 { while register.table.lose(UInt64(connection), limit: 100, now: register.now) {} }
        register.now += 1
        #expect(register.expire().count == 4000 && register.table.counts.contacts == 0)
    }

    @Test func aWalkGoesAsFarAsItIsTold() {
        let register = Register(exponent: 12)
        for user in 0..<4000 { register.change("u\(user)", [Wish(uri: "sip:\(user)@h")]) }
        let half = register.walk(limit: 7, until: 1 << 31).count
        #expect(1700...2300 ~= half, "about a half, not \(half)")
        #expect(register.walk(limit: 7).count == 4000)
        var all: [String] = []
        for part in 0..<UInt32(3) { all += register.walk(limit: 7, parts: (part, 3)) }
        #expect(all.count == 4000 && Set(all).count == 4000)
        #expect(register.walk(parts: (64, 65)).isEmpty)
    }
}
