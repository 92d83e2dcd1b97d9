import PluginKit
import RoutingKit
import Testing

@testable import Registration

@Suite struct ContactListTests {
    private func text(_ contacts: [ListedContact], receivedName: apus_str = "received") -> String {
        let capacity = contacts.reduce(16) { $0 + $1.capacity(receivedName: receivedName) }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: capacity) { memory in
            var list = ContactList(
                Writer(memory.baseAddress!, capacity: memory.count), receivedName: receivedName)
            for contact in contacts { list.add(contact) }
            let text = list.finish().string
            #expect(!list.writer.overflowed)
            return text
        }
    }

    @Test func plain() {
        var first = ListedContact()
        (first.uri, first.q, first.expires) = ("sip:a@1.2.3.4", 500, 60)
        var second = ListedContact()
        (second.uri, second.expires, second.received) = ("sip:b@1.2.3.4", 3600, "sip:5.6.7.8:9;transport=tcp")
        #expect(text([]) == "")
        #expect(
            text([first, second])
                == "Contact: <sip:a@1.2.3.4>;q=0.5;expires=60, "
                + "<sip:b@1.2.3.4>;expires=3600;received=\"sip:5.6.7.8:9;transport=tcp\"\r\n")
        #expect(text([second], receivedName: "") == "Contact: <sip:b@1.2.3.4>;expires=3600\r\n")
    }

    @Test func instances() {
        var contact = ListedContact()
        (contact.uri, contact.expires, contact.instance, contact.regID) = ("sip:a@1.2.3.4", 60, "urn:uuid:1", 2)
        #expect(
            text([contact])
                == "Contact: <sip:a@1.2.3.4>;expires=60;+sip.instance=\"<urn:uuid:1>\";reg-id=2\r\n")
        (contact.publicAddress, contact.ruid, contact.hash, contact.temporaryHost) = ("sip:a@x", "uloc-1", 0xab, "x")
        #expect(
            text([contact])
                == "Contact: <sip:a@1.2.3.4>;expires=60;pub-gruu=\"sip:a@x;gr=urn:uuid:1\""
                + ";temp-gruu=\"sip:uloc-1~00000000000000ab@x;gr\";+sip.instance=\"<urn:uuid:1>\";reg-id=2\r\n")
    }

    @Test func temporaryNames() {
        #expect(TemporaryName("uloc-1-a~00000000000000ab") == TemporaryName(ruid: "uloc-1-a", hash: 0xab))
        let wrong: [apus_str] = ["", "alice", "~00000000000000ab", "x~0000000000000ab", "x~00000000000000aX"]
        for text in wrong { #expect(TemporaryName(text) == nil, "\(text.string)") }
    }

    @Test func methods() {
        #expect(MethodMask("INVITE, ACK,BYE").bits == 1 | 4 | 8)
        #expect(MethodMask("").bits == 0)
        let some = MethodMask("INVITE,FOO")
        #expect(some.contains("INVITE") && some.contains("BAR") && !some.contains("OPTIONS"))
        #expect(MethodMask.all.contains("MESSAGE"))
        let known: [apus_str] = [
            "INVITE", "CANCEL", "ACK", "BYE", "INFO", "REGISTER", "SUBSCRIBE", "NOTIFY", "MESSAGE", "OPTIONS", "PRACK",
            "UPDATE", "REFER", "PUBLISH", "KDMQ",
        ]
        for (place, method) in known.enumerated() { #expect(MethodMask(method).bits == 1 << UInt32(place)) }
    }

    @Test func qValues() {
        let right: [(apus_str, Int32)] = [
            ("0", 0), ("1", 1000), ("0.5", 500), ("1.000", 1000), ("0.333", 333), ("0.", 0),
        ]
        for (text, value) in right { #expect(text.qValue == value, "\(text.string)") }
        let wrong: [apus_str] = ["", "2", "1.001", ".5", "0.1234", "0,5", "-1", "0.x"]
        for text in wrong { #expect(text.qValue == nil, "\(text.string)") }
    }

    @Test func faults() {
        #expect(RegistrationFault.tooManyContacts.code == 503)
        #expect(RegistrationFault.tooBrief.reason.equals("Interval Too Brief"))
        #expect(RegistrationFault.contact.reason.equals("Bad Request"))
    }
}
