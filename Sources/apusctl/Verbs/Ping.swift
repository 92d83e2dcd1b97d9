import BinRPC
import Glibc
import JSON

extension Verb {
    static let ping = Verb(
        names: ["ping"], group: .sip, arguments: "<uri>", summary: "ask a SIP address with OPTIONS whether it lives",
        details: """
            The server sends the request (loadmodule "tm.so"); the status line of the answer
            is printed. Exit code 0 when that is 2xx, 3 when nothing came.
            """,
        count: 1...1
    ) { session throws(Failure) in
        try Ping.send("OPTIONS", to: session.arguments[0], [], session)
    }

    static let ciscoRestart = Verb(
        names: ["cisco_restart"], group: .sip, arguments: "<uri>",
        summary: "make a Cisco phone read its configuration again",
        details: "Sends NOTIFY with `Event: check-sync`.", count: 1...1
    ) { session throws(Failure) in
        try Ping.send("NOTIFY", to: session.arguments[0], ["Event: check-sync"], session)
    }
}

enum Ping {
    /// A transaction takes 32 seconds to fail.
    private static let patience = 40

    /// Sends a request through the server and prints its final reply.
    static func send(_ method: String, to uri: String, _ more: [String], _ session: Session) throws(Failure) {
        try SIPAddress.check(uri)
        let headers = headers(to: uri, more, host: hostName)
        let (code, reason) = try reply(method, uri, headers, session)
        if session.json {
            Output.json(.fields([("code", .int(code)), ("reason", .string(reason))]))
        } else {
            Output.line("\(code) \(reason)".printable)
        }
        if code == 408 { throw session.json ? .silent(exitCode: 3) : .timeout("\(uri) has not answered") }
        if !(200..<300).contains(code) { throw .silent(exitCode: 1) }
    }

    private static func reply(
        _ method: String, _ uri: String, _ headers: [String], _ session: Session
    ) throws(Failure) -> (Int64, String) {
        if let fifo = session.fifo {
            // No next hop; the end of the headers; the end of the body, which is empty.
            let reply = try session.reply(
                fifo, "t_uac_dlg", [method, uri, "."] + headers + [".", "."], usually: patience)
            return (reply.code, reply.reason)
        }
        let block = headers.map { $0 + "\r\n" }.joined()
        let arguments: [RPCValue] = [.text(method), .text(uri), .text("."), .text("."), .text(block)]
        var values = try session.call("t_uac_dlg", arguments, of: "tm", usually: patience)
        if values.count == 1, case .array(let inner) = values[0] { values = inner }
        guard let code = values.first?.number else {
            throw .refused("the server has not said how it went: \(values.json.text)")
        }
        return (code, values.count > 1 ? values[1].plain : "")
    }

    /// As serctl wrote them; the server puts its own address in the place of `!!`.
    static func headers(to uri: String, _ more: [String], host: String) -> [String] {
        ["From: <sip:daemon@\(host)>", "To: <\(uri)>", "Contact: <sip:daemon@!!>"] + more
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0, name[0] != 0 else { return "localhost" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
