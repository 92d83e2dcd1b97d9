import Testing

@testable import Core

@Suite struct RequestURIVariableTests {
    static func invite(_ uri: String) -> String {
        Sample.invite.replacing("INVITE sip:bob@example.net SIP/2.0", with: "INVITE \(uri) SIP/2.0")
    }

    @Test func partsOfARequest() throws {
        let bench = try ScriptBench(Self.invite("sip:bob@example.net:5070;transport=tcp"))
        #expect(bench["$ru"] == "sip:bob@example.net:5070;transport=tcp")
        #expect(bench["$ruri"] == bench["$ru"])
        #expect(bench["$rU"] == "bob" && bench["$(ruri.user)"] == "bob")
        #expect(bench["$rd"] == "example.net" && bench["$(ruri.domain)"] == "example.net")
        #expect(bench["$rp"] == "5070" && bench["$rP"] == "tcp" && bench["$rz"] == "sip")
        #expect(bench.number("$rul") == 38 && bench.number("$rUl") == 3)
        let port = try bench.value("$rp")
        #expect(port.hasInt && port.hasText && port.num == 5070)
        #expect(try bench.value("$rP").num == 2)
    }
}
