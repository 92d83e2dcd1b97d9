import Glibc

/// What a server wants credentials for: one nonce serves all users, as it is not bound to any.
struct Challenge {
    let realm: String
    let nonce: String

    /// Asks for it with a REGISTER that has no credentials.
    init(from server: Endpoint) throws {
        let socket = try Socket(bind: Endpoint("127.0.0.1:0"))
        try socket.connect(to: server)
        let requests = Request.all(.register, uac: socket.local, server: server, uas: nil)
        var slots = Slots(1, requests, try Users(1, nil, uri: ""))
        let batch = Batch(1)
        batch.set(0, to: slots.request(slots.start(at: monotonic())), count: requests[0].bytes.count, name: nil)
        batch.send(socket, 1)
        socket.waitToRead(milliseconds: 1000)
        guard batch.receive(socket) == 1 else { throw UsageError("\(server.text) does not challenge") }
        let reply = String(decoding: UnsafeBufferPointer(start: batch.slot(0), count: batch.count(0)), as: UTF8.self)
        guard reply.hasPrefix("SIP/2.0 401 "), let realm = Challenge.value(of: "realm", in: reply),
            let nonce = Challenge.value(of: "nonce", in: reply)
        else { throw UsageError("this is no challenge:\n\(reply)") }
        (self.realm, self.nonce) = (realm, nonce)
    }

    /// A quoted one.
    private static func value(of name: String, in reply: String) -> String? {
        let parts = reply.split(separator: "\(name)=\"", maxSplits: 1)
        guard parts.count == 2, let end = parts[1].firstIndex(of: "\"") else { return nil }
        return String(parts[1][..<end])
    }
}
