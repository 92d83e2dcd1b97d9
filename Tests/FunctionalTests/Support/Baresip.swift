import Glibc

/// A real phone without a face: Debian's baresip, told what to do over its control socket. It answers calls by itself.
final class Baresip {
    /// Whether it is installed (package baresip-core).
    static let isThere = access("/usr/bin/baresip", X_OK) == 0

    private let child: Child
    private let control: UInt16

    /// Starts it; it registers at once.
    /// - Parameters:
    ///   - server: of 127.0.0.1.
    ///   - name: the folder made for it in `folder`.
    init(_ user: String, password: String, at server: UInt16, in folder: borrowing TemporaryFolder) throws {
        let path = "\(folder.path)/phone-\(user)"
        mkdir(path, 0o700)
        control = try Ports.free()
        // It takes the port behind its own, too.
        var port = try Ports.free()
        while true {
            let next = try Ports.free()
            if next == port + 1 { break }
            port = next
        }
        try folder.write(
            "phone-\(user)/config",
            """
            sip_listen 127.0.0.1:\(port)
            call_local_timeout 120
            call_max_calls 4
            audio_player aubridge,line
            audio_source aubridge,microphone
            audio_alert aubridge,alert
            rtp_ports 32000-32700
            module_path /usr/lib/baresip/modules
            module g711.so
            module aubridge.so
            module_tmp account.so
            module_app menu.so
            module_app ctrl_tcp.so
            ctrl_tcp_listen 127.0.0.1:\(control)

            """)
        try folder.write(
            "phone-\(user)/accounts",
            """
            <sip:\(user)@127.0.0.1:\(server);transport=udp>;auth_user=\(user);auth_pass=\(password);\
            answermode=auto;regint=60

            """)
        try folder.write("phone-\(user)/contacts", "")
        child = try Child("baresip", ["-f", path])
    }

    /// What it has said.
    var log: String { child.output + child.errors }

    /// Waits until it has said something; an error with its log when it does not.
    func wait(for text: String) throws {
        guard until({ log.contains(text) }) else { throw HarnessError("a phone did not say “\(text)”, but:\n\(log)") }
    }

    /// Has it done what its menu offers: dial, hangup, listcalls. What it answers.
    @discardableResult
    func command(_ name: String, _ parameters: String = "") throws -> String {
        let client = try StreamClient(port: control)
        let json = #"{"command":"\#(name)","params":"\#(parameters)","token":"t"}"#
        try client.send("\(json.utf8.count):\(json),")
        return try client.receive(until: #""response":true"#)
    }

    /// It unregisters and ends.
    func quit() throws {
        child.signal(SIGTERM)
        guard child.wait(within: .seconds(20)) != nil else { throw HarnessError("a phone does not end:\n\(log)") }
    }

    /// One calls the other, both talk, the first hangs up.
    static func call(from one: Baresip, to other: Baresip, _ uri: String) throws {
        try one.command("dial", uri)
        guard try until({ try other.command("listcalls").contains("ESTABLISHED") }) else {
            throw HarnessError("the other phone has no call:\n\(other.log)")
        }
        try one.command("hangup")
        guard try until({ try other.command("listcalls").contains("Active calls (0)") }) else {
            throw HarnessError("the other phone has a call still:\n\(other.log)")
        }
    }
}
