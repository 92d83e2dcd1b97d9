import PluginAPI
import Testing

@testable import Locations

@Suite struct ChangeTests {
    private typealias Wish = Register.Wish

    @Test func contactsComeAndGo() {
        let register = Register()
        var made = register.change("a", [Wish(uri: "sip:1@h")])
        #expect(made.outcome.status == APUS_OK && made.outcome.inserted == 1)
        #expect(made.outcome.record?.pointee.count == 1)
        let ruid = register.contacts("a")[0].ruid.string
        #expect(ruid.hasPrefix("uloc-6553f100-"))
        made = register.change("a", [Wish(uri: "SIP:1@h", q: 500, cseq: 2), Wish(uri: "sip:2@h", q: 700, cseq: 2)])
        #expect(made.outcome.inserted == 1 && made.outcome.updated == 1)
        #expect(register.uris("a") == ["sip:2@h", "SIP:1@h"])
        #expect(register.contacts("a")[1].ruid.string == ruid, "a binding keeps its name")
        made = register.change("a", [Wish(kind: USRLOC_DROP, uri: "sip:1@h", cseq: 3)])
        #expect(made.outcome.deleted == 1 && register.uris("a") == ["sip:2@h"])
        register.change("a", [], flags: USRLOC_ALL, cseq: 4)
        #expect(register.uris("a").isEmpty && register.table.counts.users == 0)
        #expect(register.change("b", [Wish(kind: USRLOC_DROP, uri: "sip:1@h")]).outcome.status == APUS_OK)
        #expect(register.table.counts.users == 0)
    }

    @Test func allOrNothing() {
        let register = Register()
        register.change("a", [Wish(uri: "sip:1@h", cseq: 5)])
        let made = register.change(
            "a", [Wish(uri: "sip:2@h", callId: "other"), Wish(kind: USRLOC_DROP, uri: "sip:1@h", cseq: 4)])
        #expect(made.outcome.status == USRLOC_OUT_OF_ORDER && made.outcome.edit == 1 && made.outcome.inserted == 0)
        #expect(register.uris("a") == ["sip:1@h"])
        #expect(made.outcome.record?.pointee.count == 1)
    }

    @Test func orderOfOneCallID() {
        let register = Register()
        register.change("a", [Wish(uri: "sip:1@h", cseq: 5)])
        var made = register.change("a", [Wish(uri: "sip:1@h", q: 100, cseq: 5)])
        #expect(made.outcome.status == APUS_OK && made.outcome.repeated == 1 && made.outcome.updated == 0)
        #expect(register.contacts("a")[0].q == APUS_NO_Q)
        register.now += 20
        made = register.change("a", [Wish(uri: "sip:1@h", cseq: 5)])
        #expect(made.outcome.status == USRLOC_OUT_OF_ORDER)
        #expect(register.change("a", [], flags: USRLOC_ALL, cseq: 3).outcome.status == USRLOC_OUT_OF_ORDER)
        made = register.change("a", [Wish(uri: "sip:1@h", callId: "new", cseq: 1)])
        #expect(made.outcome.updated == 1)
        made = register.change("a", [Wish(uri: "sip:1@h", callId: "new", cseq: 0)], flags: USRLOC_UNORDERED)
        #expect(made.outcome.updated == 1)
    }

    @Test func numbersOfContacts() {
        let register = Register()
        let two = [Wish(uri: "sip:1@h"), Wish(uri: "sip:2@h")]
        #expect(register.change("a", two, most: 2).outcome.inserted == 2)
        #expect(register.change("a", [Wish(uri: "sip:3@h")], most: 2).outcome.status == USRLOC_TOO_MANY)
        #expect(register.change("a", [Wish(uri: "sip:1@h", cseq: 2)], most: 1).outcome.updated == 1)
        let swapped = register.change(
            "a", [Wish(kind: USRLOC_DROP, uri: "sip:1@h", cseq: 3), Wish(uri: "sip:3@h")], most: 2)
        #expect(swapped.outcome.inserted == 1 && swapped.outcome.deleted == 1)
        let only = register.change("a", [Wish(uri: "sip:4@h")], flags: USRLOC_ONLY_THESE, most: 1)
        #expect(only.outcome.deleted == 2 && register.uris("a") == ["sip:4@h"])
        for number in 0..<600 { register.change("b", [Wish(uri: "sip:\(number)@h", callId: "\(number)")]) }
        #expect(register.uris("b").count == 512)
    }

