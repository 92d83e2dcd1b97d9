import PluginKit
import Testing

@testable import Registration

@Suite struct AddressOfRecordTests {
    private func key(
        _ user: String, _ host: String = "Example.COM", scheme: UInt32 = 1,
        _ change: (inout AddressOfRecordRules) -> Void = { _ in }
    ) -> (String, RegistrationFault?) {
        var rules = AddressOfRecordRules()
        change(&rules)
        return withText(user) { user in
            withText(host) { host in
                var uri = apus_uri()
                (uri.scheme, uri.user, uri.host) = (scheme, user, host)
                return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 300) { memory in
                    var writer = Writer(memory.baseAddress!, capacity: memory.count)
                    let fault = rules.write(uri, to: &writer)
                    return (fault == nil ? writer.text.string : "", fault)
                }
            }
        }
    }

    @Test func users() {
        #expect(key("Alice") == ("alice", nil))
        #expect(key("Alice") { $0.isCaseSensitive = true } == ("Alice", nil))
        #expect(key("%41lice%2Fx") == ("alice/x", nil))
        #expect(key("+49-30") == ("+49-30", nil))
        #expect(key("") == ("", .noUser))
        #expect(key("alice", scheme: 3) == ("", .addressOfRecord))
        for broken in ["a%", "a%4", "a%zz", "a%00", "a%0d%0a", "%7f"] {
            #expect(key(broken) == ("", .unescaping), "\(broken)")
        }
    }

    @Test func domains() {
        #expect(key("Alice") { $0.hasDomain = true } == ("alice@example.com", nil))
        #expect(key("Alice") { ($0.hasDomain, $0.isCaseSensitive) = (true, true) } == ("Alice@example.com", nil))
        #expect(key("") { $0.hasDomain = true } == ("example.com", nil))
        #expect(
            key("a", "SIP.example.com") { ($0.hasDomain, $0.realmPrefix) = (true, "sip.") } == ("a@example.com", nil))
        #expect(key("a", "sip.") { ($0.hasDomain, $0.realmPrefix) = (true, "sip.") } == ("a@sip.", nil))
    }

    @Test func lengths() {
        let longest = String(repeating: "x", count: AddressOfRecordRules.longest)
        #expect(key(longest) == (longest, nil))
        #expect(key(longest + "x") == ("", .addressTooLong))
        #expect(key(String(repeating: "x", count: 400)) == ("", .addressTooLong))
    }
}
