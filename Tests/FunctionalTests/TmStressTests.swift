import Glibc
import Testing

/// Thousands of forked transactions whose events cross: CANCELs at any moment, replies in any order, routes that wait.
@Suite(.serialized) struct TmStressTests {
    private func server(_ folder: borrowing TemporaryFolder, _ called: [DatagramSocket]) throws -> Server {
        try CModule.build("waits", into: folder.path)
        let path = folder.path
        return try Server(within: .seconds(60)) { port in
            """
            #!KAMAILIO
            children=4
            listen=udp:127.0.0.1:\(port)
            loadpath "\(path)"
            loadmodule "tm.so"
            loadmodule "sl.so"
            loadmodule "pv.so"
            loadmodule "xlog.so"
            loadmodule "waits.so"
            modparam("tm", "retr_timer1", 400)
            modparam("tm", "wt_timer", "2s")
            modparam("tm", "fr_timer", "60s")
            request_route {
                if ($rU == "stat") {
                    sl_send_reply("200", "$stat(tmx:inuse_transactions) $stat(tm:pieces_in_use)");
                    exit;
                }
                if ($rm == "ACK") {
                    if ($rU =~ "^[0-3]$") t_relay();
                    exit;
                }
                if ($rm == "CANCEL") {
                    if ($rU =~ "c") t_relay_cancel();
                    else if (t_check_trans()) { t_relay(); exit; }
                    sl_send_reply("481", "Unknown");
                    exit;
                }
                $avp(user) = $rU;
                t_on_reply("SEEN");
                if ($rU =~ "f") t_on_failure("AGAIN");
                if ($rU =~ "[23]") append_branch("sip:1@B");
                if ($rU =~ "3") append_branch("sip:2@C");
                $ru = "sip:0@A";
                t_relay();
                if ($avp(user) =~ "r") wait(7);
            }
            onreply_route[SEEN] {
                if ($avp(user) =~ "w") wait_thread(3);
            }
            failure_route[AGAIN] {
                if (t_check_status("6[0-9][0-9]")) exit;
                if ($avp(user) =~ "v") wait(9);
                $ru = "sip:3@D";
                t_relay();
            }

            """.replacing("@A\"", with: "@\(called[0].address)\"").replacing("@B\"", with: "@\(called[1].address)\"")
                .replacing("@C\"", with: "@\(called[2].address)\"").replacing("@D\"", with: "@\(called[3].address)\"")
        }
    }

    /// Waits until the server has no transaction any more, and tm no memory.
    private func waitForNothing(_ server: borrowing Server) throws -> String {
        var last = ""
        for attempt in 0..<600 {
            let client = try UDPClient()
            let request = SIPText.request(
                "OPTIONS", "sip:stat@\(server.address)", from: client.address, id: "stat\(attempt)")
            last = try client.exchange(request, with: server.port, within: .seconds(30)).reason
            if last == "0 0" { break }
            _ = client.datagram(within: .milliseconds(100))
        }
        return last
    }

    /// `APUS_STRESS_SEED` repeats a run, `APUS_STRESS_COUNT` makes it longer.
    private func setting(_ name: String, _ initial: Int) -> Int {
        getenv(name).flatMap { Int(String(cString: $0)) } ?? initial
    }

    @Test func everyTransactionEndsAsItsEventsAllow() throws {
        let seed = setting("APUS_STRESS_SEED", Int(UInt32.random(in: 0...UInt32.max)))
        let count = setting("APUS_STRESS_COUNT", 6000)
        let folder = try TemporaryFolder()
        let called = try (0..<4).map { _ in try DatagramSocket() }
        let server = try server(folder, called)
        let driver = try StressDriver(server: server.address, called: called, seed: UInt64(seed), count: count)
        let begun = driver.run(window: 150, limit: max(20_000, UInt64(count) * 3))
        print(driver.figures.text("stress: seed \(seed), \(begun) transactions"))
        #expect(begun > 200)
        #expect(driver.faultCount == 0, "seed \(seed): \(driver.faults.joined(separator: "\n"))")
        let races = driver.figures.races
        for kind in [
            "CANCEL", "CANCEL before the 100", "CANCEL crossed a 2xx", "2xx of a cancelled branch", "more than one 2xx",
            "second leg", "CANCEL crossed a branch's final reply", "provisional behind the final reply",
        ] {
            #expect(races[kind, default: 0] > 0, "seed \(seed): no \(kind)")
        }
        let left = try waitForNothing(server)
        #expect(left == "0 0", "transactions and pieces of memory that are left")
        let status = server.stop(within: .seconds(60))
        #expect(status == .exited(0))
    }
}