    @Test func onceMoreInOneChange() {
        let register = Register()
        let made = register.change("a", [Wish(uri: "sip:1@h", q: 1), Wish(uri: "sip:1@H", q: 2)])
        #expect(made.outcome.inserted == 1 && register.contacts("a").map(\.q) == [2])
        let undone = register.change(
            "a", [Wish(uri: "sip:2@h", cseq: 2), Wish(kind: USRLOC_DROP, uri: "sip:2@h", cseq: 2)])
        #expect(undone.outcome.status == APUS_OK && undone.outcome.inserted == 0)
        #expect(register.uris("a") == ["sip:1@H"])
    }

    @Test(arguments: [(0, 1), (1, 2), (2, 2), (3, 1)])
    func matching(mode: Int, count: Int) {
        let register = Register(matching: mode)
        register.change("a", [Wish(uri: "sip:1@h", callId: "one", path: "<sip:p>")])
        switch mode {
        case 1: register.change("a", [Wish(uri: "sip:1@h", callId: "two", path: "<sip:p>")])
        case 2: register.change("a", [Wish(uri: "sip:1@h", callId: "one", cseq: 2, path: "<sip:q>")])
        case 3: register.change("a", [Wish(uri: "sip:2@h", callId: "one", cseq: 2)])
        default: register.change("a", [Wish(uri: "sip:1@h", callId: "two", path: "<sip:q>")])
        }
        #expect(register.uris("a").count == count)
    }

    @Test func instances() {
        let register = Register()
        register.change("a", [Wish(uri: "sip:1@h", instance: "<urn:1>", regId: 1)])
        register.change("a", [Wish(uri: "sip:2@h", cseq: 2, instance: "<urn:1>", regId: 1)])
        #expect(register.uris("a") == ["sip:2@h"])
        register.change("a", [Wish(uri: "sip:3@h", cseq: 2, instance: "<urn:1>", regId: 2)])
        #expect(register.uris("a") == ["sip:3@h", "sip:2@h"])
        let ruid = register.contacts("a")[1].ruid.string
        register.change("a", [Wish(kind: USRLOC_DROP, uri: "", callId: "", ruid: ruid)], flags: USRLOC_UNORDERED)
        #expect(register.uris("a") == ["sip:3@h"])
    }

    @Test func textsThatAreTooLong() {
        let register = Register()
        let long = String(repeating: "x", count: 1025)
        let made = register.change("a", [Wish(uri: "sip:1@h"), Wish(uri: "sip:2@h", path: long)])
        #expect(made.outcome.status == USRLOC_TOO_LONG && made.outcome.edit == 1)
        #expect(
            register.change(String(repeating: "x", count: 257), [Wish(uri: "sip:1@h")]).outcome.status
                == USRLOC_TOO_LONG)
        #expect(register.change("", [Wish(uri: "sip:1@h")]).outcome.status == USRLOC_TOO_LONG)
        #expect(register.change("a", [Wish(uri: "")]).outcome.status == USRLOC_TOO_LONG)
        let longest = String(repeating: "x", count: 1024)
        #expect(register.change("a", [Wish(uri: longest, path: longest)]).outcome.inserted == 1)
        #expect(register.contacts("a")[0].path.string == longest)
    }

    @Test func events() {
        let register = Register()
        let all = USRLOC_INSERTED | USRLOC_UPDATED | USRLOC_DELETED
        register.change("a", [Wish(uri: "sip:1@h"), Wish(uri: "sip:2@h")])
        let made = register.change(
            "a",
            [Wish(uri: "sip:1@h", cseq: 2), Wish(kind: USRLOC_DROP, uri: "sip:2@h", cseq: 2), Wish(uri: "sip:3@h")],
            events: all)
        let events = UnsafeBufferPointer(start: made.events, count: made.eventCount)
        #expect(events.map { Int($0.kind) } == [USRLOC_UPDATED, USRLOC_DELETED, USRLOC_INSERTED])
        #expect(events.map { $0.contact.uri.string } == ["sip:1@h", "sip:2@h", "sip:3@h"])
    }

    @Test func newestFirst() {
        let register = Register()
        register.settings.pointee.ordersByTime = true
        register.change("a", [Wish(uri: "sip:1@h", q: 900)])
        register.change("a", [Wish(uri: "sip:2@h", q: 100)])
        register.change("a", [Wish(uri: "sip:1@h", q: 900, cseq: 2)])
        #expect(register.uris("a") == ["sip:1@h", "sip:2@h"])
    }
}
