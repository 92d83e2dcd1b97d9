import Testing

/// Other programs as phones, and the contacts of tables in other servers' form.
@Suite struct RegistrarPeersTests {
    /// sipsak registers, and finds itself registered.
    @Test func sipsakRegisters() throws {
        var probe = try RegistrarProbe()
        let result = try run(
            "sipsak",
            [
                "-U", "-C", "sip:alice@127.0.0.1:4321", "-x", "120", "-v", "-s",
                "sip:alice@127.0.0.1:\(probe.probe.server.port)",
            ]
        )
        #expect(result.succeeded, "\(result.output)\(result.errors)")
        let told = try probe.told()
        #expect(told == "1 sip:alice@127.0.0.1:4321 <null> 0 <null>")
    }

    /// Many phones at once, each of which finds itself again.
    @Test func manyPhones() throws {
        var probe = try RegistrarProbe()
        for number in 0..<300 {
            let reply = try probe.register(
                ["<sip:p\(number)@192.0.2.1>"], call: "many\(number)", to: "sip:user\(number)@127.0.0.1")
            #expect(RegistrarProbe.contacts(reply) == ["<sip:p\(number)@192.0.2.1>"])
        }
        for number in stride(from: 0, to: 300, by: 7) {
            let told = try probe.told("user\(number)")
            #expect(told == "1 sip:p\(number)@192.0.2.1 <null> 0 <null>")
        }
    }

    /// A contact that expires is gone, and its event route knows it.
    @Test func expiry() throws {
        var probe = try RegistrarProbe(
            [#""min_expires", 1"#], usrloc: [#""timer_interval", 1"#], modules: ["xlog"],
            globals: """
                event_route[usrloc:contact-expired] {
                    xlog("L_NOTICE", "over: $ulc(exp=>aor) $ulc(exp=>addr) $ulc(exp=>domain) $ulc(exp=>count)\\n");
                }

                """)
        _ = try probe.register(["<sip:a@192.0.2.1>;expires=1"])
        try probe.probe.server.waitForLog("over: alice sip:a@192.0.2.1 location 1", within: .seconds(20))
        let told = try probe.told()
        #expect(told.hasPrefix("-1 "))
    }
}
