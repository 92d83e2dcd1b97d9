import Bencode
import Glibc
import Synchronization

/// A value of a media proxy's protocol, as a test looks at it.
indirect enum Bencoded: Equatable, Sendable, ExpressibleByStringLiteral {
    case number(Int64)
    case text(String)
    case list([Bencoded])
    case dictionary([String: Bencoded])

    init(stringLiteral text: String) { self = .text(text) }

    init(_ value: BencodedValue) {
        switch value.kind {
        case .number: self = .number(value.number!)
        case .text: self = .text(String(decoding: value.text!, as: UTF8.self))
        case .list: self = .list(value.items.map { Bencoded($0) })
        case .dictionary:
            let items = value.items.map { Bencoded($0) }
            var pairs: [String: Bencoded] = [:]
            for index in stride(from: 0, to: items.count - 1, by: 2) { pairs[items[index].text!] = items[index + 1] }
            self = .dictionary(pairs)
        }
    }

    var text: String? {
        if case .text(let text) = self { return text }
        return nil
    }

    subscript(key: String) -> Bencoded? {
        if case .dictionary(let pairs) = self { return pairs[key] }
        return nil
    }

    /// As it is sent.
    var encoded: String {
        switch self {
        case .number(let number): "i\(number)e"
        case .text(let text): "\(text.utf8.count):\(text)"
        case .list(let items): "l" + items.map(\.encoded).joined() + "e"
        case .dictionary(let pairs):
            "d" + pairs.sorted { $0.key < $1.key }.map { Bencoded.text($0.key).encoded + $0.value.encoded }.joined()
                + "e"
        }
    }
}

/// Who answers in a media proxy's place, in a thread of its own: as a test wants it, and not always well.
///
/// Invariants: the socket is open until the thread, which keeps the object alive, has ended.
final class MediaPeer: Sendable {
    indirect enum Reply: Sendable {
        case dictionary([String: Bencoded])
        /// Behind the right cookie.
        case text(String)
        /// As it is, without a cookie.
        case raw(String)
        /// One after the other.
        case several([Reply])
        case silence
        /// After some milliseconds.
        case late(Int32, Reply)
        /// Of a stream: these bytes, and the end.
        case cut(String)
    }

    /// What it makes of every description.
    static let description =
        "v=0\r\no=- 9 9 IN IP4 192.0.2.99\r\ns=-\r\nc=IN IP4 192.0.2.99\r\nt=0 0\r\nm=audio 9999 RTP/AVP 0\r\n"

    private struct State {
        var commands: [Bencoded] = []
        var cookies: [String] = []
        var senders: [Address] = []
        var handler: @Sendable (String, Bencoded) -> Reply
    }

    let url: String
    private let descriptor: Int32
    private let isStream: Bool
    private let state: Mutex<State>
    private let isOver = Atomic(false)

