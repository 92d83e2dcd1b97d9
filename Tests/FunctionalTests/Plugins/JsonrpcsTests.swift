import Glibc
import Testing

/// JSON-RPC over FIFO, datagrams and TCP, and from scripts.
@Suite struct JsonrpcsTests {
    private func server(
        _ folder: borrowing TemporaryFolder, tcp port: UInt16, more: String = "", script: String = "exit;"
    ) throws -> Server {
        try CModule.build("doors", into: folder.path)
        let path = folder.path
        return try Server { sip in
            """
            children=2
            listen=udp:127.0.0.1:\(sip)
            loadmodule "pv.so"
            loadmodule "sl.so"
            loadmodule "xlog.so"
            loadmodule "jsonrpcs.so"
            loadmodule "\(path)/doors.so"
            modparam("jsonrpcs", "transport", 0)
            modparam("jsonrpcs", "pretty_format", 0)
            modparam("jsonrpcs", "fifo_name", "\(path)/rpc.fifo")
            modparam("jsonrpcs", "fifo_reply_dir", "\(path)")
            modparam("jsonrpcs", "dgram_socket", "\(path)/rpc.sock")
            modparam("jsonrpcs", "tcp_socket", "127.0.0.1:\(port)")
            \(more)
            request_route { \(script) }

            """
        }
    }

