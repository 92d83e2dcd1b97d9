import Glibc

// Invariants: the socket is open from `init` to `deinit`.

/// A phone of the demonstration: a UDP socket, a user and what that user's requests have in common.
final class DemoPhone {
    let user: String
    /// `127.0.0.1:40000`, where the server reaches it.
    let address: String
    private let server: String
    private let credentials: DemoCredentials
    private let show: (String) -> Void
    private let socket: Int32
    private var cseq = 1

    /// - Parameters:
    ///   - server: host and port, IPv4.
    ///   - show: gets each message that goes or comes, with a line above it that says which way.
    init(_ credentials: DemoCredentials, server: String, show: @escaping (String) -> Void) throws(Failure) {
        user = credentials.user
        self.credentials = credentials
        self.server = server
        self.show = show
        let parts = server.split(separator: ":")
        var peer = sockaddr_in()
        peer.sin_family = sa_family_t(AF_INET)
        guard parts.count == 2, let port = UInt16(parts[1]), inet_pton(AF_INET, String(parts[0]), &peer.sin_addr) == 1
        else { throw .usage("demo: the server is an IPv4 address and a port, as 127.0.0.1:5060, not \(server)") }
        peer.sin_port = port.bigEndian
        let opened = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard opened >= 0 else { throw .refused("a socket: \(systemError())") }
        // What the kernel chooses to reach the server is what the server reaches us by.
        var own = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let connected = withUnsafePointer(to: &peer) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(opened, $0, size) }
        }
        let named = withUnsafeMutablePointer(to: &own) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(opened, $0, &size) }
        }
        guard connected == 0, named == 0 else {
            let reason = systemError()
            close(opened)
            throw .unreachable("\(server): \(reason)")
        }
        socket = opened
        var text = [CChar](repeating: 0, count: Int(INET_ADDRSTRLEN))
        inet_ntop(AF_INET, &own.sin_addr, &text, socklen_t(text.count))
        let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        address = "\(host):\(UInt16(bigEndian: own.sin_port))"
    }

    deinit { close(socket) }

    /// Something that nobody has used yet.
    static func token() -> String { String(UInt64.random(in: 1...UInt64.max), radix: 36) }

    var uri: String { "sip:\(user)@\(server)" }
    var contact: String { "<sip:\(user)@\(address)>" }

    // MARK: - Messages

    func send(_ text: String) throws(Failure) {
        show("\(user) -> \(server)\n\(text)")
        let bytes = Array(text.utf8)
        guard Glibc.send(socket, bytes, bytes.count, 0) == bytes.count else {
            throw .unreachable("\(server): \(systemError())")
        }
    }

    /// The next message, within so many milliseconds.
    private func receive(within limit: Int) throws(Failure) -> DemoMessage? {
        var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&watched, 1, Int32(clamping: limit)) == 1 else { return nil }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = recv(socket, &bytes, bytes.count, 0)
        guard count >= 0 else { throw .unreachable("\(server): \(systemError())") }
        let text = String(decoding: bytes.prefix(count), as: UTF8.self)
        guard let message = DemoMessage(text) else { return nil }
        show("\(user) <- \(server)\n\(text)")
        return message
    }

    /// Waits for a message that is wanted; others are passed over. What is sent again meanwhile is `repeated`, after 500 ms, 1 s, 2 s.
    func wait(for what: String, sending repeated: String? = nil, _ isWanted: (DemoMessage) -> Bool) throws(Failure)
        -> DemoMessage
    {
        let start = monotonicMilliseconds()
        var pause = 500
        while monotonicMilliseconds() - start < 8000 {
            let sent = monotonicMilliseconds()
            while case let left = pause - (monotonicMilliseconds() - sent), left > 0 {
                if let message = try receive(within: left), isWanted(message) { return message }
            }
            if let repeated { try send(repeated) }
            pause = min(2 * pause, 4000)
        }
        throw .timeout("\(user) has waited 8 seconds for \(what)")
    }

    /// Sends a request and waits for its final reply.
    func ask(_ text: String) throws(Failure) -> DemoMessage {
        guard let request = DemoMessage(text) else { throw .refused("this is no request: \(text)") }
        try send(text)
        return try wait(for: "an answer to \(request.method)", sending: text) {
            $0.status >= 200 && $0["cseq"] == request["cseq"] && $0["call-id"] == request["call-id"]
        }
    }

    // MARK: - Requests

    /// A request with what all have; each has a branch and a CSeq of its own.
    func request(
        _ method: String, _ uri: String, to: String, callID: String, fromTag: String, _ more: [String] = [],
        cseq: Int? = nil,
        body: String = ""
    ) -> String {
        let number = cseq ?? self.cseq
        if cseq == nil { self.cseq += 1 }
        let lines = [
            "\(method) \(uri) SIP/2.0", "Via: SIP/2.0/UDP \(address);branch=z9hG4bK\(DemoPhone.token())",
            "Max-Forwards: 70",
            "From: <\(self.uri)>;tag=\(fromTag)", "To: \(to)", "Call-ID: \(callID)", "CSeq: \(number) \(method)",
            "Contact: \(contact)", "User-Agent: apusctl demo",
        ]
        return DemoMessage.text(lines + more, body)
    }

    /// Registers for so many seconds, 0: no longer; answers the challenge that comes.
    /// - Returns: the replies, the last of them the final one.
    func register(for seconds: Int) throws(Failure) -> [DemoMessage] {
        let uri = "sip:\(server)"
        let callID = DemoPhone.token()
        let tag = DemoPhone.token()
        let more = ["Expires: \(seconds)"]
        let first = try ask(request("REGISTER", uri, to: "<\(self.uri)>", callID: callID, fromTag: tag, more))
        guard first.status == 401 else { return [first] }
        for challenge in first.all("www-authenticate") {
            guard let answer = try credentials.answer(challenge, method: "REGISTER", uri: uri) else { continue }
            let second = request(
                "REGISTER", uri, to: "<\(self.uri)>", callID: callID, fromTag: tag, more + ["Authorization: \(answer)"])
            return [first, try ask(second)]
        }
        throw .refused("no challenge of the server is one of MD5: \(first["www-authenticate"])")
    }
}