    /// - Parameters:
    ///   - path: of a stream; nil: datagrams on a port of its own.
    ///   - handler: gets the command's name and all of it.
    init(
        path: String? = nil, host: String = "127.0.0.1",
        _ handler: @escaping @Sendable (String, Bencoded) -> Reply = { name, _ in MediaPeer.good(name) }
    ) throws {
        state = Mutex(State(handler: handler))
        isStream = path != nil
        if let path {
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            let isBound = withUnixAddress(path) { [descriptor] in bind(descriptor, $0, $1) }
            guard isBound == 0, listen(descriptor, 64) == 0 else { throw HarnessError("cannot listen on \(path)") }
            url = "unix:" + path
        } else {
            let address = Address(host, try Ports.free())
            descriptor = socket(address.family, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
            let isBound = address.withSocketAddress { [descriptor] in bind(descriptor, $0, $1) }
            guard isBound == 0 else { throw HarnessError("cannot bind \(address)") }
            url = (address.family == AF_INET6 ? "udp6:" : "udp:") + "\(address)"
        }
        startThread { self.work() }
    }

    /// Nobody is there any more.
    func stop() { isOver.store(true, ordering: .relaxed) }

    /// What a proxy answers when all is well.
    static func good(_ name: String) -> Reply {
        switch name {
        case "ping": .dictionary(["result": "pong"])
        case "offer", "answer": .dictionary(["result": "ok", "sdp": .text(description)])
        case "query", "delete":
            .dictionary([
                "result": "ok",
                "totals": .dictionary([
                    "RTP": .dictionary(["packets": .number(20), "bytes": .number(3440), "errors": .number(0)]),
                    "RTCP": .dictionary(["packets": .number(2), "bytes": .number(96), "errors": .number(0)]),
                ]),
            ])
        default: .dictionary(["result": "ok"])
        }
    }

    /// From now on it answers so.
    func answer(_ handler: @escaping @Sendable (String, Bencoded) -> Reply) { state.withLock { $0.handler = handler } }

    /// Commands that came, repetitions and pings left out.
    var commands: [Bencoded] { state.withLock { $0.commands } }
    /// Cookies of everything that came but pings.
    var cookies: [String] { state.withLock { $0.cookies } }
    /// Where datagrams came from, pings left out.
    var senders: [Address] { state.withLock { $0.senders } }
    /// The same of one name.
    func commands(_ name: String) -> [Bencoded] { commands.filter { $0["command"]?.text == name } }

    /// Waits for so many commands of a name, and returns them.
    @discardableResult
    func wait(for name: String, times: Int = 1) throws -> [Bencoded] {
        guard until({ commands(name).count >= times }) else {
            throw HarnessError("\(name) has not come \(times) times, but: \(commands)")
        }
        return commands(name)
    }

    private func note(_ cookie: String, _ command: Bencoded, from sender: Address? = nil) -> Reply {
        let name = command["command"]?.text ?? ""
        let handler = state.withLock { state in
            if name != "ping" {
                if cookie.isEmpty || !state.cookies.contains(cookie) { state.commands.append(command) }
                state.cookies.append(cookie)
                if let sender { state.senders.append(sender) }
            }
            return state.handler
        }
        return handler(name, command)
    }

    private func work() {
        while !isOver.load(ordering: .relaxed) {
            var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 20) > 0 else { continue }
            if isStream { serveStream() } else { serveDatagram() }
        }
        close(descriptor)
    }

    private func serveDatagram() {
        var bytes = [UInt8](repeating: 0, count: 65536)
        var from = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let count = withUnsafeMutablePointer(to: &from) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                recvfrom(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT), $0, &length)
            }
        }
        guard count > 0, let blank = bytes[..<count].firstIndex(of: 0x20) else { return }
        let cookie = String(decoding: bytes[..<blank], as: UTF8.self)
        let command = bytes[(blank + 1)..<count].withUnsafeBytes { Bencode.read($0).map { Bencoded($0) } }
        guard let command else { return }
        let sender = Address(from)
        send(note(cookie, command, from: sender), cookie) { bytes in
            _ = sender.withSocketAddress { sendto(self.descriptor, bytes, bytes.count, 0, $0, $1) }
        }
    }

    private func serveStream() {
        let client = accept(descriptor, nil, nil)
        guard client >= 0 else { return }
        defer { close(client) }
        var received: [UInt8] = []
        while true {
            var bytes = [UInt8](repeating: 0, count: 4096)
            let count = recv(client, &bytes, bytes.count, 0)
            guard count > 0 else { return }
            received += bytes[..<count]
            if let command = received.withUnsafeBytes({ Bencode.read($0).map { Bencoded($0) } }) {
                // In two pieces: a client puts them together.
                return send(note("", command), "") { bytes in
                    let half = bytes.count / 2
                    _ = Glibc.send(client, bytes, half, Int32(MSG_NOSIGNAL))
                    poll(nil, 0, 5)
                    _ = Array(bytes[half...]).withUnsafeBytes {
                        Glibc.send(client, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                    }
                }
            }
        }
    }

    private func send(_ reply: Reply, _ cookie: String, _ put: @escaping @Sendable ([UInt8]) -> Void) {
        let prefix = isStream ? "" : cookie + " "
        switch reply {
        case .dictionary(let pairs): put(Array((prefix + Bencoded.dictionary(pairs).encoded).utf8))
        case .text(let text): put(Array((prefix + text).utf8))
        case .raw(let text), .cut(let text): put(Array(text.utf8))
        case .several(let replies): for reply in replies { send(reply, cookie, put) }
        case .silence: break
        case .late(let milliseconds, let reply):
            if isStream {
                poll(nil, 0, milliseconds)
                return send(reply, cookie, put)
            }
            startThread {
                poll(nil, 0, milliseconds)
                self.send(reply, cookie, put)
            }
        }
    }
}