    private static func request(_ method: String, _ params: String? = nil, id: String? = "1") -> String {
        let given = params.map { ",\"params\":\($0)" } ?? ""
        return "{\"jsonrpc\":\"2.0\",\"method\":\"\(method)\"\(given)\(id.map { ",\"id\":\($0)" } ?? "")}"
    }

    /// Sends a text by TCP and answers the line that comes.
    private func ask(_ port: UInt16, _ text: String) throws -> String {
        let client = try StreamClient(port: port)
        try client.send(text)
        return String(try client.receive(until: "\n").dropLast())
    }

    private func result(_ value: String, id: String = "1") -> String {
        "{\"jsonrpc\":\"2.0\",\"result\":\(value),\"id\":\(id)}"
    }

    private func fault(_ code: Int, _ text: String, id: String = "1") -> String {
        "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":\(code),\"message\":\"\(text)\"},\"id\":\(id)}"
    }

    private func expect(
        _ port: UInt16, _ text: String, _ answer: String, location: SourceLocation = #_sourceLocation
    ) throws {
        let got = try ask(port, text)
        #expect(got == answer, "\(text)", sourceLocation: location)
    }

    @Test func resultsAndFaults() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let server = try server(folder, tcp: port)
        let request = JsonrpcsTests.request
        try expect(
            port, request("jsonrpc.echo", "[1,\"a\",2.5,[1,{\"b\":2}]]", "1"), result("[1,\"a\",2.5,[1,{\"b\":2}]]"))
        try expect(port, request("jsonrpc.echo", "{\"z\":1,\"a\":2}", "\"x\""), result("[1,2]", id: "\"x\""))
        try expect(port, request("jsonrpc.echo", "[true]", "null"), result("1", id: "null"))
        try expect(port, request("jsonrpc.echo", nil, "1"), result("null"))
        try expect(port, request("d.number", "[\"5\"]", "1"), result("5"))
        try expect(
            port, request("d.numbers", nil, "1"),
            result("{\"small\":-7,\"large\":5000000000,\"ratio\":2.5,\"list\":[{\"index\":0},{\"index\":1},\"x\"]}"))
        try expect(port, request("no.such", nil, "1"), fault(-32601, "there is no command no.such"))
        try expect(
            port, request("d.number", nil, "1"), fault(-32602, "too few parameters (0/1); usage: d.number number:int"))
        try expect(
            port, request("d.flat", "[[1]]", "1"),
            fault(-32602, "parameter value must be a single value; usage: d.flat value:value"))
        try expect(port, request("system.methodHelp", "[\"x\"]", "1"), fault(404, "there is no command x"))
        try expect(port, "[]", fault(-32600, "the batch is empty", id: "null"))
        try expect(port, "[1]", "[" + fault(-32600, "a request is an object", id: "null") + "]")
        try expect(port, "{\"method\":\"x\",\"id\":4}", fault(-32600, "jsonrpc must be \\\"2.0\\\"", id: "4"))
        try expect(port, "{\"jsonrpc\":\"2.0\",\"id\":4}", fault(-32600, "method must be a text", id: "4"))
        try expect(
            port, request("x", "5", "1"), fault(-32602, "params must be an array or an object"))
        try expect(port, request("x", nil, "[]"), fault(-32600, "id must be a text, a number or null", id: "null"))
        try expect(port, "{\"a\":}", fault(-32700, "a digit is expected, at byte 5", id: "null"))
        #expect(server.status == nil)
    }

    @Test func batchesAndNotifications() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let server = try server(folder, tcp: port)
        let one = JsonrpcsTests.request("jsonrpc.echo", "[1]", id: "1")
        let silent = JsonrpcsTests.request("jsonrpc.echo", "[2]", id: nil)
        let unknown = JsonrpcsTests.request("no.such", nil, id: "3")
        try expect(
            port, "[\(one),\(silent),\(unknown)]",
            "[\(result("1")),\(fault(-32601, "there is no command no.such", id: "3"))]")
        // Nothing comes for notifications: the next request's response is the first.
        try expect(port, "\(silent)[\(silent),\(silent)]\n\(one)", result("1"))
        let many = "[" + Array(repeating: "0", count: 1001).joined(separator: ",") + "]"
        try expect(port, many, fault(-32600, "a batch has at most 1000 requests", id: "null"))
        #expect(server.status == nil)
    }

    @Test func streamsAreCutWhereTextsEnd() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let server = try server(folder, tcp: port)
        let client = try StreamClient(port: port)
        let text = JsonrpcsTests.request("jsonrpc.echo", "[\"}]\\\"{\"]")
        for byte in text.utf8 { try client.send([byte]) }
        try client.send(" \n" + text + text)
        let answer = result("\"}]\\\"{\"") + "\n"
        _ = try client.receive(until: answer + answer + answer)
        #expect(server.status == nil)
    }

    @Test func badTextsEndTheConnection() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let server = try server(folder, tcp: port, more: "modparam(\"jsonrpcs\", \"dgram_timeout\", 300)")
        func refusal(_ text: String) throws -> String {
            let client = try StreamClient(port: port)
            try client.send(text)
            return try client.receive(until: nil)
        }
        let garbage = try refusal("GET / HTTP/1.0\r\n\r\n")
        #expect(garbage == fault(-32700, "a request is an object or an array", id: "null"))
        let half = try refusal("{\"half\":")
        #expect(half == fault(-32700, "the request was not complete within 300 ms", id: "null"))
        let endless = try refusal("[" + String(repeating: " ", count: 70000))
        #expect(endless == fault(-32700, "the request has more than 65535 bytes", id: "null"))
        let deep = try refusal(String(repeating: "[", count: 1000) + String(repeating: "]", count: 1000) + "x")
        #expect(deep.contains("objects and arrays are nested deeper than 64"))
        let client = try StreamClient(port: port)
        try client.send("{")
        shutdown(client.descriptor, Int32(SHUT_WR))
        let cut = try client.receive(until: nil)
        #expect(cut == fault(-32700, "the request is cut off", id: "null"))
        try expect(port, JsonrpcsTests.request("jsonrpc.echo", "[1]"), result("1"))
        #expect(server.status == nil)
    }

    @Test func slowReadersAreCutOff() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let server = try server(folder, tcp: port, more: "modparam(\"jsonrpcs\", \"dgram_timeout\", 300)")
        let client = try StreamClient(port: port)
        // Far more than the kernel buffers, and nobody reads it.
        try client.send(JsonrpcsTests.request("d.many", "[3000000]"))
        try server.waitForLog("does not take its reply", within: .seconds(60))
        try expect(port, JsonrpcsTests.request("jsonrpc.echo", "[1]"), result("1"))
        #expect(server.status == nil)
    }

    @Test func longAnswersAreWhole() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let server = try server(folder, tcp: port)
        #expect(mkfifo("\(folder.path)/reply", 0o600) == 0)
        let byFIFO = try byFIFO(
            folder.path,
            "{\"jsonrpc\":\"2.0\",\"method\":\"d.many\",\"params\":[100000],\"reply_name\":\"reply\",\"id\":1}")
        #expect(byFIFO == result("[" + (0..<100000).map { String($0) }.joined(separator: ",") + "]"))
        let batch = try ask(port, "[" + JsonrpcsTests.request("d.many", "[10000]") + "]")
        #expect(batch == "[" + result("[" + (0..<10000).map { String($0) }.joined(separator: ",") + "]") + "]")
        let answer = try ask(port, JsonrpcsTests.request("d.many", "[100000]"))
        #expect(answer == result("[" + (0..<100000).map { String($0) }.joined(separator: ",") + "]"))
        #expect(server.status == nil)
    }

    @Test func datagrams() throws {
        let folder = try TemporaryFolder()
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort)
        let client = try DatagramClient(unix: "\(folder.path)/rpc.sock", as: "\(folder.path)/client")
        let one = try client.ask(JsonrpcsTests.request("jsonrpc.echo", "[1]"))
        #expect(one == result("1"))
        let bad = try client.ask("{")
        #expect(bad == fault(-32700, "a name is expected, at byte 1", id: "null"))
        let large = try client.ask(JsonrpcsTests.request("d.many", "[1000000]"))
        #expect(large.contains("\"code\":-32603") && large.contains("too many for a datagram"))
        try client.send(JsonrpcsTests.request("jsonrpc.echo", "[2]", id: nil))
        let next = try client.ask(JsonrpcsTests.request("d.who"))
        #expect(next == result("[\"jsonrpcs\",\"unixd:\(folder.path)/client\"]"))
        var facts = stat()
        #expect(lstat("\(folder.path)/rpc.sock", &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        #expect(server.status == nil)
    }

    /// Writes a request into the FIFO and reads the reply FIFO.
    private func byFIFO(_ folder: String, _ request: String) throws -> String {
        try write(folder, request)
        let reply = open("\(folder)/reply", O_RDONLY)
        defer { close(reply) }
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(reply, &chunk, chunk.count)
            guard count > 0 else { break }
            all.append(contentsOf: chunk[..<count])
        }
        return String(decoding: all, as: UTF8.self)
    }

    private func write(_ folder: String, _ request: String) throws {
        let fifo = open("\(folder)/rpc.fifo", O_WRONLY | O_NONBLOCK)
        guard fifo >= 0 else { throw HarnessError("nobody reads the FIFO") }
        defer { close(fifo) }
        let bytes = Array(request.utf8)
        guard Glibc.write(fifo, bytes, bytes.count) == bytes.count else { throw HarnessError("the FIFO is full") }
    }

    /// Debian's kamctl speaks by the FIFO, with its replies in /tmp; it comes with the package kamailio.
    @Test(.enabled(if: access("/usr/sbin/kamctl", X_OK) == 0)) func kamctlIsServed() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        let server = try Server { port in
            """
            listen=udp:127.0.0.1:\(port)
            loadmodule "jsonrpcs.so"
            modparam("jsonrpcs", "transport", 2)
            modparam("jsonrpcs", "fifo_name", "\(path)/rpc.fifo")
            modparam("jsonrpcs", "fifo_reply_dir", "/tmp")
            request_route { drop; }

            """
        }
        func ask(_ words: String) throws -> String {
            let result = try run("sh", ["-c", "RPCFIFOPATH=\(path)/rpc.fifo /usr/sbin/kamctl \(words)"])
            return (result.output + result.errors).filter { !$0.isWhitespace }
        }
        let echo = try ask("rpc core.echo a 7")
        #expect(echo.contains(#""result":["a",7]"#), "\(echo)")
        let uptime = try ask("uptime")
        #expect(uptime.contains(#""up_since":"#), "\(uptime)")
        let unknown = try ask("rpc core.eco")
        #expect(unknown.contains(#""error":{"code":"#), "\(unknown)")
        #expect(server.status == nil)
    }

    @Test func fifosWithReplyFIFOs() throws {
        let folder = try TemporaryFolder()
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort)
        let path = folder.path
        func request(_ name: String, _ params: String = "[1]") -> String {
            "{\"jsonrpc\":\"2.0\",\"method\":\"jsonrpc.echo\",\"params\":\(params),\"reply_name\":\"\(name)\",\"id\":1}\n"
        }
        #expect(mkfifo("\(path)/reply", 0o600) == 0)
        let one = try byFIFO(path, request("reply"))
        #expect(one == result("1"))
        // Garbage is dropped, the next request works.
        try write(path, "garbage\n")
        try server.waitForLog("a request by the FIFO is dropped")
        let next = try byFIFO(path, request("reply", "[2]"))
        #expect(next == result("2"))
        try write(path, request("../reply"))
        try server.waitForLog("`../reply` cannot be the name of a reply FIFO")
        try folder.write("plain", "")
        try write(path, request("plain"))
        try server.waitForLog("\(path)/plain is no FIFO with one name")
        #expect(symlink("\(path)/reply", "\(path)/link") == 0)
        try write(path, request("link"))
        try server.waitForLog("\(path)/link cannot be opened")
        try write(path, request("missing"))
        try server.waitForLog("\(path)/missing cannot be opened")
        var facts = stat()
        #expect(stat("\(path)/plain", &facts) == 0 && facts.st_size == 0)
        #expect(lstat("\(path)/rpc.fifo", &facts) == 0 && facts.st_mode & 0o777 == 0o600)
        let ended = server.stop()
        #expect(ended == .exited(0) && access("\(path)/rpc.fifo", F_OK) != 0)
    }

    @Test func responsesInFiles() throws {
        let folder = try TemporaryFolder()
        let port = try Ports.free()
        let server = try server(folder, tcp: port)
        let path = folder.path
        func request(_ file: String) -> String {
            "{\"jsonrpc\":\"2.0\",\"method\":\"jsonrpc.echo\",\"params\":[7],\"store_path\":\"\(file)\",\"id\":1}"
        }
        try expect(
            port, request("\(path)/stored"),
            result("{\"stored\":\"\(path)/stored\",\"bytes\":\(result("7").utf8.count)}"))
        let stored = try run("cat", ["\(path)/stored"])
        #expect(stored.output == result("7"))
        try folder.write("precious", "text")
        #expect(symlink("\(path)/precious", "\(path)/link") == 0 && link("\(path)/precious", "\(path)/second") == 0)
        for file in ["link", "second", "../x", "a/b", "", ".."] {
            let answer = try ask(port, request(file))
            #expect(answer.contains("\"code\":-32603"), "\(file): \(answer)")
        }
        let kept = try run("cat", ["\(path)/precious"])
        #expect(kept.output == "text" && server.status == nil)
    }

    @Test func scriptsExecuteCommands() throws {
        let folder = try TemporaryFolder()
        let script = #"""
            if (jsonrpc_exec('{"jsonrpc":"2.0","method":"d.who","id":1}'))
                xlog("L_INFO", "good $jsonrpl(code) $jsonrpl(text) $jsonrpl(body)\n");
            if (jsonrpc_exec('{"jsonrpc":"2.0",'))
                xlog("L_INFO", "bad $jsonrpl(code) $jsonrpl(text)\n");
            if (jsonrpc_exec('{"jsonrpc":"2.0","method":"no.such","id":2}'))
                xlog("L_INFO", "none $jsonrpl(code) $jsonrpl(text)\n");
            sl_send_reply("200", "OK");
            exit;
            """#
        let serverPort = try Ports.free()
        let server = try server(folder, tcp: serverPort, script: script)
        let client = try UDPClient()
        let reply = try client.exchange(
            SIPText.request("OPTIONS", "sip:127.0.0.1:\(server.port)", from: client.address, id: "exec"),
            with: server.port)
        #expect(reply.startLine.hasPrefix("SIP/2.0 200"))
        try server.waitForLog(#"good 200 OK {"jsonrpc":"2.0","result":["jsonrpcs","script"],"id":1}"#)
        try server.waitForLog("none -32601 there is no command no.such")
        #expect(server.log.contains("bad -32700"))
        #expect(server.status == nil)
    }
}
