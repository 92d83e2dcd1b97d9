import PluginAPI
import Testing

@testable import Locations

@Suite struct ExpiryTests {
    private typealias Wish = Register.Wish

    @Test func aSecondTooLate() {
        let register = Register()
        register.change("a", [Wish(uri: "sip:1@h", expires: 10), Wish(uri: "sip:2@h", expires: 0)])
        register.now += 9
        #expect(register.expire().isEmpty && register.uris("a").count == 2)
        register.now += 1
        #expect(register.uris("a") == ["sip:2@h"], "it is not shown, though it is there still")
        #expect(register.uris("a", flags: USRLOC_EXPIRED_TOO).count == 2)
        #expect(register.expire() == ["sip:1@h"])
        #expect(register.expire().isEmpty)
        #expect(register.table.counts.contacts == 1 && register.table.counts.expired == 1)
    }

    @Test(arguments: [1, 255, 256, 257, 511, 512, 3600, 65279, 65280, 65536, 70000, 131_072, 400_000])
    func everyDistance(seconds: Int64) {
        let register = Register()
        register.now += 77
        #expect(register.expire().isEmpty)
        register.change("a", [Wish(uri: "sip:1@h", expires: seconds)])
        // In steps, as a timer does, and at last second by second.
        let end = register.now + seconds
        while register.now < end - 1 {
            register.now = min(end - 1, register.now + 97)
            #expect(register.expire().isEmpty)
        }
        register.now = end
        #expect(register.expire() == ["sip:1@h"])
    }

    @Test func refreshed() {
        let register = Register()
        for round in 1...50 {
            register.change("a", [Wish(uri: "sip:1@h", expires: 300, cseq: UInt32(round))])
            register.now += 200
            #expect(register.expire().isEmpty)
        }
        register.now += 100
        #expect(register.expire() == ["sip:1@h"] && register.table.counts.users == 0)
    }

    @Test func keptForAWhile() {
        let register = Register()
        register.settings.pointee.keepsExpired = 30
        register.change("a", [Wish(uri: "sip:1@h", expires: 10)])
        register.now += 39
        #expect(register.expire().isEmpty && register.uris("a").isEmpty)
        register.change("a", [Wish(uri: "sip:1@h", expires: 100)])
        #expect(register.contacts("a", flags: USRLOC_EXPIRED_TOO).count == 2, "what is over is another binding")
        register.now += 1
        #expect(register.expire() == ["sip:1@h"] && register.uris("a").count == 1)
    }

    @Test func aClockThatIsSet() {
        let register = Register()
        register.change("a", [Wish(uri: "sip:1@h", expires: 10), Wish(uri: "sip:2@h", expires: 400_000_000)])
        register.now += 300_000_000
        #expect(register.expire() == ["sip:1@h"])
        register.now += 99_999_999
        #expect(register.expire().isEmpty)
        register.now += 1
        #expect(register.expire() == ["sip:2@h"])
    }

    /// Whoever set it too late finds contacts that go in time nevertheless.
    @Test func aClockThatIsSetBack() {
        let register = Register()
        #expect(register.expire().isEmpty)
        register.now -= 50_000
        register.change("a", [Wish(uri: "sip:1@h", expires: 10), Wish(uri: "sip:2@h", expires: 400)])
        register.now += 9
        #expect(register.expire().isEmpty)
        register.now += 1
        #expect(register.expire() == ["sip:1@h"])
        register.now += 390
        #expect(register.expire() == ["sip:2@h"] && register.table.counts.users == 0)
    }

    @Test func aFewAtATime() {
        let register = Register()
        for number in 0..<500 { register.change("\(number)", [Wish(uri: "sip:\(number)@h", expires: 5)]) }
        register.now += 5
        #expect(Set(register.expire(limit: 2)).count == 500)
        #expect(register.table.counts.contacts == 0)
    }
}
