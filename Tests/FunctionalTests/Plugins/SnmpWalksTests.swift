import Testing

/// Managers who ask for everything, beside traffic.
@Suite struct SnmpWalksTests {
    /// Walks of both families, one after the other, cost no request its answer.
    @Test func nothingIsLostBesideWalks() throws {
        let desk = try SnmpDesk(modules: ["sl", "tm", "tmx", "siputils", "usrloc", "registrar"])
        let load = try Child(
            Products.path("sipload"),
            [
                "options-reply", "--to", "127.0.0.1:\(desk.server.port)", "--rate", "300", "--seconds", "6",
                "--warm-up", "0",
            ])
        var walks = 0
        repeat {
            for root in [SnmpDesk.kamailio, SnmpDesk.openser] {
                let result = try desk.master.ask("snmpbulkwalk", [root])
                #expect(result.succeeded && result.output.count(of: "\n") > 150, "\(result.errors)")
                walks += 1
            }
        } while load.status == nil
        let figures = load.output
        #expect(walks >= 4, "\(walks)")
        #expect(figures.contains(" lost=0 ") && figures.contains(" wrong=0 "), "\(figures)")
        #expect(!figures.contains("transactions=0 "), "\(figures)")
        // Each was counted, too.
        let received = try desk.number("3.1.1.1.3.1.0")
        let answered = try desk.number("3.1.1.1.3.4.0")
        #expect(received >= 1000 && received == answered, "\(received), \(answered)")
    }
}
