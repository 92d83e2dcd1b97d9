import BinRPC
import Testing

@testable import apusctl

@Suite struct DispatcherTests {
    @Test(arguments: [
        ("sip:192.0.2.1", "192.0.2.1"), ("sips:alice@gw.test:5061;transport=tls", "gw.test"),
        ("sip:[2001:db8::1]:5060", "2001:db8::1"), ("sip:gw.test?a=b", "gw.test"), ("gw", "gw"),
    ]) func hosts(uri: String, host: String) {
        #expect(Dispatcher.host(of: uri) == host)
    }

    private func map(_ members: [(String, RPCValue)]) -> RPCValue {
        .map(members.map { .init(name: Array($0.0.utf8), value: $0.1) })
    }

    /// Arrays come as such, or as members of one name.
    @Test func destinationsOfSets() {
        let one = map([
            ("URI", .text("sip:a")), ("FLAGS", .text("AP")), ("PRIORITY", .int(7)),
            ("ATTRS", map([("BODY", .text("duid=a"))])), ("RUNTIME", map([("DLGLOAD", .int(3))])),
        ])
        let two = map([("URI", .text("sip:b")), ("FLAGS", .text("IX")), ("PRIORITY", .int(0))])
        let targets = map([("DEST", one), ("DEST", two)])
        let answer = map([
            ("NRSETS", .int(1)),
            ("RECORDS", .array([map([("SET", map([("ID", .int(4)), ("TARGETS", targets)]))])])),
        ])
        #expect(
            Dispatcher.destinations([answer]) == [
                .init(set: "4", uri: "sip:a", state: "AP", priority: "7", calls: "3", attributes: "duid=a"),
                .init(set: "4", uri: "sip:b", state: "IX", priority: "0", calls: "", attributes: ""),
            ])
    }
}
