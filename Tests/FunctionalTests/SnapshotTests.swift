import Testing

/// What all workers read and a command replaces (apus/shared.h).
@Suite struct SnapshotTests {
    /// Nobody sees an old one freed, and each is.
    @Test func oldOnesGoWhenNobodyReadsThem() throws {
        let server = try Reloadable(
            #"request_route { if (look()) sl_send_reply("200", "whole"); else sl_send_reply("500", "changed"); }"#,
            tests: ["shares"])
        let (count, atOnce) = (300, 4)
        var answers: [String: Int] = [:]
        for number in 0..<count {
            for index in 0..<atOnce {
                try server.client.send(server.request(id: "s\(number)-\(index)"), to: server.server.port)
            }
            #expect(try server.door.call("shares.replace").code == 200)
            for _ in 0..<atOnce {
                answers[try server.client.receive(within: .seconds(20)).message.reason, default: 0] += 1
            }
        }
        #expect(answers == ["whole": count * atOnce])
        var counted = ""
        #expect(
            try until {
                counted = try server.door.call("shares.count").json
                return counted == "[\(count),\(count)]"
            }, "\(counted)")
        #expect(server.server.status == nil)
    }
}
