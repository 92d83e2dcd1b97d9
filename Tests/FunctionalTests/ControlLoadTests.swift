import Testing

/// Everybody at once: clients of every kind ask while SIP goes on, and each gets his own answer.
@Suite struct ControlLoadTests {
    private func server(_ folder: borrowing TemporaryFolder, json: UInt16) throws -> Server {
        let path = folder.path
        return try Server { port in
            """
            children=2
            listen=udp:127.0.0.1:\(port)
            fifo="\(path)/fifo"
            fifo_dir="\(path)/"
            loadmodule "ctl.so"
            loadmodule "jsonrpcs.so"
            loadmodule "sl.so"
            modparam("ctl", "binrpc", "unixs:\(path)/ctl")
            modparam("jsonrpcs", "transport", 8)
            modparam("jsonrpcs", "tcp_socket", "127.0.0.1:\(json)")
            request_route { sl_send_reply("200", "OK"); exit; }

            """
        }
    }

    /// `core.echo` with one text.
    private func echo(_ text: String, cookie: UInt8) -> [UInt8] {
        let text = Array(text.utf8)
        let body = [0x91, 10] + Array("core.echo".utf8) + [0] + [0x91, UInt8(text.count + 1)] + text + [0]
        return [0xA1, 0x00, UInt8(body.count), cookie] + body
    }

    @Test func aHundredClientsAtOnceBesideTraffic() throws {
        let folder = try TemporaryFolder()
        let jsonPort = try Ports.free()
        let server = try server(folder, json: jsonPort)
        let path = folder.path
        let load = try Child(
            Products.path("sipload"),
            ["options-reply", "--to", server.address.description, "--rate", "500", "--seconds", "4", "--warm-up", "0"])
        let binary = try (0..<40).map { _ in try StreamClient(path: path + "/ctl") }
        let json = try (0..<30).map { _ in try StreamClient(port: jsonPort) }
        let writers = try (0..<20).map { try FIFOClient(path + "/fifo", replies: path, name: "reply\($0)") }
        var rounds = 0
        repeat {
            for (number, client) in binary.enumerated() {
                try client.send(echo("b\(number).\(rounds);", cookie: UInt8(truncatingIfNeeded: rounds)))
            }
            for (number, client) in json.enumerated() {
                let request =
                    #"{"jsonrpc":"2.0","method":"core.echo","params":["j\#(number).\#(rounds)"],"id":\#(number)}"#
                try client.send(request)
            }
            for (number, client) in writers.enumerated() { try client.send("print", ["f\(number).\(rounds)"]) }
            try expectEchoes(path + "/ctl")

            for (number, client) in binary.enumerated() {
                _ = try client.receive(until: "b\(number).\(rounds);\0")
            }
            for (number, client) in json.enumerated() {
                let answer = try client.receive(until: "\n").filter { !$0.isWhitespace }
                #expect(answer == #"{"jsonrpc":"2.0","result":"j\#(number).\#(rounds)","id":\#(number)}"#)
            }
            for (number, client) in writers.enumerated() {
                let answer = try client.receive()
                #expect(answer == "200 ok\nf\(number).\(rounds)\n")
            }
            rounds += 1
        } while load.status == nil
        let figures = load.output
        #expect(figures.contains(" wrong=0 ") && !figures.contains("transactions=0 "), "\(figures)")
        #expect(server.status == nil)
    }

    /// Ten kamcmd at once.
    private func expectEchoes(_ socket: String) throws {
        let script = "for n in 0 1 2 3 4 5 6 7 8 9; do kamcmd -s unixs:\(socket) core.echo k$n & done; wait"
        let result = try run("sh", ["-c", script])
        let lines = result.output.split(separator: "\n").sorted()
        #expect(lines == (0..<10).map { "k\($0)" }, "\(result.errors)")
    }
}
